//! Growing pauses, each cut by chance, so that edges that lost their control plane together do not come back together.

use std::time::Duration;

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

    /// How long to wait now.
    pub(super) fn pause(&mut self) -> Duration {
        // Without randomness there is no jitter, which only matters to a large fleet.
        let chance = getrandom::u32().unwrap_or(u32::MAX);
        self.pause_by(f64::from(chance) / f64::from(u32::MAX))
    }

    /// `chance` is between 0 and 1: at least half of the pause, at most all of it.
    fn pause_by(&mut self, chance: f64) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause.mul_f64(0.5 + chance / 2.0)
    }
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
            let pause = backoff.pause().as_millis();
            assert!((50..=100).contains(&pause), "{pause}");
        }
    }
}
