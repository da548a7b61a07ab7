//! What the fleet remembers of each edge.

use std::{ops::Bound, time::SystemTime};

use pointsman_routing::name::EdgeId;
use tokio_util::sync::CancellationToken;

use super::Edges;
use crate::domain::Revision;

/// Rejections of one edge that are kept. An edge that can use nothing still fits into an answer.
const MAX_REJECTIONS: usize = 1_000;
/// Characters of a rejection's reason that are kept.
const MAX_REASON_CHARS: usize = 512;
/// Characters of a rejection's name that are kept; a resource's name has no more.
const MAX_NAME_CHARS: usize = 256;
/// Characters of an edge's version that are kept.
const MAX_VERSION_CHARS: usize = 64;

/// What is known of one edge.
#[derive(Clone, Debug)]
pub struct Edge {
    /// The version of its software.
    pub version: String,
    /// The last revision that it acknowledged; 0 where it has not yet.
    pub revision: Revision,
    /// What it cannot use.
    pub rejections: Vec<Rejection>,
    /// When it was last heard of.
    pub last_seen: SystemTime,
    /// What is wrong with what it holds, in words for admins.
    pub(super) trouble: Option<String>,
    /// Its stream, while it has one.
    pub(super) link: Option<Link>,
}

impl Edge {
    /// Whether it has a stream open.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// The last revision that it acknowledged on the stream that it has now.
    pub(super) fn serves(&self) -> Option<Revision> {
        self.link.as_ref().filter(|link| link.acknowledged).map(|_| self.revision)
    }
}

/// A resource that an edge cannot use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The resource's name.
    pub name: String,
    /// The revision of the resource.
    pub revision: Revision,
    /// Why, in words for admins.
    pub reason: String,
    /// Its last good form is still served.
    pub serving_previous: bool,
}

/// The edge's word with bounds: how many, how long, and nothing that a terminal would obey.
pub(super) fn bounded(mut rejections: Vec<Rejection>) -> Vec<Rejection> {
    rejections.truncate(MAX_REJECTIONS);
    for rejection in &mut rejections {
        rejection.name = printable(&rejection.name, MAX_NAME_CHARS);
        rejection.reason = printable(&rejection.reason, MAX_REASON_CHARS);
    }
    rejections
}

fn printable(text: &str, max_chars: usize) -> String {
    text.chars().take(max_chars).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Tells apart two streams of one edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinkId(u64);

/// An edge's stream.
#[derive(Clone, Debug)]
pub(super) struct Link {
    id: LinkId,
    over: CancellationToken,
    /// It has acknowledged something on this stream: what we know of it is not from an earlier life.
    pub(super) acknowledged: bool,
}

impl Link {
    pub(super) fn id(&self) -> LinkId {
        self.id
    }
}

/// All edges.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) edges: Edges,
    links: u64,
}

impl State {
    /// Gives the edge a new link; `over` is cancelled when a newer one replaces it.
    pub(super) fn connect(
        &mut self,
        id: &EdgeId,
        version: &str,
        over: CancellationToken,
        now: SystemTime,
    ) -> LinkId {
        self.links += 1;
        let link_id = LinkId(self.links);
        let edge = self.edges.entry(id.clone()).or_insert_with(|| Edge {
            version: String::new(),
            revision: Revision::default(),
            rejections: Vec::new(),
            last_seen: now,
            trouble: None,
            link: None,
        });
        edge.version = printable(version, MAX_VERSION_CHARS);
        edge.last_seen = now;
        edge.trouble = None;
        if let Some(older) = edge.link.replace(Link { id: link_id, over, acknowledged: false }) {
            older.over.cancel();
        }
        link_id
    }

    /// Forgets those who left longest ago, until `max` are remembered.
    pub(super) fn forget_all_but(&mut self, max: usize) {
        while self.edges.len() > max {
            let gone = self.edges.iter().filter(|(_, edge)| !edge.is_connected());
            let Some((id, _)) = gone.min_by_key(|(_, edge)| edge.last_seen) else { return };
            let id = id.clone();
            self.edges.remove(&id);
        }
    }

    pub(super) fn after(&self, after: Option<&EdgeId>) -> impl Iterator<Item = (&EdgeId, &Edge)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.edges.range::<EdgeId, _>((from, Bound::Unbounded))
    }
}
