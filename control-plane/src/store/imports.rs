//! Imports: their rows, kept aside until all of them are there, and how far each import has come.

use std::{
    ops::ControlFlow,
    time::{Duration, SystemTime},
};

use pointsman_routing::name::IntegrationId;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Snapshot, StoreError, WriteTransaction, rows::to_micros};

mod mappings;
mod sweep;

pub(crate) use mappings::{Inserted, MappingWriter, NewMapping};

/// How long an import is kept after it last came further.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Which import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImportKey {
    /// The name of who imports.
    pub(crate) caller: String,
    pub(crate) integration: IntegrationId,
    /// Chosen by the caller.
    pub(crate) import_id: String,
}

/// How far an import is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImportRecord {
    /// What its rows are kept under.
    pub(crate) id: i64,
    pub(crate) keep_going: bool,
    pub(crate) validate_only: bool,
    /// The number of its latest stream.
    pub(crate) stream: i64,
    pub(crate) row_count: u64,
    pub(crate) byte_count: u64,
    /// The registry's.
    pub(crate) progress: Option<String>,
    pub(crate) finished: bool,
}

/// A row that is kept aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StagedRow {
    /// Counted from 0.
    pub(crate) row: u64,
    pub(crate) source_customer_id: String,
    pub(crate) customer: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) mapping_id: Option<String>,
    pub(crate) display_name: Option<String>,
    /// What is wrong with it as it stands; then the rest of it does not count.
    pub(crate) fault: Option<String>,
}

impl StagedRow {
    /// What it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        let texts = [&self.customer, &self.external_id, &self.mapping_id, &self.display_name, &self.fault];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        texts + self.source_customer_id.len()
    }
}

const COLUMNS: &str = "id, keep_going, validate_only, stream, row_count, byte_count, progress, finished";

