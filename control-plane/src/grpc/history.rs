//! Revisions of integrations, and going back to one.

use std::ops::ControlFlow;

use pointsman_proto::admin::v1::{
    IntegrationRevision, ListIntegrationRevisionsRequest, ListIntegrationRevisionsResponse,
    RollbackIntegrationRequest, RollbackIntegrationResponse,
};
use pointsman_routing::{fault::Fault, integration::IntegrationSpec, name::IntegrationId};
use prost::Message as _;
use tonic::{Request, Status};

use super::{
    call,
    convert::{
        RESOURCE_BYTES_MAX,
        integration::{revision_message, written_bytes},
        parse_name,
    },
    crud::{Crud, PAGE_BYTES, page_limit},
    status,
};
use crate::{
    domain::Revision,
    registry::{Cursor, IfMissing, PageTokenError, Rollback, Target},
};

pub(super) async fn list(
    crud: &Crud,
    request: Request<ListIntegrationRevisionsRequest>,
) -> Result<ListIntegrationRevisionsResponse, Status> {
    let caller = call::caller(&request);
    let request = request.into_inner();
    let (name, limit) =
        match (parse_name::<IntegrationSpec>("name", &request.name), page_limit(request.page_size)) {
            (Ok(name), Ok(limit)) => (name, limit),
            (name, limit) => {
                return Err(status::from_faults(name.err().into_iter().chain(limit.err()).collect()));
            }
        };
    let (registry, _) = crud.parts();
    let cursor = Cursor::new(registry.page_key(), format!("revisions of {name}"));
    let below = below(&cursor, &request.page_token).map_err(|error| status::from_error(error.into()))?;
    let page = Page { name: name.clone(), limit, revisions: Vec::new(), bytes: 0, more: false };
    let add = |page: &mut Page, kept| page.add(kept);
    let page =
        registry.integration_revisions(&caller, name, below, page, add).await.map_err(status::from_error)?;
    let last = page.revisions.last().filter(|_| page.more);
    let next_page_token = last.map(|last| cursor.seal(&last.revision.to_string())).unwrap_or_default();
    Ok(ListIntegrationRevisionsResponse { revisions: page.revisions, next_page_token })
}

/// Where the page of `token` begins: below this revision.
fn below(cursor: &Cursor, token: &str) -> Result<Option<Revision>, PageTokenError> {
    let last = cursor.open(token)?;
    if last.is_empty() {
        return Ok(None);
    }
    last.parse().map(|number| Some(Revision::new(number))).map_err(|_| PageTokenError)
}

/// A page that grows.
struct Page {
    name: IntegrationId,
    limit: usize,
    revisions: Vec<IntegrationRevision>,
    bytes: usize,
    more: bool,
}

impl Page {
    fn add(&mut self, kept: crate::store::IntegrationRevision) -> ControlFlow<()> {
        if self.revisions.len() == self.limit {
            self.more = true;
            return ControlFlow::Break(());
        }
        let revision = revision_message(&self.name, kept);
        self.bytes += revision.encoded_len();
        if self.bytes > PAGE_BYTES && !self.revisions.is_empty() {
            self.more = true;
            return ControlFlow::Break(());
        }
        self.revisions.push(revision);
        ControlFlow::Continue(())
    }
}

pub(super) async fn roll_back(
    crud: &Crud,
    request: Request<RollbackIntegrationRequest>,
) -> Result<RollbackIntegrationResponse, Status> {
    let (call, request) = call::open(request);
    let RollbackIntegrationRequest { name, revision, etag, preprocess_metadata: metadata, .. } = request;
    let name = parse_name::<IntegrationSpec>("name", &name);
    let revision = if revision > 0 {
        Ok(Revision::new(revision))
    } else {
        Err(Fault::new("revision", "is none: it is the number of one of the integration's revisions"))
    };
    let (name, revision) = match (name, revision) {
        (Ok(name), Ok(revision)) => (name, revision),
        (name, revision) => {
            return Err(call::refused(&call, name.err().into_iter().chain(revision.err()).collect()));
        }
    };
    let answer =
        |integration, revision| RollbackIntegrationResponse { integration: Some(integration), revision };
    let answer = crud.answer_with::<IntegrationSpec, _>(&call, answer);
    let target = Target { name, etag, if_missing: IfMissing::Fail };
    let rollback = Rollback { revision, metadata, limit_bytes: RESOURCE_BYTES_MAX, measure: written_bytes };
    let (registry, _) = crud.parts();
    registry.roll_back(call, target, rollback, answer).await.map_err(status::from_error)
}
