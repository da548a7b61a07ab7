//! References: where to look for a value.
//!
//! ```text
//! reference = "results" step+            a value of `results`
//!           | "json(" reference ")" step*  a value of the JSON document in a string that another reference finds
//! step      = "." name | "[" string "]" | "[" index "]"
//! name      = one or more of A-Z a-z 0-9 _ - $ : @ #
//! string    = a JSON string, with its escapes
//! index     = 0, or decimal digits without a leading 0
//! ```
//!
//! White space stands nowhere but in a quoted name.

use std::fmt;

mod escape;
mod parse;
#[cfg(test)]
mod tests;

pub(crate) use escape::{unescape, utf8};

/// The longest reference, in bytes.
pub const MAX_REFERENCE_BYTES: usize = 1024;
/// How often `json(…)` may stand around itself.
pub const MAX_REFERENCE_NESTING: usize = 8;
/// How many steps may follow `results`, or one `json(…)`. No document that is read is deeper.
pub const MAX_REFERENCE_STEPS: usize = 128;

/// A parsed reference, as `results.body.data.type` or `json(results.body.data.payload).team.id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    text: Box<str>,
    paths: Box<[Path]>,
}

/// The way through one document.
pub type Path = Box<[Step]>;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To an object's member.
    Key(Box<str>),
    /// To an array's element.
    Index(u32),
}

impl Reference {
    /// Parses `text`.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let paths = parse::parse(text)?;
        Ok(Self { text: text.into(), paths })
    }

    /// The reference as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether, without a Preprocess service, reading it needs the request's body.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        matches!(self.first(), [body, data, ..] if body.is("body") && data.is("data"))
    }

    /// The path through `results`.
    pub(crate) fn first(&self) -> &[Step] {
        self.paths.first().map_or(&[], |path| path)
    }

    /// All paths: the one through `results`, then each further one through the JSON document in the string that the one
    /// before it finds.
    #[must_use]
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }
}

impl Step {
    /// Whether it leads to the member of this name.
    pub(crate) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Key(key) if **key == *name)
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
