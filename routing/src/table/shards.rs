//! A hash table in shards, which clones share until one of them changes.

use std::{fmt, hash::BuildHasher, hash::RandomState, sync::Arc};

use hashbrown::HashTable;

/// Nodes of shards.
const NODES: usize = 128;
/// Shards of a node.
const SHARDS: usize = 128;

/// What entries are found by. An entry with a simple key leaves one half empty.
pub(super) type Key<'a> = (&'a str, &'a str);

type Shard<T> = Arc<HashTable<T>>;
type Node<T> = Arc<[Shard<T>; SHARDS]>;

/// A bag of entries, found by a key that each entry holds; several may have the same one. A change copies one shard
/// (1/16,384 of the entries) and the two small arrays that lead to it; until the next clone, further changes there copy
/// nothing.
///
/// Keys come from outside, so that they are hashed with a random secret.
#[derive(Clone)]
pub(super) struct Shards<T> {
    key_of: fn(&T) -> Key<'_>,
    hasher: RandomState,
    nodes: Arc<[Node<T>; NODES]>,
    len: usize,
}

impl<T: Clone> Shards<T> {
    pub(super) fn new(key_of: fn(&T) -> Key<'_>) -> Self {
        let shard = Shard::default();
        let node: Node<T> = Arc::new(std::array::from_fn(|_| Arc::clone(&shard)));
        let nodes = Arc::new(std::array::from_fn(|_| Arc::clone(&node)));
        Self { key_of, hasher: RandomState::new(), nodes, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All entries of a key, in no order.
    pub(super) fn all<'a>(&'a self, key: Key<'a>) -> impl Iterator<Item = &'a T> {
        let hash = self.hasher.hash_one(key);
        let (node, shard) = place(hash);
        self.nodes[node][shard].iter_hash(hash).filter(move |entry| (self.key_of)(entry) == key)
    }

    /// All entries, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.nodes.iter().flat_map(|node| node.iter()).flat_map(|shard| shard.iter())
    }

    /// The entry of a key, where it is the only one.
    pub(super) fn only<'a>(&'a self, key: Key<'a>) -> Option<&'a T> {
        only(self.all(key))
    }

    /// Adds an entry, beside others of its key.
    pub(super) fn insert(&mut self, entry: T) {
        let hash = self.hasher.hash_one((self.key_of)(&entry));
        let (key_of, hasher) = (self.key_of, self.hasher.clone());
        self.shard_mut(hash).insert_unique(hash, entry, |moved| hasher.hash_one(key_of(moved)));
        self.len += 1;
    }

    /// Takes out one entry of a key that `is_wanted` picks.
    pub(super) fn remove(&mut self, key: Key<'_>, is_wanted: impl Fn(&T) -> bool) -> Option<T> {
        // Looked for first: what is not there needs no copy.
        self.all(key).find(|entry| is_wanted(entry))?;
        let hash = self.hasher.hash_one(key);
        let key_of = self.key_of;
        let found = self.shard_mut(hash).find_entry(hash, |entry| key_of(entry) == key && is_wanted(entry));
        let (entry, _) = found.ok()?.remove();
        self.len -= 1;
        Some(entry)
    }

    fn shard_mut(&mut self, hash: u64) -> &mut HashTable<T> {
        let (node, shard) = place(hash);
        Arc::make_mut(&mut Arc::make_mut(&mut Arc::make_mut(&mut self.nodes)[node])[shard])
    }
}

impl<T> fmt::Debug for Shards<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shards").field("len", &self.len).finish_non_exhaustive()
    }
}

/// The item of an iterator that has one only.
pub(super) fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// Node and shard of a hash: bits that the table of a shard does not use itself (it takes the lowest and the highest).
fn place(hash: u64) -> (usize, usize) {
    let bits = |shift: u32, size: usize| (hash >> shift) as usize % size;
    (bits(40, NODES), bits(47, SHARDS))
}

#[cfg(test)]
mod tests;
