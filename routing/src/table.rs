//! The whole configuration in memory, changed step by step.
//!
//! Entries arrive in any order, also within one commit: customer A may still hold an external ID when B already has it.
//! So nothing is refused here. Every index holds all that claim a key, and a look-up finds what one entry alone claims:
//! where two do, it finds nothing, which is never the wrong tenant, and finds the other one again when one goes. What a
//! table answers depends on what it holds, not on how it came there.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

pub use self::{endpoints::Endpoint, filling::Filling, records::FoundMapping, token::EndpointToken};
use self::{
    endpoints::{Claim, DeploymentRecord, IntegrationRecord},
    records::{CustomerRecord, MappingRecord},
    shards::{Key, Shards, only},
};
use crate::{
    deployment::{Customer, CustomerMapping, Deployment},
    directory::Directory,
    integration::Integration,
    name::{CustomerId, DeploymentName, FlowKey, IntegrationId, MappingName, ResourceName},
};

mod endpoints;
mod filling;
mod records;
mod shards;
#[cfg(test)]
mod tests;
mod texts;
mod token;

/// A resource with the endpoint tokens that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An integration, and the tokens of its shared endpoint.
    Integration(Arc<Integration>, Vec<EndpointToken>),
    /// A customer.
    Customer(Customer),
    /// A customer mapping.
    CustomerMapping(CustomerMapping),
    /// A deployment, the tokens of its own endpoint, and those of its flows' endpoints.
    Deployment(Arc<Deployment>, Vec<EndpointToken>, BTreeMap<FlowKey, Vec<EndpointToken>>),
}

impl Entry {
    /// The name of the resource.
    #[must_use]
    pub fn name(&self) -> ResourceName {
        match self {
            Self::Integration(integration, _) => ResourceName::Integration(integration.id.clone()),
            Self::Customer(customer) => ResourceName::Customer(customer.id.clone()),
            Self::CustomerMapping(mapping) => ResourceName::CustomerMapping(mapping.name.clone()),
            Self::Deployment(deployment, ..) => ResourceName::Deployment(deployment.name.clone()),
        }
    }
}

/// What whoever keeps a table notes beside an entry: which version of it this is. Nothing here looks at it; what is noted
/// beside a million entries elsewhere would need their million names again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The revision that last changed it.
    pub revision: i64,
    /// A hash over it.
    pub hash: [u8; 16],
}

/// One state of the whole configuration. Cloning shares structure: a clone that is changed copies only the shards that
/// the change touches.
#[derive(Clone, Debug)]
pub struct Table {
    integrations: Shards<Arc<IntegrationRecord>>,
    customers: Shards<Arc<CustomerRecord>>,
    customers_by_external_id: Shards<Arc<CustomerRecord>>,
    mappings: Shards<Arc<MappingRecord>>,
    mappings_by_source_id: Shards<Arc<MappingRecord>>,
    deployments: Shards<Arc<DeploymentRecord>>,
    deployments_by_customer: Shards<Arc<Deployment>>,
    endpoints: Shards<Claim>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            integrations: Shards::new(IntegrationRecord::key),
            customers: Shards::new(CustomerRecord::key),
            customers_by_external_id: Shards::new(CustomerRecord::external_id_key),
            mappings: Shards::new(MappingRecord::key),
            mappings_by_source_id: Shards::new(MappingRecord::source_key),
            deployments: Shards::new(DeploymentRecord::key),
            deployments_by_customer: Shards::new(endpoints::customer_key),
            endpoints: Shards::new(Claim::key),
        }
    }
}

impl Table {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts an entry in, in place of one of the same name. Entries may come in any order: one that names a resource
    /// which is not there (yet) just leads nowhere.
    pub fn upsert(&mut self, entry: Entry) {
        self.upsert_stamped(entry, Stamp::default());
    }

