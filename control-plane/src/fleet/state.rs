//! What the fleet remembers of each edge.

use std::{fmt, ops::Bound, time::SystemTime};

use pointsman_routing::name::EdgeId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Edges;
use crate::domain::Revision;

/// Rejections of one edge that are kept. An edge that can use nothing still fits into an answer.
const MAX_REJECTIONS: usize = 1_000;
/// Characters of a rejection's reason that are kept.
pub(super) const MAX_REASON_CHARS: usize = 512;
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
    /// The database that the revision is of; empty where it has not said so.
    pub epoch: String,
    /// What it cannot use.
    pub rejections: Vec<Rejection>,
    /// What it was sent and has not taken in.
    pub held_back: Option<HeldBack>,
    /// When it was last heard of.
    pub last_seen: SystemTime,
    /// What is wrong with what it holds, in words for admins.
    pub trouble: Option<String>,
    /// Why its copy on disk is not what it serves; empty where it is, and where it keeps none.
    pub copy_fault: String,
    /// Its stream, while it has one.
    pub(super) link: Option<Link>,
}

impl Edge {
    /// Whether it has a stream open.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// Since when it has had a stream open.
    #[must_use]
    pub fn connected_since(&self) -> Option<SystemTime> {
        self.link.as_ref().map(|link| link.since)
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

/// A snapshot that an edge was sent and has not taken in, since it would remove most of what the edge serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// The database that it comes from.
    pub epoch: String,
    /// Its revision.
    pub revision: Revision,
    /// Endpoints: tokens that lead somewhere.
    pub endpoints: Loss,
    /// Deployments.
    pub deployments: Loss,
}

/// How much of something an edge serves, and how much of that would be gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// So much.
    pub served: i64,
    /// So much of it.
    pub removed: i64,
}

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, revision, endpoints, deployments } = self;
        write!(
            f,
            "revision {revision} of database {epoch}, which removes {} of the {} endpoints and {} of the {} deployments \
             that it serves",
            endpoints.removed, endpoints.served, deployments.removed, deployments.served
        )
    }
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

pub(super) fn printable(text: &str, max_chars: usize) -> String {
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
    since: SystemTime,
    /// What an admin has confirmed, for the stream to tell the edge.
    pub(super) accepted: watch::Sender<Option<Revision>>,
    /// It is about to take in what was confirmed, as far as is known.
    pub(super) accepting: bool,
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
        accepted: watch::Sender<Option<Revision>>,
        now: SystemTime,
    ) -> LinkId {
        self.links += 1;
        let link_id = LinkId(self.links);
        let link = Link { id: link_id, over, since: now, accepted, accepting: false, acknowledged: false };
        let edge = self.edges.entry(id.clone()).or_insert_with(|| Edge {
            version: String::new(),
            revision: Revision::default(),
            epoch: String::new(),
            rejections: Vec::new(),
            held_back: None,
            last_seen: now,
            trouble: None,
            copy_fault: String::new(),
            link: None,
        });
        edge.version = printable(version, MAX_VERSION_CHARS);
        edge.last_seen = now;
        edge.trouble = None;
        // It says so again on this stream, where it still does.
        edge.held_back = None;
        if let Some(older) = edge.link.replace(link) {
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
