//! Secrets at rest: the values of flow endpoints' headers and of Preprocess services' metadata.
//!
//! Each value is sealed by itself with ChaCha20-Poly1305 (an AEAD, from ring) under a random nonce, and bound to its
//! place: the resource, the flow, the name. One that was moved elsewhere, or changed by a bit, does not open. The columns
//! that hold them keep their form; a value in them is `sealed:1:<key id>:<base64url of nonce, ciphertext and tag>`.
//!
//! All values are under one key at any time, which the row of the table `secrets` names. Keys come from a file or from
//! whoever starts the control plane ([`keys`]); what a start does with them is in [`settle`], and their rotation in
//! [`rotate`]. Beyond this module and the rows of two tables, nobody knows of sealing.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pointsman_routing::fault::entry_path;
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};

use super::StoreError;
use crate::domain::RandomError;

mod keys;
mod rotate;
mod settle;
mod walk;

pub use keys::{KeyId, KeyRing, KeySource, MalformedKey, SecretKey, SecretKeyError};
pub use rotate::{OldKey, RotateError, Rotated, rotate_secret_key};

pub(super) use settle::{Settled, settle};

/// What a sealed value begins with: a word that people know it by, and the version of the form.
const PREFIX: &str = "sealed:1:";
/// What is sealed is never taken for what another program sealed under the same key.
const CONTEXT: &[u8] = b"pointsman secret v1";
/// Random bytes of the database that only a key of it opens.
const SALT_BYTES: usize = 32;

/// Seals and opens secrets.
pub(super) struct Vault {
    current: KeyId,
    ciphers: BTreeMap<KeyId, LessSafeKey>,
    /// Of the database's salt. None before there is one.
    digests: Option<hmac::Key>,
}

/// Where a secret is, but for its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'p> {
    /// The headers of a deployment's flow endpoint.
    Headers {
        /// The deployment's name.
        deployment: &'p str,
        /// The flow's key.
        flow: &'p str,
    },
    /// The metadata of an integration's Preprocess service.
    Metadata {
        /// The integration's name.
        integration: &'p str,
    },
    /// The database's salt.
    Salt,
}

/// Why a secret is not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The database was opened without its keys.
    #[error("the database was opened without the keys of its secrets")]
    NoKey,
    /// No randomness for a nonce.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// Why a sealed value does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnsealError {
    /// Something else stands there.
    #[error("is not sealed as it should be")]
    Form,
    /// Sealed under a key that is not at hand.
    #[error("is sealed under the key {0}, which is not there")]
    Key(KeyId),
    /// It was changed, or moved here from another place.
    #[error("was changed, or moved here from another place")]
    Damaged,
}

impl Vault {
    /// Seals under the first key of the ring, and opens what was sealed under any.
    pub(super) fn new(ring: &KeyRing) -> Self {
        let cipher = |key: &SecretKey| {
            let unbound = UnboundKey::new(&CHACHA20_POLY1305, key.expose()).expect("a key of 32 bytes");
            (key.id(), LessSafeKey::new(unbound))
        };
        Self { current: ring.current().id(), ciphers: ring.keys().map(cipher).collect(), digests: None }
    }

    /// Has no keys: neither seals nor opens anything.
    pub(super) fn locked() -> Self {
        Self { current: KeyId::default(), ciphers: BTreeMap::new(), digests: None }.with_salt("")
    }

    /// The key that it seals under.
    pub(super) fn current(&self) -> KeyId {
        self.current
    }

    /// Seals the values of one place.
    pub(super) fn seal_all(
        &self,
        place: Place<'_>,
        values: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, SealError> {
        values.iter().map(|(name, value)| Ok((name.clone(), self.seal(place, name, value)?))).collect()
    }

    /// The inverse of [`Self::seal_all`].
    pub(super) fn open_all(
        &self,
        place: Place<'_>,
        sealed: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let open = |(name, sealed): (&String, &String)| match self.open(place, name, sealed) {
            Ok(value) => Ok((name.clone(), value)),
            Err(error) => {
                let reason = format!("{} {error}", place.field(name));
                Err(StoreError::damaged(place.resource(), reason))
            }
        };
        sealed.iter().map(open).collect()
    }

    /// Seals the value of this name.
    pub(super) fn seal(&self, place: Place<'_>, name: &str, value: &str) -> Result<String, SealError> {
        let cipher = self.ciphers.get(&self.current).ok_or(SealError::NoKey)?;
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(RandomError::from)?;
        let mut bytes = value.as_bytes().to_vec();
        cipher
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.bytes(name)),
                &mut bytes,
            )
            .expect("far below 64 GiB");
        let sealed = URL_SAFE_NO_PAD.encode([&nonce[..], &bytes].concat());
        Ok(format!("{PREFIX}{}:{sealed}", self.current))
    }

    /// Opens what was sealed as the value of this name.
    pub(super) fn open(&self, place: Place<'_>, name: &str, sealed: &str) -> Result<String, UnsealError> {
        let (key, bytes) = sealed
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once(':'))
            .and_then(|(key, bytes)| Some((KeyId::parse(key)?, URL_SAFE_NO_PAD.decode(bytes).ok()?)))
            .ok_or(UnsealError::Form)?;
        let cipher = self.ciphers.get(&key).ok_or(UnsealError::Key(key))?;
        let (nonce, mut bytes) = match bytes.split_first_chunk::<NONCE_LEN>() {
            Some((nonce, bytes)) => (Nonce::assume_unique_for_key(*nonce), bytes.to_vec()),
            None => return Err(UnsealError::Form),
        };
        let value = cipher
            .open_in_place(nonce, Aad::from(place.bytes(name)), &mut bytes)
            .map_err(|_| UnsealError::Damaged)?;
        // Only texts are sealed.
        String::from_utf8(value.to_vec()).map_err(|_| UnsealError::Damaged)
    }

    /// A digest of a digest that only this database can make.
    pub(super) fn blind(&self, digest: &[u8; 32]) -> [u8; 32] {
        let key = self.digests.as_ref().expect("a vault that is in use has a salt");
        hmac::sign(key, digest).as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// Takes the database's salt.
    fn with_salt(mut self, salt: &str) -> Self {
        self.digests = Some(hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes()));
        self
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("current", &self.current).finish_non_exhaustive()
    }
}

impl Place<'_> {
    /// The resource that holds it.
    fn resource(&self) -> &str {
        match self {
            Self::Headers { deployment, .. } => deployment,
            Self::Metadata { integration } => integration,
            Self::Salt => "the table secrets",
        }
    }

    /// The field of the secret of this name.
    fn field(&self, name: &str) -> String {
        match self {
            Self::Headers { flow, .. } => {
                entry_path(&format!("{}.headers", entry_path("flow_endpoints", flow)), name)
            }
            Self::Metadata { .. } => entry_path("endpoint.preprocess.metadata", name),
            Self::Salt => name.to_owned(),
        }
    }

    /// What a value is bound to: read in one way only, as each part has its length before it.
    fn bytes(&self, name: &str) -> Vec<u8> {
        let parts = match self {
            Self::Headers { deployment, flow } => ["headers", deployment, flow, name],
            Self::Metadata { integration } => ["metadata", integration, "", name],
            Self::Salt => ["salt", "", "", name],
        };
        let mut bytes = CONTEXT.to_vec();
        for part in parts {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
