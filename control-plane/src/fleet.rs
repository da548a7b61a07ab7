//! The fleet: which edges are connected, what they serve, and what they cannot use.
//!
//! All of it is in memory: an edge says what it holds when it connects, and each of its streams begins with a commit
//! that it acknowledges. A [`Connection`] is one stream of one edge; only the latest of an edge counts. Whoever waits
//! for edges watches the state and sleeps between its changes.

use std::{
    collections::BTreeMap,
    fmt,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use pointsman_routing::name::EdgeId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::domain::Revision;

mod accept;
mod heads;
mod state;
mod wait;

pub use accept::{AcceptError, Held, Which};
pub use state::{Edge, HeldBack, Loss, Rejection};
pub use wait::{Goal, Progress};

use heads::Heads;
use state::{Link, LinkId, State};

/// Edges that are remembered after they left. The one that left longest ago is forgotten first.
const MAX_REMEMBERED_EDGES: usize = 10_000;

/// What is known of all edges.
pub struct Fleet {
    state: watch::Sender<State>,
    heads: Mutex<Heads>,
    closed: CancellationToken,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
}

impl Fleet {
    /// A fleet that nobody has joined.
    pub fn new(clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self {
            state: watch::Sender::new(State::default()),
            heads: Mutex::default(),
            closed: CancellationToken::new(),
            clock: Box::new(clock),
        }
    }

    /// An edge has said hello. An older connection of the same edge is over.
    pub fn connect(self: &Arc<Self>, edge: EdgeId, version: &str) -> Connection {
        let over = CancellationToken::new();
        let (accept, accepted) = watch::channel(None);
        let now = (self.clock)();
        let mut link = None;
        self.state.send_modify(|state| {
            link = Some(state.connect(&edge, version, over.clone(), accept, now));
            state.forget_all_but(MAX_REMEMBERED_EDGES);
        });
        Connection { fleet: Arc::clone(self), edge, link, over, accepted }
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

    /// The database has come to this revision.
    pub fn made(&self, revision: Revision) {
        lock(&self.heads).made(revision, (self.clock)());
    }

    /// Since when somebody who serves a revision is behind, as far back as is known; none where they are not.
    #[must_use]
    pub fn behind_since(&self, revision: Revision) -> Option<SystemTime> {
        lock(&self.heads).behind_since(revision)
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
    accepted: watch::Receiver<Option<Revision>>,
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

    /// What admins confirm of what the edge holds back.
    #[must_use]
    pub fn accepted(&self) -> Accepted {
        Accepted(self.accepted.clone())
    }

    /// What the edge says in its hello that it serves: a revision of a database.
    pub fn serves(&self, epoch: &str, revision: Revision) {
        self.update(|edge| {
            edge.epoch = state::printable(epoch, state::MAX_REASON_CHARS);
            edge.revision = revision;
            false
        });
    }

    /// The edge gave a sign of life. Wakes nobody.
    pub fn seen(&self) {
        self.update(|_| false);
    }

    /// The edge has taken in a revision of a database, and what it holds then is what we hold.
    pub fn acknowledged(&self, epoch: &str, revision: Revision, rejections: Vec<Rejection>) {
        self.update(|edge| {
            if edge.epoch != epoch {
                epoch.clone_into(&mut edge.epoch);
            }
            edge.revision = revision;
            edge.rejections = state::bounded(rejections);
            edge.held_back = None;
            edge.trouble = None;
            if let Some(link) = &mut edge.link {
                link.acknowledged = true;
                link.accepting = false;
            }
            true
        });
    }

    /// The edge was sent something that it holds back. It goes on serving `revision`, of the database that it said.
    pub fn holds_back(&self, revision: Revision, held_back: HeldBack, rejections: Vec<Rejection>) {
        self.update(|edge| {
            edge.revision = revision;
            edge.rejections = state::bounded(rejections);
            edge.held_back = Some(held_back);
            edge.trouble = None;
            if let Some(link) = &mut edge.link {
                link.accepting = false;
            }
            true
        });
    }

    /// How the edge's copy on disk is: empty where nothing is wrong with it. Wakes nobody.
    pub fn copy_fault(&self, fault: &str) {
        self.update(|edge| {
            edge.copy_fault = state::printable(fault, state::MAX_REASON_CHARS);
            false
        });
    }

    /// The edge holds something else than we have sent it; says what and what is done about it, for admins.
    pub fn in_trouble(&self, trouble: impl Into<String>) {
        let trouble = trouble.into();
        self.update(|edge| {
            edge.trouble = Some(trouble);
            edge.held_back = None;
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

/// An admin's word for an edge.
#[derive(Debug)]
pub struct Accepted(watch::Receiver<Option<Revision>>);

impl Accepted {
    /// Answers when an admin has confirmed what the edge holds back: with the revision of that.
    pub async fn next(&mut self) -> Revision {
        loop {
            if self.0.changed().await.is_err() {
                // A newer stream has taken over.
                return pending().await;
            }
            if let Some(revision) = *self.0.borrow_and_update() {
                return revision;
            }
        }
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

/// What a panic left behind is still consistent: entries are added whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Edges = BTreeMap<EdgeId, Edge>;

#[cfg(test)]
mod tests;
