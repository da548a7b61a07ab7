//! Etags.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Revision;

/// Says which version of a resource somebody has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Etag(String);

impl Etag {
    pub(super) fn of(uid: Uuid, revision: Revision) -> Self {
        let hash = Sha256::new()
            .chain_update(uid.as_bytes())
            .chain_update(revision.number().to_be_bytes())
            .finalize();
        // 12 bytes: an etag guards against a mistake, not against an attacker.
        Self(URL_SAFE_NO_PAD.encode(&hash[..12]))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
