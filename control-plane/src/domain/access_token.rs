//! Access tokens: what says who calls, and what they may do.

use std::{fmt, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pointsman_routing::name::{AccessTokenId, EdgeId, IntegrationId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{RandomError, Role};

/// What secrets begin with, so that people and scanners of repositories know one when they see it.
const SECRET_PREFIX: &str = "pmt_";
/// 256 bits, which nobody guesses: a plain hash is enough to keep it by.
const SECRET_BYTES: usize = 32;
/// The characters of a secret that are shown, to tell tokens apart. The rest still has 220 bits.
const SHOWN_CHARS: usize = 10;

/// An access token as it is kept, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// Its name.
    pub id: AccessTokenId,
    /// Tells apart two tokens that had the same name at different times.
    pub uid: Uuid,
    /// What was written.
    pub spec: AccessTokenSpec,
    /// When it was created, to the microsecond.
    pub create_time: SystemTime,
    /// When it was last changed, to the microsecond.
    pub update_time: SystemTime,
    /// Counts its changes.
    pub version: i64,
    /// When it was revoked, if it was.
    pub revoke_time: Option<SystemTime>,
    /// When it was last used, to the minute or so.
    pub last_used_time: Option<SystemTime>,
    /// The first characters of the secret.
    pub prefix: String,
}

/// What an admin writes of an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessTokenSpec {
    /// For people.
    pub display_name: String,
    /// What its bearer may do.
    pub role: Role,
    /// The integrations that it is for; all of them where it is empty.
    pub integrations: Vec<IntegrationId>,
    /// The edge that it is for.
    pub edge: Option<EdgeId>,
    /// When it ends by itself.
    pub expire_time: Option<SystemTime>,
}

impl AccessToken {
    /// Why nobody may use it any more, if that is so.
    #[must_use]
    pub fn end(&self, now: SystemTime) -> Option<TokenEnd> {
        if self.revoke_time.is_some() {
            Some(TokenEnd::Revoked)
        } else if self.spec.expire_time.is_some_and(|expire_time| expire_time <= now) {
            Some(TokenEnd::Expired)
        } else {
            None
        }
    }

    /// Changes with every change of it.
    #[must_use]
    pub fn etag(&self) -> String {
        let hash = Sha256::new()
            .chain_update(self.uid.as_bytes())
            .chain_update(self.version.to_be_bytes())
            .finalize();
        URL_SAFE_NO_PAD.encode(&hash[..12])
    }
}

/// How an access token ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenEnd {
    /// By itself.
    Expired,
    /// By somebody.
    Revoked,
}

/// The secret of an access token. It hides itself: only [`expose`](Self::expose) shows it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new one from the system's randomness.
    pub fn random() -> Result<Self, RandomError> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }

    /// What may be shown of it.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.0[..SHOWN_CHARS]
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a secret. Looked up as a whole: how long that takes says nothing of the secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Of what somebody says is a secret.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_random_and_hide_themselves() {
        let [one, other] = [(); 2].map(|()| Secret::random().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 47);
        assert!(one.expose().bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(one.expose().starts_with(one.prefix()));
        assert_eq!(one.hash(), SecretHash::of(one.expose()));
        let shown = format!("{one:?} {:?}", one.hash());
        assert_eq!(shown, "Secret(…) SecretHash(…)");
    }
}
