//! What an edge holds, of which database and at which revision.

use pointsman_proto::edge::{hash::ConfigHash, v1};
use pointsman_routing::table::Table;

use super::{
    commit::{Commit, Content},
    held::{Held, Rejected},
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
    held: Held,
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
        let Commit { epoch, revision, content } = commit;
        let same_database = epoch == self.epoch;
        match content {
            Content::Snapshot(mut snapshot) => {
                // A name says nothing about the same name in another database.
                if same_database {
                    snapshot.keep_good_forms_of(self.held.table());
                }
                self.held = *snapshot;
            }
            Content::Changes(_) if !same_database => {
                return Err(ApplyError::OtherDatabase { offered: epoch, held: self.epoch.clone() });
            }
            Content::Changes(_) if revision <= self.revision => return Ok(Applied::Old),
            Content::Changes(changes) => changes.into_iter().for_each(|change| self.held.change(change)),
        }
        (self.epoch, self.revision) = (epoch, revision);
        Ok(Applied::Taken)
    }
}

/// What there is to say about it.
impl Holder {
    /// What requests are to see.
    pub(super) fn served(&self) -> Served {
        Served { table: self.held.table().clone(), revision: self.revision, epoch: self.epoch.clone() }
    }

    /// All that is in service.
    pub(super) fn table(&self) -> &Table {
        self.held.table()
    }

    pub(super) fn epoch(&self) -> &str {
        &self.epoch
    }

    pub(super) fn revision(&self) -> i64 {
        self.revision
    }

    pub(super) fn hash(&self) -> ConfigHash {
        self.held.hash()
    }

    /// How many resources were received and are not gone.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// How many of them cannot be used.
    pub(super) fn rejected(&self) -> usize {
        self.held.rejections().len()
    }

    /// The names of those whose last good form is served in place of an update that cannot be used.
    pub(super) fn serving_previous(&self) -> Vec<String> {
        let rejected = self.held.rejections().iter().filter(|(_, rejected)| rejected.serving_previous);
        rejected.map(|(name, _)| name.to_string()).collect()
    }

    /// Writes a line for each rejection that is newer than this revision, up to a bound; the control plane has them all.
    pub(super) fn log_rejections_after(&self, revision: i64) {
        let newer = self.held.rejections().iter().filter(|(_, rejected)| rejected.revision > revision);
        for (name, Rejected { revision, reason, serving_previous, .. }) in newer.take(MAX_LOGGED) {
            tracing::warn!(%name, revision, %reason, serving_previous, "a resource cannot be used");
        }
    }

    /// The acknowledgement of all that was taken in.
    pub(super) fn ack(&self) -> v1::Ack {
        let mut bytes_left = MAX_ACK_BYTES;
        let rejections = self.held.rejections().iter().map(|(name, rejected)| v1::Rejection {
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
        v1::Ack { revision: self.revision, hash: self.hash().to_wire(), rejections, ..v1::Ack::default() }
    }
}

#[cfg(test)]
mod tests;
