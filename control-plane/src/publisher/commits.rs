//! Reads commits from the store, and shares them between the edges that need the same one.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use pointsman_proto::edge::{hash::ConfigHash, v1::Resource};
use pointsman_routing::name::ResourceName;
use prost::Message as _;
use tokio::sync::{Mutex as AsyncMutex, oneshot, watch};

use super::{
    commit::{ChunkSize, Chunker, Commit},
    everything,
    ledger::Ledger,
    progress::Position,
    redact::redacted,
};
use crate::{
    domain::{Caller, Epoch, Revision},
    grpc::convert::edge,
    store::{Head, PageKey, Snapshot, Store, StoreError},
};

/// An edge that is further behind than this many changed resources takes a snapshot. A change is read into memory once
/// for all edges that need it; this bounds it to some tens of megabytes.
const MAX_DELTA_CHANGES: usize = 100_000;
/// A snapshot that some edge is just being sent serves another one too, if it is not more revisions behind than this.
const MAX_SNAPSHOT_AGE: i64 = 1_000;
/// Snapshots in memory at a time, with the one that is being read. A further one is read where edges that are slow still
/// hold the others; then the oldest is given up.
const MAX_SNAPSHOTS: usize = 3;
/// Revisions whose hash is remembered.
const RECENT: usize = 256;

/// All commits of one database.
#[derive(Debug)]
pub(super) struct Commits {
    store: Store,
    chunk_size: ChunkSize,
    books: Arc<Books>,
    /// The snapshots that some edge is being sent, the latest last.
    snapshots: AsyncMutex<Vec<Weak<Commit>>>,
    /// The latest change and what it starts from: most edges need the same one.
    delta: AsyncMutex<Option<(Revision, Arc<Commit>)>>,
}

/// What is known of our own hash.
#[derive(Debug, Default)]
struct Books {
    /// Held for as long as a read takes: only by threads that may block.
    ledger: Mutex<Ledger>,
    /// The latest revisions that were read, the last one last. Held for a moment.
    recent: Mutex<VecDeque<Position>>,
}

/// A page of the configuration as people may see it.
#[derive(Debug)]
pub struct Page {
    /// The database and the revision of this page.
    pub head: Head,
    /// The resources, without secrets, in the order of their names.
    pub resources: Vec<Resource>,
    /// The last one of the page, where more are behind it.
    pub next: Option<ResourceName>,
}

impl Commits {
    pub(super) fn new(store: Store, chunk_size: ChunkSize) -> Self {
        Self {
            store,
            chunk_size,
            books: Arc::default(),
            snapshots: AsyncMutex::default(),
            delta: AsyncMutex::default(),
        }
    }

    pub(super) fn epoch(&self) -> &Epoch {
        self.store.epoch()
    }

    pub(super) fn head(&self) -> Revision {
        *self.store.revisions().borrow()
    }

    pub(super) fn revisions(&self) -> watch::Receiver<Revision> {
        self.store.revisions()
    }

    /// Our hash at a revision, if it was read lately.
    pub(super) fn recall(&self, revision: Revision) -> Option<ConfigHash> {
        let recent = lock(&self.books.recent);
        recent.iter().rev().find(|position| position.revision == revision).map(|position| position.hash)
    }

    pub(super) async fn warm(&self) -> Result<(), StoreError> {
        let books = Arc::clone(&self.books);
        self.store.read(move |view| books.position(view).map(drop)).await
    }

    /// A snapshot, of this revision or a later one.
    pub(super) async fn snapshot(&self, at_least: Revision) -> Result<Arc<Commit>, StoreError> {
        // Whoever comes while one is being read shares it, from its first chunk on.
        let mut snapshots = self.snapshots.lock().await;
        let oldest = at_least.number().max(self.head().number() - MAX_SNAPSHOT_AGE);
        let fresh = |commit: &Arc<Commit>| commit.position().revision.number() >= oldest;
        snapshots.retain(|snapshot| snapshot.strong_count() > 0);
        if let Some(commit) = snapshots.last().and_then(Weak::upgrade).filter(fresh) {
            return Ok(commit);
        }
        while snapshots.len() >= MAX_SNAPSHOTS - 1 {
            if let Some(oldest) = snapshots.remove(0).upgrade() {
                oldest.give_up();
            }
        }
        let (books, size) = (Arc::clone(&self.books), self.chunk_size);
        let commit = Arc::new(begin_snapshot(self.store.clone(), books, size).await?);
        snapshots.push(Arc::downgrade(&commit));
        Ok(commit)
    }

