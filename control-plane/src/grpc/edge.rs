//! `pointsman.admin.v1.EdgeService`: who serves the configuration.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use pointsman_proto::admin::v1::{
    Edge, EdgeRejection, GetEdgeRequest, GetEdgeResponse, ListEdgesRequest, ListEdgesResponse,
    WaitForRevisionLaggard, WaitForRevisionRequest, WaitForRevisionResponse, edge_service_server,
};
use pointsman_routing::{fault::Fault, name::EdgeId};
use tonic::{Request, Response, Status};

use crate::{
    domain::Revision,
    fleet::{self, Fleet, Goal},
};

/// How long `WaitForRevision` waits where the request does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);
/// How long it waits at most.
const MAX_WAIT: Duration = Duration::from_secs(300);
/// Edges that one `WaitForRevision` can name.
const MAX_NAMED_EDGES: usize = 1_000;

/// The service.
#[derive(Clone, Debug)]
pub struct EdgeService {
    fleet: Arc<Fleet>,
}

impl EdgeService {
    /// The service over `fleet`.
    #[must_use]
    pub fn new(fleet: Arc<Fleet>) -> Self {
        Self { fleet }
    }
}

#[tonic::async_trait]
impl edge_service_server::EdgeService for EdgeService {
    async fn get_edge(&self, request: Request<GetEdgeRequest>) -> Result<Response<GetEdgeResponse>, Status> {
        let name = request.into_inner().name;
        let id = name.parse().map_err(|fault| invalid(vec![Fault::new("name", fault)]))?;
        match self.fleet.edge(&id) {
            Some(edge) => Ok(Response::new(GetEdgeResponse { edge: Some(message(&id, edge)) })),
            None => Err(Status::not_found(format!("{id} has never connected"))),
        }
    }

    async fn list_edges(
        &self,
        request: Request<ListEdgesRequest>,
    ) -> Result<Response<ListEdgesResponse>, Status> {
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
        let mut edges = self.fleet.edges(after.as_ref(), limit + 1);
        let more = edges.len() > limit;
        edges.truncate(limit);
        let last = edges.last().filter(|_| more).map(|(id, _)| id.to_string());
        Ok(Response::new(ListEdgesResponse {
            edges: edges.into_iter().map(|(id, edge)| message(&id, edge)).collect(),
            next_page_token: last.unwrap_or_default(),
        }))
    }

    async fn wait_for_revision(
        &self,
        request: Request<WaitForRevisionRequest>,
    ) -> Result<Response<WaitForRevisionResponse>, Status> {
        let (goal, timeout) = goal(request.into_inner()).map_err(invalid)?;
        let progress = self.fleet.wait(&goal, timeout).await;
        let laggard =
            |(edge, reason): (EdgeId, String)| WaitForRevisionLaggard { edge: edge.to_string(), reason };
        Ok(Response::new(WaitForRevisionResponse {
            reached: progress.reached,
            serving: progress.serving.iter().map(ToString::to_string).collect(),
            lagging: progress.lagging.into_iter().map(laggard).collect(),
        }))
    }
}

fn goal(request: WaitForRevisionRequest) -> Result<(Goal, Duration), Vec<Fault>> {
    let mut faults = Vec::new();
    if request.revision < 1 {
        faults.push(Fault::new("revision", "must be 1 or later"));
    }
    let min_edges = usize::try_from(request.min_edges).unwrap_or_else(|_| {
        faults.push(Fault::new("min_edges", "cannot be negative"));
        0
    });
    if request.edges.len() > MAX_NAMED_EDGES {
        faults.push(Fault::new("edges", format_args!("at most {MAX_NAMED_EDGES}")));
    }
    let mut edges = BTreeSet::new();
    for (index, name) in request.edges.iter().take(MAX_NAMED_EDGES).enumerate() {
        match name.parse() {
            Ok(id) => drop(edges.insert(id)),
            Err(fault) => faults.push(Fault::new(format!("edges[{index}]"), fault)),
        }
    }
    let timeout = request.timeout.map_or(Ok(DEFAULT_WAIT), Duration::try_from).ok();
    let timeout = timeout.filter(|timeout| *timeout <= MAX_WAIT).unwrap_or_else(|| {
        faults.push(Fault::new("timeout", format_args!("must be between 0 s and {} s", MAX_WAIT.as_secs())));
        DEFAULT_WAIT
    });
    let goal = Goal { revision: Revision::new(request.revision), min_edges, edges };
    if faults.is_empty() { Ok((goal, timeout)) } else { Err(faults) }
}

fn message(id: &EdgeId, edge: fleet::Edge) -> Edge {
    Edge {
        name: id.to_string(),
        connected: edge.is_connected(),
        version: edge.version,
        revision: edge.revision.number(),
        rejections: edge.rejections.into_iter().map(rejection).collect(),
        last_seen_time: Some(edge.last_seen.into()),
    }
}

fn rejection(rejection: fleet::Rejection) -> EdgeRejection {
    EdgeRejection {
        name: rejection.name,
        revision: rejection.revision.number(),
        reason: rejection.reason,
        serving_previous: rejection.serving_previous,
    }
}

/// All faults of a request.
fn invalid(faults: Vec<Fault>) -> Status {
    use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};
    let message = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let violations = faults.into_iter().map(|fault| FieldViolation::new(fault.field, fault.reason));
    let details = ErrorDetails::with_bad_request(violations.collect::<Vec<_>>());
    Status::with_error_details(tonic::Code::InvalidArgument, message, details)
}

#[cfg(test)]
mod tests;
