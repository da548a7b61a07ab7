//! The one way of every write: put it in, look at what it makes, keep it or take it back.

use std::collections::HashMap;

use pointsman_routing::{
    deployment::DeploymentSpec,
    fault::Fault,
    integration::IntegrationSpec,
    name::{CustomerId, IntegrationId},
};
use uuid::Uuid;

use super::{Action, Applied, Draft, Error, Manifest, Refused, Rules, Writing};
use crate::{
    domain::{CustomerSpec, Fields, Kind, MappingSpec, Meta, Resource},
    store::{AuditAction, Keep, Snapshot, StoreError, WriteTransaction},
};

/// What is to be written.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(super) integrations: Steps<IntegrationSpec>,
    pub(super) customers: Steps<CustomerSpec>,
    pub(super) mappings: Steps<MappingSpec>,
    pub(super) deployments: Steps<DeploymentSpec>,
    /// What was wrong on the way to this plan.
    pub(super) refused: Refused,
}

/// What is to be written of one kind, in the request's order.
#[derive(Debug)]
pub(crate) struct Steps<K: Rules> {
    steps: Vec<Step<K>>,
    /// Where each name stands in `steps`.
    index: HashMap<K::Name, usize>,
}

/// One resource of a plan.
#[derive(Debug)]
pub(crate) struct Step<K: Rules> {
    pub(super) draft: Draft<K>,
    /// What is there before.
    pub(super) current: Option<Resource<K>>,
    pub(super) action: Action,
}

impl Plan {
    /// Writes everything, and refuses it with all of its faults and violations where there are any. Whoever called
    /// then drops the transaction.
    pub(super) fn carry_out(&mut self, writing: &mut Writing<'_, '_>) -> Result<(), Error> {
        let mut refused = std::mem::take(&mut self.refused);
        let transaction = &mut *writing.transaction;
        self.integrations.compare(transaction.snapshot(), &mut refused)?;
        self.customers.compare(transaction.snapshot(), &mut refused)?;
        self.mappings.compare(transaction.snapshot(), &mut refused)?;
        self.deployments.compare(transaction.snapshot(), &mut refused)?;

        self.integrations.authorize(writing)?;
        self.customers.authorize(writing)?;
        self.mappings.authorize(writing)?;
        self.deployments.authorize(writing)?;

        self.customers.release(writing.transaction)?;
        self.mappings.release(writing.transaction)?;

        self.integrations.put(writing, &mut refused)?;
        self.customers.put(writing, &mut refused)?;
        self.mappings.put(writing, &mut refused)?;
        self.deployments.put(writing, &mut refused)?;

        let state = State { plan: self, snapshot: writing.transaction.snapshot() };
        self.integrations.judge(state, &mut refused)?;
        self.mappings.judge(state, &mut refused)?;
        self.deployments.judge(state, &mut refused)?;
        refused.into_result()?;

        self.integrations.record(writing)?;
        self.customers.record(writing)?;
        self.mappings.record(writing)?;
        self.deployments.record(writing)?;
        Ok(())
    }

    /// What was done to each resource, in the order of the manifest.
    pub(super) fn applied(&self) -> Vec<Applied> {
        let mut applied = Vec::new();
        self.integrations.applied(&mut applied);
        self.customers.applied(&mut applied);
        self.mappings.applied(&mut applied);
        self.deployments.applied(&mut applied);
        applied
    }
}

impl From<Manifest> for Plan {
    fn from(manifest: Manifest) -> Self {
        Self {
            integrations: Steps::new(manifest.integrations),
            customers: Steps::new(manifest.customers),
            mappings: Steps::new(manifest.customer_mappings),
            deployments: Steps::new(manifest.deployments),
            refused: Refused::default(),
        }
    }
}

/// The state that a plan makes.
#[derive(Clone, Copy)]
pub(crate) struct State<'a> {
    pub(super) plan: &'a Plan,
    pub(super) snapshot: Snapshot<'a>,
}

impl State<'_> {
    /// Also one whose row is not there because of another fault.
    pub(super) fn has_integration(&self, name: &IntegrationId) -> Result<bool, StoreError> {
        Ok(self.plan.integrations.position(name).is_some()
            || self.snapshot.contains::<IntegrationSpec>(name)?)
    }

    /// Also one whose row is not there because of another fault.
    pub(super) fn has_customer(&self, name: &CustomerId) -> Result<bool, StoreError> {
        Ok(self.plan.customers.position(name).is_some() || self.snapshot.contains::<CustomerSpec>(name)?)
    }
}

impl<K: Rules> Steps<K> {
    pub(super) fn new(drafts: Vec<Draft<K>>) -> Self {
        let mut index = HashMap::<K::Name, usize>::new();
        let mut steps: Vec<Step<K>> = Vec::with_capacity(drafts.len());
        for mut draft in drafts {
            if let Some(name) = &draft.name {
                if let Some(&first) = index.get(name) {
                    let reason = format!("{name} stands in {} already", steps[first].draft.at);
                    draft.faults.push(Fault::new(format!("{}.name", draft.at), reason));
                    // Which of the two counts is not for us to say.
                    draft.name = None;
                } else {
                    index.insert(name.clone(), steps.len());
                }
            }
            steps.push(Step { draft, current: None, action: Action::Unchanged });
        }
        Self { steps, index }
    }

