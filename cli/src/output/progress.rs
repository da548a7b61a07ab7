//! How far something long has come: a bar on a terminal, a line now and then otherwise.

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

/// Between two looks on a terminal, and between two lines elsewhere.
const INTERVALS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// Of the bar, in characters.
const WIDTH: usize = 24;

/// Tells how far something has come, on standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    terminal: bool,
    started: Instant,
    /// Something is on the terminal's line.
    open: bool,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Rows that were sent.
    pub(crate) rows: u64,
    /// The part of those that was there before.
    pub(crate) before: u64,
    /// Bytes of the file that were read.
    pub(crate) bytes: u64,
    /// Bytes of the file.
    pub(crate) of: u64,
    /// All rows were sent: the control plane has the rest to do.
    pub(crate) sent: bool,
}

impl Progress {
    pub(crate) fn start() -> Self {
        Self { terminal: io::stderr().is_terminal(), started: Instant::now(), open: false }
    }

    /// How long to wait between two of [`Self::tell`].
    pub(crate) fn interval(&self) -> Duration {
        if self.terminal { INTERVALS.0 } else { INTERVALS.1 }
    }

    pub(crate) fn tell(&mut self, reached: Reached) {
        let line = line(reached, self.started.elapsed());
        if self.terminal {
            // Back to the start of the line, and away with what is left of it behind the new text.
            super::note(&format!("\r{line}\u{1b}[K"));
            self.open = true;
        } else {
            super::note(&format!("{line}\n"));
        }
    }

    /// Gives the line back to others.
    pub(crate) fn end(&mut self) {
        if std::mem::take(&mut self.open) {
            super::note("\r\u{1b}[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn line(reached: Reached, elapsed: Duration) -> String {
    let Reached { rows, before, bytes, of, sent } = reached;
    if sent {
        return format!("{} rows are sent; the control plane writes them", thousands(rows));
    }
    let percent = (bytes.min(of) * 100).checked_div(of).unwrap_or(100);
    let full = usize::try_from(percent).unwrap_or(100) * WIDTH / 100;
    let rate = (rows - before.min(rows)).saturating_mul(1_000)
        / u64::try_from(elapsed.as_millis()).unwrap_or(1).max(1);
    format!(
        "[{}{}] {percent:3} %  {} rows, {}/s",
        "#".repeat(full),
        ".".repeat(WIDTH - full),
        thousands(rows),
        thousands(rate)
    )
}

/// A number as people read it.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_share_count_and_rate() {
        let reached = Reached { rows: 512_000, before: 2_000, bytes: 43, of: 100, sent: false };
        assert_eq!(
            line(reached, Duration::from_secs(10)),
            "[##########..............]  43 %  512,000 rows, 51,000/s"
        );
        assert!(line(Reached::default(), Duration::ZERO).contains("100 %"));
        let sent = Reached { sent: true, ..reached };
        assert_eq!(line(sent, Duration::ZERO), "512,000 rows are sent; the control plane writes them");
    }

    #[test]
    fn thousands_are_set_apart() {
        let told: Vec<_> = [0, 999, 1_000, 12_345_678].into_iter().map(thousands).collect();
        assert_eq!(told, ["0", "999", "1,000", "12,345,678"]);
    }
}
