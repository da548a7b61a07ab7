//! Making a connection to a control plane.

use std::time::Duration;

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Uri};

use super::AdminClient;
use crate::cause::causes;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// What an [`AdminClient`] can be told before it connects.
#[derive(Clone, Debug)]
#[must_use]
pub struct AdminClientBuilder {
    server: String,
    ca_pem: Option<Vec<u8>>,
    connect_timeout: Duration,
    timeout: Duration,
}

impl AdminClientBuilder {
    pub(super) fn new(server: String) -> Self {
        Self { server, ca_pem: None, connect_timeout: CONNECT_TIMEOUT, timeout: CALL_TIMEOUT }
    }

    /// The CAs, in PEM, that an `https` server's certificate may come from, instead of the system's.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_pem = Some(pem.into());
        self
    }

    /// How long connecting may take; 5 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a call may take; 30 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects now, so that a wrong address is told at once.
    pub async fn connect(self) -> Result<AdminClient, ConnectError> {
        let channel = self.endpoint()?.connect().await.map_err(|error| ConnectError::Unreachable {
            server: self.server.clone(),
            reason: causes(&error),
        })?;
        Ok(AdminClient { server: self.server, channel, timeout: self.timeout })
    }

    /// Connects with the first call. Must be called inside a tokio runtime.
    pub fn connect_lazy(self) -> Result<AdminClient, ConnectError> {
        let channel = self.endpoint()?.connect_lazy();
        Ok(AdminClient { server: self.server, channel, timeout: self.timeout })
    }

    fn endpoint(&self) -> Result<Endpoint, ConnectError> {
        let https = self.check_address()?;
        let endpoint = Endpoint::from_shared(self.server.clone())
            .map_err(|_| self.address("it is not a URL"))?
            .connect_timeout(self.connect_timeout)
            .tcp_nodelay(true)
            .user_agent(concat!("pointsman-sdk/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| ConnectError::Tls { reason: causes(&error) })?;
        if !https {
            return Ok(endpoint);
        }
        let tls = match &self.ca_pem {
            Some(pem) => {
                check_ca(pem).map_err(|reason| ConnectError::Tls { reason })?;
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
            }
            None => ClientTlsConfig::new().with_native_roots(),
        };
        endpoint.tls_config(tls).map_err(|error| ConnectError::Tls { reason: causes(&error) })
    }

    /// Whether the address, `http://host:port` or `https://host:port` and nothing more, asks for TLS.
    fn check_address(&self) -> Result<bool, ConnectError> {
        let uri: Uri = self.server.parse().map_err(|_| self.address("it is not a URL"))?;
        let https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(self.address("it must start with http:// or https://")),
        };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err(self.address("it must not hold a user or password"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(self.address("nothing may follow the port"));
        }
        if self.ca_pem.is_some() && !https {
            return Err(self.address("a CA was given, so it must start with https://"));
        }
        Ok(https)
    }

    fn address(&self, problem: &'static str) -> ConnectError {
        ConnectError::Address { server: self.server.clone(), problem }
    }
}

/// tonic leaves out what it cannot read, trusts nobody, and blames the server's certificate.
fn check_ca(pem: &[u8]) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("the CA is not PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("the CA is not a certificate: {error}"))?;
    }
    if roots.is_empty() { Err("the CA holds no certificate in PEM".to_owned()) } else { Ok(()) }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is not one.
    #[error(
        "{server:?} is not the address of a control plane (http://host:port or https://host:port): {problem}"
    )]
    Address {
        /// The address as it was given.
        server: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The CAs cannot be used.
    #[error("cannot set up TLS: {reason}")]
    Tls {
        /// Why not.
        reason: String,
    },
    /// Nothing answers there.
    #[error("cannot connect to the control plane at {server}: {reason}")]
    Unreachable {
        /// The address as it was given.
        server: String,
        /// Why not.
        reason: String,
    },
}
