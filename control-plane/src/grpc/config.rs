//! `pointsman.edge.v1.ConfigService`: how edges get their configuration.

use futures::{Stream, StreamExt as _, stream::BoxStream};
use pointsman_proto::edge::v1::{
    GetConfigRequest, GetConfigResponse, StreamConfigRequest, StreamConfigResponse, config_service_server,
};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::publisher::{Publisher, StreamEnd};

/// The service.
#[derive(Clone, Debug)]
pub struct ConfigService {
    publisher: Publisher,
}

impl ConfigService {
    /// The service over `publisher`, which ends the streams when it drains.
    #[must_use]
    pub fn new(publisher: Publisher) -> Self {
        Self { publisher }
    }
}

#[tonic::async_trait]
impl config_service_server::ConfigService for ConfigService {
    type StreamConfigStream = BoxStream<'static, Result<StreamConfigResponse, Status>>;

    async fn stream_config(
        &self,
        request: Request<Streaming<StreamConfigRequest>>,
    ) -> Result<Response<Self::StreamConfigStream>, Status> {
        let outbound = self.publisher.stream(until_broken(request.into_inner())).map_err(status)?;
        Ok(Response::new(outbound.map(|message| message.map_err(status)).boxed()))
    }

    async fn get_config(
        &self,
        request: Request<GetConfigRequest>,
    ) -> Result<Response<GetConfigResponse>, Status> {
        let request = request.into_inner();
        let after = match request.page_token.as_str() {
            "" => None,
            token => {
                Some(token.parse().map_err(|_| Status::invalid_argument("page_token: not from this list"))?)
            }
        };
        let limit = match usize::try_from(request.page_size) {
            Ok(0) => 50,
            Ok(size) => size.min(1_000),
            Err(_) => return Err(Status::invalid_argument("page_size: cannot be negative")),
        };
        let page = self.publisher.page(after, limit).await.map_err(StreamEnd::from).map_err(status)?;
        Ok(Response::new(GetConfigResponse {
            resources: page.resources,
            next_page_token: page.next.map(|name| name.to_string()).unwrap_or_default(),
            epoch: page.head.epoch.as_str().to_owned(),
            revision: page.head.revision.number(),
        }))
    }
}

/// What an edge sends, as far as it can be read. Behind that there is nothing to answer: tonic has told the edge.
fn until_broken(requests: Streaming<StreamConfigRequest>) -> impl Stream<Item = StreamConfigRequest> {
    futures::stream::unfold(requests, |mut requests| async {
        match requests.message().await {
            Ok(request) => request.map(|request| (request, requests)),
            Err(error) => {
                tracing::debug!(%error, "an edge's stream broke");
                None
            }
        }
    })
}

fn status(end: StreamEnd) -> Status {
    let code = match &end {
        StreamEnd::Draining => Code::Unavailable,
        StreamEnd::TooManyStreams => Code::ResourceExhausted,
        StreamEnd::NoHello(_) | StreamEnd::Silent(_) | StreamEnd::Stalled(_) => Code::DeadlineExceeded,
        StreamEnd::Replaced => Code::Aborted,
        StreamEnd::Message(_) => Code::InvalidArgument,
        StreamEnd::Store(_) => Code::Internal,
    };
    Status::new(code, end.to_string())
}

#[cfg(test)]
mod tests;
