//! Growing pauses, each cut by chance, so that edges that lost their control plane together do not come back together.

use std::time::Duration;

/// No control plane sends an edge away for longer, be it by a fault of its own.
const LONGEST_TOLD: Duration = Duration::from_secs(60);

/// The next pause doubles, within bounds.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }

    /// How long to wait now: as long as the control plane has told, where it has, or longer.
    pub(super) fn pause(&mut self, told: Option<Duration>) -> Duration {
        // Without randomness there is no jitter, which only matters to a large fleet.
        let chance = getrandom::u32().unwrap_or(u32::MAX);
        let chance = f64::from(chance) / f64::from(u32::MAX);
        self.pause_by(chance).max(told.map(|told| told_by(told, chance)).unwrap_or_default())
    }

    /// `chance` is between 0 and 1: at least half of the pause, at most all of it.
    fn pause_by(&mut self, chance: f64) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause.mul_f64(0.5 + chance / 2.0)
    }
}

/// Everybody is told the same, so that chance adds up to as much again.
fn told_by(told: Duration, chance: f64) -> Duration {
    told.min(LONGEST_TOLD).mul_f64(1.0 + chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_within_bounds_until_reset() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let pauses: Vec<_> = (0..6).map(|_| backoff.pause_by(1.0).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
        backoff.reset();
        assert_eq!(backoff.pause_by(0.0).as_millis(), 50);
    }

    #[test]
    fn chance_stays_within_the_pause() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(100));
        for _ in 0..100 {
            let pause = backoff.pause(None).as_millis();
            assert!((50..=100).contains(&pause), "{pause}");
        }
    }

    #[test]
    fn who_is_told_to_wait_waits_so_long_and_up_to_as_long_again() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(100));
        for _ in 0..100 {
            let pause = backoff.pause(Some(Duration::from_secs(5))).as_millis();
            assert!((5_000..=10_000).contains(&pause), "{pause}");
        }
        assert_eq!(told_by(Duration::MAX, 0.0), LONGEST_TOLD);
    }
}
