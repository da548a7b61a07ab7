//! What the rules across resources ask of the state.

use pointsman_routing::{
    deployment::DeploymentSpec,
    integration::{EndpointType, IntegrationSpec},
    name::{CustomerId, DeploymentName, IntegrationId, MappingName, ResourceName},
    table::EndpointToken,
};
use rusqlite::{OptionalExtension as _, params};

use super::{Scope, Snapshot, StoreError, Table, endpoint};
use crate::domain::{CustomerSpec, Kind, MappingSpec, Owner};

/// The primary key stands in the index by customer: `name` bounds the integration within it.
pub(super) const MAPPINGS_OF: &str = "SELECT name FROM customer_mappings WHERE customer = ?1 AND name > ?2 AND name < ?3 \
     ORDER BY name LIMIT ?4";

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

    /// The mappings of the customer within the integration, in the order of their names.
    pub(crate) fn mappings_of(
        &self,
        integration: &IntegrationId,
        customer: &CustomerId,
        limit: usize,
    ) -> Result<Vec<MappingName>, StoreError> {
        let Scope { lower, upper, .. } = Scope::below(integration);
        self.find_all::<MappingSpec>(
            MAPPINGS_OF,
            params![customer.to_string(), lower, upper, as_limit(limit)],
        )
    }

    /// The enabled deployments of the integration to the customer.
    pub(crate) fn enabled_deployments(
        &self,
        integration: &IntegrationId,
        customer: &str,
        limit: usize,
    ) -> Result<Vec<DeploymentName>, StoreError> {
        let sql = "SELECT name FROM deployments WHERE integration = ?1 AND customer = ?2 AND paused = 0 \
                   ORDER BY name LIMIT ?3";
        self.find_all::<DeploymentSpec>(sql, params![integration.to_string(), customer, as_limit(limit)])
    }

    /// What the integration's endpoints stand for; none where there is no such integration.
    pub(crate) fn endpoint_type(
        &self,
        integration: &IntegrationId,
    ) -> Result<Option<Option<EndpointType>>, StoreError> {
        let sql = "SELECT endpoint_type FROM integrations WHERE name = ?1";
        let name = integration.to_string();
        let mut statement = self.connection.prepare_cached(sql)?;
        let text: Option<String> = statement.query_row([&name], |row| row.get(0)).optional()?;
        text.map(|text| endpoint::type_from_text(&text).map_err(|fault| StoreError::damaged(&name, fault)))
            .transpose()
    }

    /// The resources of a kind that are this owner's, in the order of their names.
    pub(crate) fn owned<K: Table>(&self, owner: &Owner) -> Result<Vec<K::Name>, StoreError> {
        let sql = format!("SELECT name FROM {} WHERE owner = ?1 ORDER BY name", K::TABLE);
        self.find_all::<K>(&sql, [owner.as_str()])
    }

    /// Whose a resource is, if it is there.
    pub(crate) fn owner(&self, name: &ResourceName) -> Result<Option<Owner>, StoreError> {
        let table = match name {
            ResourceName::Integration(_) => IntegrationSpec::TABLE,
            ResourceName::Customer(_) => CustomerSpec::TABLE,
            ResourceName::CustomerMapping(_) => MappingSpec::TABLE,
            ResourceName::Deployment(_) => DeploymentSpec::TABLE,
        };
        let sql = format!("SELECT owner FROM {table} WHERE name = ?1");
        let name = name.to_string();
        let mut statement = self.connection.prepare_cached(&sql)?;
        let owner: Option<String> = statement.query_row([&name], |row| row.get(0)).optional()?;
        owner.map(|owner| owner.parse().map_err(|fault| StoreError::damaged(&name, fault))).transpose()
    }

    /// The name of the resource that a token leads to.
    pub(crate) fn token_holder(&self, token: &EndpointToken) -> Result<Option<String>, StoreError> {
        let sql = "SELECT coalesce(integration, deployment) FROM endpoint_tokens WHERE token = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([token.expose()], |row| row.get(0)).optional()?)
    }

    /// The customer that the endpoint of a deployment is for which this token leads to.
    pub(crate) fn token_customer(&self, token: &EndpointToken) -> Result<Option<String>, StoreError> {
        let sql = "SELECT customer FROM deployments WHERE name = \
                   (SELECT deployment FROM endpoint_tokens WHERE token = ?1)";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([token.expose()], |row| row.get(0)).optional()?)
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
