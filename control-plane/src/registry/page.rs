//! Page tokens: where the next page of a list begins, sealed so that a token is only good for the list it came from.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::store::PageKey;

const SEAL_BYTES: usize = 16;
/// The longest token that is looked at: a seal and the longest name, in base64.
const TOKEN_BYTES_MAX: usize = 512;

/// Makes and reads the tokens of one list.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    key: PageKey,
    list: String,
}

/// A page token that did not come from this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the page token is not one of this list: leave it out to start over")]
pub struct PageTokenError;

impl Cursor {
    /// For the list of this name, which stands for everything that its pages have in common.
    pub(crate) fn new(key: &PageKey, list: String) -> Self {
        Self { key: key.clone(), list }
    }

    /// The token of the page behind `last`.
    pub(crate) fn seal(&self, last: &str) -> String {
        let mut token = self.mac(last).to_vec();
        token.extend_from_slice(last.as_bytes());
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The name before the first of the page of `token`; empty, as the token, on the first page.
    pub(crate) fn open(&self, token: &str) -> Result<String, PageTokenError> {
        if token.is_empty() {
            return Ok(String::new());
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err(PageTokenError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| PageTokenError)?;
        let (seal, last) = bytes.split_at_checked(SEAL_BYTES).ok_or(PageTokenError)?;
        let last = str::from_utf8(last).map_err(|_| PageTokenError)?;
        if seal == self.mac(last) { Ok(last.to_owned()) } else { Err(PageTokenError) }
    }

    /// Keyed at both ends, with lengths between: not to be extended or shifted.
    fn mac(&self, last: &str) -> [u8; SEAL_BYTES] {
        let mut hash = Sha256::new().chain_update(self.key.expose());
        for part in [self.list.as_str(), last] {
            hash = hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part);
        }
        let hash = hash.chain_update(self.key.expose()).finalize();
        let mut seal = [0; SEAL_BYTES];
        seal.copy_from_slice(&hash[..SEAL_BYTES]);
        seal
    }
}

#[cfg(test)]
mod tests;
