//! Header names: which ones configuration may set, and which ones never pass through.

use http::{HeaderName, HeaderValue};

/// Parses a header that a flow endpoint's configuration sets on forwarded requests. Refused are hop-by-hop and framing
/// headers, `host`, `x-forwarded-*`, `forwarded`, `via`, and names that read `pointsman-*` after `_` → `-`.
/// The value is marked sensitive, so that `Debug` hides it.
pub fn parse_flow_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), HeaderError> {
    todo!("{name} {value}")
}

/// A header that configuration may not set. Never holds the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct HeaderError {
    reason: String,
}

/// Whether a header speaks of one connection only: `connection`, `keep-alive`, `proxy-connection`,
/// `proxy-authenticate`, `proxy-authorization`, `te`, `trailer`, `transfer-encoding`, `upgrade`.
#[must_use]
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    todo!("{name}")
}

/// Whether a name begins with `pointsman-` after `_` → `-`: nobody but an edge may say these.
#[must_use]
pub fn is_reserved(name: &HeaderName) -> bool {
    todo!("{name}")
}

/// A value for one of our own headers: bytes outside visible ASCII, and `%` itself, percent-encoded.
#[must_use]
pub fn encode_value(text: &str) -> HeaderValue {
    todo!("{text}")
}
