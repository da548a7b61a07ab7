//! Judges whether a snapshot takes away too much to be taken in unasked.
//!
//! An edge that serves something and is offered another database, or an older revision of its own, may have been
//! reached by a mistake: a database that is empty, half restored, or somebody else's. Where that would take away more
//! than half of its endpoints or of its deployments, it holds the snapshot back: it goes on serving what it has, keeps
//! nothing of what it was offered but what there is to say of it, and takes one in when an admin has confirmed it.

use std::collections::HashSet;

use pointsman_proto::edge::v1;

use super::{
    commit::{Commit, Content},
    holder::{Applied, ApplyError, Holder},
};

/// A snapshot that was offered and not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldBack {
    pub(super) epoch: String,
    pub(super) revision: i64,
    pub(super) endpoints: Loss,
    pub(super) deployments: Loss,
}

/// What there is of something, and how much of that would be gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) served: usize,
    pub(super) removed: usize,
}

/// What became of a commit that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Applied(Applied),
    HeldBack(HeldBack),
}

/// Takes a commit in, unless it is to be held back. Where an admin's word is there for it, nothing is.
pub(super) fn offer(
    holder: &mut Holder,
    mut commit: Commit,
    accepted: Option<&v1::Accept>,
) -> Result<Outcome, ApplyError> {
    let is_accepted = accepted
        .is_some_and(|accepted| commit.epoch == accepted.epoch && commit.revision >= accepted.revision);
    match judge(holder, &mut commit).filter(|_| !is_accepted) {
        Some(held_back) => Ok(Outcome::HeldBack(held_back)),
        None => holder.apply(commit).map(Outcome::Applied),
    }
}

/// What to hold back of a commit; none where it is to be taken in.
fn judge(holder: &Holder, Commit { epoch, revision, content }: &mut Commit) -> Option<HeldBack> {
    let Content::Snapshot(snapshot) = content else { return None };
    let same_database = epoch == holder.epoch();
    if same_database && *revision >= holder.revision() {
        return None;
    }
    let before = holder.table();
    // What cannot be used is gone, unless its last good form would stay.
    if same_database {
        snapshot.keep_good_forms_of(before);
    }
    let after = snapshot.table();
    let endpoints = before.tokens().map(|token| token.expose());
    let endpoints = endpoints.filter(|token| before.endpoint(token).is_some()).collect::<HashSet<_>>();
    let endpoints = Loss::of(endpoints.into_iter(), |token| after.endpoint(token).is_some());
    let remaining = after.deployments().collect::<HashSet<_>>();
    let deployments = Loss::of(before.deployments(), |name| remaining.contains(name));
    let (epoch, revision) = (epoch.clone(), *revision);
    (endpoints.is_most() || deployments.is_most()).then_some(HeldBack {
        epoch,
        revision,
        endpoints,
        deployments,
    })
}

impl Loss {
    fn of<T>(served: impl Iterator<Item = T>, stays: impl Fn(&T) -> bool) -> Self {
        let mut loss = Self::default();
        for item in served {
            loss.served += 1;
            loss.removed += usize::from(!stays(&item));
        }
        loss
    }

    /// More than half. Of nothing, nothing is most.
    fn is_most(self) -> bool {
        self.removed > self.served / 2
    }
}

impl HeldBack {
    pub(super) fn to_wire(&self) -> v1::HeldBack {
        let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
        v1::HeldBack {
            epoch: self.epoch.clone(),
            revision: self.revision,
            endpoints_served: count(self.endpoints.served),
            endpoints_removed: count(self.endpoints.removed),
            deployments_served: count(self.deployments.served),
            deployments_removed: count(self.deployments.removed),
        }
    }
}

#[cfg(test)]
mod tests;
