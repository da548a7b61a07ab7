//! Customers and customer mappings in the table, each one allocation or two, which all indexes share.

use std::sync::Arc;

use super::{Stamp, shards::Key, texts::Texts};
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
        Key::of(record.customer.id.as_str())
    }

    pub(super) fn external_id_key(record: &Arc<Self>) -> Key<'_> {
        Key::of(&record.customer.external_id)
    }
}

/// A customer mapping in the table. There can be a million: it shares the ids of the integration and the customer with
/// them, and keeps its own texts as one.
#[derive(Debug)]
pub(super) struct MappingRecord {
    integration: IntegrationId,
    customer: CustomerId,
    texts: Texts,
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
        let texts = Texts::new(mapping.name.mapping.as_str(), &mapping.source_customer_id);
        Self { integration, customer, texts, stamp }
    }

    pub(super) fn key(record: &Arc<Self>) -> Key<'_> {
        Key::within(record.integration.as_str(), record.texts.id())
    }

    pub(super) fn source_key(record: &Arc<Self>) -> Key<'_> {
        Key::within(record.integration.as_str(), record.texts.other())
    }

    pub(super) fn to_mapping(&self) -> CustomerMapping {
        CustomerMapping {
            name: self.name(),
            source_customer_id: text(self.texts.other()).into(),
            customer: self.customer.clone(),
        }
    }

    fn name(&self) -> MappingName {
        let mapping = MappingId::parse(text(self.texts.id())).expect("it was an id before");
        MappingName { integration: self.integration.clone(), mapping }
    }
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("it was a text before")
}

/// A customer mapping of the table, found by its source customer id.
#[derive(Clone, Debug)]
pub struct FoundMapping<'t>(pub(super) &'t MappingRecord);

impl Mapped for FoundMapping<'_> {
    fn customer(&self) -> &CustomerId {
        &self.0.customer
    }

    fn name(&self) -> MappingName {
        self.0.name()
    }
}
