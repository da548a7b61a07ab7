//! Calls that are safe to repeat: what was asked under which id, and what was answered.

use std::time::{Duration, SystemTime};

use rusqlite::{OptionalExtension as _, params};

use super::{StoreError, WriteTransaction, rows::to_micros};

/// How long an answer is kept.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What each caller can have remembered.
const ROOM: Room = Room { calls: CALLS_MAX, answer_bytes: 512 * 1024 * 1024 };
/// Calls of one caller that are remembered: 11 a second, all day.
pub(crate) const CALLS_MAX: i64 = 1_000_000;
/// So many are forgotten with each that is remembered: more than one, so that it keeps up, and few, so that nobody waits
/// for it.
const FORGOTTEN_AT_ONCE: i64 = 100;

/// How much can still be remembered for a caller; below zero where something was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    calls: i64,
    answer_bytes: i64,
}

impl Room {
    /// Whether there was room.
    #[must_use]
    pub const fn is_enough(self) -> bool {
        self.calls >= 0 && self.answer_bytes >= 0
    }
}

/// A call as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Of what was asked, blinded: see `WriteTransaction::blind`.
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

    /// Remembers an answer, and forgets some of those whose time is over. Not where the caller has no room left.
    pub(crate) fn remember(
        &mut self,
        caller: &str,
        request_id: &str,
        now: SystemTime,
        call: &Remembered,
    ) -> Result<Room, StoreError> {
        self.remember_within(ROOM, caller, request_id, now, call)
    }

    fn remember_within(
        &mut self,
        room: Room,
        caller: &str,
        request_id: &str,
        now: SystemTime,
        call: &Remembered,
    ) -> Result<Room, StoreError> {
        self.touch();
        let connection = self.connection();
        let sql = "DELETE FROM requests WHERE (caller, request_id) IN (SELECT caller, request_id FROM requests \
                   WHERE create_time <= ?1 ORDER BY create_time LIMIT ?2)";
        connection.prepare_cached(sql)?.execute(params![to_micros(now - KEPT_FOR), FORGOTTEN_AT_ONCE])?;
        // One whose time is over, and whose turn to be forgotten has not come.
        let sql = "DELETE FROM requests WHERE caller = ?1 AND request_id = ?2";
        connection.prepare_cached(sql)?.execute([caller, request_id])?;

        let sql = "SELECT calls, answer_bytes FROM request_totals WHERE caller = ?1";
        let total = connection
            .prepare_cached(sql)?
            .query_row([caller], |row| Ok(Room { calls: row.get(0)?, answer_bytes: row.get(1)? }));
        let total = total.optional()?.unwrap_or_default();
        let answer_bytes = i64::try_from(call.answer.len()).unwrap_or(i64::MAX);
        let left = Room {
            calls: room.calls - total.calls - 1,
            answer_bytes: room.answer_bytes - total.answer_bytes - answer_bytes,
        };
        if left.is_enough() {
            let sql = "INSERT INTO requests (caller, request_id, create_time, digest, answer) VALUES (?1, ?2, ?3, ?4, ?5)";
            let params = params![caller, request_id, to_micros(now), call.digest, call.answer];
            connection.prepare_cached(sql)?.execute(params)?;
        }
        Ok(left)
    }
}

#[cfg(test)]
mod tests;
