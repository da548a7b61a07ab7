//! Flow URLs, path fragments, and the URL that a request is forwarded to.

use std::{fmt, net::IpAddr};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

pub(crate) use self::origin::HttpOrigin;
pub use self::{
    fragment::{PathFragment, PathFragmentError},
    origin::HttpOriginError,
};

mod fragment;
mod origin;
#[cfg(test)]
mod tests;

/// The longest flow URL, in bytes.
pub const MAX_FLOW_URL_BYTES: usize = 4_096;

/// The URL of a flow endpoint: http or https, with a host, without userinfo, fragment and dot segments. Path and query
/// stay as they were written (bytes above ASCII percent-encoded), and are never normalised: what is configured is what
/// is sent. `Debug` hides the query, which can hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct FlowUrl {
    text: Box<str>,
    is_https: bool,
    /// The host, where it is an address.
    address: Option<IpAddr>,
    port: u16,
    /// Whether it has a query, perhaps an empty one.
    has_query: bool,
    /// Host, authority, path (which starts with `/`) and query, one behind the other: where a request goes is told by one
    /// place in memory.
    parts: Box<str>,
    /// Where the first three of them end.
    ends: [u16; 3],
}

/// A flow URL that is refused. Never holds the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowUrlError {
    /// There is none.
    #[error("is empty")]
    Empty,
    /// It is over [`MAX_FLOW_URL_BYTES`].
    #[error("is longer than 4,096 bytes")]
    Length,
    /// Scheme, host or port are at fault.
    #[error(transparent)]
    Origin(#[from] HttpOriginError),
    /// It has a `#`, which is never sent.
    #[error("holds a `#`")]
    Fragment,
    /// Its path has a `.` or `..` segment, perhaps percent-encoded.
    #[error("holds a `.` or `..` segment")]
    DotSegment,
    /// Its path has a `%` that encodes nothing.
    #[error("holds a `%` without two hexadecimal digits in its path")]
    Escape,
}

impl FlowUrl {
    /// Parses `text`.
    pub fn parse(text: &str) -> Result<Self, FlowUrlError> {
        match text.len() {
            0 => return Err(FlowUrlError::Empty),
            1..=MAX_FLOW_URL_BYTES => {}
            _ => return Err(FlowUrlError::Length),
        }
        let (origin, rest) = HttpOrigin::parse(text)?;
        if rest.contains('#') {
            return Err(FlowUrlError::Fragment);
        }
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        if !fragment::escapes_are_whole(path) {
            return Err(FlowUrlError::Escape);
        }
        if fragment::has_dot_segment(path) {
            return Err(FlowUrlError::DotSegment);
        }
        let path = if path.is_empty() { "/".into() } else { encode(path) };
        let mut parts = String::new();
        let mut ends = [0; 3];
        for (part, end) in [&*origin.host, &*origin.authority(), &*path].into_iter().zip(&mut ends) {
            parts.push_str(part);
            *end = u16::try_from(parts.len()).map_err(|_| FlowUrlError::Length)?;
        }
        parts.extend(query.map(encode));
        Ok(Self {
            text: text.into(),
            is_https: origin.is_https,
            address: origin.host.parse().ok(),
            port: origin.port,
            has_query: query.is_some(),
            parts: parts.into(),
            ends,
        })
    }

    /// Whether it is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// The host, for resolution and SNI: a name in lower-case ASCII, or a canonical IP address (v6 without brackets).
    #[must_use]
    pub fn host(&self) -> &str {
        self.part(0)
    }

    /// The host, where it is an IP address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The port, also where the URL leaves it out.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The value of the `Host` header: the host (v6 in brackets), and the port where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.part(1)
    }

    /// Starts with `/`.
    fn path(&self) -> &str {
        self.part(2)
    }

    fn query(&self) -> Option<&str> {
        self.has_query.then(|| self.part(3))
    }

    fn part(&self, index: usize) -> &str {
        let end = |index: usize| self.ends.get(index).map(|end| usize::from(*end));
        let start = index.checked_sub(1).and_then(end).unwrap_or(0);
        &self.parts[start..end(index).unwrap_or(self.parts.len())]
    }

    /// Path and query of a forwarded request: the URL's path, one `/`, the fragment as it arrived; the URL's own query
    /// first, then the request's. An empty fragment adds nothing. `query` is raw and without its `?`.
    #[must_use]
    pub fn target(&self, fragment: &PathFragment<'_>, query: &str) -> String {
        let fragment = fragment.as_str();
        let (path, own_query) = (self.path(), self.query());
        let own_bytes = path.len() + own_query.map_or(0, str::len);
        let mut target = String::with_capacity(own_bytes + fragment.len() + query.len() + 3);

        if fragment.is_empty() {
            target.push_str(path);
        } else {
            target.push_str(path.strip_suffix('/').unwrap_or(path));
            target.push('/');
            target.push_str(fragment);
        }
        if own_query.is_some() || !query.is_empty() {
            target.push('?');
        }
        let own_query = own_query.unwrap_or_default();
        target.push_str(own_query);
        if !own_query.is_empty() && !query.is_empty() {
            target.push('&');
        }
        target.push_str(query);
        target
    }

    /// The URL as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for FlowUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for FlowUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        let query = if self.has_query { "?…" } else { "" };
        write!(f, "{scheme}://{}{}{query}", self.authority(), self.path())
    }
}

/// Bytes above ASCII cannot stand in a request line; everything else stays as it is.
fn encode(text: &str) -> Box<str> {
    const ENCODED: &AsciiSet = CONTROLS;
    utf8_percent_encode(text, ENCODED).to_string().into()
}
