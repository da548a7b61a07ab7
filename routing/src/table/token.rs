//! Endpoint tokens.

use std::{fmt, sync::Arc};

/// The longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 128;
/// As much of a token as a log may hold.
const PREFIX_BYTES: usize = 6;

/// The secret part of an endpoint's URL: 1 to 128 bytes of `[A-Za-z0-9_-]`. `Debug` shows a prefix.
///
/// Tokens are compared in variable time. They are found by a keyed hash of the whole token, so that how long a miss
/// takes says nothing of the tokens that are there, and a guess at 128 random bits gains nothing from a hit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointToken(Arc<str>);

impl EndpointToken {
    /// Parses a token; `None` where it cannot be one.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        is_token(token).then(|| Self(token.into()))
    }

    /// The whole token, a secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// As much of it as a log may hold: its first 6 characters, but never more than half.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.0[..PREFIX_BYTES.min(self.0.len() / 2)]
    }
}

/// Whether a text can be a token; nothing else is worth a look-up.
pub(super) fn is_token(text: &str) -> bool {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=MAX_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(is_token_byte)
}

impl fmt::Debug for EndpointToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_url_safe_and_bounded() {
        for good in ["a", "AZaz09_-", &"x".repeat(128)] {
            assert_eq!(EndpointToken::parse(good).unwrap().expose(), good);
        }
        for bad in ["", "a/b", "a.b", "a%2f", "é", "a b", &"x".repeat(129)] {
            assert_eq!(EndpointToken::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_log_never_holds_a_whole_token() {
        let prefix = |token: &str| EndpointToken::parse(token).unwrap().prefix().to_owned();
        assert_eq!(prefix("abcdefghijklmnopqrstuv"), "abcdef");
        assert_eq!(prefix("abcdefg"), "abc");
        assert_eq!(prefix("a"), "");
        let token = EndpointToken::parse("abcdefghijklmnopqrstuv").unwrap();
        assert_eq!(format!("{token:?}"), "abcdef…");
    }
}
