//! Calls Preprocess services.

use pointsman_proto::preprocess::v1::PreprocessRequest;
use pointsman_routing::{integration::Preprocess, outcome::Refusal, results::Reply};

use crate::{config::Config, egress::Egress, telemetry::Metrics, tls::TlsError};

/// The client of all Preprocess services: one lazily dialled channel per address. Clones share the channels, which
/// belong to the runtime that calls first: use a client on one runtime only.
#[derive(Clone, Debug)]
pub struct PreprocessClient {}

impl PreprocessClient {
    /// A client under the limits, CAs and egress rules of `config`, for one that runs without an edge. Reads the CA
    /// files.
    pub fn new(config: &Config) -> Result<Self, TlsError> {
        todo!("{config:?}")
    }

    /// An edge's own client, which shares its egress rules and metrics.
    pub(crate) fn of_edge(config: &Config, egress: Egress, metrics: Metrics) -> Result<Self, TlsError> {
        todo!("{config:?} {egress:?} {metrics:?}")
    }

    /// Calls `service` and turns what happens into its reply or a refusal (`preprocess_*`).
    pub async fn call(&self, service: &Preprocess, request: PreprocessRequest) -> Result<Reply, Refusal> {
        todo!("{service:?} {request:?}")
    }
}
