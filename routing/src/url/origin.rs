//! Scheme, host and port of a URL.

use url::{Host, Url};

/// The longest host name that DNS knows, in bytes, without a `.` at its end.
const MAX_HOST_BYTES: usize = 253;
/// The longest part of a host name between dots.
const MAX_LABEL_BYTES: usize = 63;

/// Where an http or https URL leads: one reading only, whoever parses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpOrigin {
    pub(crate) is_https: bool,
    /// A name in lower-case ASCII, or a canonical IP address (v6 without brackets).
    pub(crate) host: Box<str>,
    pub(crate) port: u16,
}

/// Scheme, host or port that are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpOriginError {
    /// Neither http nor https.
    #[error("must start with http:// or https://")]
    Scheme,
    /// White space, a control character or a backslash anywhere.
    #[error("holds white space, a control character or a backslash")]
    Character,
    /// `user:password@`.
    #[error("holds a user or password before the host")]
    Userinfo,
    /// No host.
    #[error("has no host")]
    NoHost,
    /// A host that is no name and no address.
    #[error("has a malformed host")]
    Host,
    /// A port that is none.
    #[error("has a malformed port")]
    Port,
}

impl HttpOrigin {
    /// Parses the front of a URL, up to the `/`, `?` or `#` that the returned rest starts with.
    pub(crate) fn parse(text: &str) -> Result<(Self, &str), HttpOriginError> {
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(HttpOriginError::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(HttpOriginError::Scheme)?;
        let is_https = match scheme {
            scheme if scheme.eq_ignore_ascii_case("http") => false,
            scheme if scheme.eq_ignore_ascii_case("https") => true,
            _ => return Err(HttpOriginError::Scheme),
        };
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(HttpOriginError::Userinfo);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            Some(port) => parse_port(port)?,
            None => default_port(is_https),
        };
        Ok((Self { is_https, host: parse_host(host)?, port }, rest))
    }

    /// The host (v6 in brackets), and the port where it is not the scheme's own.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_string() };
        if self.port == default_port(self.is_https) { host } else { format!("{host}:{}", self.port) }
    }
}

fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), HttpOriginError> {
    let (host, port) = match authority.find(']') {
        Some(end) => match &authority[end + 1..] {
            "" => (authority, None),
            port => (&authority[..=end], Some(port.strip_prefix(':').ok_or(HttpOriginError::Host)?)),
        },
        None if authority.starts_with('[') => return Err(HttpOriginError::Host),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() { Err(HttpOriginError::NoHost) } else { Ok((host, port)) }
}

fn parse_port(port: &str) -> Result<u16, HttpOriginError> {
    let digits_only = port.bytes().all(|b| b.is_ascii_digit());
    port.parse().ok().filter(|&port| digits_only && port != 0).ok_or(HttpOriginError::Port)
}

/// The URL standard's reading: names through IDNA, and IPv4 also in its strange forms (`127.1`, `0x7f.1`), so that
/// whoever dials the host dials the address that was checked.
fn parse_host(host: &str) -> Result<Box<str>, HttpOriginError> {
    // Percent-encoded hosts have readers that decode them and readers that do not.
    if host.contains('%') {
        return Err(HttpOriginError::Host);
    }
    let url = Url::parse(&format!("http://{host}/")).map_err(|_| HttpOriginError::Host)?;
    match url.host() {
        Some(Host::Ipv4(address)) => Ok(address.to_string().into()),
        Some(Host::Ipv6(address)) => Ok(address.to_string().into()),
        Some(Host::Domain(name)) if is_host_name(name) => Ok(name.into()),
        _ => Err(HttpOriginError::Host),
    }
}

fn is_host_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    name.len() <= MAX_HOST_BYTES && name.split('.').all(is_label)
}
