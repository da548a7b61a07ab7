//! The Preprocess service of an integration.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use http::{HeaderName, HeaderValue};

use crate::{
    fault::{Fault, Faults, entry_path},
    header::parse_metadata,
    url::{HttpOrigin, HttpOriginError},
};

/// The deadline of a Preprocess call where none is set.
pub const DEFAULT_PREPROCESS_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest deadline of a Preprocess call that may be set.
pub const MAX_PREPROCESS_TIMEOUT: Duration = Duration::from_secs(60);
/// The most metadata of a Preprocess service.
pub const MAX_METADATA: usize = 100;
/// What fits into a socket's address on Linux, beside the NUL at its end; a little less fits elsewhere.
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// A Preprocess service as it was written. `Debug` hides the metadata's values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PreprocessSpec {
    /// `http://host:port`, `https://host:port` or `unix:/path`.
    pub address: String,
    /// The deadline of a call.
    pub timeout: Option<Duration>,
    /// Sent with each call. The values are secrets.
    pub metadata: BTreeMap<String, String>,
    /// The request's body is not sent along.
    pub omit_body: bool,
}

/// A Preprocess service. `Debug` hides the metadata's values.
#[derive(Clone, PartialEq, Eq)]
pub struct Preprocess {
    /// Where it listens.
    pub address: PreprocessAddress,
    /// The deadline of a call.
    pub timeout: Duration,
    /// Sent with each call: names in lower case that gRPC allows, values of visible ASCII and spaces, marked sensitive.
    pub metadata: Vec<(HeaderName, HeaderValue)>,
    /// The request's body is sent along.
    pub send_body: bool,
}

impl Preprocess {
    pub(super) fn parse(spec: PreprocessSpec) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let address = faults.keep("address", PreprocessAddress::parse(&spec.address));
        let timeout = spec.timeout.unwrap_or(DEFAULT_PREPROCESS_TIMEOUT);
        if timeout.is_zero() || timeout > MAX_PREPROCESS_TIMEOUT {
            faults.add("timeout", "must be above 0 s and at most 60 s");
        }
        if spec.metadata.len() > MAX_METADATA {
            faults.add("metadata", "holds more than 100 entries");
            return faults.finish(None);
        }
        let mut metadata = Vec::with_capacity(spec.metadata.len());
        for (name, value) in &spec.metadata {
            metadata.extend(faults.keep(entry_path("metadata", name), parse_metadata(name, value)));
        }
        let send_body = !spec.omit_body;
        faults.finish(address.map(|address| Self { address, timeout, metadata, send_body }))
    }
}

/// Where a Preprocess service listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PreprocessAddress {
    /// `http://` or `https://`.
    Tcp {
        /// Whether it is https.
        tls: bool,
        /// A name, or an IP address (v6 without brackets).
        host: Box<str>,
        /// The port.
        port: u16,
    },
    /// `unix:`, an absolute path without dot segments.
    Unix(Box<Path>),
}

/// An address of a Preprocess service that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreprocessAddressError {
    /// It is none of the known forms.
    #[error("must be http://host:port, https://host:port or unix:/path")]
    Form,
    /// It is http or https, but not a host and a port.
    #[error(transparent)]
    Origin(#[from] HttpOriginError),
    /// It has a path, a query or a fragment.
    #[error("must end behind the port: gRPC has no place for a path or query")]
    Path,
    /// Not an absolute path that can only be read in one way.
    #[error("unix: needs an absolute path without `.`, `..`, empty segments and control characters")]
    SocketPath,
    /// More than a socket's address holds.
    #[error("the socket's path is longer than 107 bytes")]
    SocketPathLength,
}

impl PreprocessAddress {
    /// Parses `http://host:port`, `https://host:port` (either without its usual port, and with one `/` behind it) or
    /// `unix:/path` (also `unix:///path`).
    pub fn parse(text: &str) -> Result<Self, PreprocessAddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return parse_socket_path(path.strip_prefix("//").unwrap_or(path)).map(Self::Unix);
        }
        if !text.contains("://") {
            return Err(PreprocessAddressError::Form);
        }
        let (origin, rest) = HttpOrigin::parse(text)?;
        if !matches!(rest, "" | "/") {
            return Err(PreprocessAddressError::Path);
        }
        Ok(Self::Tcp { tls: origin.is_https, host: origin.host, port: origin.port })
    }
}

fn parse_socket_path(path: &str) -> Result<Box<Path>, PreprocessAddressError> {
    let segments = path.strip_prefix('/').ok_or(PreprocessAddressError::SocketPath)?;
    if path.contains(char::is_control)
        || segments.split('/').any(|segment| matches!(segment, "" | "." | ".."))
    {
        return Err(PreprocessAddressError::SocketPath);
    }
    if path.len() > MAX_SOCKET_PATH_BYTES {
        return Err(PreprocessAddressError::SocketPathLength);
    }
    Ok(PathBuf::from(path).into_boxed_path())
}

impl fmt::Display for PreprocessAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { tls, host, port } => {
                let scheme = if *tls { "https" } else { "http" };
                if host.contains(':') {
                    write!(f, "{scheme}://[{host}]:{port}")
                } else {
                    write!(f, "{scheme}://{host}:{port}")
                }
            }
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Debug for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preprocess")
            .field("address", &self.address)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PreprocessSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreprocessSpec")
            .field("address", &self.address)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
