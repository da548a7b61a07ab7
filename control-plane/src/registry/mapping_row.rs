//! Customer mappings as they come in numbers: rows that say which customer a third party means by an id.

use pointsman_routing::{
    deployment::{Customer, CustomerMapping},
    fault::Fault,
    name::{MappingId, MappingName},
};

use super::draft::display_name_fault;
use crate::domain::{CustomerSpec, Kind as _, MappingSpec, derived_mapping_id};

/// A customer mapping to write. One of the same source customer id is changed; where there is none, one is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MappingRow {
    pub(crate) source_customer_id: String,
    pub(crate) target: Option<RowTarget>,
    /// Empty for one that is derived from the source customer id.
    pub(crate) mapping_id: String,
    /// Stays as it is where there is none.
    pub(crate) display_name: Option<String>,
}

/// How a row names its customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowTarget {
    /// `customers/{customer}`
    Customer(String),
    /// The vendor's id.
    ExternalId(String),
}

impl MappingRow {
    /// Everything that is wrong with it as it stands, with paths as seen from the row.
    pub(super) fn faults(&self, any: &AnyNames) -> Vec<Fault> {
        let customer = match &self.target {
            Some(RowTarget::Customer(customer)) => customer,
            _ => &any.customer,
        };
        let parsed = CustomerMapping::parse(any.mapping.clone(), &self.source_customer_id, customer);
        let mut faults = parsed.err().unwrap_or_default();
        match &self.target {
            Some(RowTarget::Customer(_)) => {}
            Some(RowTarget::ExternalId(external_id)) => {
                faults.extend(
                    Customer::parse(CustomerSpec::any_name(), external_id).err().into_iter().flatten(),
                );
            }
            None => faults.push(Fault::new("customer", "is missing; `external_id` can stand in for it")),
        }
        if !self.mapping_id.is_empty()
            && let Err(error) = MappingId::parse(&self.mapping_id)
        {
            faults.push(Fault::new("customer_mapping_id", error));
        }
        faults.extend(self.display_name.as_deref().and_then(display_name_fault));
        faults
    }

    /// The id of the mapping where one has to be made; its own, if it has one, is sound.
    pub(super) fn new_id(&self) -> MappingId {
        match MappingId::parse(&self.mapping_id) {
            Ok(own) => own,
            Err(_) => derived_mapping_id(&self.source_customer_id),
        }
    }
}

/// Names that are sound, for judging rows whose own are not.
#[derive(Clone, Debug)]
pub(super) struct AnyNames {
    mapping: MappingName,
    customer: String,
}

impl Default for AnyNames {
    fn default() -> Self {
        Self { mapping: MappingSpec::any_name(), customer: CustomerSpec::any_name().to_string() }
    }
}

/// A row names a customer by an external ID that no customer has.
pub(super) fn no_customer(external_id: &str) -> String {
    format!("no customer has the external id {external_id:?}")
}

/// A row names a mapping, and there is another one for its source customer id.
pub(super) fn named_otherwise(mapping: &impl ToString) -> String {
    format!("the mapping of this source customer id is {}", mapping.to_string())
}

/// The name of a mapping that is to be made stands for another source customer id.
pub(super) fn name_taken(mapping: &impl ToString, other: &str) -> String {
    format!(
        "{} is the mapping of the source customer id {other:?}: give this one a customer_mapping_id of its own",
        mapping.to_string()
    )
}

/// The source customer id, or the mapping, stands in an earlier row.
pub(super) fn twice(earlier: &str) -> String {
    format!("stands in {earlier} already")
}

#[cfg(feature = "fuzzing")]
impl MappingRow {
    /// Whether it is sound as it stands, and then the name of its mapping.
    pub(crate) fn judged(&self) -> Result<MappingId, Vec<Fault>> {
        let faults = self.faults(&AnyNames::default());
        if faults.is_empty() { Ok(self.new_id()) } else { Err(faults) }
    }
}
