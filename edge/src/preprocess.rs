//! Calls Preprocess services.

use pointsman_proto::preprocess::v1::PreprocessRequest;
use pointsman_routing::{integration::Preprocess, outcome::Refusal, results::Reply};

use crate::config::Config;

/// The client of all Preprocess services: one lazily dialled channel per address.
#[derive(Clone, Debug)]
pub struct PreprocessClient {}

impl PreprocessClient {
    /// A client under the egress rules, limits and CAs of `config`.
    pub fn new(config: &Config) -> Self {
        todo!("{config:?}")
    }

    /// Calls `service` and turns what happens into its reply or a refusal (`preprocess_*`).
    pub async fn call(&self, service: &Preprocess, request: PreprocessRequest) -> Result<Reply, Refusal> {
        todo!("{service:?} {request:?}")
    }
}
