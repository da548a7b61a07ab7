//! Customers and customer mappings in the table, each one allocation or two, which all indexes share.

use std::sync::Arc;

use super::{Stamp, shards::Key};
use crate::{
    deployment::{Customer, CustomerMapping},
    directory::Mapped,
    name::{CustomerId, IntegrationId, MappingId, MappingName},
};

/// A customer in the table.
#[derive(Debug)]
pub(super) struct CustomerRecord {
    pub(super) customer: Customer,
    pub(super) stamp: Stamp,
}

impl CustomerRecord {
    pub(super) fn key(record: &Arc<Self>) -> Key<'_> {
        (record.customer.id.as_str(), "")
    }

    pub(super) fn external_id_key(record: &Arc<Self>) -> Key<'_> {
        (&record.customer.external_id, "")
    }
}

/// A customer mapping in the table. There can be a million: it shares the ids of the integration and the customer with
/// them, and keeps its own texts as one.
#[derive(Debug)]
pub(super) struct MappingRecord {
    integration: IntegrationId,
    customer: CustomerId,
    /// The id of the mapping, and the source customer id right behind it.
    texts: Box<str>,
    /// How much of the texts is the id. An id has 63 bytes at most.
    id_bytes: u8,
    pub(super) stamp: Stamp,
}

impl MappingRecord {
    /// `integration` and `customer` are the ids that the mapping names, perhaps shared with what they name.
    pub(super) fn new(
        integration: IntegrationId,
        customer: CustomerId,
        mapping: &CustomerMapping,
        stamp: Stamp,
    ) -> Self {
        let id = mapping.name.mapping.as_str();
        let id_bytes = u8::try_from(id.len()).expect("an id has 63 bytes at most");
        let mut texts = String::with_capacity(id.len() + mapping.source_customer_id.len());
        texts.push_str(id);
        texts.push_str(&mapping.source_customer_id);
        Self { integration, customer, texts: texts.into(), id_bytes, stamp }
    }

    pub(super) fn key(record: &Arc<Self>) -> Key<'_> {
        (record.integration.as_str(), record.texts().0)
    }

    pub(super) fn source_key(record: &Arc<Self>) -> Key<'_> {
        (record.integration.as_str(), record.texts().1)
    }

    pub(super) fn to_mapping(&self) -> CustomerMapping {
        let (_, source_customer_id) = self.texts();
        CustomerMapping {
            name: self.name(),
            source_customer_id: source_customer_id.into(),
            customer: self.customer.clone(),
        }
    }

    fn name(&self) -> MappingName {
        let mapping = MappingId::parse(self.texts().0).expect("it was an id before");
        MappingName { integration: self.integration.clone(), mapping }
    }

    fn texts(&self) -> (&str, &str) {
        self.texts.split_at(self.id_bytes.into())
    }
}

/// A customer mapping of the table, found by its source customer id.
#[derive(Clone, Debug)]
pub struct FoundMapping(pub(super) Arc<MappingRecord>);

impl Mapped for FoundMapping {
    fn customer(&self) -> &CustomerId {
        &self.0.customer
    }

    fn name(&self) -> MappingName {
        self.0.name()
    }
}
