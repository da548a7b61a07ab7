//! Gathers chunks until the commit.

use pointsman_proto::edge::v1::{Chunk, Resource};

use super::{
    convert,
    held::{Change, Held},
    keeping::Raw,
};

/// All that is taken in together.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) epoch: String,
    pub(super) revision: i64,
    pub(super) content: Content,
}

/// What is in a commit.
#[derive(Debug)]
pub(super) enum Content {
    /// Everything: what is not in it is gone. It is taken in as it comes, beside what is served, so that a million
    /// resources never wait for the last of them.
    Snapshot(Box<Held>),
    /// What changed, in its order.
    Changes(Vec<Change>),
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

    /// All its resources as they came.
    pub(super) fn into_raw(self) -> Raw {
        Raw { full: self.full, upserts: self.upserts, removals: self.removals }
    }

    /// Whether the commit is whole with it.
    pub(super) fn is_last(&self) -> bool {
        self.commit
    }

    /// Converts all its resources. Where a name is both changed and removed, the removal counts.
    fn changes(&self) -> impl Iterator<Item = Change> {
        let upserts = self.upserts.iter().map(|resource| Change::Upsert(convert::resource(resource)));
        let removals = self.removals.iter().map(|name| Change::Remove(name.as_str().into()));
        upserts.chain(removals)
    }
}

impl Gathering {
    /// Converts a chunk and adds it; the whole commit where it was the last one.
    pub(super) fn add(&mut self, part: &Part) -> Result<Option<Commit>, ChunkError> {
        let mut commit = match self.0.take() {
            None => Commit::begin(part),
            Some(commit) => commit.check(part)?,
        };
        match &mut commit.content {
            Content::Snapshot(held) => {
                part.changes().for_each(|change| held.fill(change));
                if part.is_last() {
                    held.settle();
                }
            }
            Content::Changes(changes) => changes.extend(part.changes()),
        }
        if part.is_last() {
            return Ok(Some(commit));
        }
        self.0 = Some(commit);
        Ok(None)
    }

    /// Whether a commit has begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.0.is_some()
    }
}

impl Commit {
    fn begin(part: &Part) -> Self {
        let content = match part.full {
            true => Content::Snapshot(Box::default()),
            false => Content::Changes(Vec::new()),
        };
        Self { epoch: part.epoch.clone(), revision: part.revision, content }
    }

    /// Whether a chunk belongs to it.
    fn check(self, part: &Part) -> Result<Self, ChunkError> {
        if self.epoch != part.epoch {
            return Err(ChunkError::Torn("the epoch"));
        }
        if self.revision != part.revision {
            return Err(ChunkError::Torn("the revision"));
        }
        if self.is_full() != part.full {
            return Err(ChunkError::Torn("whether it is a snapshot"));
        }
        Ok(self)
    }

    /// Whether it is a snapshot.
    pub(super) fn is_full(&self) -> bool {
        matches!(self.content, Content::Snapshot(_))
    }

    /// How many resources are in it.
    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Snapshot(held) => held.len(),
            Content::Changes(changes) => changes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(revision: i64, commit: bool, names: &[&str]) -> Part {
        let upserts = names
            .iter()
            .map(|name| Resource { name: (*name).to_owned(), revision, body: Default::default() })
            .collect();
        let chunk =
            Chunk { epoch: "e".to_owned(), revision, full: true, upserts, removals: Vec::new(), commit };
        Part::parse(chunk).unwrap()
    }

    #[test]
    fn nothing_is_whole_before_the_commit() {
        let mut gathering = Gathering::default();
        assert!(gathering.add(&chunk(1, false, &["customers/a"])).unwrap().is_none());
        assert!(gathering.is_open());
        assert!(gathering.add(&chunk(1, false, &["customers/b"])).unwrap().is_none());
        let whole = gathering.add(&chunk(1, true, &[])).unwrap().unwrap();
        assert_eq!(whole.len(), 2);
        assert!(!gathering.is_open());
    }

    #[test]
    fn chunks_of_two_commits_are_not_mixed() {
        let mut gathering = Gathering::default();
        assert!(gathering.add(&chunk(1, false, &[])).unwrap().is_none());
        assert_eq!(gathering.add(&chunk(2, true, &[])).unwrap_err(), ChunkError::Torn("the revision"));
        let nameless = Chunk { revision: 1, ..Chunk::default() };
        assert_eq!(Part::parse(nameless).unwrap_err(), ChunkError::NoEpoch);
        let negative = Chunk { epoch: "e".to_owned(), revision: -1, ..Chunk::default() };
        assert_eq!(Part::parse(negative).unwrap_err(), ChunkError::Revision);
    }
}
