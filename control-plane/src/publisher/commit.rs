//! One commit: what an edge takes in together, cut into chunks that fit into messages.

use pointsman_proto::edge::v1::{Chunk, Resource};

use super::progress::Position;
use crate::{domain::Epoch, store::Head};

/// A chunk is closed before it grows beyond this many resources and removals…
const CHUNK_ITEMS: usize = 512;
/// … or this many bytes. A resource that is larger by itself is a chunk of its own.
const CHUNK_BYTES: usize = 256 * 1024;

/// A snapshot or a change, at one revision.
#[derive(Debug)]
pub(super) struct Commit {
    position: Position,
    chunks: Vec<Chunk>,
}

impl Commit {
    /// In order; the last one, and only that, has `commit` set.
    pub(super) fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// Where an edge stands after it.
    pub(super) fn position(&self) -> Position {
        self.position
    }
}

/// Cuts a commit into chunks.
pub(super) struct Chunker {
    head: Head,
    full: bool,
    chunks: Vec<Chunk>,
    open: Chunk,
    open_bytes: usize,
}

impl Chunker {
    pub(super) fn new(head: Head, full: bool) -> Self {
        let open = empty(&head.epoch, &head, full);
        Self { head, full, chunks: Vec::new(), open, open_bytes: 0 }
    }

    pub(super) fn upsert(&mut self, resource: Resource) {
        self.make_room(resource.name.len() + resource.body.len());
        self.open.upserts.push(resource);
    }

    pub(super) fn removal(&mut self, name: String) {
        self.make_room(name.len());
        self.open.removals.push(name);
    }

    pub(super) fn finish(mut self, hash: pointsman_proto::edge::hash::ConfigHash) -> Commit {
        self.open.commit = true;
        self.chunks.push(self.open);
        Commit { position: Position { revision: self.head.revision, hash }, chunks: self.chunks }
    }

    fn make_room(&mut self, bytes: usize) {
        let items = self.open.upserts.len() + self.open.removals.len();
        if items > 0 && (items == CHUNK_ITEMS || self.open_bytes + bytes > CHUNK_BYTES) {
            let next = empty(&self.head.epoch, &self.head, self.full);
            self.chunks.push(std::mem::replace(&mut self.open, next));
            self.open_bytes = 0;
        }
        self.open_bytes += bytes;
    }
}

fn empty(epoch: &Epoch, head: &Head, full: bool) -> Chunk {
    Chunk { epoch: epoch.as_str().to_owned(), revision: head.revision.number(), full, ..Chunk::default() }
}