    /// As [`Self::upsert`], with a stamp for [`Self::stamp`] to tell.
    pub fn upsert_stamped(&mut self, entry: Entry, stamp: Stamp) {
        match entry {
            Entry::Integration(integration, tokens) => {
                self.remove_integration(&integration.id);
                let record = Arc::new(IntegrationRecord::new(integration, tokens, stamp));
                Claim::of_integration(&record).for_each(|claim| self.endpoints.insert(claim));
                self.integrations.insert(record);
            }
            Entry::Customer(customer) => {
                let record = Arc::new(CustomerRecord { customer, stamp });
                let before = self.customers.replace(Arc::clone(&record), |_| true);
                self.customers_by_external_id.exchange(before.as_ref(), record, Arc::ptr_eq);
            }
            Entry::CustomerMapping(mapping) => {
                let record = Arc::new(self.record(&mapping, stamp));
                let before = self.mappings.replace(Arc::clone(&record), |_| true);
                self.mappings_by_source_id.exchange(before.as_ref(), record, Arc::ptr_eq);
            }
            Entry::Deployment(deployment, tokens, flow_tokens) => {
                self.remove_deployment(&deployment.name);
                let deployment = self.share_ids_of(deployment);
                let record = Arc::new(DeploymentRecord::new(deployment, tokens, flow_tokens, stamp));
                Claim::of_deployment(&record).for_each(|claim| self.endpoints.insert(claim));
                self.deployments_by_customer.insert(Arc::clone(&record.deployment));
                self.deployments.insert(record);
            }
        }
    }

    /// Takes an entry out, if it is there.
    pub fn remove(&mut self, name: &ResourceName) {
        match name {
            ResourceName::Integration(id) => self.remove_integration(id),
            ResourceName::Customer(id) => self.remove_customer(id),
            ResourceName::CustomerMapping(name) => self.remove_mapping(name),
            ResourceName::Deployment(name) => self.remove_deployment(name),
        };
    }

    /// An entry by its name.
    #[must_use]
    pub fn get(&self, name: &ResourceName) -> Option<Entry> {
        Some(match name {
            ResourceName::Integration(id) => self.integrations.only(Key::of(id.as_str()))?.to_entry(),
            ResourceName::Customer(id) => {
                Entry::Customer(self.customers.only(Key::of(id.as_str()))?.customer.clone())
            }
            ResourceName::CustomerMapping(MappingName { integration, mapping }) => {
                let record = self.mappings.only(Key::within(integration.as_str(), mapping.as_str()))?;
                Entry::CustomerMapping(record.to_mapping())
            }
            ResourceName::Deployment(DeploymentName { integration, deployment }) => {
                self.deployments.only(Key::within(integration.as_str(), deployment.as_str()))?.to_entry()
            }
        })
    }

    /// The stamp of an entry, by its name.
    #[must_use]
    pub fn stamp(&self, name: &ResourceName) -> Option<Stamp> {
        Some(match name {
            ResourceName::Integration(id) => self.integrations.only(Key::of(id.as_str()))?.stamp,
            ResourceName::Customer(id) => self.customers.only(Key::of(id.as_str()))?.stamp,
            ResourceName::CustomerMapping(MappingName { integration, mapping }) => {
                self.mappings.only(Key::within(integration.as_str(), mapping.as_str()))?.stamp
            }
            ResourceName::Deployment(DeploymentName { integration, deployment }) => {
                self.deployments.only(Key::within(integration.as_str(), deployment.as_str()))?.stamp
            }
        })
    }

    /// What a token leads to. A token counts only for the endpoint type that its integration has now; one that leads to
    /// two endpoints leads nowhere.
    #[must_use]
    pub fn endpoint(&self, token: &str) -> Option<Endpoint> {
        if !token::is_token(token) {
            return None;
        }
        only(self.endpoints.all(Key::of(token)).filter_map(|claim| {
            let integration = self.integrations.only(Key::of(claim.integration().as_str()))?;
            claim.endpoint(&integration.integration)
        }))
    }

    /// The tokens of all endpoints, in no order, whether they lead somewhere or not; one that two resources claim is there
    /// twice.
    pub fn tokens(&self) -> impl Iterator<Item = &EndpointToken> {
        self.endpoints.iter().map(Claim::token)
    }

    /// The names of all deployments, in no order.
    pub fn deployments(&self) -> impl Iterator<Item = &DeploymentName> {
        self.deployments.iter().map(|record| &record.deployment.name)
    }

