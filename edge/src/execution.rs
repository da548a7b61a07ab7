//! Executions: each webhook is one.

use std::fmt;

use uuid::{Uuid, fmt::Hyphenated};

/// The id of an execution, a UUID of version 7. It is only ever written, so its text is what there is of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExecutionId([u8; Hyphenated::LENGTH]);

impl ExecutionId {
    /// A new one.
    pub(crate) fn new() -> Self {
        Uuid::now_v7().into()
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Uuid> for ExecutionId {
    fn from(id: Uuid) -> Self {
        let mut text = [0; Hyphenated::LENGTH];
        id.as_hyphenated().encode_lower(&mut text);
        Self(text)
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
