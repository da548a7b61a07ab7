//! Ids of imports.

use std::{fmt, sync::Arc};

use pointsman_routing::name::{IntegrationId, NameError};

/// Names an import among those of its caller into an integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportId(Arc<str>);

impl ImportId {
    /// Parses it; it has the grammar of all ids.
    pub fn parse(id: &str) -> Result<Self, NameError> {
        IntegrationId::parse(id).map(|id| Self(id.as_str().into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