    /// How many entries it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.integrations.len() + self.customers.len() + self.mappings.len() + self.deployments.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn remove_integration(&mut self, id: &IntegrationId) {
        let Some(record) = self.integrations.remove(Key::of(id.as_str()), |_| true) else { return };
        for token in record.tokens.iter() {
            self.endpoints.remove(Key::of(token.expose()), |claim| claim.is_of_integration(&record));
        }
    }

    fn remove_customer(&mut self, id: &CustomerId) {
        let Some(customer) = self.customers.remove(Key::of(id.as_str()), |_| true) else { return };
        let key = CustomerRecord::external_id_key(&customer);
        self.customers_by_external_id.remove(key, |other| Arc::ptr_eq(other, &customer));
    }

    fn remove_mapping(&mut self, MappingName { integration, mapping }: &MappingName) {
        let key = Key::within(integration.as_str(), mapping.as_str());
        let Some(mapping) = self.mappings.remove(key, |_| true) else { return };
        let key = MappingRecord::source_key(&mapping);
        self.mappings_by_source_id.remove(key, |other| Arc::ptr_eq(other, &mapping));
    }

    fn remove_deployment(&mut self, DeploymentName { integration, deployment }: &DeploymentName) {
        let key = Key::within(integration.as_str(), deployment.as_str());
        let Some(record) = self.deployments.remove(key, |_| true) else { return };
        let own = &record.deployment;
        self.deployments_by_customer.remove(endpoints::customer_key(own), |other| Arc::ptr_eq(other, own));
        for token in record.all_tokens() {
            self.endpoints.remove(Key::of(token.expose()), |claim| claim.is_of_deployment(&record));
        }
    }

    /// A mapping with ids that it shares with the resources that it names, where they are there.
    fn record(&self, mapping: &CustomerMapping, stamp: Stamp) -> MappingRecord {
        let integration = self.shared_integration(&mapping.name.integration).clone();
        let customer = self.shared_customer(&mapping.customer).clone();
        MappingRecord::new(integration, customer, mapping, stamp)
    }

    /// The same of a deployment that nobody else has yet, with the keys of its flows.
    fn share_ids_of(&self, mut deployment: Arc<Deployment>) -> Arc<Deployment> {
        if let Some(own) = Arc::get_mut(&mut deployment) {
            if let Some(record) = self.integrations.only(Key::of(own.name.integration.as_str())) {
                own.name.integration = record.integration.id.clone();
                own.flow_endpoints.share_flows(|flow| record.integration.flows.find_key(flow.as_str()));
            }
            own.customer = self.shared_customer(&own.customer).clone();
        }
        deployment
    }

    fn shared_integration<'a>(&'a self, id: &'a IntegrationId) -> &'a IntegrationId {
        self.integrations.only(Key::of(id.as_str())).map_or(id, |record| &record.integration.id)
    }

    fn shared_customer<'a>(&'a self, id: &'a CustomerId) -> &'a CustomerId {
        self.customers.only(Key::of(id.as_str())).map_or(id, |record| &record.customer.id)
    }
}

impl Directory for Table {
    type Error = Infallible;
    type Mapping<'t> = FoundMapping<'t>;

    fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, Infallible> {
        Ok(self.customers.only(Key::of(id.as_str())).map(|record| record.customer.clone()))
    }

    fn customer_by_external_id(&self, external_id: &str) -> Result<Option<Customer>, Infallible> {
        Ok(self.customers_by_external_id.only(Key::of(external_id)).map(|record| record.customer.clone()))
    }

    fn mapping(
        &self,
        integration: &IntegrationId,
        source_customer_id: &str,
    ) -> Result<Option<FoundMapping<'_>>, Infallible> {
        let record = self.mappings_by_source_id.only(Key::within(integration.as_str(), source_customer_id));
        Ok(record.map(|record| FoundMapping(record)))
    }

    fn deployment_for(
        &self,
        integration: &IntegrationId,
        customer: &CustomerId,
    ) -> Result<Option<Arc<Deployment>>, Infallible> {
        let deployments =
            || self.deployments_by_customer.all(Key::within(integration.as_str(), customer.as_str()));
        let mut enabled = deployments().filter(|deployment| !deployment.paused).peekable();
        let found = match enabled.peek() {
            Some(_) => only(enabled),
            // Any would do; the first by name, so that dry runs and edges show the same one.
            None => deployments().min_by_key(|deployment| &deployment.name),
        };
        Ok(found.cloned())
    }
}
