//! Value sources: a reference or a constant, then a table, then (for customers) a lookup.

use std::{collections::BTreeMap, fmt};

use crate::{
    fault::{Fault, Faults, entry_path},
    reference::Reference,
};

/// The longest constant, table key, table value and default, in bytes.
pub const MAX_TEXT_BYTES: usize = 1_024;
/// The most entries of a table.
pub const MAX_VALUES: usize = 10_000;

/// A value source as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueSourceSpec {
    /// A path into `results`.
    pub reference: Option<String>,
    /// A constant.
    pub constant: Option<String>,
    /// What was found → what it stands for.
    pub values: BTreeMap<String, String>,
    /// What a value that `values` does not hold stands for.
    pub default_value: Option<String>,
    /// The value is the third party's id for the customer.
    pub lookup_customer_mappings: bool,
}

/// Where a value is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueSource {
    /// Where it comes from.
    pub origin: Origin,
    /// The table; empty where there is none.
    pub values: BTreeMap<Box<str>, Box<str>>,
    /// What a value that `values` does not hold stands for. Never stands in for a value that is missing.
    pub default_value: Option<Box<str>>,
    /// The value is the third party's id for the customer.
    pub lookup_customer_mappings: bool,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Out of `results`.
    Reference(Reference),
    /// Always this.
    Constant(Box<str>),
}

/// What a value source is for, which decides what it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The customer: a lookup, no default.
    Customer,
    /// The customer's user: no lookup, no default.
    CustomerUser,
    /// The flow: no lookup.
    Flow,
}

impl ValueSource {
    /// Parses `spec`; faults name the fields below it (`reference`, `values["x"]`, …), or nothing where the source as a
    /// whole is at fault.
    pub fn parse(spec: ValueSourceSpec, purpose: Purpose) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        check_values(&spec.values, &mut faults);
        check_default(&spec, purpose, &mut faults);
        if spec.lookup_customer_mappings && purpose != Purpose::Customer {
            faults.add("lookup", "only the customer can be looked up in customer mappings");
        }
        if let Some(constant) = &spec.constant {
            check_constant(constant, &spec, &mut faults);
        }

        let origin = match (spec.reference, spec.constant) {
            (Some(reference), None) => {
                faults.keep("reference", Reference::parse(&reference)).map(Origin::Reference)
            }
            (None, Some(constant)) => Some(Origin::Constant(constant.into())),
            (None, None) => {
                faults.add("", "needs a reference or a constant");
                None
            }
            (Some(reference), Some(_)) => {
                faults.keep("reference", Reference::parse(&reference));
                faults.add("constant", "cannot stand beside a reference");
                None
            }
        };
        faults.finish(origin.map(|origin| Self {
            origin,
            values: spec.values.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
            default_value: spec.default_value.map(Into::into),
            lookup_customer_mappings: spec.lookup_customer_mappings,
        }))
    }

    /// The reference, where the value comes from one.
    #[must_use]
    pub fn reference(&self) -> Option<&Reference> {
        match &self.origin {
            Origin::Reference(reference) => Some(reference),
            Origin::Constant(_) => None,
        }
    }

    /// What a found value stands for: itself where there is no table; `None` where the table does not hold it.
    #[must_use]
    pub fn translate<'a>(&'a self, found: &'a str) -> Option<&'a str> {
        if self.values.is_empty() {
            return Some(found);
        }
        self.values.get(found).or(self.default_value.as_ref()).map(AsRef::as_ref)
    }
}

impl fmt::Display for Origin {
    /// The reference as it was written, or `constant`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(reference) => reference.fmt(f),
            Self::Constant(_) => f.write_str("constant"),
        }
    }
}

fn check_values(values: &BTreeMap<String, String>, faults: &mut Faults) {
    if values.len() > MAX_VALUES {
        faults.add("values", "holds more than 10,000 entries");
        return;
    }
    for (key, value) in values {
        let field = || entry_path("values", key);
        if key.is_empty() {
            faults.add(field(), "an empty value is never found");
        } else if key.len() > MAX_TEXT_BYTES {
            faults.add(field(), "the key is longer than 1,024 bytes");
        }
        if let Some(reason) = text_fault(value) {
            faults.add(field(), reason);
        }
    }
}

fn check_default(spec: &ValueSourceSpec, purpose: Purpose, faults: &mut Faults) {
    let Some(default_value) = &spec.default_value else { return };
    if purpose != Purpose::Flow {
        // A customer by default would be some tenant for requests of nobody.
        faults.add("default_value", "a customer or its user cannot have a default");
    } else if spec.values.is_empty() {
        faults.add("default_value", "needs values");
    }
    if let Some(reason) = text_fault(default_value) {
        faults.add("default_value", reason);
    }
}

fn check_constant(constant: &str, spec: &ValueSourceSpec, faults: &mut Faults) {
    if let Some(reason) = text_fault(constant) {
        faults.add("constant", reason);
    } else if !spec.values.is_empty() && !spec.values.contains_key(constant) && spec.default_value.is_none() {
        faults.add("constant", "values does not hold it, so that it would never match");
    }
}

fn text_fault(text: &str) -> Option<&'static str> {
    match text.len() {
        0 => Some("is empty"),
        1..=MAX_TEXT_BYTES => None,
        _ => Some("is longer than 1,024 bytes"),
    }
}

#[cfg(test)]
mod tests;
