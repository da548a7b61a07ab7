//! What the rules across resources ask of the state.

use pointsman_routing::{
    deployment::DeploymentSpec,
    name::{CustomerId, DeploymentName, IntegrationId, MappingName, ResourceName},
};
use rusqlite::params;

use super::{Snapshot, StoreError};
use crate::domain::{CustomerSpec, Kind, MappingSpec};

impl Snapshot<'_> {
    /// The customer with this external ID.
    pub(crate) fn customer_with(&self, external_id: &str) -> Result<Option<CustomerId>, StoreError> {
        self.find::<CustomerSpec>("SELECT name FROM customers WHERE external_id = ?1", [external_id])
    }

    /// The mapping of this integration with this source id.
    pub(crate) fn mapping_with(
        &self,
        integration: &IntegrationId,
        source_customer_id: &str,
    ) -> Result<Option<MappingName>, StoreError> {
        let sql = "SELECT name FROM customer_mappings WHERE integration = ?1 AND source_customer_id = ?2";
        self.find::<MappingSpec>(sql, params![integration.to_string(), source_customer_id])
    }

    /// The enabled deployments of the integration to the customer.
    pub(crate) fn enabled_deployments(
        &self,
        integration: &IntegrationId,
        customer: &str,
    ) -> Result<Vec<DeploymentName>, StoreError> {
        let sql = "SELECT name FROM deployments WHERE integration = ?1 AND customer = ?2 AND paused = 0 ORDER BY name";
        self.find_all::<DeploymentSpec>(sql, params![integration.to_string(), customer])
    }

    /// Customers that have more than one enabled deployment of the integration.
    pub(crate) fn customers_enabled_twice(
        &self,
        integration: &IntegrationId,
        limit: usize,
    ) -> Result<Vec<CustomerId>, StoreError> {
        let sql = "SELECT customer FROM deployments WHERE integration = ?1 AND paused = 0 \
                   GROUP BY customer HAVING count(*) > 1 LIMIT ?2";
        self.find_all::<CustomerSpec>(sql, params![integration.to_string(), as_limit(limit)])
    }

    /// The flows that the deployment has a URL for and its integration does not have.
    pub(crate) fn unknown_flows(&self, deployment: &DeploymentName) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT flow_key FROM flow_endpoints AS f WHERE deployment = ?1 AND NOT EXISTS \
                   (SELECT 1 FROM flows WHERE flows.integration = f.integration AND flows.key = f.flow_key)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([deployment.to_string()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The deployments that have a URL for the flow.
    pub(crate) fn deployments_of_flow(
        &self,
        integration: &IntegrationId,
        flow: &str,
        limit: usize,
    ) -> Result<Vec<DeploymentName>, StoreError> {
        let sql = "SELECT deployment FROM flow_endpoints WHERE integration = ?1 AND flow_key = ?2 \
                   ORDER BY deployment LIMIT ?3";
        self.find_all::<DeploymentSpec>(sql, params![integration.to_string(), flow, as_limit(limit)])
    }

    /// Deployments and mappings of the customer.
    pub(crate) fn users_of_customer(
        &self,
        customer: &CustomerId,
        limit: usize,
    ) -> Result<Vec<ResourceName>, StoreError> {
        self.users("customer", &customer.to_string(), limit)
    }

    /// Deployments and mappings of the integration.
    pub(crate) fn users_of_integration(
        &self,
        integration: &IntegrationId,
        limit: usize,
    ) -> Result<Vec<ResourceName>, StoreError> {
        self.users("integration", &integration.to_string(), limit)
    }

    fn users(&self, column: &str, of: &str, limit: usize) -> Result<Vec<ResourceName>, StoreError> {
        let deployments = format!("SELECT name FROM deployments WHERE {column} = ?1 LIMIT ?2");
        let mappings = format!("SELECT name FROM customer_mappings WHERE {column} = ?1 LIMIT ?2");
        let deployments = self.find_all::<DeploymentSpec>(&deployments, params![of, as_limit(limit)])?;
        let mappings = self.find_all::<MappingSpec>(&mappings, params![of, as_limit(limit)])?;
        let deployments = deployments.into_iter().map(ResourceName::Deployment);
        Ok(deployments.chain(mappings.into_iter().map(ResourceName::CustomerMapping)).take(limit).collect())
    }

    /// The name in the only row of `sql`, if there is one.
    pub(super) fn find<K: Kind>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<Option<K::Name>, StoreError> {
        Ok(self.find_all::<K>(sql, params)?.into_iter().next())
    }

    /// The names in the rows of `sql`.
    fn find_all<K: Kind>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<K::Name>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut names = Vec::new();
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            names.push(name.parse().map_err(|fault| StoreError::damaged(&name, fault))?);
        }
        Ok(names)
    }
}

fn as_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
