//! Every resource that was received, what of them is usable, and why not the rest.
//!
//! Changes and the chunks of a snapshot are taken in by the same code, but for mappings: there can be a million in a
//! snapshot, so they are gathered, and put in together. A snapshot fills something empty, beside what is served and while
//! it still comes; at its end, the last good forms of what it has no good form of move over.

use std::collections::BTreeMap;

use pointsman_proto::edge::hash::ConfigHash;
use pointsman_routing::{
    name::ResourceName,
    table::{Entry, Filling, Stamp, Table},
};

use super::{
    claims::Claims,
    convert::{Received, Unusable},
};

/// Resources as they were received last.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Over everything that was received, usable or not.
    hash: ConfigHash,
    /// What can be used, each stamped with what was received; or the last good form of what cannot.
    table: Table,
    /// What is still to go there.
    filling: Filling,
    /// What cannot be used.
    rejections: BTreeMap<Box<str>, Rejected>,
}

/// A resource that cannot be used as it was received last.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) revision: i64,
    hash: ConfigHash,
    pub(super) reason: Box<str>,
    claims: Option<Box<Claims>>,
    /// The last good form is in service.
    pub(super) serving_previous: bool,
}

/// One change.
#[derive(Debug)]
pub(super) enum Change {
    Upsert(Received),
    Remove(Box<str>),
}

impl Held {
    /// Takes in what a snapshot begins with or goes on with. Nothing of it can be seen before it has [settled](Self::settle).
    pub(super) fn fill(&mut self, change: Change) {
        match change {
            Change::Upsert(Received { revision, hash, form: Ok(Entry::CustomerMapping(mapping)) }) => {
                let name = ResourceName::CustomerMapping(mapping.name.clone());
                if !self.is_rejected(&name) {
                    self.hash += hash;
                    return self.filling.push(&self.table, &mapping, Stamp { revision, hash: hash.into() });
                }
                let form = Ok(Entry::CustomerMapping(mapping));
                self.settle();
                self.upsert(Received { revision, hash, form });
            }
            // Not the name of a mapping.
            Change::Upsert(received @ Received { form: Ok(_), .. }) => self.upsert(received),
            Change::Upsert(_) | Change::Remove(_) => {
                self.settle();
                self.change(change);
            }
        }
    }

    /// Ends what [`Self::fill`] began.
    pub(super) fn settle(&mut self) {
        for uncounted in self.filling.pour(&mut self.table) {
            self.hash -= uncounted.hash.into();
        }
    }

    pub(super) fn change(&mut self, change: Change) {
        match change {
            Change::Upsert(received) => self.upsert(received),
            Change::Remove(name) => self.remove(&name),
        }
    }

    /// Puts what is in service of `before` in service here too, where this has only an update of it that cannot be used
    /// and that leaves it in service.
    pub(super) fn keep_good_forms_of(&mut self, before: &Table) {
        for (name, rejected) in &mut self.rejections {
            let name = if rejected.serving_previous { None } else { name.parse().ok() };
            let Some(entry) = name.and_then(|name| before.get(&name)) else { continue };
            if may_stay(Claims::of(&entry).as_ref(), rejected.claims.as_deref()) {
                self.table.upsert(entry);
                rejected.serving_previous = true;
            }
        }
    }

    fn upsert(&mut self, received: Received) {
        let Received { revision, hash, form } = received;
        let stamp = Stamp { revision, hash: hash.into() };
        match form {
            Ok(entry) => self.take(entry, stamp),
            Err(unusable) => self.reject(unusable, stamp),
        }
    }

    fn take(&mut self, entry: Entry, stamp: Stamp) {
        let name = entry.name();
        // Where nothing is rejected, the name need not be written out to be looked for.
        let written = if self.rejections.is_empty() { String::new() } else { name.to_string() };
        if self.count(self.stamp(&written, Some(&name)), stamp) {
            self.rejections.remove(written.as_str());
            self.table.upsert_stamped(entry, stamp);
        }
    }

    fn is_rejected(&self, name: &ResourceName) -> bool {
        !self.rejections.is_empty() && self.rejections.contains_key(&*name.to_string())
    }

    fn reject(&mut self, unusable: Unusable, stamp: Stamp) {
        let Unusable { name, reason, claims } = unusable;
        let parsed = name.parse().ok();
        if self.count(self.stamp(&name, parsed.as_ref()), stamp) {
            let serving_previous = self.leave_in_service(parsed.as_ref(), claims.as_deref());
            let (reason, hash) = (reason.into(), stamp.hash.into());
            let rejected = Rejected { revision: stamp.revision, hash, reason, claims, serving_previous };
            self.rejections.insert(name, rejected);
        }
    }

    /// Counts a resource in the place of what was received of it before; false where that is later.
    fn count(&mut self, before: Option<Stamp>, stamp: Stamp) -> bool {
        match before {
            Some(before) if before.revision > stamp.revision => return false,
            Some(before) => self.hash -= before.hash.into(),
            None => {}
        }
        self.hash += stamp.hash.into();
        true
    }

    fn remove(&mut self, name: &str) {
        let parsed = name.parse().ok();
        if let Some(held) = self.stamp(name, parsed.as_ref()) {
            self.hash -= held.hash.into();
        }
        self.rejections.remove(name);
        if let Some(parsed) = parsed {
            self.table.remove(&parsed);
        }
    }

    /// What was received last of a resource.
    fn stamp(&self, name: &str, parsed: Option<&ResourceName>) -> Option<Stamp> {
        match self.rejections.get(name) {
            Some(rejected) => Some(Stamp { revision: rejected.revision, hash: rejected.hash.into() }),
            None => self.table.stamp(parsed?),
        }
    }

    /// Takes a resource out of service under an update that cannot be used, unless its last good form may stay: then it
    /// says so.
    fn leave_in_service(&mut self, name: Option<&ResourceName>, update: Option<&Claims>) -> bool {
        let Some(name) = name else { return false };
        let in_service = self.table.get(name).as_ref().and_then(Claims::of);
        let stays = may_stay(in_service.as_ref(), update);
        if !stays {
            self.table.remove(name);
        }
        stays
    }
}

/// Whether the last good form of a resource stays in service under an update that cannot be used.
fn may_stay(in_service: Option<&Claims>, update: Option<&Claims>) -> bool {
    in_service.is_some() && in_service == update
}

/// What there is to say about it.
impl Held {
    pub(super) fn hash(&self) -> ConfigHash {
        self.hash
    }

    /// What requests are to see of it.
    pub(super) fn table(&self) -> &Table {
        &self.table
    }

    /// By name.
    pub(super) fn rejections(&self) -> &BTreeMap<Box<str>, Rejected> {
        &self.rejections
    }

    /// How many resources were received and are not gone.
    pub(super) fn len(&self) -> usize {
        let not_in_table = self.rejections.values().filter(|rejected| !rejected.serving_previous);
        self.table.len() + not_in_table.count()
    }
}

#[cfg(test)]
mod tests;
