//! Whether and when to try again.

use std::time::{Duration, Instant};

use pointsman_sdk::admin::AdminError;
use tonic::Code;

/// How long to try without coming further.
const PATIENCE: Duration = Duration::from_secs(300);
/// Before the second attempt; twice as long before each later one, up to a bound.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Attempts to come through.
#[derive(Debug)]
pub(super) struct Attempts {
    further_at: Instant,
    kept: i64,
    wait: Duration,
    any: bool,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self { further_at: Instant::now(), kept: 0, wait: FIRST_WAIT, any: false }
    }

    /// Whether there was one that failed.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// So many rows are kept.
    pub(super) fn reached(&mut self, kept: i64) {
        if kept > self.kept {
            *self = Self { kept, ..Self::new() };
            self.any = true;
        }
    }

    /// How long to wait before the next attempt; none where there is no use in one.
    pub(super) fn next(&mut self, error: &AdminError) -> Option<Duration> {
        if !may_go_by(error) || self.further_at.elapsed() > PATIENCE {
            return None;
        }
        self.any = true;
        let wait = self.wait;
        self.wait = (wait * 2).min(LONGEST_WAIT);
        Some(wait)
    }
}

/// Whether the same can work a little later.
pub(super) fn may_go_by(error: &AdminError) -> bool {
    match error {
        AdminError::Unreachable { .. } | AdminError::Timeout { .. } => true,
        _ => matches!(error.code(), Some(Code::Unavailable | Code::Cancelled)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_begin_anew_where_rows_were_kept() {
        let lost = AdminError::Unreachable { server: String::new(), reason: String::new() };
        let mut attempts = Attempts::new();
        assert!(!attempts.any());
        let waits: Vec<_> = (0..8).map(|_| attempts.next(&lost).expect("another").as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
        attempts.reached(0);
        assert_eq!(attempts.next(&lost), Some(LONGEST_WAIT));
        attempts.reached(5);
        assert_eq!(attempts.next(&lost), Some(FIRST_WAIT));
        assert!(attempts.any());
        let refused = AdminError::EndlessList { server: String::new() };
        assert_eq!(attempts.next(&refused), None);
    }
}
