//! Owners: whose a resource is, so that one manifest prunes nothing of another's.

use std::{fmt, str::FromStr, sync::Arc};

use pointsman_routing::name::{IntegrationId, NameError};

/// Whose a resource is. Formed as an id.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Owner(Arc<str>);

impl Owner {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The owner of what was made without naming one.
impl Default for Owner {
    fn default() -> Self {
        Self("default".into())
    }
}

impl FromStr for Owner {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // The same grammar.
        IntegrationId::parse(text).map(|id| Self(id.as_str().into()))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
