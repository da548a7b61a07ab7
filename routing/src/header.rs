//! Header names: which ones configuration may set, and which ones never pass through.

use http::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The longest header or metadata name that configuration may hold.
pub const MAX_NAME_BYTES: usize = 255;
/// Headers that speak of one connection only.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// The longest header or metadata value that configuration may hold.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Parses a header that a flow endpoint's configuration sets on forwarded requests. Refused are hop-by-hop and framing
/// headers, `host`, `x-forwarded-*`, `forwarded`, `via`, and names that read `pointsman-*`; all of them also in the
/// spelling with `_`, which many servers read as `-`. The value is marked sensitive, so that `Debug` hides it.
pub fn parse_flow_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), HeaderError> {
    let name = parse_name(name)?;
    if let Some(owner) = owner(&name) {
        return Err(HeaderError { reason: format!("{name} cannot be set: {owner}") });
    }
    Ok((name, parse_value(value)?))
}

/// Parses gRPC metadata that is sent to a Preprocess service: a name of lower-case letters, digits, `_`, `-` and `.`,
/// and a value of visible ASCII and spaces. Refused are names that gRPC, HTTP or an edge speak with themselves, and
/// binary ones (`-bin`). The value is marked sensitive.
pub(crate) fn parse_metadata(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), HeaderError> {
    let fault = |reason: &str| Err(HeaderError { reason: reason.to_owned() });
    if name.bytes().any(|b| !matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.')) {
        return fault("a metadata name holds only lower-case letters, digits, `_`, `-` and `.`");
    }
    let name = parse_name(name)?;
    let of_grpc =
        matches!(name.as_str(), "content-type" | "user-agent" | "accept-encoding" | "content-encoding");
    if of_grpc || name.as_str().starts_with("grpc-") {
        return fault("gRPC itself sets it");
    }
    if name.as_str().ends_with("-bin") {
        return fault("binary metadata cannot be configured");
    }
    if let Some(owner) = owner(&name).filter(|owner| *owner != Owner::Forwarding) {
        return Err(HeaderError { reason: owner.to_string() });
    }
    if value.is_empty() || value.contains('\t') {
        return fault("a metadata value is at least one visible ASCII character");
    }
    Ok((name, parse_value(value)?))
}

/// A header that configuration may not set. Never holds the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct HeaderError {
    reason: String,
}

/// Whether a header, whose name is in lower case, speaks of one connection only: `connection`, `keep-alive`,
/// `proxy-connection`, `proxy-authenticate`, `proxy-authorization`, `te`, `trailer`, `transfer-encoding`, `upgrade`.
#[must_use]
pub fn is_hop_by_hop(name: &[u8]) -> bool {
    matches!(
        name,
        b"connection"
            | b"keep-alive"
            | b"proxy-connection"
            | b"proxy-authenticate"
            | b"proxy-authorization"
            | b"te"
            | b"trailer"
            | b"transfer-encoding"
            | b"upgrade"
    )
}

/// The same for a name in any spelling.
#[must_use]
pub fn names_one_hop(name: &str) -> bool {
    HOP_BY_HOP.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a name, in lower case, begins with `pointsman-` after `_` → `-`: nobody but an edge may say these.
#[must_use]
pub fn is_reserved(name: &[u8]) -> bool {
    const PREFIX: &[u8] = b"pointsman-";
    name.len() >= PREFIX.len()
        && name.iter().zip(PREFIX).all(|(&byte, &wanted)| byte == wanted || (byte == b'_' && wanted == b'-'))
}

/// A value for one of our own headers: bytes outside visible ASCII (a space too), and `%` itself, percent-encoded.
#[must_use]
pub fn encode_value(text: &str) -> HeaderValue {
    /// What `utf8_percent_encode` does not encode by itself: it always encodes bytes above 0x7F.
    const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');
    let encoded = utf8_percent_encode(text, ENCODED).to_string();
    HeaderValue::try_from(encoded).unwrap_or_else(|_| unreachable!("visible ASCII is a header value"))
}

/// Who else says a header that configuration may not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Owner {
    #[error("it speaks of one connection only")]
    Connection,
    #[error("it belongs to how a message is sent")]
    Framing,
    #[error("it says where a request came from or goes to, which edges know")]
    Forwarding,
    #[error("only edges say pointsman-* headers")]
    Pointsman,
}

fn owner(name: &HeaderName) -> Option<Owner> {
    let dashed = name.as_str().replace('_', "-");
    match dashed.as_str() {
        dashed if names_one_hop(dashed) => Some(Owner::Connection),
        // Part of the upgrade to h2c, and nominated by `Connection`.
        "http2-settings" => Some(Owner::Connection),
        // `expect` asks for an interim response, which is the forwarder's to handle.
        "content-length" | "expect" | "host" => Some(Owner::Framing),
        "forwarded" | "via" => Some(Owner::Forwarding),
        dashed if dashed.starts_with("x-forwarded-") => Some(Owner::Forwarding),
        dashed if is_reserved(dashed.as_bytes()) => Some(Owner::Pointsman),
        _ => None,
    }
}

fn parse_name(name: &str) -> Result<HeaderName, HeaderError> {
    let reason = match name {
        "" => "the name is empty",
        name if name.len() > MAX_NAME_BYTES => "the name is longer than 255 bytes",
        name => match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => return Ok(name),
            Err(_) => "the name holds a character that header names may not hold",
        },
    };
    Err(HeaderError { reason: reason.to_owned() })
}

fn parse_value(value: &str) -> Result<HeaderValue, HeaderError> {
    let reason = if value.len() > MAX_VALUE_BYTES {
        "the value is longer than 8 KiB"
    } else if value.trim_matches([' ', '\t']) != value {
        // A recipient drops it, so that the value would silently be another one.
        "the value starts or ends with white space"
    } else {
        // Readers do not agree on the charset of anything else.
        let is_ascii = value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        match HeaderValue::from_str(value) {
            Ok(mut value) if is_ascii => {
                value.set_sensitive(true);
                return Ok(value);
            }
            _ => "the value holds a character outside visible ASCII",
        }
    };
    Err(HeaderError { reason: reason.to_owned() })
}

#[cfg(test)]
mod tests;