impl Snapshot<'_> {
    /// An import that is not forgotten.
    pub(crate) fn import(
        &self,
        key: &ImportKey,
        now: SystemTime,
    ) -> Result<Option<ImportRecord>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM imports \
             WHERE caller = ?1 AND integration = ?2 AND import_id = ?3 AND update_time > ?4"
        );
        let parameters =
            params![key.caller, key.integration.to_string(), key.import_id, to_micros(now - KEPT_FOR)];
        Ok(self.connection.prepare_cached(&sql)?.query_row(parameters, read_record).optional()?)
    }

    /// How many imports are under way.
    pub(crate) fn open_imports(&self, now: SystemTime) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM imports WHERE finished = 0 AND update_time > ?1";
        let count: i64 =
            self.connection.prepare_cached(sql)?.query_row([to_micros(now - KEPT_FOR)], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Hands out the rows of an import in the order of their source customer ids, then of their numbers; those behind
    /// `after`, where it is some.
    pub(crate) fn for_each_staged<E: From<StoreError>>(
        &self,
        record: &ImportRecord,
        after: Option<(&str, u64)>,
        mut each: impl FnMut(StagedRow) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        // Nothing is less than an empty text and a number below 0.
        let (source, row) = after.map_or(("", -1), |(source, row)| (source, to_integer(row)));
        let sql = "SELECT row, source_customer_id, customer, external_id, mapping_id, display_name, fault \
                   FROM import_rows WHERE import = ?1 AND row < ?2 AND (source_customer_id, row) > (?3, ?4) \
                   ORDER BY source_customer_id, row";
        let mut statement = self.connection.prepare_cached(sql).map_err(StoreError::from)?;
        let parameters = params![record.id, to_integer(record.row_count), source, row];
        let mut rows = statement.query(parameters).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            if each(read_staged(row).map_err(StoreError::from)?)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl WriteTransaction<'_> {
    /// Begins an import in place of any of its key.
    pub(crate) fn begin_import(
        &mut self,
        key: &ImportKey,
        (keep_going, validate_only): (bool, bool),
        now: SystemTime,
    ) -> Result<ImportRecord, StoreError> {
        self.forget_import(key)?;
        let sql = format!(
            "INSERT INTO imports (caller, integration, import_id, update_time, keep_going, validate_only, stream, \
             row_count, byte_count, finished) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, 0, 0, 0) RETURNING {COLUMNS}"
        );
        let parameters = params![
            key.caller,
            key.integration.to_string(),
            key.import_id,
            to_micros(now),
            keep_going,
            validate_only
        ];
        Ok(self.connection().prepare_cached(&sql)?.query_row(parameters, read_record)?)
    }

    /// Another stream of an import, which keeps its first `row_count` rows; writing them begins anew where it has not
    /// `row_count` rows by now.
    pub(crate) fn resume_import(
        &mut self,
        record: &ImportRecord,
        row_count: u64,
        now: SystemTime,
    ) -> Result<ImportRecord, StoreError> {
        self.touch();
        let sql = format!(
            "UPDATE imports SET stream = stream + 1, update_time = ?2, row_count = ?3, \
             progress = CASE WHEN row_count = ?3 THEN progress END, \
             finished = CASE WHEN row_count = ?3 THEN finished ELSE 0 END WHERE id = ?1 RETURNING {COLUMNS}"
        );
        let parameters = params![record.id, to_micros(now), to_integer(row_count)];
        Ok(self.connection().prepare_cached(&sql)?.query_row(parameters, read_record)?)
    }

    /// Keeps rows aside, behind those that are there. Answers whether `record` is still of the latest stream; where it is
    /// not, nothing is kept.
    pub(crate) fn stage(
        &mut self,
        record: &ImportRecord,
        rows: &[StagedRow],
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE imports SET row_count = row_count + ?3, byte_count = byte_count + ?4, update_time = ?5 \
                      WHERE id = ?1 AND stream = ?2 AND finished = 0";
        let bytes: usize = rows.iter().map(StagedRow::bytes).sum();
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let parameters = params![record.id, record.stream, count, to_integer(bytes as u64), to_micros(now)];
        self.touch();
        if self.connection().prepare_cached(update)?.execute(parameters)? == 0 {
            return Ok(false);
        }
        let insert = "INSERT OR REPLACE INTO import_rows \
                      (import, row, source_customer_id, customer, external_id, mapping_id, display_name, fault) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let mut insert = self.connection().prepare_cached(insert)?;
        for row in rows {
            insert.execute(params![
                record.id,
                to_integer(row.row),
                row.source_customer_id,
                row.customer,
                row.external_id,
                row.mapping_id,
                row.display_name,
                row.fault
            ])?;
        }
        Ok(true)
    }

    /// Notes how far writing the rows has come. Answers whether `record` is still of the latest stream; where it is not,
    /// nothing is noted.
    pub(crate) fn note_import(
        &mut self,
        record: &ImportRecord,
        progress: &str,
        finished: bool,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        self.touch();
        let sql = "UPDATE imports SET progress = ?3, finished = ?4, update_time = ?5 \
                   WHERE id = ?1 AND stream = ?2 AND finished = 0";
        let parameters = params![record.id, record.stream, progress, finished, to_micros(now)];
        Ok(self.connection().prepare_cached(sql)?.execute(parameters)? == 1)
    }

    /// Forgets an import. Its rows are swept up later.
    pub(crate) fn forget_import(&mut self, key: &ImportKey) -> Result<(), StoreError> {
        self.touch();
        self.connection()
            .prepare_cached("DELETE FROM imports WHERE caller = ?1 AND integration = ?2 AND import_id = ?3")?
            .execute(params![key.caller, key.integration.to_string(), key.import_id])?;
        Ok(())
    }
}

fn read_record(row: &Row<'_>) -> rusqlite::Result<ImportRecord> {
    Ok(ImportRecord {
        id: row.get(0)?,
        keep_going: row.get(1)?,
        validate_only: row.get(2)?,
        stream: row.get(3)?,
        row_count: row.get::<_, i64>(4)?.unsigned_abs(),
        byte_count: row.get::<_, i64>(5)?.unsigned_abs(),
        progress: row.get(6)?,
        finished: row.get(7)?,
    })
}

fn read_staged(row: &Row<'_>) -> rusqlite::Result<StagedRow> {
    Ok(StagedRow {
        row: row.get::<_, i64>(0)?.unsigned_abs(),
        source_customer_id: row.get(1)?,
        customer: row.get(2)?,
        external_id: row.get(3)?,
        mapping_id: row.get(4)?,
        display_name: row.get(5)?,
        fault: row.get(6)?,
    })
}

fn to_integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
