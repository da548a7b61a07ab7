//! Hands what arrives, and is taken in, to the copy on disk.

use std::mem;

use pointsman_proto::edge::v1::Resource;

use super::holder::Holder;
use crate::copy::{Commit, Copy};

/// What a chunk held, as it came.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) full: bool,
    pub(super) upserts: Vec<Resource>,
    pub(super) removals: Vec<String>,
}

/// The copy, if there is one, and what it is still to be given of the commit that is arriving.
#[derive(Default)]
pub(super) struct Keeping {
    copy: Option<Copy>,
    upserts: Vec<Resource>,
    removals: Vec<String>,
    /// The disk has a part of a snapshot.
    is_staging: bool,
}

impl Keeping {
    pub(super) fn new(copy: Option<Copy>) -> Self {
        Self { copy, ..Self::default() }
    }

    /// A chunk has arrived, the first one of its commit or not. Of a snapshot, it goes to the disk at once.
    pub(super) async fn hear(&mut self, first: bool, raw: Raw) {
        let Some(copy) = &mut self.copy else { return };
        if first {
            self.upserts.clear();
            self.removals.clear();
        }
        let Raw { full, upserts, removals } = raw;
        if full {
            copy.stage(first, upserts).await;
            self.is_staging = true;
        } else {
            self.upserts.extend(upserts);
            self.removals.extend(removals);
        }
    }

    /// The commit that has arrived is what the holder holds: returns once it may be acknowledged.
    pub(super) async fn commit(&mut self, full: bool, holder: &Holder) {
        let (upserts, removals) = (mem::take(&mut self.upserts), mem::take(&mut self.removals));
        self.is_staging = false;
        let Some(copy) = &mut self.copy else { return };
        let commit = Commit {
            full,
            previous: if full { holder.serving_previous() } else { Vec::new() },
            upserts,
            removals,
            epoch: holder.epoch().to_owned(),
            revision: holder.revision(),
            hash: holder.hash(),
            resources: holder.len() as u64,
        };
        if copy.commit(commit).await {
            copy.compact(holder.serving_previous()).await;
        }
    }

    /// The commit that has arrived is not taken in.
    pub(super) async fn discard(&mut self) {
        self.upserts.clear();
        self.removals.clear();
        if mem::take(&mut self.is_staging)
            && let Some(copy) = &mut self.copy
        {
            copy.discard().await;
        }
    }

    /// A generation may be due from the start.
    pub(super) async fn begin(&mut self, holder: &Holder) {
        if let Some(copy) = &mut self.copy {
            copy.compact(holder.serving_previous()).await;
        }
    }

    /// Why the copy is not what is served, in words for an admin; empty where it is.
    pub(super) fn fault(&self) -> String {
        self.copy.as_ref().and_then(Copy::fault).unwrap_or_default()
    }

    /// Whether only a snapshot brings a copy about.
    pub(super) fn wants_snapshot(&mut self) -> bool {
        self.copy.as_mut().is_some_and(Copy::wants_snapshot)
    }

    /// Waits until a snapshot is wanted and was not before.
    pub(super) async fn snapshot_wanted(&mut self) {
        match &mut self.copy {
            Some(copy) => copy.snapshot_wanted().await,
            None => std::future::pending().await,
        }
    }

    pub(super) async fn close(self) {
        if let Some(copy) = self.copy {
            copy.close().await;
        }
    }
}
