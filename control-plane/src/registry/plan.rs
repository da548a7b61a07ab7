//! The one way of every write: compare it with what is there, put it in, look at what it makes, keep it or take it back.

use pointsman_routing::{
    deployment::DeploymentSpec,
    integration::IntegrationSpec,
    name::{CustomerId, IntegrationId},
};

use super::{Applied, ApplyOptions, Error, Manifest, Refused, TokensDraft, Writing};
use crate::{
    domain::{Caller, CustomerSpec, MappingSpec},
    store::{Keep, Snapshot, StoreError},
};

mod prune;
mod steps;
mod tokens;

pub(crate) use steps::{Step, Steps};

/// What is to be written.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(super) integrations: Steps<IntegrationSpec>,
    pub(super) customers: Steps<CustomerSpec>,
    pub(super) mappings: Steps<MappingSpec>,
    pub(super) deployments: Steps<DeploymentSpec>,
    pub(super) endpoint_tokens: Vec<TokensDraft>,
    /// What was wrong on the way to this plan.
    pub(super) refused: Refused,
    /// How a manifest is applied; none for anything else.
    pub(super) options: Option<ApplyOptions>,
}

/// What a plan's comparison with a state found out.
#[derive(Debug)]
pub(crate) struct Compared {
    refused: Refused,
    writes: bool,
}

impl Compared {
    /// The state is what the plan says.
    pub(super) fn is_nothing(&self) -> bool {
        !self.writes && self.refused.is_empty()
    }
}

impl Plan {
    /// The plan of a manifest.
    pub(super) fn of_manifest(manifest: Manifest, options: ApplyOptions) -> Self {
        Self {
            integrations: Steps::new(manifest.integrations),
            customers: Steps::new(manifest.customers),
            mappings: Steps::new(manifest.customer_mappings),
            deployments: Steps::new(manifest.deployments),
            endpoint_tokens: tokens::each_once(manifest.endpoint_tokens),
            refused: Refused::default(),
            options: Some(options),
        }
    }

    /// Compares and writes everything.
    pub(super) fn carry_out(&mut self, writing: &mut Writing<'_, '_>) -> Result<(), Error> {
        let compared = self.compare(writing.transaction.snapshot(), &writing.call.caller)?;
        self.write(writing, compared)
    }

    /// Finds out what has to be done to a state, and whether the caller may. Can be done again with another state.
    pub(super) fn compare(&mut self, snapshot: Snapshot<'_>, caller: &Caller) -> Result<Compared, Error> {
        let mut refused = self.refused.clone();
        self.attach_tokens(snapshot, caller, &mut refused)?;
        let options = self.options.as_ref();
        self.integrations.compare(snapshot, options, &mut refused)?;
        self.customers.compare(snapshot, options, &mut refused)?;
        self.mappings.compare(snapshot, options, &mut refused)?;
        self.deployments.compare(snapshot, options, &mut refused)?;

        self.integrations.authorize(caller)?;
        self.customers.authorize(caller)?;
        self.mappings.authorize(caller)?;
        self.deployments.authorize(caller)?;

        self.find_removals(snapshot, caller, &mut refused)?;
        let writes = self.integrations.writes()
            || self.customers.writes()
            || self.mappings.writes()
            || self.deployments.writes();
        Ok(Compared { refused, writes })
    }

    /// Writes everything, and refuses it with all of its faults and violations where there are any. Whoever called
    /// then drops the transaction.
    pub(super) fn write(
        &mut self,
        writing: &mut Writing<'_, '_>,
        Compared { mut refused, .. }: Compared,
    ) -> Result<(), Error> {
        self.remove(writing)?;
        self.customers.release(writing.transaction)?;
        self.mappings.release(writing.transaction)?;
        if !self.endpoint_tokens.is_empty() {
            self.integrations.release_tokens(writing.transaction)?;
            self.deployments.release_tokens(writing.transaction)?;
        }

        let options = self.options.as_ref();
        self.integrations.put(writing, options, &mut refused)?;
        self.customers.put(writing, options, &mut refused)?;
        self.mappings.put(writing, options, &mut refused)?;
        self.deployments.put(writing, options, &mut refused)?;

        let state = State { plan: self, snapshot: writing.transaction.snapshot() };
        self.integrations.judge(state, &mut refused)?;
        self.mappings.judge(state, &mut refused)?;
        self.deployments.judge(state, &mut refused)?;
        self.judge_removals(state, &mut refused)?;
        refused.into_result()?;

        // What is taken back is not told.
        if writing.call.keep == Keep::Changes {
            self.integrations.record(writing, options)?;
            self.customers.record(writing, options)?;
            self.mappings.record(writing, options)?;
            self.deployments.record(writing, options)?;
        }
        Ok(())
    }

    /// What was done to each resource, in the order of the manifest; then those that were removed.
    pub(super) fn applied(&self) -> Vec<Applied> {
        let mut applied = Vec::new();
        self.integrations.applied(&mut applied);
        self.customers.applied(&mut applied);
        self.mappings.applied(&mut applied);
        self.deployments.applied(&mut applied);
        self.removals(&mut applied);
        applied
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

#[cfg(test)]
mod tests;
