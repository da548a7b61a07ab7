//! `pointsman.edge.v1.ConfigService`: how edges get their configuration.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use pointsman_proto::edge::v1::{
    GetConfigRequest, GetConfigResponse, StreamConfigRequest, StreamConfigResponse, config_service_server,
};
use tonic::{Code, Request, Response, Status, Streaming};

use super::{
    call,
    crud::{PAGE_BYTES, page_limit},
    status::{self, Reason},
};
use crate::{
    publisher::{Publisher, StreamEnd, Unreadable},
    registry::Cursor,
};

/// What page tokens are good for.
const LIST: &str = "pointsman.edge.v1.GetConfig";

/// An edge that finds all places taken comes again after so long, or up to twice that.
const FULL_RETRY_DELAY: Duration = Duration::from_secs(5);
/// The same for one whose stream we end for a reason that is over soon: all edges at once do not come back at once.
const RETRY_DELAY: Duration = Duration::from_secs(1);

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
        let bound = call::caller(&request).edge;
        let requests = request.into_inner().map_err(|status| Unreadable {
            reason: status.message().to_owned(),
            too_long: status.code() == Code::OutOfRange,
        });
        let outbound = self.publisher.stream(requests, bound).map_err(ended)?;
        Ok(Response::new(outbound.map(|message| message.map_err(ended)).boxed()))
    }

    async fn get_config(
        &self,
        request: Request<GetConfigRequest>,
    ) -> Result<Response<GetConfigResponse>, Status> {
        let caller = call::caller(&request);
        let request = request.into_inner();
        let cursor = Cursor::new(self.publisher.page_key(), LIST.to_owned());
        let after = cursor.open(&request.page_token).map_err(|error| status::from_error(error.into()))?;
        let limit = page_limit(request.page_size).map_err(|fault| status::from_faults(vec![fault]))?;
        // Only names are sealed, and so nothing else is opened: no name is the beginning.
        let page = self.publisher.page(caller, after.parse().ok(), limit, PAGE_BYTES).await;
        let page = page.map_err(|error| status::from_error(error.into()))?;
        Ok(Response::new(GetConfigResponse {
            resources: page.resources,
            next_page_token: page.next.map(|name| cursor.seal(&name.to_string())).unwrap_or_default(),
            epoch: page.head.epoch.as_str().to_owned(),
            revision: page.head.revision.number(),
        }))
    }
}

fn ended(end: StreamEnd) -> Status {
    let (code, reason) = match &end {
        StreamEnd::AnotherEdge { .. } => (Code::PermissionDenied, Reason::EdgeNotBound),
        StreamEnd::Draining => (Code::Unavailable, Reason::Stopping),
        StreamEnd::TooManyStreams => (Code::ResourceExhausted, Reason::TooManyStreams),
        StreamEnd::NoHello(_) | StreamEnd::Silent(_) | StreamEnd::Stalled(_) | StreamEnd::Outrun => {
            (Code::DeadlineExceeded, Reason::DeadlineExceeded)
        }
        StreamEnd::Replaced => (Code::Aborted, Reason::StreamReplaced),
        StreamEnd::Unreadable(Unreadable { too_long: true, .. }) => {
            (Code::OutOfRange, Reason::MessageTooLarge)
        }
        StreamEnd::Unreadable(_) => (Code::InvalidArgument, Reason::Undecodable),
        StreamEnd::Message(_) => (Code::InvalidArgument, Reason::InvalidArgument),
        StreamEnd::Store(_) | StreamEnd::Cut => (Code::Internal, Reason::Internal),
    };
    match &end {
        StreamEnd::TooManyStreams => status::later(code, reason, end.to_string(), FULL_RETRY_DELAY),
        StreamEnd::Draining | StreamEnd::Outrun => status::later(code, reason, end.to_string(), RETRY_DELAY),
        _ => status::because(code, reason, end.to_string()),
    }
}

#[cfg(test)]
mod tests;
