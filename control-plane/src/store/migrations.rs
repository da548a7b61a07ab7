//! The schema's versions. A migration that has been released is never changed: the next change is a new one.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};
use uuid::Uuid;

use super::{OpenError, PageKey};
use crate::domain::RandomError;

/// Migration `n` brings a database from version `n` to `n + 1`.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_initial.sql"), include_str!("migrations/0002_operations.sql")];
/// "PtMn", so that `file` and we can tell our databases from others.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"PtMn");

/// The version of the schema that this program works with.
pub(super) fn latest() -> i32 {
    i32::try_from(MIGRATIONS.len()).expect("a handful of migrations")
}

/// Brings the schema from `version` up to date, all in one transaction.
pub(super) fn run(connection: &mut Connection, path: &Path, version: i32) -> Result<(), OpenError> {
    let failed = |source| OpenError::sqlite(path, source);
    let known = latest();
    if version == known {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or_default()) {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    if version == 0 {
        let mut page_key = [0; PageKey::BYTES];
        getrandom::fill(&mut page_key).map_err(RandomError::from)?;
        transaction
            .execute(
                "INSERT INTO meta (id, epoch, revision, forgotten, page_key) VALUES (1, ?1, 0, 0, ?2)",
                params![Uuid::new_v4().to_string(), page_key],
            )
            .map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", known).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// The schema's version; 0 for an empty file. Refuses another program's database and a newer one.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i32, OpenError> {
    let failed = |source| OpenError::sqlite(path, source);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(failed);
    let application_id = pragma("application_id")?;
    let version = pragma("user_version")?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let empty = tables == 0 && version == 0 && application_id == 0;
    if application_id != APPLICATION_ID && !empty {
        return Err(OpenError::Foreign { path: path.to_owned(), found: application_id });
    }
    if version > latest() {
        return Err(OpenError::Newer { path: path.to_owned(), found: version, known: latest() });
    }
    Ok(version)
}

#[cfg(test)]
pub(in crate::store) mod tests;
