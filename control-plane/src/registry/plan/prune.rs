//! Removing what a manifest does not name.

use std::fmt;

use pointsman_routing::name::ResourceName;

use super::{Plan, State, Steps};
use crate::{
    domain::{Caller, Owner, Resource},
    registry::{Action, Applied, Refused, Rules, Violation, ViolationKind, Writing},
    store::{Snapshot, StoreError},
};

impl Plan {
    /// Finds what the owner has, the caller may write and the manifest does not name.
    pub(super) fn find_removals(
        &mut self,
        snapshot: Snapshot<'_>,
        caller: &Caller,
        refused: &mut Refused,
    ) -> Result<(), StoreError> {
        let Some(options) = self.options.as_ref().filter(|options| options.prune) else { return Ok(()) };
        let mut count = Count::default();
        self.integrations.find_removals(snapshot, &options.owner, caller, &mut count)?;
        self.customers.find_removals(snapshot, &options.owner, caller, &mut count)?;
        self.mappings.find_removals(snapshot, &options.owner, caller, &mut count)?;
        self.deployments.find_removals(snapshot, &options.owner, caller, &mut count)?;
        if count.is_most() && !options.allow_mass_removal {
            refused.break_rule(Violation {
                kind: ViolationKind::MassRemoval,
                field: Some("prune".to_owned()),
                subject: options.owner.to_string(),
                reason: format!(
                    "it would remove {count} of the owner {:?}, which looks like a mistake: say that a mass removal is \
                     meant",
                    options.owner.as_str()
                ),
            });
        }
        Ok(())
    }

    /// Before anything is put in, so that what is removed lets go of its unique values. References are looked at when
    /// everything is done.
    pub(super) fn remove(&self, writing: &mut Writing<'_, '_>) -> Result<(), StoreError> {
        self.deployments.remove(writing)?;
        self.mappings.remove(writing)?;
        self.customers.remove(writing)?;
        self.integrations.remove(writing)
    }

    /// Nothing that stays may use what is removed.
    pub(super) fn judge_removals(&self, state: State<'_>, refused: &mut Refused) -> Result<(), StoreError> {
        self.customers.judge_removals(state, refused)?;
        self.integrations.judge_removals(state, refused)
    }

    pub(super) fn removals(&self, applied: &mut Vec<Applied>) {
        self.deployments.removals(applied);
        self.mappings.removals(applied);
        self.customers.removals(applied);
        self.integrations.removals(applied);
    }

    fn changes(&self, name: &ResourceName) -> bool {
        match name {
            ResourceName::Integration(name) => self.integrations.changed(name).is_some(),
            ResourceName::Customer(name) => self.customers.changed(name).is_some(),
            ResourceName::CustomerMapping(name) => self.mappings.changed(name).is_some(),
            ResourceName::Deployment(name) => self.deployments.changed(name).is_some(),
        }
    }
}

impl<K: Rules> Steps<K> {
    fn find_removals(
        &mut self,
        snapshot: Snapshot<'_>,
        owner: &Owner,
        caller: &Caller,
        count: &mut Count,
    ) -> Result<(), StoreError> {
        for name in snapshot.owned::<K>(owner)? {
            if !caller.may_write(&K::resource_name(&name)) {
                continue;
            }
            count.owned += 1;
            if self.position(&name).is_none() {
                count.removed += 1;
                self.removals.extend(snapshot.get::<K>(&name)?);
            }
        }
        Ok(())
    }

    fn remove(&self, writing: &mut Writing<'_, '_>) -> Result<(), StoreError> {
        self.removals.iter().try_for_each(|removed| writing.transaction.remove::<K>(&removed.name))
    }

    fn judge_removals(&self, state: State<'_>, refused: &mut Refused) -> Result<(), StoreError> {
        for Resource { name, meta, .. } in &self.removals {
            for user in K::users(name, state.snapshot)? {
                // One that the plan writes is told itself that it uses what is not there.
                if state.plan.changes(&user) {
                    continue;
                }
                let whose = state.snapshot.owner(&user)?.filter(|owner| *owner != meta.owner);
                let whose = whose.map(|owner| format!(" of the owner {:?}", owner.as_str()));
                let whose = whose.unwrap_or_default();
                refused.break_rule(Violation {
                    kind: ViolationKind::InUse,
                    field: None,
                    subject: user.to_string(),
                    reason: format!("{name} cannot be removed: {user}{whose} uses it"),
                });
            }
        }
        Ok(())
    }

    fn removals(&self, applied: &mut Vec<Applied>) {
        applied.extend(self.removals.iter().map(|removed| Applied {
            name: K::resource_name(&removed.name),
            action: Action::Removed,
            changes: Vec::new(),
            adopted_from: None,
        }));
    }
}

/// How much of what an owner has is removed.
#[derive(Default)]
struct Count {
    owned: usize,
    removed: usize,
}

impl Count {
    fn is_most(&self) -> bool {
        self.removed > self.owned / 2
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { owned, removed } if owned == removed => write!(f, "all {owned} resources"),
            Self { owned, removed } => write!(f, "{removed} of the {owned} resources"),
        }
    }
}
