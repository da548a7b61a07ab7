//! The audit: who changed what.

use std::time::SystemTime;

use rusqlite::params;

use super::{StoreError, WriteTransaction, changes, rows::to_micros};
use crate::domain::FieldChange;

/// What was done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditAction {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was removed.
    Removed,
    /// An endpoint got another URL, or older ones stopped working.
    Rotated,
    /// An access token was revoked.
    Revoked,
    /// Mappings were imported.
    Imported,
    /// A configuration that an edge held back was accepted.
    Accepted,
}

impl AuditAction {
    /// Every action.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Updated,
        Self::Removed,
        Self::Rotated,
        Self::Revoked,
        Self::Imported,
        Self::Accepted,
    ];

    /// Its stable label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Removed => "removed",
            Self::Rotated => "rotated",
            Self::Revoked => "revoked",
            Self::Imported => "imported",
            Self::Accepted => "accepted",
        }
    }
}

/// An entry to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub time: SystemTime,
    /// Who.
    pub caller: String,
    /// From where.
    pub peer: String,
    /// By which method.
    pub method: String,
    /// The request's id.
    pub request_id: String,
    /// The resource's name.
    pub resource: String,
    /// What was done.
    pub action: AuditAction,
    /// What differs.
    pub changes: Vec<FieldChange>,
    /// How many resources it stands for.
    pub resource_count: u64,
}

impl WriteTransaction<'_> {
    /// Writes an entry. Its revision is the one that the transaction makes, or the current one where it makes none.
    pub(crate) fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.touch();
        let changes = changes::to_json(&entry.changes);
        let sql = "INSERT INTO audit_entries (create_time, caller, peer, method, request_id, resource, action, changes, \
                   reroutes, resource_count, revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let reroutes = entry.changes.iter().any(|change| change.reroutes);
        let revision = self.outcome().number();
        self.connection().prepare_cached(sql)?.execute(params![
            to_micros(entry.time),
            entry.caller,
            entry.peer,
            entry.method,
            entry.request_id,
            entry.resource,
            entry.action.label(),
            changes,
            reroutes,
            i64::try_from(entry.resource_count).unwrap_or(i64::MAX),
            revision
        ])?;
        Ok(())
    }
}
