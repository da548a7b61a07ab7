//! The ids of customers in their order, for who looks for one that is like another.

use pointsman_routing::name::{CustomerId, IntegrationId};
use rusqlite::{OptionalExtension as _, params};

use super::{Snapshot, StoreError};

impl Snapshot<'_> {
    /// The integration's first source customer id at or behind `from`, in the order of their bytes, and its customer.
    pub(crate) fn source_id_from(
        &self,
        integration: &IntegrationId,
        from: &str,
    ) -> Result<Option<(String, CustomerId)>, StoreError> {
        let sql = "SELECT source_customer_id, customer FROM customer_mappings \
                   WHERE integration = ?1 AND source_customer_id >= ?2 ORDER BY source_customer_id LIMIT 1";
        self.entry(sql, params![integration.to_string(), from])
    }

    /// The first external ID at or behind `from`, in the order of their bytes, and its customer.
    pub(crate) fn external_id_from(&self, from: &str) -> Result<Option<(String, CustomerId)>, StoreError> {
        let sql =
            "SELECT external_id, name FROM customers WHERE external_id >= ?1 ORDER BY external_id LIMIT 1";
        self.entry(sql, params![from])
    }

    fn entry(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<Option<(String, CustomerId)>, StoreError> {
        let row = self
            .connection
            .prepare_cached(sql)?
            .query_row(params, |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
        let Some((id, customer)) = row.optional()? else { return Ok(None) };
        let customer = customer.parse().map_err(|fault| StoreError::damaged(&customer, fault))?;
        Ok(Some((id, customer)))
    }
}
