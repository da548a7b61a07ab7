//! Gathers chunks until the commit.

use pointsman_proto::edge::v1::{Chunk, Resource};

use super::convert::{self, Received};

/// All that is taken in together.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) epoch: String,
    pub(super) revision: i64,
    /// A snapshot: what is not in it is gone.
    pub(super) full: bool,
    pub(super) changes: Vec<Change>,
}

/// One change of a commit, in its order.
#[derive(Debug)]
pub(super) enum Change {
    Upsert(Received),
    Remove(Box<str>),
}

/// The chunks of a commit so far.
#[derive(Debug, Default)]
pub(super) struct Gathering(Option<Commit>);

/// Chunks that do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChunkError {
    #[error("the chunks of a commit disagree on {0}")]
    Torn(&'static str),
    #[error("a chunk has no epoch")]
    NoEpoch,
    #[error("a chunk has a negative revision")]
    Revision,
}

/// What a chunk says of the commit that it is a part of, and its resources on the wire.
#[derive(Debug)]
pub(super) struct Part {
    epoch: String,
    revision: i64,
    full: bool,
    commit: bool,
    upserts: Vec<Resource>,
    removals: Vec<String>,
}

impl Part {
    pub(super) fn parse(chunk: Chunk) -> Result<Self, ChunkError> {
        let Chunk { epoch, revision, full, upserts, removals, commit } = chunk;
        if epoch.is_empty() {
            return Err(ChunkError::NoEpoch);
        }
        if revision < 0 {
            return Err(ChunkError::Revision);
        }
        Ok(Self { epoch, revision, full, commit, upserts, removals })
    }

    /// How much work it is to convert.
    pub(super) fn len(&self) -> usize {
        self.upserts.len()
    }

    /// Converts all its resources. Where a name is both changed and removed, the removal counts.
    pub(super) fn convert(self) -> Converted {
        let upserts = self.upserts.into_iter().map(|resource| Change::Upsert(convert::resource(resource)));
        let removals = self.removals.into_iter().map(|name| Change::Remove(name.into()));
        let changes = upserts.chain(removals).collect();
        let commit = Commit { epoch: self.epoch, revision: self.revision, full: self.full, changes };
        Converted { commit, is_last: self.commit }
    }
}

/// A chunk with its resources converted.
#[derive(Debug)]
pub(super) struct Converted {
    commit: Commit,
    is_last: bool,
}

impl Gathering {
    /// Adds a chunk; the whole commit where it was the last one.
    pub(super) fn add(&mut self, chunk: Converted) -> Result<Option<Commit>, ChunkError> {
        let Converted { commit: part, is_last } = chunk;
        let whole = match self.0.take() {
            None => part,
            Some(so_far) => so_far.join(part)?,
        };
        if is_last {
            return Ok(Some(whole));
        }
        self.0 = Some(whole);
        Ok(None)
    }

    /// Whether a commit has begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.0.is_some()
    }
}

impl Commit {
    fn join(mut self, part: Self) -> Result<Self, ChunkError> {
        if self.epoch != part.epoch {
            return Err(ChunkError::Torn("the epoch"));
        }
        if self.revision != part.revision {
            return Err(ChunkError::Torn("the revision"));
        }
        if self.full != part.full {
            return Err(ChunkError::Torn("whether it is a snapshot"));
        }
        self.changes.extend(part.changes);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(revision: i64, commit: bool, names: &[&str]) -> Converted {
        let upserts = names
            .iter()
            .map(|name| Resource { name: (*name).to_owned(), revision, body: Default::default() })
            .collect();
        let chunk =
            Chunk { epoch: "e".to_owned(), revision, full: true, upserts, removals: Vec::new(), commit };
        Part::parse(chunk).unwrap().convert()
    }

    #[test]
    fn nothing_is_whole_before_the_commit() {
        let mut gathering = Gathering::default();
        assert!(gathering.add(chunk(1, false, &["customers/a"])).unwrap().is_none());
        assert!(gathering.is_open());
        assert!(gathering.add(chunk(1, false, &["customers/b"])).unwrap().is_none());
        let whole = gathering.add(chunk(1, true, &[])).unwrap().unwrap();
        assert_eq!(whole.changes.len(), 2);
        assert!(!gathering.is_open());
    }

    #[test]
    fn chunks_of_two_commits_are_not_mixed() {
        let mut gathering = Gathering::default();
        assert!(gathering.add(chunk(1, false, &[])).unwrap().is_none());
        assert_eq!(gathering.add(chunk(2, true, &[])).unwrap_err(), ChunkError::Torn("the revision"));
        let nameless = Chunk { revision: 1, ..Chunk::default() };
        assert_eq!(Part::parse(nameless).unwrap_err(), ChunkError::NoEpoch);
        let negative = Chunk { epoch: "e".to_owned(), revision: -1, ..Chunk::default() };
        assert_eq!(Part::parse(negative).unwrap_err(), ChunkError::Revision);
    }
}
