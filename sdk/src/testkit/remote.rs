//! A preprocessor behind a socket, in whatever language.

use std::path::PathBuf;

use async_trait::async_trait;
use pointsman_proto::preprocess::v1::preprocess_service_client::PreprocessServiceClient;
use tonic::transport::{Channel, Endpoint};

use super::TIMEOUT;
use crate::{Preprocessor, Refusal, Request, Results, Server, cause::causes};

/// A service that is called over gRPC, as an edge calls it.
#[derive(Clone, Debug)]
pub struct Remote {
    client: PreprocessServiceClient<Channel>,
}

impl Remote {
    /// Connects to `http://host:port` or `unix:/path`.
    pub async fn connect(address: &str) -> Result<Self, RemoteError> {
        let uri = match address.strip_prefix("unix:") {
            Some(path) if PathBuf::from(path).is_absolute() => format!("unix://{path}"),
            None if address.starts_with("http://") => address.to_owned(),
            _ => return Err(RemoteError::Address { address: address.to_owned() }),
        };
        let unreachable = |source| RemoteError::Unreachable { address: address.to_owned(), source };
        let endpoint = Endpoint::from_shared(uri).map_err(unreachable)?.connect_timeout(TIMEOUT);
        let channel = endpoint.connect().await.map_err(unreachable)?;
        let client = PreprocessServiceClient::new(channel)
            .max_decoding_message_size(Server::MAX_MESSAGE_BYTES)
            .max_encoding_message_size(Server::MAX_MESSAGE_BYTES);
        Ok(Self { client })
    }
}

#[async_trait]
impl Preprocessor for Remote {
    async fn preprocess(&self, request: Request) -> Result<Results, Refusal> {
        let (message, metadata) = request.into_parts();
        let mut call = tonic::Request::new(message);
        *call.metadata_mut() = metadata;
        call.set_timeout(TIMEOUT);
        let answer = self.client.clone().preprocess(call).await?.into_inner();
        let results =
            answer.results.ok_or_else(|| Refusal::internal("the service answered without results"))?;
        Ok(Results::from_wire(results))
    }
}

/// Why there is no connection to a service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The address is not one.
    #[error("{address:?} is not the address of a service: http://host:port or unix:/path")]
    Address {
        /// The address as it was given.
        address: String,
    },
    /// Nothing answers there.
    #[error("cannot connect to {address}: {}", causes(source))]
    Unreachable {
        /// The address as it was given.
        address: String,
        /// Why not.
        source: tonic::transport::Error,
    },
}
