//! Our own hash over the configuration, kept up to date change by change.

use std::{collections::HashMap, ops::ControlFlow};

use pointsman_proto::edge::{hash::ConfigHash, v1::Resource};

use super::{everything, progress::Position};
use crate::{
    domain::Revision,
    grpc::convert::edge,
    store::{Snapshot, StoreError},
};

/// What every resource counts for, so that a change adds and subtracts and nothing else is read again. Empty before the
/// first [`Ledger::advance`], which reads everything.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    filled: Option<Filled>,
}

#[derive(Debug, Default)]
struct Filled {
    revision: Revision,
    sum: ConfigHash,
    /// By the hash of the name: 32 bytes for each of what can be a million resources.
    resources: HashMap<ConfigHash, ConfigHash>,
}

impl Ledger {
    /// Comes to the state that `view` sees.
    pub(super) fn advance(&mut self, view: &Snapshot<'_>) -> Result<Position, StoreError> {
        let revision = view.head()?.revision;
        // Taken out while it changes: a read that fails half way leaves nothing, and the next one starts over.
        let filled = match self.filled.take() {
            Some(filled) if filled.revision == revision => filled,
            Some(filled) if view.remembers(filled.revision)? => filled.changed(view)?,
            // Nothing yet, a gap in the change log, or a view that is older than what was seen before.
            _ => Filled::read(view)?,
        };
        let filled = self.filled.insert(Filled { revision, ..filled });
        Ok(Position { revision, hash: filled.sum })
    }
}

impl Filled {
    fn read(view: &Snapshot<'_>) -> Result<Self, StoreError> {
        let mut filled = Self::default();
        everything::for_each(view, |resource| {
            filled.put(&resource);
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        Ok(filled)
    }

    fn changed(mut self, view: &Snapshot<'_>) -> Result<Self, StoreError> {
        view.for_each_change(self.revision, |change| {
            match view.resource(&change.name)? {
                Some(resource) => self.put(&edge::resource(&resource)),
                None => self.remove(&change.name.to_string()),
            }
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        Ok(self)
    }

    fn put(&mut self, resource: &Resource) {
        let hash = ConfigHash::from(resource);
        self.sum += hash;
        if let Some(previous) = self.resources.insert(key(&resource.name), hash) {
            self.sum -= previous;
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(previous) = self.resources.remove(&key(name)) {
            self.sum -= previous;
        }
    }
}

fn key(name: &str) -> ConfigHash {
    ConfigHash::of(name, 0, &[])
}
