//! A table for each case, and one of the memory.

use std::fmt::Write as _;

use crate::{
    contestants::Contestant,
    measure::{Results, Row, median},
};

/// As Markdown.
pub(super) fn all(results: &Results) -> String {
    let mut out = String::new();
    let mut case = None;
    for row in &results.rows {
        if case != Some(&row.case) {
            case = Some(&row.case);
            let _ = write!(out, "\n## {}\n\n{HEAD}", row.case);
        }
        let _ = writeln!(out, "{}", line(results, row));
    }
    if !results.memory.is_empty() {
        out.push_str(MEMORY_HEAD);
        for memory in &results.memory {
            let table = if memory.contestant.is_ours() {
                format!(", {} deployments", memory.deployments)
            } else {
                String::new()
            };
            let (idle, busy) = (mb(memory.idle), mb(memory.busy));
            let _ = writeln!(out, "| {}{table} | {idle} | {busy} |", memory.contestant);
        }
    }
    out
}

const HEAD: &str = "\
| | CPU-µs | ÷ nginx | requests/s | p50 ms | p99 ms | at a rate of | p50 ms | p99 ms | nginx's p99 | ÷ nginx |
|---|---|---|---|---|---|---|---|---|---|---|
";

const MEMORY_HEAD: &str = "
## Memory

Resident, of all processes of a contestant.

| | idle, MB | 256 connections × 64 KB, MB |
|---|---|---|
";

fn line(results: &Results, row: &Row) -> String {
    let name =
        if row.contestant.is_ours() { format!("**{}**", row.contestant) } else { row.contestant.to_string() };
    if let Some(failure) = &row.failure {
        return format!("| {name} | failed: {} | | | | | | | | | |", failure.replace(['|', '\n'], " "));
    }
    let of = |figure: fn(&crate::measure::Sample) -> f64| median(row.turns.iter().map(figure));
    let ratio = results.ratio(row.contestant, Contestant::BASE, &row.case).unwrap_or(f64::NAN);
    let (p50, p99) = (of(|turn| turn.p50) / 1e3, of(|turn| turn.p99) / 1e3);
    let turns = format!(
        "| {name} | {:.1} | {ratio:.2} | {:.0} | {p50:.2} | {p99:.2} |",
        of(|turn| turn.cpu),
        of(|turn| turn.rate)
    );
    if row.paced.is_empty() {
        return format!("{turns} | | | | |");
    }
    let of = |figure: fn(&crate::measure::Paced) -> f64| median(row.paced.iter().map(figure));
    format!(
        "{turns} {:.0} | {:.2} | {:.2} | {:.2} | {:.2} |",
        of(|paced| paced.rate),
        of(|paced| paced.own.0) / 1e3,
        of(|paced| paced.own.1) / 1e3,
        of(|paced| paced.base.1) / 1e3,
        of(|paced| paced.own.1 / paced.base.1),
    )
}

fn mb(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}
