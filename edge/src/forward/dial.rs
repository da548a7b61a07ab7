//! Opens connections to flow endpoints.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::pool::{Destination, Upstream};
use crate::conn::Conn;

/// A connection that could not be made is tried once more.
const TRIES: usize = 2;

/// Why there is no connection. For logs: it holds an address that a sender must not see.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("{0} did not take the connection in time")]
    Timeout(SocketAddr),
    #[error("{addr} does not take connections: {source}")]
    Connect { addr: SocketAddr, source: io::Error },
    #[error("the TLS handshake with {host} at {addr} failed: {source}")]
    Tls { host: Box<str>, addr: SocketAddr, source: io::Error },
    #[error("{0} is not a name that a certificate can be for")]
    Name(Box<str>),
}

impl DialError {
    /// The fixed word for metrics.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "connect_timeout",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } | Self::Name(_) => "tls",
        }
    }
}

#[derive(Debug)]
pub(super) struct Dialler {
    tls: Arc<ClientConfig>,
    within: Duration,
}

impl Dialler {
    pub(super) fn new(tls: Arc<ClientConfig>, within: Duration) -> Self {
        Self { tls, within }
    }

    /// Opens a connection to the first of `addresses`, then tries once more: the next one, where there is one.
    pub(super) async fn dial(
        &self,
        addresses: &[SocketAddr],
        host: &str,
        tls: bool,
    ) -> Result<Upstream, DialError> {
        let mut tries = addresses.iter().cycle().take(TRIES).peekable();
        loop {
            let Some(addr) = tries.next().copied() else { return Err(DialError::Name(host.into())) };
            let error = match timeout(self.within, self.open(addr, host, tls)).await {
                Ok(Ok(conn)) => {
                    return Ok(Upstream::new(conn, Destination { addr, host: host.into(), tls }));
                }
                Ok(Err(error)) => error,
                Err(_) => DialError::Timeout(addr),
            };
            tracing::debug!(%error, "no connection");
            if tries.peek().is_none() {
                return Err(error);
            }
        }
    }

    async fn open(&self, addr: SocketAddr, host: &str, tls: bool) -> Result<Conn, DialError> {
        let stream = TcpStream::connect(addr).await.map_err(|source| DialError::Connect { addr, source })?;
        // Requests are written whole, so there is nothing to wait for. Where it fails, the next step will too.
        let _ = stream.set_nodelay(true);
        if !tls {
            return Ok(Conn::plain(stream));
        }
        // The certificate is verified against this, whether it is a name or an IP address.
        let name = ServerName::try_from(host.to_owned()).map_err(|_| DialError::Name(host.into()))?;
        let stream = TlsConnector::from(self.tls.clone()).connect(name, stream).await;
        let stream = stream.map_err(|source| DialError::Tls { host: host.into(), addr, source })?;
        Ok(Conn::tls(stream))
    }
}
