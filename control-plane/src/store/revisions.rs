//! What each integration was, after each change of it.

use std::{ops::ControlFlow, time::SystemTime};

use pointsman_routing::{
    integration::{FlowSpec, IntegrationSpec},
    name::IntegrationId,
};
use rusqlite::{Row, params};

use super::{
    Snapshot, StoreError, WriteTransaction, changes, endpoint,
    rows::{from_micros, to_micros},
};
use crate::domain::{FieldChange, Revision};

/// What an integration was at one time. Secrets are redacted.
#[derive(Clone, Debug, PartialEq)]
pub struct IntegrationRevision {
    /// The revision that made it so.
    pub revision: Revision,
    /// When.
    pub create_time: SystemTime,
    /// Who: the name of an access token; empty where nobody was asked for one.
    pub caller: String,
    /// The revision that this one rolled back to.
    pub rolled_back_to: Option<Revision>,
    /// For people.
    pub display_name: String,
    /// What was written.
    pub spec: IntegrationSpec,
    /// What differs from the revision before; nothing for the first.
    pub changes: Vec<FieldChange>,
    /// How many more fields differ.
    pub more_changes: u32,
}

const COLUMNS: &str = "revision, create_time, caller, rolled_back_to, display_name, endpoint_type, endpoint, flows, \
     changes, more_changes";

impl WriteTransaction<'_> {
    /// Keeps what `integration` has become in this transaction.
    pub(crate) fn keep_revision(
        &mut self,
        integration: &IntegrationId,
        kept: &IntegrationRevision,
    ) -> Result<(), StoreError> {
        self.touch();
        let flows: Vec<[&str; 2]> =
            kept.spec.flows.iter().map(|flow| [flow.key.as_str(), flow.name.as_str()]).collect();
        let sql = format!(
            "INSERT INTO integration_revisions (integration, {COLUMNS}) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        );
        self.connection().prepare_cached(&sql)?.execute(params![
            integration.to_string(),
            kept.revision.number(),
            to_micros(kept.create_time),
            kept.caller,
            kept.rolled_back_to.map(Revision::number),
            kept.display_name,
            endpoint::type_to_text(kept.spec.endpoint_type),
            endpoint::to_json(&kept.spec),
            serde_json::json!(flows).to_string(),
            changes::to_json(&kept.changes),
            kept.more_changes,
        ])?;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// What `integration` was at `revision`, if that is one of its revisions.
    pub(crate) fn integration_revision(
        &self,
        integration: &IntegrationId,
        revision: Revision,
    ) -> Result<Option<IntegrationRevision>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM integration_revisions WHERE integration = ?1 AND revision = ?2");
        let name = integration.to_string();
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![name, revision.number()])?;
        rows.next()?.map(|row| read(&name, row)).transpose()
    }

    /// Hands out what `integration` was, the latest revision first, from the one below `below` on.
    pub(crate) fn for_each_integration_revision(
        &self,
        integration: &IntegrationId,
        below: Option<Revision>,
        mut each: impl FnMut(IntegrationRevision) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM integration_revisions WHERE integration = ?1 AND revision < ?2 \
             ORDER BY revision DESC"
        );
        let name = integration.to_string();
        let below = below.map_or(i64::MAX, Revision::number);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![name, below])?;
        while let Some(row) = rows.next()? {
            if each(read(&name, row)?).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// Reads a row of [`COLUMNS`].
fn read(integration: &str, row: &Row<'_>) -> Result<IntegrationRevision, StoreError> {
    let damaged = |fault| StoreError::damaged(integration, fault);
    let endpoint_type: String = row.get(5)?;
    let document: String = row.get(6)?;
    let flows: String = row.get(7)?;
    let changes: String = row.get(8)?;
    let flows: Vec<(String, String)> = endpoint::read_json(&flows).map_err(damaged)?;
    let mut spec = endpoint::from_json(&document).map_err(damaged)?;
    spec.endpoint_type = endpoint::type_from_text(&endpoint_type).map_err(damaged)?;
    spec.flows = flows.into_iter().map(|(key, name)| FlowSpec { key, name }).collect();
    Ok(IntegrationRevision {
        revision: Revision::new(row.get(0)?),
        create_time: from_micros(row.get(1)?),
        caller: row.get(2)?,
        rolled_back_to: row.get::<_, Option<i64>>(3)?.map(Revision::new),
        display_name: row.get(4)?,
        spec,
        changes: changes::from_json(&changes).map_err(damaged)?,
        more_changes: row.get(9)?,
    })
}

#[cfg(test)]
mod tests;
