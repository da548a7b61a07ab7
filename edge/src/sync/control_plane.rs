//! Where the control plane is, parsed once.

use std::{path::Path, time::Duration};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Uri};

use crate::tls::{self, TlsError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that does not answer pings is given up.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// A snapshot is large; small windows would make it wait for round trips.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

const USER_AGENT: &str = concat!("pointsman-edge/", env!("CARGO_PKG_VERSION"));

/// Where the control plane is, and how to connect to it.
#[derive(Clone, Debug)]
pub(crate) struct ControlPlane(pub(super) Endpoint);

/// Settings of the control plane that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ControlPlaneError {
    /// Not a URL of the right kind.
    #[error("the control plane's address must be http://host:port or https://host:port, and is {0:?}")]
    Address(String),
    /// The CA file.
    #[error(transparent)]
    Ca(#[from] TlsError),
    /// TLS cannot be set up.
    #[error("TLS to the control plane cannot be set up: {0}")]
    Tls(tonic::transport::Error),
}

impl ControlPlane {
    /// Parses the address and reads the CA file.
    pub(crate) fn parse(address: &str, ca: Option<&Path>) -> Result<Self, ControlPlaneError> {
        let malformed = || ControlPlaneError::Address(address.to_owned());
        let uri: Uri = address.parse().map_err(|_| malformed())?;
        let is_https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(malformed()),
        };
        if uri.host().is_none_or(str::is_empty) || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(malformed());
        }
        let mut endpoint = Endpoint::from(uri)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(STREAM_WINDOW_BYTES)
            .user_agent(USER_AGENT)
            .map_err(ControlPlaneError::Tls)?;
        if is_https {
            let trust = ClientTlsConfig::new();
            let trust = match ca {
                Some(path) => trust.ca_certificate(Certificate::from_pem(tls::read_ca(path)?)),
                None => trust.with_native_roots(),
            };
            endpoint = endpoint.tls_config(trust).map_err(ControlPlaneError::Tls)?;
        }
        Ok(Self(endpoint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_and_https_addresses_are_taken() {
        for address in
            ["http://127.0.0.1:7070", "http://localhost:7070/", "https://control.example", "http://[::1]:1"]
        {
            ControlPlane::parse(address, None).unwrap();
        }
    }

    #[test]
    fn other_addresses_are_named() {
        for address in ["", "127.0.0.1:7070", "ftp://x", "http://", "http://x/path", "http://x?y", "unix:/x"]
        {
            let error = ControlPlane::parse(address, None).unwrap_err().to_string();
            assert!(error.contains(&format!("{address:?}")), "{error}");
        }
    }

    #[test]
    fn a_ca_file_that_is_missing_is_named() {
        let error = ControlPlane::parse("https://x", Some(Path::new("/nowhere/ca.pem"))).unwrap_err();
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }
}
