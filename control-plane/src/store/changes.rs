//! Columns that hold what differs between two states of a resource, as JSON.

use serde::{Deserialize, Serialize};

use super::endpoint::read_json;
use crate::domain::FieldChange;

/// Changes as a column keeps them.
pub(super) fn to_json(changes: &[FieldChange]) -> String {
    let kept: Vec<Kept> = changes.iter().cloned().map(Kept::from).collect();
    serde_json::to_string(&kept).expect("strings and booleans are JSON")
}

/// The inverse of [`to_json`].
pub(super) fn from_json(json: &str) -> Result<Vec<FieldChange>, String> {
    let kept: Vec<Kept> = read_json(json)?;
    Ok(kept.into_iter().map(FieldChange::from).collect())
}

#[derive(Deserialize, Serialize)]
struct Kept {
    field: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    reroutes: bool,
}

impl From<FieldChange> for Kept {
    fn from(FieldChange { field, before, after, reroutes }: FieldChange) -> Self {
        Self { field, before, after, reroutes }
    }
}

impl From<Kept> for FieldChange {
    fn from(Kept { field, before, after, reroutes }: Kept) -> Self {
        Self { field, before, after, reroutes }
    }
}
