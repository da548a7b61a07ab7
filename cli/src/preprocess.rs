//! The one place where control plane and edge meet: dry runs call Preprocess services with the edge's client.

use async_trait::async_trait;
use pointsman_control_plane::PreprocessCaller;
use pointsman_edge::{Config, preprocess::PreprocessClient, tls::TlsError};
use pointsman_proto::preprocess::v1::PreprocessRequest;
use pointsman_routing::{integration::Preprocess, outcome::Refusal, results::Reply};

/// Calls Preprocess services as an edge does, under the same egress rules.
#[derive(Debug)]
pub(crate) struct EdgePreprocess(PreprocessClient);

impl EdgePreprocess {
    pub(crate) fn new(config: &Config) -> Result<Self, TlsError> {
        PreprocessClient::new(config).map(Self)
    }
}

#[async_trait]
impl PreprocessCaller for EdgePreprocess {
    async fn call(&self, service: &Preprocess, request: PreprocessRequest) -> Result<Reply, Refusal> {
        self.0.call_for_admin(service, request).await
    }
}
