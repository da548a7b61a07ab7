//! Which edges serve a revision, and why the others do not.

use std::collections::BTreeSet;

use pointsman_routing::name::EdgeId;

use super::{Edge, Edges};
use crate::domain::Revision;

/// What somebody waits for.
#[derive(Clone, Debug, Default)]
pub struct Goal {
    /// The revision.
    pub revision: Revision,
    /// At least this many edges. Where it is 0 and `edges` is empty: all that are connected, and at least one.
    pub min_edges: usize,
    /// These edges.
    pub edges: BTreeSet<EdgeId>,
}

/// How far the fleet is with a [`Goal`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The goal is reached.
    pub reached: bool,
    /// The connected edges that serve the revision.
    pub serving: Vec<EdgeId>,
    /// The connected edges, and those that the goal names, that do not, each with why.
    pub lagging: Vec<(EdgeId, String)>,
    refused: bool,
}

impl Progress {
    /// Waiting longer changes nothing: the goal is reached, or an edge that it needs has rejected the revision or holds
    /// it back, and all the others are done.
    pub(super) fn is_settled(&self) -> bool {
        self.reached || self.refused
    }
}

/// What one edge has done about a revision.
enum Standing {
    Serves,
    /// It has taken the revision in, and cannot use something that the revision changed; or it holds it back.
    Rejects(String),
    Lags(String),
}

impl Goal {
    pub(super) fn judge(&self, edges: &Edges) -> Progress {
        let mut progress = Progress::default();
        let (mut needed, mut unneeded_serving, mut rejecting, mut waiting) = (0, 0, 0, 0);
        let unknown = self.edges.iter().filter(|id| !edges.contains_key(id)).map(|id| (id, None));
        let known = edges.iter().map(|(id, edge)| (id, Some(edge)));
        for (id, edge) in known.chain(unknown) {
            let named = self.edges.contains(id);
            if !named && !edge.is_some_and(Edge::is_connected) {
                continue;
            }
            let is_needed = named || (self.edges.is_empty() && self.min_edges == 0);
            needed += usize::from(is_needed);
            match self.standing(edge) {
                Standing::Serves => {
                    unneeded_serving += usize::from(!is_needed);
                    progress.serving.push(id.clone());
                }
                Standing::Rejects(why) => {
                    rejecting += usize::from(is_needed);
                    progress.lagging.push((id.clone(), why));
                }
                Standing::Lags(why) => {
                    waiting += usize::from(is_needed);
                    progress.lagging.push((id.clone(), why));
                }
            }
        }
        let needed_serving = progress.serving.len() - unneeded_serving;
        progress.reached = needed_serving == needed && progress.serving.len() >= self.min_edges.max(1);
        progress.refused = rejecting > 0 && waiting == 0;
        progress.lagging.sort();
        progress
    }

    fn standing(&self, edge: Option<&Edge>) -> Standing {
        let Some(edge) = edge else {
            return Standing::Lags("has never connected to this control plane".to_owned());
        };
        if !edge.is_connected() {
            return Standing::Lags(format!(
                "is not connected; it last acknowledged revision {}",
                edge.revision
            ));
        }
        if edge.link.as_ref().is_some_and(|link| link.accepting) {
            return Standing::Lags("is about to take in what it held back".to_owned());
        }
        if let Some(held_back) = &edge.held_back {
            return Standing::Rejects(format!(
                "holds back {held_back}: see whether that is meant, and accept it by `pointsman edges accept`"
            ));
        }
        if let Some(trouble) = &edge.trouble {
            return Standing::Lags(trouble.clone());
        }
        match edge.serves() {
            None => Standing::Lags("has connected and not yet acknowledged anything".to_owned()),
            Some(serves) if serves < self.revision => {
                Standing::Lags(format!("has acknowledged revision {serves} so far"))
            }
            Some(_) => self.rejects(edge).map_or(Standing::Serves, Standing::Rejects),
        }
    }

    /// What of the revision itself the edge cannot use. What it has been rejecting since before is not of this
    /// revision: one bad resource must not fail every later wait.
    fn rejects(&self, edge: &Edge) -> Option<String> {
        let mut rejections = edge.rejections.iter().filter(|rejection| rejection.revision == self.revision);
        let rejection = rejections.next()?;
        let served = if rejection.serving_previous { "; its last good form is served" } else { "" };
        // One in full: GetEdge shows them all, and an answer names many edges.
        let more = match rejections.count() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        Some(format!("rejects {}: {}{served}{more}", rejection.name, rejection.reason))
    }
}