    /// Where the plan writes this resource, if it names it.
    pub(super) fn position(&self, name: &K::Name) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// The step of this resource, if the plan changes it.
    pub(super) fn changed(&self, name: &K::Name) -> Option<&Step<K>> {
        let step = &self.steps[self.position(name)?];
        (step.action != Action::Unchanged).then_some(step)
    }

    /// Finds out what has to be done.
    fn compare(&mut self, snapshot: Snapshot<'_>, refused: &mut Refused) -> Result<(), StoreError> {
        for step in &mut self.steps {
            step.draft.faults.iter().cloned().for_each(|fault| refused.find_fault(fault));
            let Some(name) = &step.draft.name else { continue };
            step.current = snapshot.get(name)?;
            step.action = match &step.current {
                None => Action::Created,
                Some(current) if step.draft.says(current) => Action::Unchanged,
                Some(_) => Action::Updated,
            };
        }
        Ok(())
    }

    /// Refuses changes that the caller may not make.
    fn authorize(&self, writing: &Writing<'_, '_>) -> Result<(), Error> {
        self.to_write().try_for_each(|(name, _)| writing.authorize(&K::resource_name(name)))
    }

    fn release(&self, transaction: &mut WriteTransaction<'_>) -> Result<(), StoreError> {
        self.to_write()
            .filter(|(_, step)| step.action == Action::Updated)
            .try_for_each(|(name, _)| transaction.release::<K>(name))
    }

    fn put(&self, writing: &mut Writing<'_, '_>, refused: &mut Refused) -> Result<(), Error> {
        for (name, step) in self.to_write() {
            // A row that is refused here would break a constraint of its table.
            match K::unique(name, &step.draft, writing.transaction.snapshot())? {
                Some(violation) => refused.break_rule(violation),
                None => {
                    let resource = step.resource(name, writing)?;
                    writing.transaction.put(&resource)?;
                }
            }
        }
        Ok(())
    }

    /// Tells the audit.
    fn record(&self, writing: &mut Writing<'_, '_>) -> Result<(), StoreError> {
        for (name, step) in self.to_write() {
            let after = writing.transaction.snapshot().get::<K>(name)?;
            let changes = Fields::diff(
                step.current.as_ref().map(Fields::of).as_ref(),
                after.as_ref().map(Fields::of).as_ref(),
            );
            let action = if step.current.is_none() { AuditAction::Created } else { AuditAction::Updated };
            writing.audit(name, action, changes)?;
        }
        Ok(())
    }

    fn judge(&self, state: State<'_>, refused: &mut Refused) -> Result<(), StoreError> {
        self.to_write().try_for_each(|(name, step)| K::judge(name, step, state, refused))
    }

    fn applied(&self, applied: &mut Vec<Applied>) {
        applied.extend(self.steps.iter().filter_map(|step| {
            let name = K::resource_name(step.draft.name.as_ref()?);
            Some(Applied { name, action: step.action })
        }));
    }

    fn to_write(&self) -> impl Iterator<Item = (&K::Name, &Step<K>)> {
        let changed = self.steps.iter().filter(|step| step.action != Action::Unchanged);
        changed.filter_map(|step| step.draft.name.as_ref().map(|name| (name, step)))
    }
}

impl<K: Rules> Default for Steps<K> {
    fn default() -> Self {
        Self { steps: Vec::new(), index: HashMap::new() }
    }
}

impl<K: Rules> Step<K> {
    fn resource(
        &self,
        name: &K::Name,
        Writing { transaction, call, now }: &Writing<'_, '_>,
    ) -> Result<Resource<K>, Error> {
        let now = *now;
        let before = self.current.as_ref();
        let meta = Meta {
            uid: before.map_or_else(Uuid::new_v4, |before| before.meta.uid),
            display_name: self.draft.display_name.clone(),
            owner: before.map(|before| before.meta.owner.clone()).unwrap_or_default(),
            create_time: before.map_or(now, |before| before.meta.create_time),
            update_time: now,
            revision: transaction.revision(),
        };
        let tokens = before.map(|before| before.tokens.clone()).unwrap_or_default();
        let tokens = match call.keep {
            Keep::Changes => K::tokens(&self.draft.spec, tokens)?,
            // Nobody is to be shown a URL that will never work.
            Keep::Nothing => K::kept_tokens(&self.draft.spec, tokens),
        };
        Ok(Resource { name: name.clone(), meta, spec: self.draft.spec.clone(), tokens })
    }
}

impl<K: Kind> Draft<K> {
    /// Whether it says what is there.
    fn says(&self, current: &Resource<K>) -> bool {
        self.spec == current.spec && self.display_name == current.meta.display_name
    }
}
