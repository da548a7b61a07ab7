//! Sends the configuration to edges: a snapshot where an edge needs one, then each change.
//!
//! A stream's way: `message` parses what the edge says → `session` runs the stream → `progress` knows what the
//! edge holds and what it needs next → `commits` reads that from the store, or has just read it for another edge →
//! `commit` cuts it into chunks, of which the first are on their way while the last are still being read.
//!
//! Snapshots are what costs: so many edges at a time are sent one, and the others wait for their turn. What a snapshot is
//! kept for, by an edge that takes it slowly, is bounded too: of more than a few, the oldest is given up with its edge's
//! stream.
//!
//! An edge may [hold a snapshot back](pointsman_proto::edge::v1::HeldBack). It is offered later states, some time apart,
//! and sent one behind an admin's word for it.
//!
//! Nothing queues. One commit at a time is under way to an edge; while it is, changes only move the head, and the next
//! commit covers all of them. A slow edge so costs the memory of one commit, which it shares with all that need the
//! same. A commit carries the [hash](pointsman_proto::edge::hash) over everything that the edge holds after it; an edge
//! that holds something else is found out by its acknowledgement, or by a heartbeat, and gets a snapshot.

use std::{sync::Arc, time::Duration};

use futures::Stream;
use pointsman_proto::edge::v1::{StreamConfigRequest, StreamConfigResponse};
use pointsman_routing::name::{EdgeId, ResourceName};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    domain::Caller,
    fleet::Fleet,
    store::{PageKey, Store, StoreError},
};

mod commit;
mod commits;
mod everything;
mod ledger;
mod message;
mod progress;
mod redact;
mod session;

pub use commits::Page;
pub use message::MessageError;
#[cfg(feature = "fuzzing")]
pub(crate) use message::judge;

use commit::{ChunkSize, Cut};
use commits::Commits;

/// Messages to an edge that wait for the network. Few: each can be a whole chunk.
const OUTBOUND_MESSAGES: usize = 4;

/// Times and bounds, with the defaults of [`Settings::default`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// Streams at a time: 4,096.
    pub streams: usize,
    /// For the edge's hello: 10 s.
    pub hello_timeout: Duration,
    /// Between two messages to an edge: 5 s. An edge that is silent for three of these is gone.
    pub heartbeat: Duration,
    /// A chunk is closed before it grows beyond this many resources and removals: 512.
    pub chunk_items: usize,
    /// A chunk is closed before its resources grow beyond this many bytes: 256 KiB. A resource that is larger by itself
    /// is a chunk of its own.
    pub chunk_bytes: usize,
    /// Edges that are sent a snapshot at a time, and take it as fast as it comes: 32. The others wait for their turn.
    pub snapshots: usize,
    /// An edge that has not taken a chunk for so long does not count as one of them any more: 1 s.
    pub slow: Duration,
    /// Between two snapshots that are offered to an edge which has held one back: 30 s.
    pub offer_delay: Duration,
    /// For each chunk to be taken off our hands, and for a commit to be acknowledged after that: 60 s.
    pub commit_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            streams: 4_096,
            hello_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(5),
            chunk_items: 512,
            chunk_bytes: 256 * 1024,
            snapshots: 32,
            slow: Duration::from_secs(1),
            offer_delay: Duration::from_secs(30),
            commit_timeout: Duration::from_secs(60),
        }
    }
}

/// Sends the configuration to edges. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Publisher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    commits: Commits,
    fleet: Arc<Fleet>,
    settings: Settings,
    streams: Arc<Semaphore>,
    /// Who is being sent a snapshot.
    snapshots: Arc<Semaphore>,
    drain: CancellationToken,
    tasks: TaskTracker,
}

