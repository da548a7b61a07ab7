//! References: where to look for a value.

use std::fmt;

/// A parsed reference, as `results.body.data.type` or `json(results.body.data.payload).team.id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    text: Box<str>,
}

impl Reference {
    /// Parses `text`.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        todo!("{text}")
    }

    /// The reference as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether, without a Preprocess service, reading it needs the request's body.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        todo!()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A malformed reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at position {position}")]
pub struct ReferenceError {
    /// The byte offset of the fault.
    pub position: usize,
    /// What is wrong there.
    pub reason: String,
}
