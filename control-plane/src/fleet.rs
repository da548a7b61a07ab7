//! The fleet: which edges are connected, what they serve, and what they cannot use.
//!
//! All of it is in memory: an edge says what it holds when it connects, and each of its streams begins with a commit
//! that it acknowledges. A [`Connection`] is one stream of one edge; only the latest of an edge counts. Whoever waits
//! for edges watches the state and sleeps between its changes.

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use pointsman_routing::name::EdgeId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::domain::Revision;

mod state;
mod wait;

pub use state::{Edge, Rejection};
pub use wait::{Goal, Progress};

use state::{Link, LinkId, State};

/// Edges that are remembered after they left. The one that left longest ago is forgotten first.
const MAX_REMEMBERED_EDGES: usize = 10_000;

/// What is known of all edges.
pub struct Fleet {
    state: watch::Sender<State>,
    closed: CancellationToken,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
}

impl Fleet {
    /// A fleet that nobody has joined.
    pub fn new(clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self {
            state: watch::Sender::new(State::default()),
            closed: CancellationToken::new(),
            clock: Box::new(clock),
        }
    }

    /// An edge has said hello. An older connection of the same edge is over.
    pub fn connect(self: &Arc<Self>, edge: EdgeId, version: &str) -> Connection {
        let over = CancellationToken::new();
        let now = (self.clock)();
        let mut link = None;
        self.state.send_modify(|state| {
            link = Some(state.connect(&edge, version, over.clone(), now));
            state.forget_all_but(MAX_REMEMBERED_EDGES);
        });
        Connection { fleet: Arc::clone(self), edge, link, over }
    }

    /// One edge.
    #[must_use]
    pub fn edge(&self, id: &EdgeId) -> Option<Edge> {
        self.state.borrow().edges.get(id).cloned()
    }

    /// At most `limit` edges behind `after`, in the order of their ids.
    #[must_use]
    pub fn edges(&self, after: Option<&EdgeId>, limit: usize) -> Vec<(EdgeId, Edge)> {
        self.edges_such(after, limit, |_| true)
    }

    /// The same, of those that are `such`.
    #[must_use]
    pub fn edges_such(
        &self,
        after: Option<&EdgeId>,
        limit: usize,
        such: impl Fn(&Edge) -> bool,
    ) -> Vec<(EdgeId, Edge)> {
        let state = self.state.borrow();
        let such = state.after(after).filter(|(_, edge)| such(edge)).take(limit);
        such.map(|(id, edge)| (id.clone(), edge.clone())).collect()
    }

    /// Waits until `goal` is reached, cannot be reached by those who are connected, or `timeout` is over; no longer
    /// than until [`Self::close`].
    pub async fn wait(&self, goal: &Goal, timeout: Duration) -> Progress {
        let mut states = self.state.subscribe();
        let settled = states.wait_for(|state| goal.judge(&state.edges).is_settled());
        // Whatever ended the wait, the answer is what holds then. The sender lives as long as `self`.
        let _ = tokio::time::timeout(timeout, self.closed.run_until_cancelled(settled)).await;
        goal.judge(&self.state.borrow().edges)
    }

    /// Nothing is worth waiting for any more: the control plane stops.
    pub fn close(&self) {
        self.closed.cancel();
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("edges", &self.state.borrow().edges.len()).finish_non_exhaustive()
    }
}

/// One stream of one edge. Dropping it disconnects the edge, if it has no newer one.
#[derive(Debug)]
pub struct Connection {
    fleet: Arc<Fleet>,
    edge: EdgeId,
    link: Option<LinkId>,
    over: CancellationToken,
}

impl Connection {
    /// Which edge it is.
    #[must_use]
    pub fn edge(&self) -> &EdgeId {
        &self.edge
    }

    /// Answers when a newer stream of the same edge has taken over.
    pub async fn replaced(&self) {
        self.over.cancelled().await;
    }

    /// The edge gave a sign of life. Wakes nobody.
    pub fn seen(&self) {
        self.update(|_| false);
    }

    /// The edge has taken in a revision, and what it holds then is what we hold.
    pub fn acknowledged(&self, revision: Revision, rejections: Vec<Rejection>) {
        self.update(|edge| {
            edge.revision = revision;
            edge.rejections = state::bounded(rejections);
            edge.trouble = None;
            if let Some(link) = &mut edge.link {
                link.acknowledged = true;
            }
            true
        });
    }

    /// The edge holds something else than we have sent it; says what and what is done about it, for admins.
    pub fn in_trouble(&self, trouble: impl Into<String>) {
        let trouble = trouble.into();
        self.update(|edge| {
            edge.trouble = Some(trouble);
            true
        });
    }

    /// Changes the edge's state, if this connection is still the latest. `change` says whether waiters care.
    fn update(&self, change: impl FnOnce(&mut Edge) -> bool) {
        let now = (self.fleet.clock)();
        self.fleet.state.send_if_modified(|state| match state.edges.get_mut(&self.edge) {
            Some(edge) if edge.link.as_ref().map(Link::id) == self.link => {
                edge.last_seen = now;
                change(edge)
            }
            _ => false,
        });
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.update(|edge| {
            edge.link = None;
            true
        });
    }
}

type Edges = BTreeMap<EdgeId, Edge>;

#[cfg(test)]
mod tests;
