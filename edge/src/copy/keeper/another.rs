//! Another generation: made in the background of the newest one, and put in the place of the oldest.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::{Compaction, Generation, Keeper, Request, Retry};
use crate::copy::{
    Opened,
    compact::{Compacted, Job},
    disk::{generation_file, part_file},
    fault::Fault,
};

/// As long as this part of its first commit may become what came behind it.
const CHANGES_SHARE: u64 = 2;

impl Keeper {
    pub(super) fn is_due(&self) -> bool {
        let Some(newest) = self.generations.last() else { return false };
        let (base, changes) = newest.writer.shares();
        let long = changes > self.folder.tuning.changes_bytes.max(base / CHANGES_SHARE);
        self.compaction.is_none() && self.retry.is_due() && (long || self.generations.len() < 2)
    }

    pub(super) fn compact(&mut self, previous: Vec<String>) {
        if !self.is_due() {
            return;
        }
        if let Err(fault) = self.start_compaction(previous) {
            self.compaction_failed(fault);
        }
    }

    fn start_compaction(&mut self, previous: Vec<String>) -> Result<(), Fault> {
        let Some(newest) = self.generations.last() else { return Ok(()) };
        let (base, changes) = newest.writer.shares();
        if self.bytes() + base > self.folder.limit && self.generations.len() > 1 {
            self.drop_oldest();
        }
        let Some(newest) = self.generations.last() else { return Ok(()) };
        let Opened { disk, key, .. } = self.folder.opened()?;
        let (source, target) = (newest.number, self.next_number);
        let stop = Arc::new(AtomicBool::new(false));
        let job = Job {
            disk: disk.clone(),
            key: key.clone(),
            source,
            base,
            len: base + changes,
            target,
            limit: self.folder.limit.saturating_sub(self.bytes()),
            previous,
            usable: self.usable,
            stop: Arc::clone(&stop),
        };
        let requests = self.requests.clone();
        let work = move || {
            let result = job.run().map(Box::new);
            if let Some(requests) = requests.upgrade() {
                // A keeper that ends does not hear it.
                let _ = requests.blocking_send(Request::Compacted { target, result });
            }
        };
        self.next_number += 1;
        let thread = thread::Builder::new().name("edge-copy-2".to_owned()).spawn(work)?;
        self.compaction = Some(Compaction { source, target, stop, thread });
        Ok(())
    }

    pub(super) fn compacted(&mut self, target: u64, result: Result<Box<Compacted>, Fault>) {
        let Some(compaction) = self.compaction.take_if(|compaction| compaction.target == target) else {
            drop(result);
            return self.remove(&part_file(target));
        };
        // It has said all.
        let _ = compaction.thread.join();
        let source = compaction.source;
        match result.and_then(|compacted| self.join(source, target, *compacted)) {
            Ok(()) => {
                self.retry = Retry::new(&self.folder);
                self.report();
            }
            Err(fault) => {
                self.remove(&part_file(target));
                if matches!(fault, Fault::Read(_) | Fault::Different) {
                    // The other one has it all.
                    self.generations.retain(|generation| generation.number != source);
                    self.remove(&generation_file(source));
                    self.sync_folder();
                }
                match self.generations.is_empty() {
                    true => self.give_up(fault),
                    false => self.compaction_failed(fault),
                }
            }
        }
    }

    /// Gives the new generation what came while it was made, and puts it in the place of the oldest one.
    fn join(&mut self, source: u64, target: u64, compacted: Compacted) -> Result<(), Fault> {
        let Compacted { mut writer, source: mut reader } = compacted;
        let position = self.generations.iter().position(|generation| generation.number == source);
        let Some(position) = position else { return Err(Fault::Stopped) };
        let len = self.generations[position].writer.len();
        reader.grow(len);
        while let Some(frame) = reader.next()? {
            writer.frame(&frame)?;
        }
        if reader.at() != len {
            return Err(Fault::Different);
        }
        writer.sync()?;
        let Opened { disk, .. } = self.folder.opened()?;
        disk.rename(&part_file(target), &generation_file(target))?;
        disk.sync_folder()?;
        let source = self.generations.swap_remove(position);
        self.generations = vec![source, Generation { number: target, writer }];
        self.remove_others();
        Ok(())
    }

    fn compaction_failed(&mut self, fault: Fault) {
        if !matches!(fault, Fault::Stopped) {
            let pause = self.retry.later();
            tracing::warn!(%fault, ?pause, "the edge's copy could not be written anew; the one there is goes on");
            self.metrics.copy_fault(fault.label());
        }
    }

    pub(super) fn stop_compaction(&mut self) -> Option<JoinHandle<()>> {
        let Compaction { stop, thread, target, .. } = self.compaction.take()?;
        stop.store(true, Ordering::Relaxed);
        self.remove(&part_file(target));
        Some(thread)
    }
}
