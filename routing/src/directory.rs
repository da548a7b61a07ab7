//! What a decision looks up. Edges answer from memory, dry runs from the database.

use std::sync::Arc;

use crate::{
    deployment::{Customer, CustomerMapping, Deployment},
    name::{CustomerId, IntegrationId},
};

/// Where a decision looks things up.
pub trait Directory {
    /// Why a look-up can fail; [`Infallible`](std::convert::Infallible) for one in memory.
    type Error;

    /// The customer with this id.
    fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, Self::Error>;

    /// The customer with this external ID.
    fn customer_by_external_id(&self, external_id: &str) -> Result<Option<Customer>, Self::Error>;

    /// The mapping of this integration with this source id.
    fn mapping(
        &self,
        integration: &IntegrationId,
        source_customer_id: &str,
    ) -> Result<Option<CustomerMapping>, Self::Error>;

    /// The deployment of this integration to this customer: the enabled one, or a paused one where none is enabled.
    fn deployment_for(
        &self,
        integration: &IntegrationId,
        customer: &CustomerId,
    ) -> Result<Option<Arc<Deployment>>, Self::Error>;
}
