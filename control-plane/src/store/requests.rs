//! Calls that are safe to repeat: what was asked under which id, and what was answered.

use std::time::{Duration, SystemTime};

use rusqlite::{OptionalExtension as _, params};

use super::{StoreError, WriteTransaction, rows::to_micros};

/// How long an answer is kept.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A call as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Of what was asked, blinded: see [`WriteTransaction::blind`].
    pub digest: [u8; 32],
    /// What was answered.
    pub answer: Vec<u8>,
}

impl WriteTransaction<'_> {
    /// What is kept of the digest of a request. A request can hold a short secret beside what everybody knows, and the
    /// bare digest would tell whoever has the file when they guessed it.
    pub(crate) fn blind(&self, digest: &[u8; 32]) -> [u8; 32] {
        self.vault().blind(digest)
    }

    /// What was answered to `caller`'s request of this id.
    pub(crate) fn recall(
        &self,
        caller: &str,
        request_id: &str,
        now: SystemTime,
    ) -> Result<Option<Remembered>, StoreError> {
        let sql =
            "SELECT digest, answer FROM requests WHERE caller = ?1 AND request_id = ?2 AND create_time > ?3";
        let row = self
            .connection()
            .prepare_cached(sql)?
            .query_row(params![caller, request_id, to_micros(now - KEPT_FOR)], |row| {
                Ok(Remembered { digest: row.get(0)?, answer: row.get(1)? })
            });
        Ok(row.optional()?)
    }

    /// Remembers an answer, and forgets those whose time is over.
    pub(crate) fn remember(
        &mut self,
        caller: &str,
        request_id: &str,
        now: SystemTime,
        call: &Remembered,
    ) -> Result<(), StoreError> {
        self.touch();
        self.connection()
            .prepare_cached("DELETE FROM requests WHERE create_time <= ?1")?
            .execute([to_micros(now - KEPT_FOR)])?;
        let sql = "INSERT OR REPLACE INTO requests (caller, request_id, create_time, digest, answer) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        self.connection().prepare_cached(sql)?.execute(params![
            caller,
            request_id,
            to_micros(now),
            call.digest,
            call.answer
        ])?;
        Ok(())
    }
}
