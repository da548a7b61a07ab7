//! A fixed rate: when which request is due.

use std::time::{Duration, Instant};

/// Requests at even distances; those of the warm-up are sent and not counted.
#[derive(Debug)]
pub(crate) struct Steady {
    started: Instant,
    counted_from: Instant,
    interval: f64,
    sent: u64,
    all: u64,
}

impl Steady {
    pub(crate) fn new(rate: f64, warm_up: Duration, window: Duration) -> Self {
        let started = Instant::now();
        let all = (rate * (warm_up + window).as_secs_f64()) as u64;
        Self { started, counted_from: started + warm_up, interval: rate.recip(), sent: 0, all }
    }

    /// When the next request was due, if it is now. Then it is the one after that which is next.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next()?;
        (due <= now).then(|| {
            self.sent += 1;
            due
        })
    }

    /// How long until the next request is due; none after the last one.
    pub(crate) fn pause(&self, now: Instant) -> Option<Duration> {
        Some(self.next()?.saturating_duration_since(now))
    }

    /// All were sent.
    pub(crate) fn is_over(&self) -> bool {
        self.sent == self.all
    }

    /// A request that was due then is none of the warm-up.
    pub(crate) fn counts(&self, due: Instant) -> bool {
        due >= self.counted_from
    }

    fn next(&self) -> Option<Instant> {
        let after = Duration::from_secs_f64(self.interval * self.sent as f64);
        (self.sent < self.all).then(|| self.started + after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_due_at_its_time_however_late_one_looks() {
        let warm_up = Duration::from_millis(100);
        let mut schedule = Steady::new(10.0, warm_up, Duration::from_millis(300));
        let started = schedule.started;
        let late = started + Duration::from_secs(60);
        let due: Vec<_> = std::iter::from_fn(|| schedule.due(late)).collect();
        assert_eq!(due, [0, 100, 200, 300].map(|after| started + Duration::from_millis(after)));
        assert_eq!(due.iter().filter(|due| schedule.counts(**due)).count(), 3);
        assert!(schedule.is_over() && schedule.pause(late).is_none());
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        let mut schedule = Steady::new(10.0, Duration::ZERO, Duration::from_secs(1));
        let started = schedule.started;
        assert_eq!(schedule.due(started), Some(started));
        assert_eq!(schedule.due(started), None);
        assert_eq!(schedule.pause(started), Some(Duration::from_millis(100)));
    }
}
