//! A snapshot as the directory of a decision: dry runs look things up in the database.

use std::sync::Arc;

use pointsman_routing::{
    deployment::{Customer, CustomerMapping, Deployment, DeploymentSpec},
    directory::Directory,
    fault::Fault,
    integration::{Integration, IntegrationSpec},
    name::{CustomerId, IntegrationId},
};
use rusqlite::params;

use super::{Snapshot, StoreError, Table};
use crate::domain::{CustomerSpec, MappingSpec, Resource};

/// Why a look-up failed.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A resource is kept that does not parse any more: rules have become stricter since it was written.
    #[error("{name} cannot be used: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unusable {
        /// The resource.
        name: String,
        /// What is wrong with it.
        faults: Vec<Fault>,
    },
}

impl Snapshot<'_> {
    /// The integration of this id, ready for decisions.
    pub fn integration(&self, id: &IntegrationId) -> Result<Option<Integration>, LookupError> {
        self.usable::<IntegrationSpec, _>(id, |resource| Integration::parse(resource.name, resource.spec))
    }

    fn usable<K: Table, T>(
        &self,
        name: &K::Name,
        parse: impl FnOnce(Resource<K>) -> Result<T, Vec<Fault>>,
    ) -> Result<Option<T>, LookupError> {
        let parse = |resource| {
            parse(resource).map_err(|faults| LookupError::Unusable { name: name.to_string(), faults })
        };
        self.get::<K>(name)?.map(parse).transpose()
    }
}

impl Directory for Snapshot<'_> {
    type Error = LookupError;
    type Mapping<'d>
        = CustomerMapping
    where
        Self: 'd;

    fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LookupError> {
        self.usable::<CustomerSpec, _>(id, |resource| {
            Customer::parse(resource.name, &resource.spec.external_id)
        })
    }

    fn customer_by_external_id(&self, external_id: &str) -> Result<Option<Customer>, LookupError> {
        match self.customer_with(external_id)? {
            Some(id) => self.customer(&id),
            None => Ok(None),
        }
    }

    fn mapping(
        &self,
        integration: &IntegrationId,
        source_customer_id: &str,
    ) -> Result<Option<CustomerMapping>, LookupError> {
        match self.mapping_with(integration, source_customer_id)? {
            Some(name) => self.usable::<MappingSpec, _>(&name, |resource| {
                CustomerMapping::parse(
                    resource.name,
                    &resource.spec.source_customer_id,
                    &resource.spec.customer,
                )
            }),
            None => Ok(None),
        }
    }

    fn deployment_for(
        &self,
        integration: &IntegrationId,
        customer: &CustomerId,
    ) -> Result<Option<Arc<Deployment>>, LookupError> {
        // Enabled ones first.
        let sql = "SELECT name FROM deployments WHERE integration = ?1 AND customer = ?2 ORDER BY paused, name LIMIT 1";
        match self.find::<DeploymentSpec>(sql, params![integration.to_string(), customer.to_string()])? {
            Some(name) => Ok(self
                .usable::<DeploymentSpec, _>(&name, |resource| {
                    Deployment::parse(resource.name, resource.spec)
                })?
                .map(Arc::new)),
            None => Ok(None),
        }
    }
}
