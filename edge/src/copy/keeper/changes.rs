//! Changes: appended to every generation, so that either is enough.

use std::{io, thread, time::SystemTime};

use super::{Generation, Keeper};
use crate::copy::{Commit, disk::generation_file, fault::Fault, frame::Mark};

impl Keeper {
    /// Appends to both generations. One that fails is removed; that is a fault only where no other one is left.
    pub(super) fn append(&mut self, commit: Commit) -> Result<(), Fault> {
        if self.generations.is_empty() {
            return Ok(());
        }
        let mark = self.mark(&commit);
        let append = |generation: &mut Generation| {
            let writer = &mut generation.writer;
            commit.upserts.iter().try_for_each(|resource| writer.upsert(resource.clone()))?;
            commit.removals.iter().try_for_each(|name| writer.removal(name.clone()))?;
            writer.commit(&mark)
        };
        let appended: Vec<_> = self.generations.iter_mut().map(append).collect();
        let generations = &self.generations;
        let synced = thread::scope(|scope| {
            let sync = |n: usize| if appended[n].is_ok() { generations[n].writer.sync() } else { Ok(()) };
            let others: Vec<_> = (1..generations.len()).map(|n| scope.spawn(move || sync(n))).collect();
            let mut synced = vec![sync(0)];
            let ended = |other: thread::ScopedJoinHandle<'_, _>| {
                other.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
            };
            synced.extend(others.into_iter().map(ended));
            synced
        });
        let results = appended.into_iter().zip(synced).map(|(appended, synced)| appended.and(synced));
        let mut failed = None;
        let mut removed = Vec::new();
        let mut results = results.collect::<Vec<_>>().into_iter();
        self.generations.retain(|generation| match results.next() {
            Some(Err(error)) => {
                removed.push(generation.number);
                failed = Some(Fault::Disk(error));
                false
            }
            _ => true,
        });
        for number in removed {
            self.remove(&generation_file(number));
        }
        match failed {
            Some(fault) if self.generations.is_empty() => return Err(fault),
            Some(fault) => {
                tracing::warn!(%fault, "one of the two files of the edge's copy failed; the other one has it all");
                self.metrics.copy_fault(fault.label());
                self.sync_folder();
            }
            None => {}
        }
        self.make_room()
    }

    pub(super) fn mark(&mut self, commit: &Commit) -> Mark {
        self.sequence += 1;
        Mark {
            epoch: commit.epoch.clone(),
            revision: commit.revision,
            hash: commit.hash,
            resources: commit.resources,
            sequence: self.sequence,
            time: SystemTime::now(),
        }
    }
}
