//! Connects to a service: the egress rules judge the address, and that same address is dialled.

use std::{
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hyper_util::rt::TokioIo;
use pointsman_routing::integration::PreprocessAddress;
use rustls::{ClientConfig, pki_types::ServerName};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    config::Config,
    egress::{Egress, EgressError},
    tls::{self, TlsError},
};

/// So many addresses of a name are tried.
const MAX_ATTEMPTS: usize = 4;
/// A connection whose peer acknowledges nothing for so long is dead. TCP notices it: gRPC pings would, too, but many
/// servers close the connection of a client that sends them.
#[cfg(target_os = "linux")]
const DEAD_AFTER: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Connects to services.
pub(super) struct Dialler {
    egress: Egress,
    tls: Arc<ClientConfig>,
    socket_dir: Option<PathBuf>,
    connect: Duration,
}

/// Why there is no connection. For logs only.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("unix sockets are not allowed: no folder is set for them")]
    NoSocketDir,
    #[error("{path} is not below {dir}, the folder for sockets")]
    OutsideSocketDir { path: PathBuf, dir: PathBuf },
    #[error("{path}: {source}")]
    Unix { path: PathBuf, source: io::Error },
    #[error("{address}: {source}")]
    Tcp { address: SocketAddr, source: io::Error },
    #[error("{address}: no connection within {after:?}")]
    Timeout { address: SocketAddr, after: Duration },
    #[error("{address}: TLS: {source}")]
    Tls { address: SocketAddr, source: io::Error },
    #[error("{address}: TLS: the server does not speak HTTP/2")]
    NoHttp2 { address: SocketAddr },
    #[error("{0} cannot be the name in a certificate")]
    ServerName(Box<str>),
}

/// A connection of any kind.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(super) type Connection = TokioIo<Box<dyn Io>>;

/// What requests to this address say their scheme and authority are.
pub(super) fn origin(address: &PreprocessAddress) -> String {
    match address {
        PreprocessAddress::Tcp { tls, host, port } => {
            let scheme = if *tls { "https" } else { "http" };
            if host.contains(':') {
                format!("{scheme}://[{host}]:{port}")
            } else {
                format!("{scheme}://{host}:{port}")
            }
        }
        PreprocessAddress::Unix(_) => "http://localhost".to_owned(),
    }
}

impl Dialler {
    /// Reads CA files.
    pub(super) fn new(config: &Config, egress: Egress) -> Result<Self, TlsError> {
        let roots = tls::upstream_roots(config.upstream_ca.as_deref())?;
        Ok(Self {
            egress,
            tls: tls::client_config(roots, &[b"h2"]),
            socket_dir: config.preprocess_socket_dir.clone(),
            connect: config.limits.upstream_connect,
        })
    }

    pub(super) async fn dial(&self, address: &PreprocessAddress) -> Result<Connection, DialError> {
        let connection: Box<dyn Io> = match address {
            PreprocessAddress::Unix(path) => Box::new(self.unix(path).await?),
            PreprocessAddress::Tcp { tls, host, port } => self.tcp(*tls, host, *port).await?,
        };
        Ok(TokioIo::new(connection))
    }

    async fn tcp(&self, tls: bool, host: &str, port: u16) -> Result<Box<dyn Io>, DialError> {
        let mut last = None;
        for address in self.egress.resolve(host, port).await?.into_iter().take(MAX_ATTEMPTS) {
            let attempt = timeout(self.connect, self.attempt(tls, host, address)).await;
            match attempt.unwrap_or(Err(DialError::Timeout { address, after: self.connect })) {
                Ok(connection) => return Ok(connection),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| EgressError::NoAddress { host: host.into() }.into()))
    }

    async fn attempt(&self, tls: bool, host: &str, address: SocketAddr) -> Result<Box<dyn Io>, DialError> {
        let tcp = TcpStream::connect(address).await.and_then(|tcp| tune(&tcp).map(|()| tcp));
        let tcp = tcp.map_err(|source| DialError::Tcp { address, source })?;
        if !tls {
            return Ok(Box::new(tcp));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| DialError::ServerName(host.into()))?;
        let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await;
        let tls = tls.map_err(|source| DialError::Tls { address, source })?;
        if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(DialError::NoHttp2 { address });
        }
        Ok(Box::new(tls))
    }

    async fn unix(&self, path: &Path) -> Result<UnixStream, DialError> {
        let dir = self.socket_dir.as_deref().ok_or(DialError::NoSocketDir)?;
        // Links are followed before the comparison, so that none leads out of the folder; what they lead to is dialled.
        let real_dir = real(dir).await?;
        let real_path = real(path).await?;
        if !real_path.starts_with(&real_dir) {
            return Err(DialError::OutsideSocketDir { path: path.to_owned(), dir: dir.to_owned() });
        }
        UnixStream::connect(&real_path)
            .await
            .map_err(|source| DialError::Unix { path: path.to_owned(), source })
    }
}

async fn real(path: &Path) -> Result<PathBuf, DialError> {
    tokio::fs::canonicalize(path).await.map_err(|source| DialError::Unix { path: path.to_owned(), source })
}

fn tune(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(tcp);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(DEAD_AFTER))?;
    Ok(())
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialler").field("egress", &self.egress).finish_non_exhaustive()
    }
}
