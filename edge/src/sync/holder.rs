//! What an edge holds: every resource that it received, what of them it serves, and why not the rest.
//!
//! Snapshots and changes are taken in by the same code: a snapshot is a change of everything, after which what was not
//! in it is gone.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
};

use pointsman_proto::edge::{hash::ConfigHash, v1};
use pointsman_routing::{name::ResourceName, table::Table};

use super::{
    claims::Claims,
    commit::{Change, Commit},
    convert::{Received, Unusable},
};
use crate::serving::Served;

/// An acknowledgement names rejections up to this many bytes, so that it stays below usual message limits.
const MAX_ACK_BYTES: usize = 2 * 1024 * 1024;

/// So many rejections of a commit are logged.
const MAX_LOGGED: usize = 20;

/// What an edge holds.
#[derive(Debug, Default)]
pub(super) struct Holder {
    /// Empty until there is a configuration.
    epoch: String,
    revision: i64,
    /// Over everything that was received, usable or not.
    hash: ConfigHash,
    held: HashMap<Box<str>, Held>,
    rejections: BTreeMap<Box<str>, Rejected>,
    table: Table,
}

/// A resource as it was received last.
#[derive(Clone, Copy, Debug)]
struct Held {
    revision: i64,
    hash: ConfigHash,
}

#[derive(Debug)]
struct Rejected {
    revision: i64,
    reason: Box<str>,
    serving_previous: bool,
}

/// A commit that cannot be taken in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApplyError {
    /// Changes to something that the edge does not hold.
    #[error("changes of database {offered:?} came, and the edge holds database {held:?}")]
    OtherDatabase { offered: String, held: String },
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// It is what the edge holds now.
    Taken,
    /// The edge holds this or something later already.
    Old,
}

impl Holder {
    /// Takes a commit in, all of it or nothing.
    pub(super) fn apply(&mut self, commit: Commit) -> Result<Applied, ApplyError> {
        let Commit { epoch, revision, full, changes } = commit;
        let same_database = epoch == self.epoch;
        if full {
            self.replace(changes, same_database);
        } else if !same_database {
            return Err(ApplyError::OtherDatabase { offered: epoch, held: self.epoch.clone() });
        } else if revision <= self.revision {
            return Ok(Applied::Old);
        } else {
            changes.into_iter().for_each(|change| self.change(change));
        }
        (self.epoch, self.revision) = (epoch, revision);
        Ok(Applied::Taken)
    }

    /// Takes a snapshot in.
    fn replace(&mut self, changes: Vec<Change>, same_database: bool) {
        let before = mem::take(&mut self.held);
        self.hash = ConfigHash::default();
        self.rejections.clear();
        if !same_database {
            // A name says nothing about the same name in another database.
            self.table = Table::new();
        }
        changes.into_iter().for_each(|change| self.change(change));
        for name in before.into_keys().filter(|name| !self.held.contains_key(name)) {
            take_out_of_service(&mut self.table, &name);
        }
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Upsert(received) => self.upsert(received),
            Change::Remove(name) => self.remove(&name),
        }
    }

    fn upsert(&mut self, received: Received) {
        let Received { name, revision, hash, form } = received;
        match self.held.get(&name) {
            Some(held) if held.revision > revision => return,
            Some(held) => self.hash -= held.hash,
            None => {}
        }
        self.hash += hash;
        match form {
            Ok(entry) => {
                self.rejections.remove(&name);
                self.table.upsert(entry);
            }
            Err(Unusable { reason, claims }) => {
                let serving_previous = self.may_stay(&name, claims.as_deref());
                if !serving_previous {
                    take_out_of_service(&mut self.table, &name);
                }
                let rejected = Rejected { revision, reason: reason.into(), serving_previous };
                self.rejections.insert(name.clone(), rejected);
            }
        }
        self.held.insert(name, Held { revision, hash });
    }

    /// Whether the last good form of a resource stays in service under an update that cannot be used.
    fn may_stay(&self, name: &str, update: Option<&Claims>) -> bool {
        let in_service = name.parse::<ResourceName>().ok().and_then(|name| self.table.get(&name));
        let in_service = in_service.as_ref().and_then(Claims::of);
        in_service.is_some() && in_service.as_ref() == update
    }

    fn remove(&mut self, name: &str) {
        if let Some(held) = self.held.remove(name) {
            self.hash -= held.hash;
        }
        self.rejections.remove(name);
        take_out_of_service(&mut self.table, name);
    }
}

fn take_out_of_service(table: &mut Table, name: &str) {
    if let Ok(name) = name.parse() {
        table.remove(&name);
    }
}

/// What there is to say about it.
impl Holder {
    /// What requests are to see.
    pub(super) fn served(&self) -> Served {
        Served { table: self.table.clone(), revision: self.revision, epoch: self.epoch.clone() }
    }

    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    pub(super) fn revision(&self) -> i64 {
        self.revision
    }

    pub(super) fn hash(&self) -> ConfigHash {
        self.hash
    }

    /// How many resources were received and are not gone.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// How many of them cannot be used.
    pub(super) fn rejected(&self) -> usize {
        self.rejections.len()
    }

    /// Writes a line for each rejection that is newer than this revision, up to a bound; the control plane has them all.
    pub(super) fn log_rejections_after(&self, revision: i64) {
        let newer = self.rejections.iter().filter(|(_, rejected)| rejected.revision > revision);
        for (name, Rejected { revision, reason, serving_previous }) in newer.take(MAX_LOGGED) {
            tracing::warn!(%name, revision, %reason, serving_previous, "a resource cannot be used");
        }
    }

    /// The acknowledgement of all that was taken in.
    pub(super) fn ack(&self) -> v1::Ack {
        let mut bytes_left = MAX_ACK_BYTES;
        let rejections = self.rejections.iter().map(|(name, rejected)| v1::Rejection {
            name: name.to_string(),
            revision: rejected.revision,
            reason: rejected.reason.to_string(),
            serving_previous: rejected.serving_previous,
        });
        let fits = |rejection: &v1::Rejection| {
            let bytes = prost::Message::encoded_len(rejection) + 8;
            bytes_left.checked_sub(bytes).inspect(|left| bytes_left = *left).is_some()
        };
        let rejections = rejections.take_while(fits).collect();
        v1::Ack { revision: self.revision, hash: self.hash.to_wire(), rejections, ..v1::Ack::default() }
    }
}

#[cfg(test)]
mod tests;
