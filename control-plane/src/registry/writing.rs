//! A write under way: its transaction, and the call that it is for.

use std::time::SystemTime;

use pointsman_routing::name::ResourceName;

use super::{Answer, Call, Error, Rules};
use crate::{
    domain::{FieldChange, Fields, Resource, Revision},
    store::{AuditAction, AuditEntry, Keep, Remembered, StoreError, WriteTransaction},
};

/// A write under way.
pub(crate) struct Writing<'w, 'c> {
    pub(crate) transaction: &'w mut WriteTransaction<'c>,
    pub(crate) call: &'w Call,
    /// When it is, to the microsecond, as the database keeps it.
    pub(crate) now: SystemTime,
    /// The revision that it makes an integration go back to.
    pub(crate) rolls_back_to: Option<Revision>,
}

impl<'w, 'c> Writing<'w, 'c> {
    /// What `call` writes in `transaction`.
    pub(super) fn new(transaction: &'w mut WriteTransaction<'c>, call: &'w Call, now: SystemTime) -> Self {
        Self { transaction, call, now, rolls_back_to: None }
    }
}

impl Writing<'_, '_> {
    /// Does `work`, unless the same call was answered before.
    pub(super) fn once<R: Answer>(
        mut self,
        work: impl FnOnce(&mut Self) -> Result<R, Error>,
    ) -> Result<R, Error> {
        if let Some(fault) = self.call.fault.clone() {
            return Err(Call::refusal(fault, work(&mut self)));
        }
        let Some(request) = self.call.request.as_ref().filter(|_| self.call.keep == Keep::Changes) else {
            return work(&mut self);
        };
        let caller = &self.call.caller.name;
        let digest = self.transaction.blind(&request.digest);
        if let Some(remembered) = self.transaction.recall(caller, &request.id, self.now)? {
            return Call::replay(remembered, &digest);
        }
        let answer = work(&mut self)?;
        let remembered = Remembered { digest, answer: answer.to_be_kept() };
        let room = self.transaction.remember(caller, &request.id, self.now, &remembered)?;
        if room.is_enough() { Ok(answer) } else { Err(Error::TooManyRequestIds) }
    }

    /// What the answer calls the revision: the one that is made, or the current one where nothing changes.
    pub(crate) fn revision(&self) -> Revision {
        match self.call.keep {
            Keep::Changes => self.transaction.outcome(),
            Keep::Nothing => self.transaction.head_revision(),
        }
    }

    /// Refuses what the caller's scope does not hold.
    pub(crate) fn authorize(&self, name: &ResourceName) -> Result<(), Error> {
        if self.call.caller.may_write(name) { Ok(()) } else { Err(Error::OutOfScope(name.clone())) }
    }

    /// Tells history and audit that `before` has become what is there now. `changes` says what differs; what differs of
    /// its URLs is seen only here.
    pub(super) fn record<K: Rules>(
        &mut self,
        before: &Resource<K>,
        mut changes: Vec<FieldChange>,
        action: AuditAction,
    ) -> Result<(), StoreError> {
        if K::HAS_URLS {
            let after = self.transaction.snapshot().get::<K>(&before.name)?;
            let after = after.as_ref().map(Fields::urls_of);
            let urls = Fields::diff(Some(&Fields::urls_of(before)), after.as_ref());
            changes.retain(|change| urls.iter().all(|url| url.field != change.field));
            changes.extend(urls);
        }
        K::keep_revision(self, &before.name, &changes)?;
        self.audit(&before.name, action, changes)
    }

    /// Writes an entry of the audit.
    pub(crate) fn audit(
        &mut self,
        resource: &impl ToString,
        action: AuditAction,
        changes: Vec<FieldChange>,
    ) -> Result<(), StoreError> {
        self.audit_many(resource, action, changes, 1)
    }

    /// The same, for a change of many resources as one.
    pub(crate) fn audit_many(
        &mut self,
        resource: &impl ToString,
        action: AuditAction,
        changes: Vec<FieldChange>,
        resource_count: u64,
    ) -> Result<(), StoreError> {
        let Call { caller, method, request, .. } = self.call;
        self.transaction.audit(&AuditEntry {
            time: self.now,
            caller: caller.name.to_string(),
            peer: caller.peer.map(|peer| peer.to_string()).unwrap_or_default(),
            method: (*method).to_owned(),
            request_id: request.as_ref().map(|request| request.id.clone()).unwrap_or_default(),
            resource: resource.to_string(),
            action,
            changes,
            resource_count,
        })
    }
}
