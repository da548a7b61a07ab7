//! When revisions were made: since when an edge is behind.

use std::{collections::VecDeque, time::SystemTime};

use crate::domain::Revision;

/// So many are remembered. An edge that lacks an earlier one has been behind since then or longer.
const MAX_REMEMBERED: usize = 4_096;

/// The latest revisions, each with the time when it was seen first. Those that were made together are seen as one.
#[derive(Debug, Default)]
pub(super) struct Heads(VecDeque<(Revision, SystemTime)>);

impl Heads {
    pub(super) fn made(&mut self, revision: Revision, now: SystemTime) {
        if self.0.back().is_some_and(|(latest, _)| *latest >= revision) {
            return;
        }
        if self.0.len() == MAX_REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((revision, now));
    }

    /// When the first revision was made that `revision` lacks.
    pub(super) fn behind_since(&self, revision: Revision) -> Option<SystemTime> {
        let first = self.0.partition_point(|(made, _)| *made <= revision);
        self.0.get(first).map(|(_, time)| *time)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn who_is_behind_is_so_since_the_first_revision_that_they_lack() {
        let mut heads = Heads::default();
        assert_eq!(heads.behind_since(Revision::new(0)), None);
        for (revision, seconds) in [(3, 10), (4, 20), (4, 25), (9, 30)] {
            heads.made(Revision::new(revision), at(seconds));
        }
        for (revision, since) in [(0, Some(10)), (3, Some(20)), (4, Some(30)), (8, Some(30)), (9, None)] {
            assert_eq!(heads.behind_since(Revision::new(revision)), since.map(at), "{revision}");
        }
    }

    #[test]
    fn the_earliest_are_forgotten_first() {
        let mut heads = Heads::default();
        for revision in 1..=5_000 {
            heads.made(Revision::new(revision), at(revision.unsigned_abs()));
        }
        assert_eq!(heads.0.len(), MAX_REMEMBERED);
        assert_eq!(heads.behind_since(Revision::new(0)), Some(at(5_000 - 4_096 + 1)));
    }
}