    /// The change that brings an edge from a revision to the head; none where the way from there is forgotten or too long.
    pub(super) async fn delta(&self, since: Revision) -> Result<Option<Arc<Commit>>, StoreError> {
        let mut latest = self.delta.lock().await;
        let head = self.head();
        if let Some((base, commit)) = &*latest
            && *base == since
            && commit.position().revision >= head
        {
            return Ok(Some(Arc::clone(commit)));
        }
        let (books, size) = (Arc::clone(&self.books), self.chunk_size);
        let delta = self.store.read(move |view| read_delta(view, since, &books, size)).await?.map(Arc::new);
        *latest = delta.clone().map(|delta| (since, delta));
        Ok(delta)
    }

    pub(super) fn page_key(&self) -> &PageKey {
        self.store.page_key()
    }

    pub(super) async fn page(
        &self,
        caller: Caller,
        after: Option<ResourceName>,
        limit: usize,
        bytes: usize,
    ) -> Result<Page, StoreError> {
        self.store.read(move |view| read_page(view, &caller, after.as_ref(), limit, bytes)).await
    }
}

/// Answers once it is known where the snapshot stands, and goes on reading.
async fn begin_snapshot(store: Store, books: Arc<Books>, size: ChunkSize) -> Result<Commit, StoreError> {
    let (begun, commit) = oneshot::channel();
    let reading = tokio::spawn(async move {
        store
            .read(move |view| {
                let position = books.position(view)?;
                let (mut chunker, commit) = Chunker::new(view.head()?, true, size, position.hash);
                // Where nobody waits for it any more, the first look says that it is not wanted.
                let _ = begun.send(commit);
                if let Err(error) = read_snapshot(view, &mut chunker) {
                    // The edges hear that it is cut off, and no more than that.
                    tracing::error!(%error, "a snapshot for edges could not be read");
                } else if chunker.is_wanted() {
                    chunker.finish();
                }
                Ok::<_, StoreError>(())
            })
            .await
    });
    match commit.await {
        Ok(commit) => Ok(commit),
        // It ended before it began.
        Err(_) => {
            Err(reading.await.unwrap_or(Err(StoreError::Panicked)).err().unwrap_or(StoreError::Panicked))
        }
    }
}

fn read_snapshot(view: &Snapshot<'_>, chunker: &mut Chunker) -> Result<(), StoreError> {
    everything::for_each(view, |resource| {
        chunker.upsert(resource);
        let is_wanted = chunker.is_wanted();
        Ok::<_, StoreError>(if is_wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })
}

fn read_delta(
    view: &Snapshot<'_>,
    since: Revision,
    books: &Books,
    size: ChunkSize,
) -> Result<Option<Commit>, StoreError> {
    let position = books.position(view)?;
    if !view.remembers(since)? {
        return Ok(None);
    }
    let Some(changes) = view.changes_since(since, MAX_DELTA_CHANGES)? else { return Ok(None) };
    let (mut chunker, commit) = Chunker::new(view.head()?, false, size, position.hash);
    for change in changes {
        // What there is now counts, and not what happened in between: a name that was removed and made again is there.
        match view.resource(&change.name)? {
            Some(resource) => chunker.upsert(edge::resource(&resource)),
            None => chunker.removal(change.name.to_string()),
        }
    }
    chunker.finish();
    Ok(Some(commit))
}

fn read_page(
    view: &Snapshot<'_>,
    caller: &Caller,
    after: Option<&ResourceName>,
    limit: usize,
    mut bytes_left: usize,
) -> Result<Page, StoreError> {
    let mut page = Page { head: view.head()?, resources: Vec::new(), next: None };
    let mut last = None;
    view.for_each_resource(after, |resource| {
        let name = resource.name();
        if !caller.may_read(&name) {
            return Ok(ControlFlow::Continue(()));
        }
        let resource = edge::resource(&redacted(resource));
        let room = bytes_left.checked_sub(resource.encoded_len());
        let is_full = page.resources.len() == limit || (room.is_none() && !page.resources.is_empty());
        if is_full {
            page.next = last.take();
            return Ok::<_, StoreError>(ControlFlow::Break(()));
        }
        bytes_left = room.unwrap_or_default();
        page.resources.push(resource);
        last = Some(name);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(page)
}

impl Books {
    /// Where the state that `view` sees stands, which is remembered.
    fn position(&self, view: &Snapshot<'_>) -> Result<Position, StoreError> {
        let position = lock(&self.ledger).advance(view)?;
        let mut recent = lock(&self.recent);
        if recent.back() != Some(&position) {
            recent.push_back(position);
            if recent.len() > RECENT {
                recent.pop_front();
            }
        }
        Ok(position)
    }
}

/// What a panic left behind is still consistent: the ledger is empty while it changes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
