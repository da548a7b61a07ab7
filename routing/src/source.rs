//! Value sources: a reference or a constant, then a table, then (for customers) a lookup.

use std::collections::BTreeMap;

use crate::{fault::Fault, reference::Reference};

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
    /// The table, if any; never empty.
    pub values: BTreeMap<Box<str>, Box<str>>,
    /// What a value that `values` does not hold stands for.
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
    /// Parses `spec`; faults name the fields below it (`reference`, `values`, …).
    pub fn parse(spec: ValueSourceSpec, purpose: Purpose) -> Result<Self, Vec<Fault>> {
        todo!("{spec:?} {purpose:?}")
    }
}
