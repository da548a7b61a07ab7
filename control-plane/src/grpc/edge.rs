//! `pointsman.admin.v1.EdgeService`: who serves the configuration, and what they hold back.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use pointsman_proto::admin::v1::{
    AcceptConfigurationRequest, AcceptConfigurationResponse, Edge, EdgeRejection, GetEdgeRequest,
    GetEdgeResponse, HeldBackConfiguration, ListEdgesRequest, ListEdgesResponse, WaitForRevisionLaggard,
    WaitForRevisionRequest, WaitForRevisionResponse, edge_service_server,
};
use pointsman_routing::{
    fault::Fault,
    name::{EdgeId, IntegrationId},
};
use tonic::{Request, Response, Status};

use super::{
    accept, call,
    crud::{Asked, PAGE_BYTES},
    status,
};
use crate::{
    domain::{
        Caller, Revision,
        filter::{Field, Value},
    },
    fleet::{self, Fleet, Goal, HeldBack},
    registry::{Cursor, Registry},
    store::Head,
};

/// What page tokens are good for.
const LIST: &str = "pointsman.admin.v1.ListEdges";

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
    registry: Registry,
}

impl EdgeService {
    /// The service over `fleet`, which is sent what `registry` writes.
    #[must_use]
    pub fn new(fleet: Arc<Fleet>, registry: Registry) -> Self {
        Self { fleet, registry }
    }

    /// An edge, without what it says of resources that the caller may not see.
    fn message(&self, caller: &Caller, head: &Head, id: &EdgeId, edge: fleet::Edge) -> Edge {
        let shown = |rejection: &fleet::Rejection| {
            may_read_all_in(caller, &rejection.name) && may_read_all_in(caller, &rejection.reason)
        };
        let readable = |text: String| if may_read_all_in(caller, &text) { text } else { String::new() };
        // Revisions of another database count for nothing in this one.
        let of_head = if edge.epoch == head.epoch.as_str() { edge.revision } else { Revision::default() };
        let lag = (head.revision.number() - of_head.number()).max(0);
        let is_behind = lag > 0 || edge.epoch != head.epoch.as_str();
        let behind_since = is_behind.then(|| self.fleet.behind_since(of_head)).flatten();
        Edge {
            name: id.to_string(),
            connected: edge.is_connected(),
            connect_time: edge.connected_since().map(Into::into),
            version: edge.version,
            epoch: edge.epoch,
            revision: edge.revision.number(),
            lag_revisions: lag,
            behind_since_time: behind_since.map(Into::into),
            rejections: edge.rejections.into_iter().filter(shown).map(rejection).collect(),
            held_back: edge.held_back.map(held_back),
            trouble: edge.trouble.map(readable).unwrap_or_default(),
            copy_fault: readable(edge.copy_fault),
            last_seen_time: Some(edge.last_seen.into()),
        }
    }
}

#[tonic::async_trait]
impl edge_service_server::EdgeService for EdgeService {
    async fn get_edge(&self, request: Request<GetEdgeRequest>) -> Result<Response<GetEdgeResponse>, Status> {
        let caller = call::caller(&request);
        let name = request.into_inner().name;
        let id = name.parse().map_err(|fault| status::from_faults(vec![Fault::new("name", fault)]))?;
        let head = self.registry.head();
        match self.fleet.edge(&id) {
            Some(edge) => {
                Ok(Response::new(GetEdgeResponse { edge: Some(self.message(&caller, &head, &id, edge)) }))
            }
            None => Err(status::no_edge(&id)),
        }
    }

