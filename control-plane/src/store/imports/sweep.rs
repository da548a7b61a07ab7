//! Rows of imports that nobody will ask for again.

use std::time::SystemTime;

use rusqlite::params;

use super::{KEPT_FOR, to_integer};
use crate::store::{StoreError, WriteTransaction, rows::to_micros};

/// Rows that are dropped in one transaction: others do not wait long for it.
const SWEPT_ROWS: u64 = 10_000;

impl WriteTransaction<'_> {
    /// Forgets imports whose time is over, and drops some of the rows of those that are forgotten or finished. Answers
    /// whether more are left.
    pub(crate) fn sweep_imports(&mut self, now: SystemTime) -> Result<bool, StoreError> {
        let expired = "DELETE FROM imports WHERE update_time <= ?1";
        let expired = self.connection().prepare_cached(expired)?.execute([to_micros(now - KEPT_FOR)])?;
        let Some(import) = self.import_to_sweep()? else {
            if expired > 0 {
                self.touch();
            }
            return Ok(false);
        };
        self.touch();
        let sql = "DELETE FROM import_rows WHERE import = ?1 AND row < \
                   (SELECT min(row) FROM import_rows WHERE import = ?1) + ?2";
        self.connection().prepare_cached(sql)?.execute(params![import, to_integer(SWEPT_ROWS)])?;
        Ok(self.import_to_sweep()?.is_some())
    }

    /// The first import that has rows and no use for them.
    fn import_to_sweep(&self) -> Result<Option<i64>, StoreError> {
        let next = "SELECT min(import) FROM import_rows WHERE import > ?1";
        let used = "SELECT EXISTS (SELECT 1 FROM imports WHERE id = ?1 AND finished = 0)";
        let mut next = self.connection().prepare_cached(next)?;
        let mut used = self.connection().prepare_cached(used)?;
        let mut import = 0;
        while let Some(found) = next.query_row([import], |row| row.get::<_, Option<i64>>(0))? {
            if !used.query_row([found], |row| row.get::<_, bool>(0))? {
                return Ok(Some(found));
            }
            import = found;
        }
        Ok(None)
    }
}
