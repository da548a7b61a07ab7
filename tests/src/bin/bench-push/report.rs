//! The table of figures.

use std::time::Duration;

use crate::yardstick::Yardsticks;

/// What was measured, in its order.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Line>);

/// A control plane while changes flow to many edges.
#[derive(Debug)]
pub(crate) struct Flow {
    /// Its memory before.
    pub(crate) rest_bytes: u64,
    /// The most that it had meanwhile.
    pub(crate) peak_bytes: u64,
    /// From a write's answer until all edges that read have acknowledged it.
    pub(crate) acknowledged: Vec<Duration>,
}

#[derive(Debug)]
struct Line {
    what: String,
    figure: String,
    yardstick: String,
    goal: String,
    /// None where it was not measured, or is there for comparison.
    holds: Option<bool>,
}

impl Report {
    fn add(&mut self, what: &str, figure: String, yardstick: String, goal: &str, holds: Option<bool>) {
        let (what, goal) = (what.to_owned(), goal.to_owned());
        self.0.push(Line { what, figure, yardstick, goal, holds });
    }

    pub(crate) fn lookups(&mut self, of_table: f64, of_map: f64) {
        self.add(
            "look-up of a mapping",
            format!("{of_table:.0} ns ({:.1} ×)", of_table / of_map),
            format!("HashMap {of_map:.0} ns"),
            "≤ 3 ×",
            Some(of_table <= 3.0 * of_map),
        );
    }

    pub(crate) fn cold_start(&mut self, took: Duration, yardsticks: &Yardsticks) {
        let yardstick = format!("round trip {}", short(yardsticks.round_trip));
        self.add("cold edge ready", short(took), yardstick, "≤ 5 s", Some(took.as_secs_f64() <= 5.0));
    }

    pub(crate) fn start_from_disk(&mut self, took: Option<Duration>) {
        let figure = took.map_or_else(|| "no copies are kept".to_owned(), short);
        let holds = took.map(|took| took.as_secs_f64() <= 3.0);
        self.add("edge ready from disk, no control plane", figure, String::new(), "≤ 3 s", holds);
    }

    pub(crate) fn memory(&mut self, full: u64, empty: u64, peak: u64, mappings: usize) {
        let each = full.saturating_sub(empty) / u64::try_from(mappings).expect("a number").max(1);
        let yardstick = format!("{} MB; empty {} MB; peak {} MB", full >> 20, empty >> 20, peak >> 20);
        self.add(
            "edge memory, each mapping, all told",
            format!("{each} B"),
            yardstick,
            "≤ 350 B",
            Some(each <= 350),
        );
    }

    pub(crate) fn single_change(
        &mut self,
        mut served: Vec<Duration>,
        mut written: Vec<Duration>,
        yardsticks: &Yardsticks,
    ) {
        let (p50, p99) = (percentile(&mut served, 0.5), percentile(&mut served, 0.99));
        let yardstick = format!("round trip {}", short(yardsticks.round_trip));
        self.add("a change served, p50", short(p50), yardstick.clone(), "≤ 5 ms", Some(p50 <= millis(5)));
        self.add("a change served, p99", short(p99), yardstick, "≤ 25 ms", Some(p99 <= millis(25)));
        let fsyncs = 1.0 / yardsticks.fsync.as_secs_f64();
        let yardstick = format!("fsync {} ({fsyncs:.0}/s)", short(yardsticks.fsync));
        self.add(
            "  its write answered before, p50",
            short(percentile(&mut written, 0.5)),
            yardstick,
            "",
            None,
        );
    }

    pub(crate) fn fleet(&mut self, edges: usize, mut acknowledged: Vec<Duration>) {
        let (p50, worst) = (percentile(&mut acknowledged, 0.5), percentile(&mut acknowledged, 1.0));
        let what = format!("{edges} edges acknowledge a change, the slowest of {} times", acknowledged.len());
        let yardstick = format!("half of the times {}", short(p50));
        self.add(&what, short(worst), yardstick, "≤ 1 s", Some(worst <= millis(1_000)));
    }

    pub(crate) fn webhooks(
        &mut self,
        most: f64,
        changes: f64,
        mut rest: Vec<Duration>,
        mut busy: Vec<Duration>,
    ) {
        let p99s = [&mut rest, &mut busy].map(|latencies| percentile(latencies, 0.99));
        let ratio = p99s[1].as_secs_f64() / p99s[0].as_secs_f64();
        let what = format!("webhook p99 at half of {most:.0}/s, beside {changes:.0} changes/s");
        let figure = format!("{} ({ratio:.2} ×)", short(p99s[1]));
        let yardstick = format!("at rest {}", short(p99s[0]));
        self.add(&what, figure, yardstick, "≤ 1.5 ×", Some(ratio <= 1.5));
        let p50s = [&mut rest, &mut busy].map(|latencies| percentile(latencies, 0.5));
        let yardstick = format!("at rest {}", short(p50s[0]));
        self.add("  its p50", short(p50s[1]), yardstick, "", None);
    }

    /// What the control plane had at most, and how soon edges acknowledged changes: where all read, and where some do not.
    pub(crate) fn streams(&mut self, edges: usize, mut all_read: Flow, dead: usize, mut some_read: Flow) {
        let figure = format!("{} MB", some_read.peak_bytes >> 20);
        let beside =
            format!("all read {} MB; before {} MB", all_read.peak_bytes >> 20, all_read.rest_bytes >> 20);
        self.add(
            &format!("control plane, {edges} edges of which {dead} never read: most memory"),
            figure,
            beside,
            "",
            None,
        );
        let [all, some] = [&mut all_read, &mut some_read].map(|flow| {
            let times = &mut flow.acknowledged;
            format!("{}, {}", short(percentile(times, 0.5)), short(percentile(times, 1.0)))
        });
        self.add(
            "  the others acknowledge 100 changes: half of the times, the slowest",
            some,
            format!("all read {all}"),
            "",
            None,
        );
    }

    /// Prints it as Markdown.
    pub(crate) fn print(&self) {
        println!("\n| | figure | beside | goal | |\n|---|---|---|---|---|");
        for Line { what, figure, yardstick, goal, holds } in &self.0 {
            let holds = holds.map_or("", |holds| if holds { "holds" } else { "missed" });
            println!("| {what} | {figure} | {yardstick} | {goal} | {holds} |");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) const fn number(count: usize) -> f64 {
    count as f64
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The smallest that so great a share is not above; 1 is the largest.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
fn percentile(latencies: &mut [Duration], share: f64) -> Duration {
    latencies.sort_unstable();
    let rank = (number(latencies.len()) * share).ceil() as usize;
    latencies[rank.clamp(1, latencies.len()) - 1]
}

fn short(took: Duration) -> String {
    match took.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.2} s"),
        seconds if seconds >= 0.001 => format!("{:.2} ms", seconds * 1e3),
        seconds => format!("{:.0} µs", seconds * 1e6),
    }
}
