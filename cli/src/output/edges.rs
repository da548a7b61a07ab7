//! Edges for people: a table of all, one in full, a line for each change.

use std::time::{Duration, SystemTime};

use pointsman_proto::admin::v1::{AcceptedConfiguration, Edge, HeldBackConfiguration};
use prost_types::Timestamp;

use super::{
    resources::{NOTHING, counted, or_nothing, yes_no},
    style::shown,
    table::Table,
};

pub(super) fn edges(all: &[Edge]) -> String {
    let mut table =
        Table::with_head(["name", "connected", "revision", "behind", "rejected", "last seen", "version"]);
    for one in all {
        table.row([
            one.name.as_str(),
            yes_no(one.connected),
            &one.revision.to_string(),
            &behind(one),
            &one.rejections.len().to_string(),
            &last_seen(one),
            or_nothing(&one.version),
        ]);
    }
    counted(&table, all.len()) + &below(all)
}

pub(super) fn edge(one: &Edge) -> String {
    let mut table = Table::plain();
    table.row(["name", &one.name]);
    table.row(["connected", yes_no(one.connected)]);
    if let Some(since) = one.connect_time {
        table.row(["since", &Timestamp { nanos: 0, ..since }.to_string()]);
    }
    table.row(["revision", &one.revision.to_string()]);
    table.row(["database", or_nothing(&one.epoch)]);
    table.row(["behind", &behind(one)]);
    table.row(["last seen", &last_seen(one)]);
    table.row(["version", or_nothing(&one.version)]);
    table.to_string() + &below(std::slice::from_ref(one))
}

/// An edge in one line, without how long ago it was heard of.
pub(crate) fn line(one: &Edge) -> String {
    let mut said = vec![
        if one.connected { "connected" } else { "not connected" }.to_owned(),
        format!("revision {}", one.revision),
    ];
    if one.lag_revisions > 0 {
        said.push(format!("{} behind", one.lag_revisions));
    }
    if !one.rejections.is_empty() {
        said.push(format!("rejects {}", one.rejections.len()));
    }
    if let Some(held_back) = &one.held_back {
        said.push(format!("holds back revision {} of database {}", held_back.revision, held_back.epoch));
    }
    said.extend(notes(one).map(|(what, text)| format!("{what}: {text}")));
    format!("{}   {}\n", shown(&one.name), shown(&said.join(", ")))
}

/// That an edge is not listed any more.
pub(crate) fn gone(name: &str) -> String {
    format!("{} is no longer known\n", shown(name))
}

/// What was accepted, or would be.
pub(crate) fn accepted(accepted: &[AcceptedConfiguration], dry_run: bool) -> String {
    if accepted.is_empty() {
        return "no edge holds anything back\n".to_owned();
    }
    let mut table = Table::with_head(["edge", "serves", "takes in", "endpoints", "deployments"]);
    for one in accepted {
        let held_back = one.held_back.clone().unwrap_or_default();
        table.row([
            one.edge.as_str(),
            &position(one.revision, &one.epoch),
            &position(held_back.revision, &held_back.epoch),
            &endpoints(&held_back),
            &deployments(&held_back),
        ]);
    }
    let end = if dry_run { "dry run: nothing was accepted" } else { "accepted" };
    format!("{table}{end}\n")
}

/// What there is to say of edges beyond their rows.
fn below(all: &[Edge]) -> String {
    held_back(all) + &troubles(all) + &rejections(all)
}

fn held_back(edges: &[Edge]) -> String {
    if edges.iter().all(|edge| edge.held_back.is_none()) {
        return String::new();
    }
    let mut table = Table::with_head(["edge", "holds back", "serves", "endpoints", "deployments"]);
    for (edge, held_back) in edges.iter().filter_map(|edge| Some((edge, edge.held_back.as_ref()?))) {
        table.row([
            edge.name.as_str(),
            &position(held_back.revision, &held_back.epoch),
            &position(edge.revision, &edge.epoch),
            &endpoints(held_back),
            &deployments(held_back),
        ]);
    }
    format!("\n{table}`pointsman edges accept EDGE` has it taken in, if that is meant\n")
}

fn troubles(edges: &[Edge]) -> String {
    let mut table = Table::with_head(["edge", "wrong", "because"]);
    let mut count = 0;
    for edge in edges {
        for (what, text) in notes(edge) {
            table.row([edge.name.as_str(), what, text]);
            count += 1;
        }
    }
    if count == 0 { String::new() } else { format!("\n{table}") }
}

