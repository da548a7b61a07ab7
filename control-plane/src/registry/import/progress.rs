//! How far writing the rows of an import has come, and what came of it so far. Kept in the database as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::content::Content;
use crate::{domain::Revision, registry::Answer, store::StoreError};

/// So many bad rows are told; the others are counted.
const FAILURES_TOLD: usize = 1_000;
/// The longest reason, in bytes.
const REASON_BYTES: usize = 400;

/// How far writing has come.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Progress {
    /// The last row that was looked at, in the order of source customer ids.
    pub(super) last: Option<Last>,
    /// How many rows were looked at.
    pub(super) rows: u64,
    pub(super) outcome: ImportOutcome,
}

/// The last row that was looked at.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Last {
    pub(super) source_customer_id: String,
    pub(super) row: u64,
    /// The first row of this source customer id.
    pub(super) first: u64,
}

/// What came of an import.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct ImportOutcome {
    pub(crate) created: u64,
    pub(crate) updated: u64,
    pub(crate) unchanged: u64,
    pub(crate) failed: u64,
    /// The first bad rows, by their numbers.
    pub(crate) failures: BTreeMap<u64, Failure>,
    /// The last revision that it made, or the current one.
    revision: i64,
    /// Its rows are written.
    pub(crate) committed: bool,
    /// Which rows those were, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Content>,
}

/// What is wrong with a row.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    pub(crate) source_customer_id: String,
    pub(crate) reason: String,
    /// The row that it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) earlier: Option<u64>,
}

impl Progress {
    /// What was kept of it; its beginning where nothing was.
    pub(super) fn read(kept: Option<&str>) -> Result<Self, StoreError> {
        let read = |kept| serde_json::from_str(kept).map_err(|error| StoreError::damaged("imports", error));
        kept.map_or_else(|| Ok(Self::default()), read)
    }

    /// What is to be kept of it.
    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts are JSON")
    }
}

impl Answer for ImportOutcome {
    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and texts are JSON")
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl ImportOutcome {
    /// The last revision that it made, or the current one.
    pub(crate) fn revision(&self) -> Revision {
        Revision::new(self.revision)
    }

    pub(super) fn set_revision(&mut self, revision: Revision) {
        self.revision = revision.number();
    }

    /// Takes back what was written, and not what is wrong.
    pub(super) fn wrote_nothing(&mut self) {
        (self.created, self.updated, self.unchanged) = (0, 0, 0);
    }

    pub(super) fn fail(&mut self, row: u64, failure: impl FnOnce() -> Failure) {
        self.failed += 1;
        let full = self.failures.len() == FAILURES_TOLD;
        if full && self.failures.last_key_value().is_some_and(|(last, _)| *last < row) {
            return;
        }
        if full {
            self.failures.pop_last();
        }
        let mut failure = failure();
        failure.reason.truncate(failure.reason.floor_char_boundary(REASON_BYTES));
        self.failures.insert(row, failure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Failure {
        Failure { source_customer_id: "x".to_owned(), reason: "ü".repeat(1_000), earlier: None }
    }

    #[test]
    fn the_first_bad_rows_are_told_in_whatever_order_they_are_found() {
        let mut outcome = ImportOutcome::default();
        // 7 and 3,001 have no common divisor: every number once.
        for n in 0..3_001 {
            outcome.fail(n * 7 % 3_001, failure);
        }
        assert_eq!((outcome.failed, outcome.failures.len()), (3_001, 1_000));
        assert!(outcome.failures.keys().copied().eq(0..1_000));
        assert!(outcome.failures[&0].reason.len() <= REASON_BYTES);
    }

    #[test]
    fn progress_is_read_as_it_was_kept() {
        let mut progress = Progress::default();
        progress.outcome.fail(3, failure);
        progress.outcome.set_revision(Revision::new(7));
        progress.last = Some(Last { source_customer_id: "\"\u{1}".to_owned(), row: 9, first: 3 });
        assert_eq!(Progress::read(Some(&progress.to_text())).unwrap(), progress);
        assert_eq!(Progress::read(None).unwrap(), Progress::default());
        assert!(Progress::read(Some("{}")).is_err());
    }
}
