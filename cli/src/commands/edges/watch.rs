//! `edges --watch`: what changes, until Ctrl-C.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
    time::Duration,
};

use pointsman_proto::admin::v1::Edge;
use pointsman_sdk::admin::{AdminClient, AdminError};

use super::super::Failure;
use crate::{
    manifest,
    output::{self, Format, edges, resources},
    signals::Signals,
};

/// How often the control plane is asked.
const INTERVAL: Duration = Duration::from_secs(1);
/// To the upper left corner, and from there on nothing.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// Shows edges as they change. The first answer must be there; a control plane that goes away later is waited for.
pub(super) async fn watch(admin: &AdminClient, format: Option<Format>) -> Result<(), Failure> {
    let mut signals = Signals::take()?;
    let mut shown = Shown::new(format, io::stdout().is_terminal());
    let mut asked = ask(admin, &mut signals).await;
    if let Some(Err(error)) = asked {
        return Err(error.into());
    }
    loop {
        match asked {
            None => return Ok(()),
            Some(Ok(edges)) => output::print(&shown.next(&edges)?)?,
            Some(Err(error)) => output::note(&shown.lost(&error)),
        }
        tokio::select! {
            _ = signals.next() => return Ok(()),
            () = tokio::time::sleep(INTERVAL) => {}
        }
        asked = ask(admin, &mut signals).await;
    }
}

/// All edges; none where a signal came first.
async fn ask(admin: &AdminClient, signals: &mut Signals) -> Option<Result<Vec<Edge>, AdminError>> {
    tokio::select! {
        _ = signals.next() => None,
        edges = admin.all_edges() => Some(edges),
    }
}

/// What was shown last.
struct Shown {
    format: Option<Format>,
    terminal: bool,
    table: String,
    edges: BTreeMap<String, Edge>,
    lost: bool,
}

impl Shown {
    fn new(format: Option<Format>, terminal: bool) -> Self {
        Self { format, terminal, table: String::new(), edges: BTreeMap::new(), lost: false }
    }

    /// What there is to show of edges as they are now.
    fn next(&mut self, edges: &[Edge]) -> Result<String, Failure> {
        self.lost = false;
        if self.format.is_none() && self.terminal {
            return Ok(self.redraw(edges));
        }
        let mut said = String::new();
        let mut now = BTreeMap::new();
        for edge in edges {
            let state = without_times(edge);
            if self.edges.get(&edge.name) != Some(&state) {
                said.push_str(&match self.format {
                    None => edges::line(edge),
                    Some(Format::Json) => manifest::write_line(edge)?,
                    Some(Format::Yaml) => format!("---\n{}", manifest::write(edge, Format::Yaml)?),
                });
            }
            now.insert(edge.name.clone(), state);
        }
        if self.format.is_none() {
            let gone = self.edges.keys().filter(|name| !now.contains_key(*name));
            gone.for_each(|name| said.push_str(&edges::gone(name)));
        }
        self.edges = now;
        Ok(said)
    }

    fn redraw(&mut self, edges: &[Edge]) -> String {
        let table = resources::edges(edges);
        if table == self.table {
            return String::new();
        }
        self.table = table;
        format!("{CLEAR}{}", self.table)
    }

    /// That the control plane does not answer: once.
    fn lost(&mut self, error: &AdminError) -> String {
        if std::mem::replace(&mut self.lost, true) {
            return String::new();
        }
        // What was drawn is drawn again.
        self.table.clear();
        format!("{}; trying again\n", output::style::shown(&error.to_string()))
    }
}

/// What of an edge makes a change: heartbeats and the passing of time do not.
fn without_times(edge: &Edge) -> Edge {
    Edge { last_seen_time: None, behind_since_time: None, ..edge.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(name: &str, revision: i64) -> Edge {
        Edge { name: name.to_owned(), connected: true, revision, ..Edge::default() }
    }

    fn seen(edge: Edge, seconds: i64) -> Edge {
        Edge { last_seen_time: Some(prost_types::Timestamp { seconds, nanos: 0 }), ..edge }
    }

    #[test]
    fn each_change_is_a_line_and_a_heartbeat_is_none() {
        let mut shown = Shown::new(None, false);
        let both = [seen(edge("edges/a", 1), 1), edge("edges/b", 1)];
        assert_eq!(shown.next(&both).expect("lines").lines().count(), 2);
        let both = [seen(edge("edges/a", 1), 2), edge("edges/b", 2)];
        let said = shown.next(&both).expect("lines");
        assert!(
            said.starts_with("edges/b") && said.contains("revision 2") && said.lines().count() == 1,
            "{said}"
        );
        let said = shown.next(&both[..1]).expect("lines");
        assert_eq!(said, "edges/b is no longer known\n");
    }

    #[test]
    fn json_is_a_line_for_each_change() {
        let mut shown = Shown::new(Some(Format::Json), true);
        let said = shown.next(&[edge("edges/a", 1), edge("edges/b", 2)]).expect("lines");
        let names: Vec<String> = said
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["name"].to_string())
            .collect();
        assert_eq!(names, [r#""edges/a""#, r#""edges/b""#]);
        assert_eq!(shown.next(&[edge("edges/a", 1), edge("edges/b", 2)]).expect("nothing"), "");
    }

    #[test]
    fn a_terminal_is_redrawn_where_something_has_changed() {
        let mut shown = Shown::new(None, true);
        assert!(shown.next(&[edge("edges/a", 1)]).expect("a table").starts_with(CLEAR));
        assert_eq!(shown.next(&[edge("edges/a", 1)]).expect("nothing"), "");
        assert!(shown.next(&[edge("edges/a", 2)]).expect("a table").contains('2'));
    }
}