/// What is wrong with an edge besides.
fn notes(edge: &Edge) -> impl Iterator<Item = (&'static str, &str)> {
    let notes = [("configuration", edge.trouble.as_str()), ("copy on disk", edge.copy_fault.as_str())];
    notes.into_iter().filter(|(_, text)| !text.is_empty())
}

/// What edges cannot use, and why.
fn rejections(edges: &[Edge]) -> String {
    if edges.iter().all(|edge| edge.rejections.is_empty()) {
        return String::new();
    }
    let mut table = Table::with_head(["edge", "rejects", "of revision", "serves", "because"]);
    for (edge, rejected) in edges.iter().flat_map(|edge| edge.rejections.iter().map(move |one| (edge, one))) {
        table.row([
            edge.name.as_str(),
            &rejected.name,
            &rejected.revision.to_string(),
            if rejected.serving_previous { "the last good form" } else { "nothing" },
            &rejected.reason,
        ]);
    }
    format!("\n{table}")
}

/// A revision, with as much of its database as tells it from others.
fn position(revision: i64, epoch: &str) -> String {
    format!("{revision} of {}", or_nothing(epoch.get(..8).unwrap_or(epoch)))
}

fn endpoints(held_back: &HeldBackConfiguration) -> String {
    change(held_back.endpoints_served, held_back.endpoints_removed)
}

fn deployments(held_back: &HeldBackConfiguration) -> String {
    change(held_back.deployments_served, held_back.deployments_removed)
}

/// How many of what is served would be left.
fn change(served: i64, removed: i64) -> String {
    format!("{served} → {}", served.saturating_sub(removed))
}

fn behind(edge: &Edge) -> String {
    let since = edge.behind_since_time.and_then(|since| SystemTime::try_from(since).ok());
    let since = since.map(|since| rounded(SystemTime::now().duration_since(since).unwrap_or_default()));
    match (edge.lag_revisions, since) {
        (0, None) => NOTHING.to_owned(),
        (lag, None) => lag.to_string(),
        (lag, Some(since)) => format!("{lag} for {since}"),
    }
}

fn last_seen(edge: &Edge) -> String {
    let Some(seen) = edge.last_seen_time else { return NOTHING.to_owned() };
    let Ok(seen) = SystemTime::try_from(seen) else { return NOTHING.to_owned() };
    ago(SystemTime::now().duration_since(seen).unwrap_or_default())
}

fn ago(duration: Duration) -> String {
    if duration.as_secs() == 0 { "now".to_owned() } else { format!("{} ago", rounded(duration)) }
}

fn rounded(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use pointsman_proto::admin::v1::EdgeRejection;

    use super::*;

    #[test]
    fn times_are_rounded() {
        for (seconds, text) in [
            (0, "now"),
            (1, "1 s ago"),
            (119, "119 s ago"),
            (120, "2 min ago"),
            (7_200, "2 h ago"),
            (172_800, "2 days ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_rejection_is_named() {
        let edge = Edge {
            name: "edges/a".into(),
            rejections: vec![EdgeRejection {
                name: "integrations/x".into(),
                revision: 7,
                reason: "no".into(),
                serving_previous: true,
            }],
            ..Edge::default()
        };
        let said = edges(&[edge]);
        assert!(said.contains("edges/a   integrations/x   7             the last good form   no"), "{said}");
    }

    #[test]
    fn what_is_held_back_and_what_is_wrong_stands_below() {
        let held_back = HeldBackConfiguration {
            epoch: "0192f3a4-5678".into(),
            revision: 3,
            endpoints_served: 4,
            endpoints_removed: 3,
            deployments_served: 2,
            deployments_removed: 2,
        };
        let edge = Edge {
            name: "edges/a".into(),
            revision: 9,
            lag_revisions: 3,
            held_back: Some(held_back),
            copy_fault: "the disk is full".into(),
            ..Edge::default()
        };
        let said = super::edge(&edge);
        assert!(said.contains("edges/a   3 of 0192f3a4   9 of -   4 → 1       2 → 0\n"), "{said}");
        assert!(said.contains("edges/a   copy on disk   the disk is full\n"), "{said}");
        assert_eq!(
            line(&edge),
            "edges/a   not connected, revision 9, 3 behind, holds back revision 3 of database 0192f3a4-5678, \
             copy on disk: the disk is full\n"
        );
    }
}
