use std::sync::mpsc;

use pointsman_edge::telemetry::Metrics;
use tracing_subscriber::Layer as _;

use super::*;

/// Tells of each write, and waits to be let on.
struct Slow {
    written: mpsc::Sender<String>,
    go_on: mpsc::Receiver<()>,
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        // Once the test is over nobody listens.
        let _ = self.written.send(text);
        let _ = self.go_on.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn slow() -> (Lines, mpsc::Receiver<String>, mpsc::Sender<()>) {
    let (written, writes) = mpsc::channel();
    let (on, go_on) = mpsc::channel();
    (Lines::start(Slow { written, go_on }), writes, on)
}

fn say(lines: &Lines, say: impl FnOnce()) {
    let layer = tracing_subscriber::fmt::layer().with_writer(lines.clone()).with_ansi(false).without_time();
    let registry = layer.with_subscriber(tracing_subscriber::registry());
    tracing::subscriber::with_default(registry, say);
}

fn access(number: u64) {
    tracing::info!(target: TARGET, number);
}

#[test]
fn a_line_of_a_webhook_is_written_by_itself() {
    let (lines, writes, on) = slow();
    say(&lines, || access(1));
    assert!(writes.recv().expect("a write").contains("number=1"));
    on.send(()).expect("the writer");
}

#[test]
fn every_line_comes_after_those_that_were_said_before() {
    let (lines, writes, on) = slow();
    for _ in 0..8 {
        on.send(()).expect("the writer");
    }
    say(&lines, || {
        access(1);
        access(2);
        tracing::error!("something else");
        access(3);
    });
    lines.flush();
    drop(lines);
    let written: String = writes.iter().collect();
    let order: Vec<_> = ["number=1", "number=2", "something else", "number=3"]
        .iter()
        .map(|line| written.find(line).expect("the line"))
        .collect();
    assert!(order.is_sorted(), "{written}");
    assert_eq!(written.lines().count(), 4, "{written}");
}

#[test]
fn nobody_waits_for_a_reader_that_does_not_read_and_what_is_dropped_is_counted() {
    let (lines, writes, on) = slow();
    say(&lines, || access(0));
    // The writer is stuck in this write.
    writes.recv().expect("a write");
    let text = "x".repeat(1024 * 1024);
    say(&lines, || {
        for _ in 0..6 {
            tracing::info!(target: TARGET, text);
        }
    });
    let encoded = Metrics::with_dropped_lines(lines.dropped()).encode();
    assert!(encoded.contains("pointsman_edge_access_lines_dropped_total 3\n"), "{encoded}");
    drop(on);
}

#[test]
fn lines_are_not_torn() {
    let line = format!("{}\n", "x".repeat(999));
    let many = line.repeat(10);
    assert_eq!(whole_lines(line.as_bytes()), 1000);
    assert_eq!(whole_lines(many.as_bytes()), 4000);
    let long = format!("{}\n{line}", "y".repeat(5000));
    assert_eq!(whole_lines(long.as_bytes()), 5001);
}
