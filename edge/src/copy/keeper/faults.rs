//! What cannot be written is removed, told, and tried again later.

use std::{
    io, mem,
    time::{Duration, Instant},
};

use super::{Keeper, Staging};
use crate::copy::{Folder, Opened, Status, disk::generation_file, fault::Fault};

/// The longest pause before something that failed is tried again.
const LONGEST_RETRY: Duration = Duration::from_secs(3600);

/// When to try again.
pub(super) struct Retry {
    at: Option<Instant>,
    pause: Duration,
}

impl Keeper {
    pub(super) fn settle(&mut self, result: Result<(), Fault>) {
        match result {
            Ok(()) => {
                if !self.generations.is_empty() && self.fault.take().is_some() {
                    self.retry = Retry::new(&self.folder);
                    tracing::info!("the edge's copy is on disk again");
                }
                self.report();
            }
            Err(fault) => self.give_up(fault),
        }
    }

    /// There is no copy that holds all that is served: so there is none.
    pub(super) fn give_up(&mut self, fault: Fault) {
        self.discard();
        self.stop_compaction();
        self.generations.clear();
        if let Ok(Opened { disk, .. }) = self.folder.opened()
            && let Err(error) = disk.remove_parts()
        {
            tracing::debug!(%error, "the folder of the edge's copy cannot be cleaned");
        }
        self.remove_others();
        let (label, pause) = (fault.label(), self.retry.later());
        self.metrics.copy_fault(label);
        if self.fault.replace(label) == Some(label) {
            tracing::debug!(%fault, ?pause, "the edge's copy still fails");
        } else {
            let folder = self.folder.path().display();
            tracing::warn!(%folder, %fault, ?pause, "the edge keeps no copy of its configuration on disk until it can");
        }
        let words = format!("{fault} ({label})");
        self.status.send_if_modified(|status| {
            let changed = status.wants_snapshot;
            *status = Status { fault: Some(words), wants_snapshot: false };
            changed
        });
        self.metrics.copy_kept(0, 0);
    }

    /// Asks for everything once the disk takes something again.
    pub(super) fn try_again(&mut self) {
        if self.fault.is_none() || !self.generations.is_empty() || !self.retry.is_due() {
            return;
        }
        let ready = self.folder.reopen().and_then(|opened| Ok(opened.disk.probe()?));
        match ready {
            Ok(()) => {
                self.remove_others();
                self.retry.later();
                self.status.send_if_modified(|status| !mem::replace(&mut status.wants_snapshot, true));
            }
            Err(fault) => self.give_up(fault),
        }
    }

    pub(super) fn report(&self) {
        let held = !self.generations.is_empty();
        if !held && self.fault.is_some() {
            return;
        }
        self.metrics.copy_kept(self.generations.len(), self.bytes());
        self.status.send_if_modified(|status| {
            if held {
                status.fault = None;
            }
            let changed = status.wants_snapshot == held;
            status.wants_snapshot = !held;
            changed
        });
    }

    pub(super) fn bytes(&self) -> u64 {
        let staged = match &self.staging {
            Staging::Open { writer, .. } => writer.len(),
            Staging::None | Staging::Failed(_) => 0,
        };
        self.generations.iter().map(|generation| generation.writer.len()).sum::<u64>() + staged
    }

    pub(super) fn drop_oldest(&mut self) {
        let oldest = self.generations.remove(0);
        self.remove(&generation_file(oldest.number));
        self.sync_folder();
    }

    /// Removes all generations but those that are kept.
    pub(super) fn remove_others(&mut self) {
        let Ok(Opened { disk, .. }) = self.folder.opened() else { return };
        let numbers = match disk.generations() {
            Ok(numbers) => numbers,
            Err(error) => return tracing::debug!(%error, "the folder of the edge's copy cannot be read"),
        };
        for number in numbers {
            if self.generations.iter().all(|generation| generation.number != number) {
                self.remove(&generation_file(number));
            }
        }
        self.sync_folder();
    }

    /// Removes a file, or else what is in it.
    pub(super) fn remove(&self, name: &str) {
        let Ok(Opened { disk, .. }) = self.folder.opened() else { return };
        if let Err(error) = disk.remove(name) {
            let Err(_) = disk.append(name, 0) else { return };
            if error.kind() != io::ErrorKind::NotFound {
                tracing::error!(name, %error, "a file of the edge's copy cannot be removed: do so before the edge starts again");
            }
        }
    }

    pub(super) fn sync_folder(&self) {
        if let Ok(Opened { disk, .. }) = self.folder.opened()
            && let Err(error) = disk.sync_folder()
        {
            tracing::debug!(%error, "the folder of the edge's copy cannot be synced");
        }
    }
}

impl Retry {
    pub(super) fn new(folder: &Folder) -> Self {
        Self { at: None, pause: folder.tuning.first_retry }
    }

    pub(super) fn is_due(&self) -> bool {
        self.at.is_none_or(|at| at <= Instant::now())
    }

    pub(super) fn later(&mut self) -> Duration {
        let pause = self.pause;
        self.at = Some(Instant::now() + pause);
        self.pause = (pause * 2).min(LONGEST_RETRY);
        pause
    }
}
