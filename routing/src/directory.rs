//! What a decision looks up. Edges answer from memory, dry runs from the database.

use std::sync::Arc;

use crate::{
    deployment::{Customer, CustomerMapping, Deployment},
    name::{CustomerId, IntegrationId, MappingName},
};

/// Where a decision looks things up.
///
/// Ids are compared byte for byte: no folding of case, no trimming, no normalisation. Where two entries could answer, the
/// answer is none: a request is refused rather than given to the wrong tenant.
pub trait Directory {
    /// Why a look-up can fail; [`Infallible`](std::convert::Infallible) for one in memory.
    type Error;
    /// What a mapping is handed out as.
    type Mapping<'d>: Mapped
    where
        Self: 'd;

    /// The customer with this id.
    fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, Self::Error>;

    /// The customer with this external ID.
    fn customer_by_external_id(&self, external_id: &str) -> Result<Option<Customer>, Self::Error>;

    /// The mapping of this integration with this source id.
    fn mapping(
        &self,
        integration: &IntegrationId,
        source_customer_id: &str,
    ) -> Result<Option<Self::Mapping<'_>>, Self::Error>;

    /// The deployment of this integration to this customer: the enabled one, none where two are enabled, and where none
    /// is, the first paused one by name, so that the request is told so.
    fn deployment_for(
        &self,
        integration: &IntegrationId,
        customer: &CustomerId,
    ) -> Result<Option<Arc<Deployment>>, Self::Error>;
}

/// A customer mapping that was found. Of a million in memory none is copied to be read.
pub trait Mapped {
    /// Whose the source id is.
    fn customer(&self) -> &CustomerId;

    /// Which mapping it is; made for whoever wants to be told.
    fn name(&self) -> MappingName;
}

impl Mapped for CustomerMapping {
    fn customer(&self) -> &CustomerId {
        &self.customer
    }

    fn name(&self) -> MappingName {
        self.name.clone()
    }
}
