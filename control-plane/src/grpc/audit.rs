//! `pointsman.admin.v1.AuditService`: who changed what, and when.

use std::ops::ControlFlow;

use pointsman_proto::admin::v1::{
    self as proto, ListAuditEntriesRequest, ListAuditEntriesResponse, audit_entry, audit_service_server,
};
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::{
    crud::{Asked, PAGE_BYTES},
    status,
};
use crate::{
    domain::{FieldChange, filter::Field},
    registry::{Cursor, Registry},
    store::{AuditAction, AuditEntry, AuditPosition, AuditRecord},
};

/// What page tokens are good for.
const LIST: &str = "pointsman.admin.v1.ListAuditEntries";

/// The service.
#[derive(Clone, Debug)]
pub struct AuditService {
    registry: Registry,
}

impl AuditService {
    /// The service over `registry`.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self { registry }
    }
}

#[tonic::async_trait]
impl audit_service_server::AuditService for AuditService {
    async fn list_audit_entries(
        &self,
        request: Request<ListAuditEntriesRequest>,
    ) -> Result<Response<ListAuditEntriesResponse>, Status> {
        let request = request.into_inner();
        let asked = Asked::new(request.page_size, &request.page_token, &request.filter);
        let (limit, filter) = asked.read(Field::OF_AUDIT_ENTRIES).map_err(status::from_faults)?;
        let cursor = Cursor::new(self.registry.page_key(), format!("{LIST} {}", asked.filter));
        let after = cursor.open(asked.page_token).map_err(|error| status::from_error(error.into()))?;
        // Only places are sealed, and so nothing else is opened: no place is the beginning.
        let after = after.parse().ok();

        let add = move |page: &mut Page, record| page.add(record, limit);
        let listed = self.registry.audit(after, filter, Page::default(), add).await;
        let listed = listed.map_err(status::from_error)?;
        let page = listed.page;
        let next = if page.more { page.last } else { listed.up_to };
        Ok(Response::new(ListAuditEntriesResponse {
            audit_entries: page.entries,
            next_page_token: next.map(|last| cursor.seal(&last.to_string())).unwrap_or_default(),
        }))
    }
}

/// A page that grows.
#[derive(Default)]
struct Page {
    entries: Vec<proto::AuditEntry>,
    bytes: usize,
    last: Option<AuditPosition>,
    more: bool,
}

impl Page {
    fn add(&mut self, record: AuditRecord, limit: usize) -> ControlFlow<()> {
        let position = record.position;
        let entry = message(record);
        self.bytes += entry.encoded_len();
        // One always: an entry is bounded.
        if self.entries.len() == limit || (self.bytes > PAGE_BYTES && !self.entries.is_empty()) {
            self.more = true;
            return ControlFlow::Break(());
        }
        self.entries.push(entry);
        self.last = Some(position);
        ControlFlow::Continue(())
    }
}

fn message(AuditRecord { position, entry, reroutes, revision }: AuditRecord) -> proto::AuditEntry {
    let AuditEntry { time, caller, peer, method, request_id, resource, action, changes, resource_count } =
        entry;
    proto::AuditEntry {
        name: format!("auditEntries/{}", position.id),
        create_time: Some(time.into()),
        caller,
        peer,
        method,
        resource,
        action: action_message(action).into(),
        changes: changes.into_iter().map(change).collect(),
        revision: revision.number(),
        request_id,
        reroutes,
        resource_count: i64::try_from(resource_count).unwrap_or(i64::MAX),
    }
}

fn change(FieldChange { field, before, after, reroutes }: FieldChange) -> proto::FieldChange {
    proto::FieldChange { field, before, after, reroutes }
}

const fn action_message(action: AuditAction) -> audit_entry::Action {
    match action {
        AuditAction::Created => audit_entry::Action::Created,
        AuditAction::Updated => audit_entry::Action::Updated,
        AuditAction::Removed => audit_entry::Action::Removed,
        AuditAction::Rotated => audit_entry::Action::Rotated,
        AuditAction::Revoked => audit_entry::Action::Revoked,
        AuditAction::Imported => audit_entry::Action::Imported,
        AuditAction::Accepted => audit_entry::Action::Accepted,
    }
}
