//! What the folder holds when the edge starts.

use std::io::BufReader;

use super::{
    Folder, Opened,
    compact::{self, GenerationReader},
    disk::generation_file,
    reader::{ReadError, Reader, Tail},
};

/// No more generations are looked at: there are never more than three.
const MAX_GENERATIONS: usize = 8;
/// Only the beginnings and the end of a generation are read to see where it ends.
const SCAN_BYTES: usize = 8 * 1024;

/// A generation that is there.
pub(crate) struct Candidate {
    number: u64,
    len: u64,
    tail: Option<Tail>,
}

/// What was read, and what the keeper goes on with.
#[derive(Default)]
pub(crate) struct Restored {
    /// The oldest first.
    pub(super) generations: Vec<(u64, Tail)>,
    pub(super) sequence: u64,
    pub(super) next_number: u64,
}

impl Folder {
    /// The generations that can be read, in the order in which to try them: the one with the latest commit first.
    /// `unreadable` is told of the others.
    pub(crate) fn candidates(&self, mut unreadable: impl FnMut(String, ReadError)) -> Vec<Candidate> {
        let Ok(Opened { disk, .. }) = self.opened() else { return Vec::new() };
        let numbers = match disk.generations() {
            Ok(numbers) => numbers,
            Err(error) => {
                unreadable(self.path().display().to_string(), error.into());
                return Vec::new();
            }
        };
        let mut candidates = Vec::new();
        for number in numbers.into_iter().take(MAX_GENERATIONS) {
            match self.candidate(number) {
                Ok(candidate) => candidates.push(candidate),
                Err(error) => unreadable(generation_file(number), error),
            }
        }
        // Stable: of two with the same commits the newer one, which has less to read.
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.sequence()));
        candidates
    }

    fn candidate(&self, number: u64) -> Result<Candidate, ReadError> {
        let Ok(Opened { disk, key, .. }) = self.opened() else { return Err(ReadError::Damaged(0)) };
        let file = disk.open(&generation_file(number))?;
        let len = file.metadata()?.len();
        if len > self.limit {
            return Err(ReadError::TooLarge);
        }
        let reader = Reader::open(BufReader::with_capacity(SCAN_BYTES, file), len, key)?;
        Ok(Candidate { number, len, tail: reader.find_tail()? })
    }

    /// Reads a generation from its beginning.
    pub(crate) fn read(&self, candidate: &Candidate) -> Result<GenerationReader, ReadError> {
        let Ok(Opened { disk, key, .. }) = self.opened() else { return Err(ReadError::Damaged(0)) };
        compact::open(disk, key, candidate.number, candidate.len)
    }

    /// What the keeper goes on with: `read` is the candidate that was taken in, and how far it was read.
    pub(crate) fn restored(&self, candidates: &[Candidate], read: Option<(&Candidate, Tail)>) -> Restored {
        let numbers =
            self.opened().ok().and_then(|opened| opened.disk.generations().ok()).unwrap_or_default();
        let mut restored = Restored {
            generations: Vec::new(),
            sequence: candidates.iter().map(Candidate::sequence).max().unwrap_or(0),
            next_number: numbers.first().map_or(1, |newest| newest + 1),
        };
        let Some((taken, tail)) = read else { return restored };
        restored.sequence = restored.sequence.max(tail.mark.sequence);
        for candidate in candidates {
            if candidate.number == taken.number {
                restored.generations.push((candidate.number, tail.clone()));
            } else if let Some(other) = &candidate.tail
                && other.mark == tail.mark
            {
                restored.generations.push((candidate.number, other.clone()));
            }
        }
        restored.generations.sort_by_key(|(number, _)| *number);
        // The one that was read stays, whatever else is there.
        while restored.generations.len() > 2 {
            let other = restored.generations.iter().position(|(number, _)| *number != taken.number);
            restored.generations.remove(other.unwrap_or(0));
        }
        restored
    }
}

impl Candidate {
    /// What counts its last commit; 0 where that cannot be told.
    pub(crate) fn sequence(&self) -> u64 {
        self.tail.as_ref().map_or(0, |tail| tail.mark.sequence)
    }

    /// Its file's name.
    pub(crate) fn file(&self) -> String {
        generation_file(self.number)
    }
}
