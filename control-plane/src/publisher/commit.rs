//! One commit: what an edge takes in together, cut into chunks that fit into messages.

use std::{fmt, sync::Arc};

use pointsman_proto::edge::{
    hash::ConfigHash,
    v1::{Chunk, Resource},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::progress::Position;
use crate::store::Head;

/// What a chunk may hold. A resource that is larger by itself is a chunk of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChunkSize {
    /// Resources and removals.
    pub(super) items: usize,
    /// Bytes of their names and bodies.
    pub(super) bytes: usize,
}

/// A snapshot or a change, at one revision. Whoever sends it can begin with its first chunk while the rest is still being
/// read. `Debug` hides the resources: there are secrets in them.
pub(super) struct Commit {
    position: Position,
    read: watch::Receiver<Read>,
    outrun: CancellationToken,
}

/// What of a commit was read.
#[derive(Default)]
struct Read {
    chunks: Vec<Arc<Chunk>>,
    whole: bool,
}

/// A commit that could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration could not be read")]
pub(super) struct Cut;

impl Commit {
    /// The chunk at an index, once it was read; none behind the last one. The last one, and only that, has `commit` set.
    pub(super) async fn chunk(&self, index: usize) -> Result<Option<Arc<Chunk>>, Cut> {
        let mut read = self.read.clone();
        let is_there = |read: &Read| read.whole || index < read.chunks.len();
        let read = read.wait_for(is_there).await.map_err(|_| Cut)?;
        Ok(read.chunks.get(index).cloned())
    }

    /// Answers when it is too old to be sent any longer.
    pub(super) async fn outrun(&self) {
        self.outrun.cancelled().await;
    }

    /// It is too old to be sent any longer.
    pub(super) fn give_up(&self) {
        self.outrun.cancel();
    }

    /// Where an edge stands after it.
    pub(super) fn position(&self) -> Position {
        self.position
    }
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit")
            .field("position", &self.position)
            .field("chunks", &self.read.borrow().chunks.len())
            .finish_non_exhaustive()
    }
}

/// Cuts a commit into chunks, each of which is there to be sent once it is full.
pub(super) struct Chunker {
    head: Head,
    full: bool,
    size: ChunkSize,
    read: watch::Sender<Read>,
    open: Chunk,
    open_bytes: usize,
}

impl Chunker {
    /// With the commit of the chunks, which brings edges to `hash`.
    pub(super) fn new(head: Head, full: bool, size: ChunkSize, hash: ConfigHash) -> (Self, Commit) {
        let open = empty(&head, full);
        let (sender, read) = watch::channel(Read::default());
        let position = Position { revision: head.revision, hash };
        let commit = Commit { position, read, outrun: CancellationToken::new() };
        (Self { head, full, size, read: sender, open, open_bytes: 0 }, commit)
    }

    /// Whether there is still somebody who could send it.
    pub(super) fn is_wanted(&self) -> bool {
        !self.read.is_closed()
    }

    pub(super) fn upsert(&mut self, resource: Resource) {
        self.make_room(resource.name.len() + resource.body.len());
        self.open.upserts.push(resource);
    }

    pub(super) fn removal(&mut self, name: String) {
        self.make_room(name.len());
        self.open.removals.push(name);
    }

    /// Without it the commit is cut off.
    pub(super) fn finish(mut self) {
        self.open.commit = true;
        let last = Arc::new(self.open);
        self.read.send_modify(|read| {
            read.chunks.push(last);
            read.whole = true;
        });
    }

    fn make_room(&mut self, bytes: usize) {
        let items = self.open.upserts.len() + self.open.removals.len();
        if items > 0 && (items >= self.size.items || self.open_bytes + bytes > self.size.bytes) {
            let next = empty(&self.head, self.full);
            let full = Arc::new(std::mem::replace(&mut self.open, next));
            self.read.send_modify(|read| read.chunks.push(full));
            self.open_bytes = 0;
        }
        self.open_bytes += bytes;
    }
}

fn empty(head: &Head, full: bool) -> Chunk {
    Chunk {
        epoch: head.epoch.as_str().to_owned(),
        revision: head.revision.number(),
        full,
        ..Chunk::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Epoch, Revision};

    fn chunker(items: usize, bytes: usize) -> (Chunker, Commit) {
        let head = Head { epoch: Epoch::new("e".to_owned()), revision: Revision::new(7) };
        Chunker::new(head, true, ChunkSize { items, bytes }, ConfigHash::default())
    }

    fn resource(bytes: usize) -> Resource {
        // A name of one byte.
        Resource { name: "n".to_owned(), revision: 1, body: vec![0; bytes - 1].into() }
    }

    /// How many resources and removals are in each chunk.
    fn sizes(chunker: Chunker, commit: &Commit) -> Vec<usize> {
        chunker.finish();
        let chunks = &commit.read.borrow().chunks;
        let (last, others) = chunks.split_last().expect("a commit has a chunk");
        assert!(last.commit && others.iter().all(|chunk| !chunk.commit));
        assert!(chunks.iter().all(|chunk| chunk.epoch == "e" && chunk.revision == 7 && chunk.full));
        chunks.iter().map(|chunk| chunk.upserts.len() + chunk.removals.len()).collect()
    }

    #[test]
    fn debug_shows_no_resource() {
        let (mut chunker, commit) = chunker(2, 100);
        chunker.upsert(Resource { name: "n".to_owned(), revision: 1, body: "s3cret".into() });
        chunker.finish();
        let shown = format!("{commit:?}");
        assert!(shown.contains("chunks: 1") && !shown.contains("s3cret"), "{shown}");
    }

    #[tokio::test]
    async fn chunks_are_there_before_the_last_one() {
        let (mut chunker, commit) = chunker(1, 100);
        chunker.upsert(resource(1));
        chunker.upsert(resource(1));
        assert!(!commit.chunk(0).await.unwrap().unwrap().commit);
        let rest = async { (commit.chunk(1).await.unwrap(), commit.chunk(2).await.unwrap()) };
        let (last, behind) = tokio::join!(rest, async { chunker.finish() }).0;
        assert!(last.unwrap().commit && behind.is_none());
    }

    #[tokio::test]
    async fn what_is_not_read_to_its_end_is_cut() {
        let (mut chunker, commit) = chunker(1, 100);
        chunker.upsert(resource(1));
        chunker.upsert(resource(1));
        assert!(chunker.is_wanted());
        drop(chunker);
        assert!(commit.chunk(0).await.unwrap().is_some());
        assert_eq!(commit.chunk(1).await, Err(Cut));
        let (chunker, commit) = self::chunker(1, 100);
        drop(commit);
        assert!(!chunker.is_wanted());
    }

    #[test]
    fn an_empty_commit_is_one_chunk() {
        let (chunker, commit) = chunker(2, 100);
        assert_eq!(sizes(chunker, &commit), [0]);
    }

    #[test]
    fn chunks_are_bounded_by_items() {
        let (mut chunker, commit) = chunker(2, 100);
        chunker.upsert(resource(1));
        chunker.removal("n".to_owned());
        chunker.removal("n".to_owned());
        assert_eq!(sizes(chunker, &commit), [2, 1]);
    }

    #[test]
    fn chunks_are_bounded_by_bytes_and_a_giant_is_alone() {
        let (mut chunker, commit) = chunker(100, 10);
        for bytes in [5, 5, 1, 50, 10, 9, 2] {
            chunker.upsert(resource(bytes));
        }
        assert_eq!(sizes(chunker, &commit), [2, 1, 1, 1, 1, 1]);
    }
}
