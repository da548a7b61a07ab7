//! One commit: what an edge takes in together, cut into chunks that fit into messages.

use std::fmt;

use pointsman_proto::edge::{
    hash::ConfigHash,
    v1::{Chunk, Resource},
};

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

/// A snapshot or a change, at one revision. `Debug` hides the resources: there are secrets in them.
pub(super) struct Commit {
    position: Position,
    chunks: Vec<Chunk>,
    outrun: CancellationToken,
}

impl Commit {
    /// In order; the last one, and only that, has `commit` set.
    pub(super) fn chunks(&self) -> &[Chunk] {
        &self.chunks
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
            .field("chunks", &self.chunks.len())
            .finish_non_exhaustive()
    }
}

/// Cuts a commit into chunks.
pub(super) struct Chunker {
    head: Head,
    full: bool,
    size: ChunkSize,
    chunks: Vec<Chunk>,
    open: Chunk,
    open_bytes: usize,
}

impl Chunker {
    pub(super) fn new(head: Head, full: bool, size: ChunkSize) -> Self {
        let open = empty(&head, full);
        Self { head, full, size, chunks: Vec::new(), open, open_bytes: 0 }
    }

    pub(super) fn upsert(&mut self, resource: Resource) {
        self.make_room(resource.name.len() + resource.body.len());
        self.open.upserts.push(resource);
    }

    pub(super) fn removal(&mut self, name: String) {
        self.make_room(name.len());
        self.open.removals.push(name);
    }

    pub(super) fn finish(mut self, hash: ConfigHash) -> Commit {
        self.open.commit = true;
        self.chunks.push(self.open);
        let position = Position { revision: self.head.revision, hash };
        Commit { position, chunks: self.chunks, outrun: CancellationToken::new() }
    }

    fn make_room(&mut self, bytes: usize) {
        let items = self.open.upserts.len() + self.open.removals.len();
        if items > 0 && (items >= self.size.items || self.open_bytes + bytes > self.size.bytes) {
            let next = empty(&self.head, self.full);
            self.chunks.push(std::mem::replace(&mut self.open, next));
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

    fn chunker(items: usize, bytes: usize) -> Chunker {
        let head = Head { epoch: Epoch::new("e".to_owned()), revision: Revision::new(7) };
        Chunker::new(head, true, ChunkSize { items, bytes })
    }

    fn resource(bytes: usize) -> Resource {
        // A name of one byte.
        Resource { name: "n".to_owned(), revision: 1, body: vec![0; bytes - 1].into() }
    }

    /// How many resources and removals are in each chunk.
    fn sizes(chunker: Chunker) -> Vec<usize> {
        let commit = chunker.finish(ConfigHash::default());
        let (last, others) = commit.chunks().split_last().expect("a commit has a chunk");
        assert!(last.commit && others.iter().all(|chunk| !chunk.commit));
        assert!(commit.chunks().iter().all(|chunk| chunk.epoch == "e" && chunk.revision == 7 && chunk.full));
        commit.chunks().iter().map(|chunk| chunk.upserts.len() + chunk.removals.len()).collect()
    }

    #[test]
    fn debug_shows_no_resource() {
        let mut chunker = chunker(2, 100);
        chunker.upsert(Resource { name: "n".to_owned(), revision: 1, body: "s3cret".into() });
        let shown = format!("{:?}", chunker.finish(ConfigHash::default()));
        assert!(shown.contains("chunks: 1") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn an_empty_commit_is_one_chunk() {
        assert_eq!(sizes(chunker(2, 100)), [0]);
    }

    #[test]
    fn chunks_are_bounded_by_items() {
        let mut chunker = chunker(2, 100);
        chunker.upsert(resource(1));
        chunker.removal("n".to_owned());
        chunker.removal("n".to_owned());
        assert_eq!(sizes(chunker), [2, 1]);
    }

    #[test]
    fn chunks_are_bounded_by_bytes_and_a_giant_is_alone() {
        let mut chunker = chunker(100, 10);
        for bytes in [5, 5, 1, 50, 10, 9, 2] {
            chunker.upsert(resource(bytes));
        }
        assert_eq!(sizes(chunker), [2, 1, 1, 1, 1, 1]);
    }
}
