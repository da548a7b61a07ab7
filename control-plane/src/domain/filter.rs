//! Filters of lists: a small subset of AIP-160.
//!
//! A filter is comparisons, `field = "value"`, joined by `AND`. Which fields a list has is said in [`Field`]'s lists and
//! nowhere else; the comments in the protos are measured against them. A filter is parsed when it arrives, each value as
//! what its field holds, and is then asked of rows in the database, or of values in memory ([`Filter::holds`]).

use std::time::SystemTime;

mod field;
mod parse;
mod value;

pub use field::Field;
pub use parse::{COMPARISONS_MAX, FILTER_BYTES_MAX, FilterError};

/// What the entries of a list are to be. An empty one holds for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Vec<Comparison>);

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What is compared.
    pub field: Field,
    /// How.
    pub operator: Operator,
    /// With what.
    pub value: Value,
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// It is the value.
    Is,
    /// It is the value or higher.
    AtLeast,
    /// It is below the value.
    Below,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text, or the label of an enum's value.
    Text(String),
    /// Whatever begins with this text.
    Prefix(String),
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(i64),
    /// A time.
    Time(SystemTime),
}

impl Filter {
    /// The one that holds for all.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads a filter of a list that has these fields.
    pub fn parse(text: &str, fields: &[Field]) -> Result<Self, FilterError> {
        parse::parse(text, fields).map(Self)
    }

    /// The comparisons; all of them are to hold.
    #[must_use]
    pub fn comparisons(&self) -> &[Comparison] {
        &self.0
    }

    /// Whether it holds for the entry whose fields `value` tells. It never does where a field is not there.
    pub fn holds(&self, value: impl Fn(Field) -> Option<Value>) -> bool {
        self.0.iter().all(|comparison| value(comparison.field).is_some_and(|value| comparison.holds(&value)))
    }
}

impl Comparison {
    fn holds(&self, found: &Value) -> bool {
        match (self.operator, found, &self.value) {
            (Operator::Is, Value::Text(found), Value::Prefix(prefix)) => found.starts_with(prefix),
            (Operator::Is, found, value) => found == value,
            (Operator::AtLeast, Value::Time(found), Value::Time(bound)) => found >= bound,
            (Operator::Below, Value::Time(found), Value::Time(bound)) => found < bound,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
