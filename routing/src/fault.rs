//! Faults in configuration: which field, and what is wrong with it.

use std::fmt;

/// One fault of a configuration resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The path of the field in the admin API's names, as `endpoint.flow_name.reference` or
    /// `flow_endpoints["create-order"].url`.
    pub field: String,
    /// What is wrong, in words for an admin. Never a secret.
    pub reason: String,
}

impl Fault {
    /// A fault of `field`.
    pub fn new(field: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { field: field.into(), reason: reason.to_string() }
    }

    /// The same fault seen from the resource that holds this one in `parent`.
    #[must_use]
    pub fn within(self, parent: &str) -> Self {
        Self { field: format!("{parent}.{}", self.field), reason: self.reason }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}
