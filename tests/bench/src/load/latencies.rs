//! How long answers took.

use std::time::Duration;

/// The times of one turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    /// Kept in tenths of a microsecond, up to 7 minutes.
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(u32::try_from(time.as_nanos() / 100).unwrap_or(u32::MAX));
    }

    /// Microseconds that this share of the answers took at most; none without answers.
    pub(crate) fn quantile(&mut self, share: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        let index = ((self.0.len() as f64 * share) as usize).min(last);
        let (_, time, _) = self.0.select_nth_unstable(index);
        Some(f64::from(*time) / 10.0)
    }
}
