//! Flow URLs, path fragments, and the URL that a request is forwarded to.

use std::fmt;

/// The URL of a flow endpoint: http or https, with a host, without userinfo, fragment and dot segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowUrl {
    url: url::Url,
}

/// A flow URL that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct FlowUrlError {
    reason: String,
}

impl FlowUrl {
    /// Parses `text`.
    pub fn parse(text: &str) -> Result<Self, FlowUrlError> {
        todo!("{text}")
    }

    /// Whether it is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host, for resolution and SNI: a name, or an IP address (v6 without brackets).
    #[must_use]
    pub fn host(&self) -> &str {
        todo!()
    }

    /// The port, also where the URL leaves it out.
    #[must_use]
    pub fn port(&self) -> u16 {
        todo!()
    }

    /// The value of the `Host` header: the host, and the port where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        todo!()
    }

    /// Path and query of a forwarded request: the URL's path, one `/`, the fragment as it arrived; the URL's own query
    /// first, then the request's. `query` is raw and without its `?`.
    #[must_use]
    pub fn target(&self, fragment: &PathFragment<'_>, query: &str) -> String {
        todo!("{fragment:?} {query}")
    }

    /// The URL as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        todo!()
    }
}

impl fmt::Display for FlowUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The path behind an endpoint's token that no two readers resolve differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathFragment<'a>(&'a str);

/// A path fragment that is refused (`path_invalid`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct PathFragmentError {
    reason: &'static str,
}

impl<'a> PathFragment<'a> {
    /// Parses the raw path behind the token, without its leading `/`. Refused are `.` and `..` segments (also after
    /// decoding once or twice), `\`, `%2f`, `%5c`, `%00` (in any case) and control bytes.
    pub fn parse(raw: &'a str) -> Result<Self, PathFragmentError> {
        todo!("{raw}")
    }

    /// The fragment, raw.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}
