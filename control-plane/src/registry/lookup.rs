//! Looking a customer up: by what the third party calls it, or by what the vendor does.

use std::fmt;

use pointsman_routing::{
    integration::IntegrationSpec,
    name::{CustomerId, IntegrationId, ResourceName},
};

use super::{Error, Registry, exists};
use crate::{
    domain::{Caller, CustomerSpec, MappingSpec, Resource},
    store::{Snapshot, StoreError},
};

/// So many mappings of a customer are read.
const MAPPINGS_MAX: usize = 1_000;

/// What is known of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// The third party's id for it.
    SourceId(String),
    /// The vendor's id for it.
    ExternalId(String),
    /// Its name.
    Customer(CustomerId),
}

/// A customer, and its mappings within an integration.
pub(crate) type Found = (Resource<CustomerSpec>, Vec<Resource<MappingSpec>>);

impl Registry {
    /// The customer of whom `known` holds, and its mappings in the integration: the one that was asked for where its
    /// source id was.
    pub(crate) async fn look_up(
        &self,
        caller: &Caller,
        integration: IntegrationId,
        known: Known,
    ) -> Result<Found, Error> {
        if !caller.sees(&integration) {
            return Err(Error::OutOfScope(ResourceName::Integration(integration)));
        }
        self.store
            .read(move |snapshot| {
                exists(snapshot.contains::<IntegrationSpec>(&integration)?, &integration)?;
                let found = known.find(snapshot, &integration)?;
                found.ok_or(Error::NoCustomer { integration, known })
            })
            .await
    }
}

impl Known {
    fn find(
        &self,
        snapshot: &Snapshot<'_>,
        integration: &IntegrationId,
    ) -> Result<Option<Found>, StoreError> {
        let customer = match self {
            Self::SourceId(source_id) => {
                let Some(name) = snapshot.mapping_with(integration, source_id)? else { return Ok(None) };
                let Some(mapping) = snapshot.get::<MappingSpec>(&name)? else { return Ok(None) };
                let customer = mapping.spec.customer.parse();
                let customer = customer.map_err(|error| StoreError::damaged(&name, error))?;
                return Ok(snapshot.get(&customer)?.map(|customer| (customer, vec![mapping])));
            }
            Self::ExternalId(external_id) => snapshot.customer_with(external_id)?,
            Self::Customer(name) => Some(name.clone()),
        };
        let Some(customer) = customer else { return Ok(None) };
        let Some(found) = snapshot.get::<CustomerSpec>(&customer)? else { return Ok(None) };
        let names = snapshot.mappings_of(integration, &customer, MAPPINGS_MAX)?;
        let mut mappings = Vec::with_capacity(names.len());
        for name in names {
            mappings.extend(snapshot.get::<MappingSpec>(&name)?);
        }
        Ok(Some((found, mappings)))
    }
}

/// As a sentence that nobody is known of whom it holds.
impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SourceId(id) => write!(f, "nothing is mapped to the source customer id {id:?}"),
            Self::ExternalId(id) => write!(f, "no customer has the external id {id:?}"),
            Self::Customer(name) => write!(f, "there is no {name}"),
        }
    }
}
