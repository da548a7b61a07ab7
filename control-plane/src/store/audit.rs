//! The audit: who changed what.
//!
//! Entries are written in the transaction of the change. They are listed the latest first, by time and then by number: the
//! clock can be set back. An entry is bounded in size, and lives for a set time.

use std::time::SystemTime;

use rusqlite::params;

use super::{StoreError, WriteTransaction, changes, rows::to_micros};
use crate::{domain::FieldChange, labelled::labelled};

mod bounds;
mod list;

pub(crate) use list::{AuditPosition, AuditRecord};

labelled! {
    /// What was done to a resource.
    pub enum AuditAction {
        /// It was made.
        Created = "created",
        /// It was changed.
        Updated = "updated",
        /// It was removed.
        Removed = "removed",
        /// An endpoint got another URL, or older ones stopped working.
        Rotated = "rotated",
        /// An access token was revoked.
        Revoked = "revoked",
        /// Mappings were imported.
        Imported = "imported",
        /// A configuration that an edge held back was accepted.
        Accepted = "accepted",
    }
}

/// An entry.
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
        let changes = changes::to_json(&bounds::bounded(&entry.changes));
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

    /// Forgets up to `limit` of the oldest entries from before a time; says how many there were.
    pub(crate) fn forget_audit(&mut self, before: SystemTime, limit: usize) -> Result<usize, StoreError> {
        let sql = "DELETE FROM audit_entries WHERE id IN \
                   (SELECT id FROM audit_entries WHERE create_time < ?1 ORDER BY create_time LIMIT ?2)";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let forgotten = self.connection().prepare_cached(sql)?.execute(params![to_micros(before), limit])?;
        if forgotten > 0 {
            self.touch();
        }
        Ok(forgotten)
    }
}

#[cfg(test)]
mod tests;
