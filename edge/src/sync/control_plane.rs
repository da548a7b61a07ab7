//! Where the control plane is, parsed once.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Uri};

use super::credentials::{AccessToken, is_loopback};
use crate::{
    config::{Config, TlsFiles},
    tls::{self, TlsError},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that does not answer pings is given up.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// A snapshot is large; small windows would make it wait for round trips.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

const USER_AGENT: &str = concat!("pointsman-edge/", env!("CARGO_PKG_VERSION"));

/// Where the control plane is, and how to connect to it.
#[derive(Clone, Debug)]
pub(crate) struct ControlPlane {
    pub(super) endpoint: Endpoint,
    pub(super) token: Option<AccessToken>,
}

/// Settings of the control plane that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ControlPlaneError {
    /// Not a URL of the right kind.
    #[error("the control plane's address must be http://host:port or https://host:port, and is {0:?}")]
    Address(String),
    /// The CA file.
    #[error(transparent)]
    Ca(#[from] TlsError),
    /// The client's certificate or its key.
    #[error("cannot read {}: {source}", file.display())]
    Identity {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A certificate that nobody asks for.
    #[error("a client certificate was given, so the control plane's address must start with https://")]
    IdentityWithoutTls,
    /// The token would be sent in plaintext to another machine. It was not.
    #[error("the access token is not sent to {0}: everybody on the way could read it")]
    TokenInPlaintext(String),
    /// TLS cannot be set up.
    #[error("TLS to the control plane cannot be set up: {0}")]
    Tls(tonic::transport::Error),
}

impl ControlPlane {
    /// Parses the address and reads the files of TLS.
    pub(crate) fn parse(config: &Config) -> Result<Self, ControlPlaneError> {
        let (address, ca) = (&config.control_plane, config.control_plane_ca.as_deref());
        let malformed = || ControlPlaneError::Address(address.clone());
        let uri: Uri = address.parse().map_err(|_| malformed())?;
        let is_https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(malformed()),
        };
        if uri.host().is_none_or(str::is_empty) || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(malformed());
        }
        if !is_https && config.control_plane_identity.is_some() {
            return Err(ControlPlaneError::IdentityWithoutTls);
        }
        if !is_https && config.token.is_some() && !config.token_over_plaintext && !is_loopback(&uri) {
            return Err(ControlPlaneError::TokenInPlaintext(address.clone()));
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
            let trust = match &config.control_plane_identity {
                Some(files) => trust.identity(read_identity(files)?),
                None => trust,
            };
            endpoint = endpoint.tls_config(trust).map_err(ControlPlaneError::Tls)?;
        }
        Ok(Self { endpoint, token: config.token.clone() })
    }
}

fn read_identity(files: &TlsFiles) -> Result<Identity, ControlPlaneError> {
    let read = |file: &Path| {
        fs::read(file).map_err(|source| ControlPlaneError::Identity { file: file.to_owned(), source })
    };
    Ok(Identity::from_pem(read(&files.cert)?, read(&files.key)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> Result<ControlPlane, ControlPlaneError> {
        ControlPlane::parse(&Config::new("e", address))
    }

    #[test]
    fn http_and_https_addresses_are_taken() {
        for address in
            ["http://127.0.0.1:7070", "http://localhost:7070/", "https://control.example", "http://[::1]:1"]
        {
            parse(address).unwrap();
        }
    }

    #[test]
    fn other_addresses_are_named() {
        for address in ["", "127.0.0.1:7070", "ftp://x", "http://", "http://x/path", "http://x?y", "unix:/x"]
        {
            let error = parse(address).unwrap_err().to_string();
            assert!(error.contains(&format!("{address:?}")), "{error}");
        }
    }

    #[test]
    fn a_ca_file_that_is_missing_is_named() {
        let ca = Some("/nowhere/ca.pem".into());
        let error = ControlPlane::parse(&Config { control_plane_ca: ca, ..Config::new("e", "https://x") });
        let error = error.unwrap_err();
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }

    #[test]
    fn a_token_is_kept_from_who_listens_on_the_way() {
        let with_token = |address: &str, over_plaintext| {
            let token = Some(AccessToken::Secret("s3cret".to_owned()));
            let config = Config { token, token_over_plaintext: over_plaintext, ..Config::new("e", address) };
            ControlPlane::parse(&config)
        };
        for address in
            ["https://control.example", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"]
        {
            with_token(address, false).unwrap();
        }
        for address in ["http://control.example", "http://10.0.0.1:1", "http://127.0.0.1.example:1"] {
            let error = with_token(address, false).unwrap_err().to_string();
            assert!(error.contains(address) && !error.contains("s3cret"), "{error}");
            with_token(address, true).unwrap();
        }
    }

    #[test]
    fn a_client_certificate_needs_tls_and_files() {
        let files = TlsFiles { cert: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() };
        let with = |address: &str| {
            let identity = Some(files.clone());
            ControlPlane::parse(&Config { control_plane_identity: identity, ..Config::new("e", address) })
        };
        assert!(matches!(with("http://127.0.0.1:1"), Err(ControlPlaneError::IdentityWithoutTls)));
        let error = with("https://127.0.0.1:1").unwrap_err().to_string();
        assert!(error.contains("/nowhere/cert.pem"), "{error}");
    }
}
