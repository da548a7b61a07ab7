//! Flow URLs, path fragments, and the URL that a request is forwarded to.

use std::fmt;

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
    host: Box<str>,
    port: u16,
    authority: Box<str>,
    /// Starts with `/`.
    path: Box<str>,
    query: Option<Box<str>>,
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
        Ok(Self {
            text: text.into(),
            authority: origin.authority().into(),
            is_https: origin.is_https,
            host: origin.host,
            port: origin.port,
            path: if path.is_empty() { "/".into() } else { encode(path) },
            query: query.map(encode),
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
        &self.host
    }

    /// The port, also where the URL leaves it out.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The value of the `Host` header: the host (v6 in brackets), and the port where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query of a forwarded request: the URL's path, one `/`, the fragment as it arrived; the URL's own query
    /// first, then the request's. An empty fragment adds nothing. `query` is raw and without its `?`.
    #[must_use]
    pub fn target(&self, fragment: &PathFragment<'_>, query: &str) -> String {
        let fragment = fragment.as_str();
        let own_query = self.query.as_deref();
        let own_bytes = self.path.len() + own_query.map_or(0, str::len);
        let mut target = String::with_capacity(own_bytes + fragment.len() + query.len() + 3);

        if fragment.is_empty() {
            target.push_str(&self.path);
        } else {
            target.push_str(self.path.strip_suffix('/').unwrap_or(&self.path));
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
        let query = if self.query.is_some() { "?…" } else { "" };
        write!(f, "{scheme}://{}{}{query}", self.authority, self.path)
    }
}

/// Bytes above ASCII cannot stand in a request line; everything else stays as it is.
fn encode(text: &str) -> Box<str> {
    const ENCODED: &AsciiSet = CONTROLS;
    utf8_percent_encode(text, ENCODED).to_string().into()
}
