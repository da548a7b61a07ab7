//! A hash table in shards, which clones share until one of them changes.

use std::{
    fmt,
    hash::{BuildHasher as _, Hash, Hasher},
    mem,
    sync::Arc,
};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

/// Nodes of shards.
const NODES: usize = 128;
/// Shards of a node.
const SHARDS: usize = 128;

/// What entries are found by: a text, or one within another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key<'a> {
    within: &'a [u8],
    text: &'a [u8],
}

impl<'a> Key<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { within: &[], text: text.as_bytes() }
    }

    /// `within` is an id: where it ends shows.
    pub(super) fn within(within: &'a str, text: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { within: within.as_bytes(), text: text.as_ref() }
    }
}

/// Shorter than what is derived.
impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.within);
        state.write_u8(b'/');
        state.write(self.text);
    }
}

type Shard<T> = Arc<HashTable<T>>;
type Node<T> = Arc<[Shard<T>; SHARDS]>;

/// A bag of entries, found by a key that each entry holds; several may have the same one. A change copies one shard
/// (1/16,384 of the entries) and the two small arrays that lead to it; until the next clone, further changes there copy
/// nothing.
///
/// What is looked for comes from outside, so that keys are hashed with a random secret. What is put in does not, so that a
/// fast hash will do.
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
        Self { key_of, hasher: RandomState::default(), nodes, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All entries of a key, in no order.
    pub(super) fn all<'s>(&'s self, key: Key<'_>) -> impl Iterator<Item = &'s T> {
        let hash = self.hasher.hash_one(key);
        let (node, shard) = place(hash);
        self.nodes[node][shard].iter_hash(hash).filter(move |entry| (self.key_of)(entry) == key)
    }

    /// All entries, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.nodes.iter().flat_map(|node| node.iter()).flat_map(|shard| shard.iter())
    }

    /// The entry of a key, where it is the only one.
    pub(super) fn only(&self, key: Key<'_>) -> Option<&T> {
        only(self.all(key))
    }

    /// Adds an entry, beside others of its key.
    pub(super) fn insert(&mut self, entry: T) {
        let hash = self.hasher.hash_one((self.key_of)(&entry));
        let (key_of, hasher) = (self.key_of, self.hasher.clone());
        self.shard_mut(hash).insert_unique(hash, entry, |moved| hasher.hash_one(key_of(moved)));
        self.len += 1;
    }

    /// Puts an entry in the place of one of its key that `is_before` picks, and gives that back; beside others of its key
    /// where there is none.
    pub(super) fn replace(&mut self, entry: T, is_before: impl Fn(&T) -> bool) -> Option<T> {
        let (key_of, hasher) = (self.key_of, self.hasher.clone());
        let hash = hasher.hash_one(key_of(&entry));
        let shard = self.shard_mut(hash);
        let is_before = |held: &T| key_of(held) == key_of(&entry) && is_before(held);
        if let Some(before) = shard.find_mut(hash, is_before) {
            return Some(mem::replace(before, entry));
        }
        shard.insert_unique(hash, entry, |moved| hasher.hash_one(key_of(moved)));
        self.len += 1;
        None
    }

    /// The hash of an entry's key, for [`Self::insert_all`] and [`Self::replace_all`].
    pub(super) fn hash_of(&self, entry: &T) -> u64 {
        self.hasher.hash_one((self.key_of)(entry))
    }

    /// As [`Self::insert`] of many entries, each of which comes with its hash.
    pub(super) fn insert_all(&mut self, entries: Vec<(u64, T)>) {
        let (key_of, hasher) = (self.key_of, self.hasher.clone());
        self.len += entries.len();
        self.by_shard(entries, |shard, hash, entry| {
            shard.insert_unique(hash, entry, |moved| hasher.hash_one(key_of(moved)));
        });
    }

    /// As [`Self::replace`] of many entries, each of which comes with its hash. Gives back those that another one of the
    /// same key stands for, which is the later one, unless `outlasts` says that the earlier one stays.
    pub(super) fn replace_all(
        &mut self,
        entries: Vec<(u64, T)>,
        outlasts: impl Fn(&T, &T) -> bool,
    ) -> Vec<T> {
        let (key_of, hasher) = (self.key_of, self.hasher.clone());
        let (count, mut replaced) = (entries.len(), Vec::new());
        self.by_shard(entries, |shard, hash, entry| {
            match shard.find_mut(hash, |held| key_of(held) == key_of(&entry)) {
                Some(held) if outlasts(held, &entry) => replaced.push(entry),
                Some(held) => replaced.push(mem::replace(held, entry)),
                None => {
                    shard.insert_unique(hash, entry, |moved| hasher.hash_one(key_of(moved)));
                }
            }
        });
        self.len += count - replaced.len();
        replaced
    }

    /// Hands out entries with their shards: one shard after the other, each of which makes room once and is at hand while
    /// it is filled. The order within a shard stays.
    fn by_shard(&mut self, mut entries: Vec<(u64, T)>, mut each: impl FnMut(&mut HashTable<T>, u64, T)) {
        let (key_of, hasher) = (self.key_of, self.hasher.clone());
        entries.sort_by_key(|(hash, _)| place(*hash));
        let mut entries = entries.into_iter();
        while let Some(&(hash, _)) = entries.as_slice().first() {
            let of_shard = |(other, _): &&(u64, T)| place(*other) == place(hash);
            let count = entries.as_slice().iter().take_while(of_shard).count();
            let shard = self.shard_mut(hash);
            shard.reserve(count, |moved| hasher.hash_one(key_of(moved)));
            entries.by_ref().take(count).for_each(|(hash, entry)| each(shard, hash, entry));
        }
    }

    /// Puts an entry in and takes out the one that is `before`, which may have another key.
    pub(super) fn exchange(&mut self, before: Option<&T>, entry: T, is_same: impl Fn(&T, &T) -> bool) {
        let Some(before) = before else { return self.insert(entry) };
        let key_of = self.key_of;
        if key_of(before) == key_of(&entry) {
            self.replace(entry, |held| is_same(held, before));
        } else {
            self.remove(key_of(before), |held| is_same(held, before));
            self.insert(entry);
        }
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
