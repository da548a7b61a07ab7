//! Making a connection to a control plane.

use std::time::Duration;

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Uri};

use super::{
    AdminClient,
    credentials::{BearerToken, ClientIdentity, is_loopback},
};
use crate::cause::causes;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// For calls that carry hundreds of thousands of resources. Below what a control plane gives any call.
const MANIFEST_TIMEOUT: Duration = Duration::from_secs(300);

/// What an [`AdminClient`] can be told before it connects. Its `Debug` shows no token and no key.
#[derive(Clone, Debug)]
#[must_use]
pub struct AdminClientBuilder {
    server: String,
    ca_pem: Option<Vec<u8>>,
    identity: Option<ClientIdentity>,
    token: Option<Result<BearerToken, &'static str>>,
    token_over_plaintext: bool,
    connect_timeout: Duration,
    timeout: Option<Duration>,
}

impl AdminClientBuilder {
    pub(super) fn new(server: String) -> Self {
        Self {
            server,
            ca_pem: None,
            identity: None,
            token: None,
            token_over_plaintext: false,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: None,
        }
    }

    /// The CAs, in PEM, that an `https` server's certificate may come from, instead of the system's.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_pem = Some(pem.into());
        self
    }

    /// The access token that says who calls. It is a secret: over plain `http` it is only sent to a loopback address,
    /// unless [`token_over_plaintext`](Self::token_over_plaintext) says that plaintext is meant.
    pub fn token(mut self, token: impl AsRef<str>) -> Self {
        self.token = Some(BearerToken::parse(token.as_ref()));
        self
    }

    /// Whether the token may be sent over plain `http` to another machine, where everybody on the way can read it.
    pub fn token_over_plaintext(mut self, is_meant: bool) -> Self {
        self.token_over_plaintext = is_meant;
        self
    }

    /// The certificate chain and its private key, in PEM, that the client shows an `https` server which asks for one.
    pub fn client_identity_pem(mut self, cert: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.identity = Some(ClientIdentity::new(cert.into(), key.into()));
        self
    }

    /// How long connecting may take; 5 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a call may take; by default 30 s, and 5 minutes where it carries a manifest.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Connects now, so that a wrong address is told at once.
    pub async fn connect(self) -> Result<AdminClient, ConnectError> {
        let channel = self.endpoint()?.connect().await.map_err(|error| ConnectError::Unreachable {
            server: self.server.clone(),
            reason: causes(&error),
        })?;
        self.client(channel)
    }

    /// Connects with the first call. Must be called inside a tokio runtime.
    pub fn connect_lazy(self) -> Result<AdminClient, ConnectError> {
        let channel = self.endpoint()?.connect_lazy();
        self.client(channel)
    }

    fn client(self, channel: Channel) -> Result<AdminClient, ConnectError> {
        let token = self.token.transpose().map_err(|problem| ConnectError::Token { problem })?;
        Ok(AdminClient {
            server: self.server,
            channel,
            timeout: self.timeout.unwrap_or(CALL_TIMEOUT),
            manifest_timeout: self.timeout.unwrap_or(MANIFEST_TIMEOUT),
            token,
        })
    }

    /// Everything that can be wrong before anything is sent.
    fn endpoint(&self) -> Result<Endpoint, ConnectError> {
        let https = self.check_address()?;
        if let Some(Err(problem)) = &self.token {
            return Err(ConnectError::Token { problem });
        }
        let endpoint = Endpoint::from_shared(self.server.clone())
            .map_err(|_| self.address("it is not a URL"))?
            .connect_timeout(self.connect_timeout)
            .tcp_nodelay(true)
            .user_agent(concat!("pointsman-sdk/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| ConnectError::Tls { reason: causes(&error) })?;
        if !https {
            if self.token.is_some() && !self.token_over_plaintext && !is_loopback(endpoint.uri()) {
                return Err(ConnectError::TokenInPlaintext { server: self.server.clone() });
            }
            return Ok(endpoint);
        }
        endpoint.tls_config(self.tls()?).map_err(|error| ConnectError::Tls { reason: causes(&error) })
    }

    fn tls(&self) -> Result<ClientTlsConfig, ConnectError> {
        let wrong = |reason| ConnectError::Tls { reason };
        let tls = match &self.ca_pem {
            Some(pem) => {
                check_ca(pem).map_err(wrong)?;
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
            }
            None => ClientTlsConfig::new().with_native_roots(),
        };
        Ok(match &self.identity {
            Some(identity) => tls.identity(identity.read().map_err(wrong)?),
            None => tls,
        })
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
        if self.identity.is_some() && !https {
            return Err(self.address("a client certificate was given, so it must start with https://"));
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
    /// The CAs, or the client's certificate or key, cannot be used.
    #[error("cannot set up TLS: {reason}")]
    Tls {
        /// Why not.
        reason: String,
    },
    /// The token is none. What it holds is not said.
    #[error("the access token cannot be used: {problem}")]
    Token {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The token would be sent in plaintext to another machine. It was not.
    #[error("the access token is not sent to {server}: everybody on the way could read it")]
    TokenInPlaintext {
        /// The address as it was given.
        server: String,
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