    async fn list_edges(
        &self,
        request: Request<ListEdgesRequest>,
    ) -> Result<Response<ListEdgesResponse>, Status> {
        let caller = call::caller(&request);
        let request = request.into_inner();
        let asked = Asked::new(request.page_size, &request.page_token, &request.filter);
        let (limit, filter) = asked.read(Field::OF_EDGES).map_err(status::from_faults)?;
        let cursor = Cursor::new(self.registry.page_key(), format!("{LIST} {}", asked.filter));
        let after = cursor.open(asked.page_token).map_err(|error| status::from_error(error.into()))?;
        // Only names are sealed, and so nothing else is opened: no name is the beginning.
        let after = after.parse().ok();
        let such = |edge: &fleet::Edge| filter.holds(|field| value(field, edge));
        let mut edges = self.fleet.edges_such(after.as_ref(), limit + 1, such);
        // One always: what an edge rejects is bounded.
        let shown = edges
            .iter()
            .scan(PAGE_BYTES, fits)
            .take(limit)
            .count()
            .clamp(usize::from(!edges.is_empty()), limit);
        let is_last = shown == edges.len();
        let head = self.registry.head();
        edges.truncate(shown);
        let last = edges.last().filter(|_| !is_last).map(|(id, _)| cursor.seal(&id.to_string()));
        Ok(Response::new(ListEdgesResponse {
            edges: edges.into_iter().map(|(id, edge)| self.message(&caller, &head, &id, edge)).collect(),
            next_page_token: last.unwrap_or_default(),
        }))
    }

    async fn wait_for_revision(
        &self,
        request: Request<WaitForRevisionRequest>,
    ) -> Result<Response<WaitForRevisionResponse>, Status> {
        let caller = call::caller(&request);
        let (goal, timeout) = goal(request.into_inner()).map_err(status::from_faults)?;
        let progress = self.fleet.wait(&goal, timeout).await;
        let laggard = |(edge, reason): (EdgeId, String)| {
            let hidden = || "rejects something that the access token is not for".to_owned();
            let reason = if may_read_all_in(&caller, &reason) { reason } else { hidden() };
            WaitForRevisionLaggard { edge: edge.to_string(), reason }
        };
        Ok(Response::new(WaitForRevisionResponse {
            reached: progress.reached,
            serving: progress.serving.iter().map(ToString::to_string).collect(),
            lagging: progress.lagging.into_iter().map(laggard).collect(),
        }))
    }

    async fn accept_configuration(
        &self,
        request: Request<AcceptConfigurationRequest>,
    ) -> Result<Response<AcceptConfigurationResponse>, Status> {
        accept::accept(&self.fleet, &self.registry, request).await.map(Response::new)
    }
}

pub(super) fn goal(request: WaitForRevisionRequest) -> Result<(Goal, Duration), Vec<Fault>> {
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
    let timeout = request.timeout.map_or(Some(DEFAULT_WAIT), pointsman_proto::duration::read);
    let timeout = timeout.filter(|timeout| *timeout <= MAX_WAIT).unwrap_or_else(|| {
        faults.push(Fault::new("timeout", format_args!("must be between 0 s and {} s", MAX_WAIT.as_secs())));
        DEFAULT_WAIT
    });
    let goal = Goal { revision: Revision::new(request.revision), min_edges, edges };
    if faults.is_empty() { Ok((goal, timeout)) } else { Err(faults) }
}

/// What a filter is held against.
fn value(field: Field, edge: &fleet::Edge) -> Option<Value> {
    match field {
        Field::Connected => Some(Value::Flag(edge.is_connected())),
        _ => None,
    }
}

/// Whether one more edge has room on a page.
fn fits(bytes_left: &mut usize, (_, edge): &(EdgeId, fleet::Edge)) -> Option<()> {
    let rejections =
        edge.rejections.iter().map(|rejection| rejection.name.len() + rejection.reason.len() + 32);
    let bytes = 256 + rejections.sum::<usize>();
    *bytes_left = bytes_left.checked_sub(bytes)?;
    Some(())
}

/// Whether the caller may see every integration that is named in the words of an edge.
fn may_read_all_in(caller: &Caller, text: &str) -> bool {
    let is_of_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let names = text.split("integrations/").skip(1);
    let mut ids = names.map(|rest| rest.split(|c| !is_of_id(c)).next().unwrap_or_default());
    caller.scope.is_none() || ids.all(|id| IntegrationId::parse(id).is_ok_and(|id| caller.sees(&id)))
}

pub(super) fn held_back(held_back: HeldBack) -> HeldBackConfiguration {
    let HeldBack { epoch, revision, endpoints, deployments } = held_back;
    HeldBackConfiguration {
        epoch,
        revision: revision.number(),
        endpoints_served: endpoints.served,
        endpoints_removed: endpoints.removed,
        deployments_served: deployments.served,
        deployments_removed: deployments.removed,
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

#[cfg(test)]
mod tests;