/// What an edge hears when its stream ends; for every end but its own leaving.
#[derive(Debug, thiserror::Error)]
pub enum StreamEnd {
    /// The control plane is stopping.
    #[error("the control plane is stopping")]
    Draining,
    /// As many streams are open as may be.
    #[error("the control plane serves as many edges as it can")]
    TooManyStreams,
    /// No hello in time.
    #[error("no hello within {0:?}")]
    NoHello(Duration),
    /// The caller is bound to another edge.
    #[error("the access token is for {bound}, and the hello is of {edge}")]
    AnotherEdge {
        /// Whose hello it is.
        edge: EdgeId,
        /// Who the caller may be.
        bound: EdgeId,
    },
    /// A newer stream of the same edge.
    #[error("another stream of this edge has taken over; each edge needs an id of its own")]
    Replaced,
    /// Nothing was heard for too long.
    #[error("nothing was heard from the edge for {0:?}")]
    Silent(Duration),
    /// A commit was not taken, or not acknowledged.
    #[error("a commit was not taken in within {0:?}")]
    Stalled(Duration),
    /// It was slow to take a snapshot, which meanwhile is so old that others need later ones.
    #[error("a snapshot was not taken in before it was too old")]
    Outrun,
    /// The edge said something that is no message, or its connection broke.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The edge said something that makes no sense.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A read failed. The reason is for our log.
    #[error("the configuration could not be read")]
    Store(#[from] StoreError),
    /// A read failed after the edge was sent a part; the log has the reason already.
    #[error("the configuration could not be read to its end")]
    Cut,
}

/// Something that is no message, or too long for one; or a connection that broke.
#[derive(Debug, thiserror::Error)]
#[error("a message could not be read: {reason}")]
pub struct Unreadable {
    /// What is wrong.
    pub reason: String,
    /// It is longer than a message may be.
    pub too_long: bool,
}

/// What an edge is sent.
pub type Outbound = ReceiverStream<Result<StreamConfigResponse, StreamEnd>>;

impl From<Cut> for StreamEnd {
    fn from(Cut: Cut) -> Self {
        Self::Cut
    }
}

impl Publisher {
    /// A publisher of what `store` holds, that tells `fleet` how edges are doing.
    #[must_use]
    pub fn new(store: Store, fleet: Arc<Fleet>, settings: Settings) -> Self {
        Self(Arc::new(Shared {
            commits: Commits::new(
                store,
                ChunkSize { items: settings.chunk_items, bytes: settings.chunk_bytes },
            ),
            fleet,
            streams: Arc::new(Semaphore::new(settings.streams)),
            snapshots: Arc::new(Semaphore::new(settings.snapshots)),
            settings,
            drain: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Reads the configuration once, so that the first edge need not wait for it.
    pub async fn warm(&self) -> Result<(), StoreError> {
        self.0.commits.warm().await
    }

    /// Notes when revisions are made, for as long as it is polled.
    pub async fn follow_heads(&self) {
        let mut revisions = self.0.commits.revisions();
        loop {
            let head = *revisions.borrow_and_update();
            self.0.fleet.made(head);
            if revisions.changed().await.is_err() {
                return;
            }
        }
    }

    /// Runs a stream, in a task of its own, until it ends. `inbound` ends where the edge leaves. Where there is a `bound`,
    /// the stream is for that edge and no other.
    pub fn stream<S>(&self, inbound: S, bound: Option<EdgeId>) -> Result<Outbound, StreamEnd>
    where
        S: Stream<Item = Result<StreamConfigRequest, Unreadable>> + Send + 'static,
    {
        if self.0.drain.is_cancelled() {
            return Err(StreamEnd::Draining);
        }
        let permit =
            Arc::clone(&self.0.streams).try_acquire_owned().map_err(|_| StreamEnd::TooManyStreams)?;
        let (sender, receiver) = mpsc::channel(OUTBOUND_MESSAGES);
        let shared = Arc::clone(&self.0);
        self.0.tasks.spawn(async move {
            let _permit = permit;
            session::run(&shared, Box::pin(inbound), bound, sender).await;
        });
        Ok(ReceiverStream::new(receiver))
    }

    /// A page of what edges are sent and `caller` may see, behind the resource `after`, with secrets redacted. It ends at `limit` resources
    /// or `bytes`, but has at least one resource where there is one.
    pub async fn page(
        &self,
        caller: Caller,
        after: Option<ResourceName>,
        limit: usize,
        bytes: usize,
    ) -> Result<Page, StoreError> {
        self.0.commits.page(caller, after, limit, bytes).await
    }

    /// The key that seals page tokens.
    #[must_use]
    pub fn page_key(&self) -> &PageKey {
        self.0.commits.page_key()
    }

    /// Ends all streams and all waiting for edges, and takes no new streams. Answers when the last one has ended.
    pub async fn drain(&self) {
        self.0.fleet.close();
        self.0.drain.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests;
