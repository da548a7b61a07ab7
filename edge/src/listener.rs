//! Takes connections: the accept loop, its bounds, TLS, and the end.

mod h1;
mod h2;
pub(crate) mod head;
mod tls;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use pingora::server::ShutdownWatch;
use pointsman_routing::outcome::{Outcome, Refusal};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet},
    time::{Instant as Deadline, sleep, timeout, timeout_at},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::task::AbortOnDropHandle;

pub use self::tls::CertificateError;
use self::{h1::Opening, tls::Certificate};
use crate::{
    config::{Config, Limits},
    conn::Conn,
    ingress::{Ingress, Peer},
};

/// Connections that the kernel holds for us until we take them.
const BACKLOG: u32 = 1024;
/// Connections above the limit that are told so at a time; further ones are just closed.
const TURNED_AWAY_AT_A_TIME: usize = 64;
/// Before the next try where a connection cannot be taken, for want of file descriptors say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The webhook port, bound and not yet served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    addr: SocketAddr,
    certificate: Option<Arc<Certificate>>,
}

/// Why the webhook port cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be bound.
    #[error("{addr} cannot be bound: {source}")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The socket that was handed over cannot be used.
    #[error("the socket cannot be used: {0}")]
    Socket(#[source] io::Error),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Whether the certificate of `config`, if there is one, can be used: an edge that is built should not learn it later.
pub(crate) fn check_certificate(config: &Config) -> Result<(), CertificateError> {
    config.tls.clone().map(Certificate::read).transpose().map(drop)
}

impl Listener {
    /// Binds `config.edge_listen` and reads the certificate, if there is one. Needs a runtime.
    pub fn bind(config: &Config) -> Result<Self, ListenError> {
        let addr = config.edge_listen;
        let socket = bind(addr).map_err(|source| ListenError::Bind { addr, source })?;
        Self::new(socket, config)
    }

    /// Takes a socket that listens already. Needs a runtime.
    pub fn from_socket(socket: std::net::TcpListener, config: &Config) -> Result<Self, ListenError> {
        socket.set_nonblocking(true).map_err(ListenError::Socket)?;
        Self::new(TcpListener::from_std(socket).map_err(ListenError::Socket)?, config)
    }

    fn new(socket: TcpListener, config: &Config) -> Result<Self, ListenError> {
        let addr = socket.local_addr().map_err(ListenError::Socket)?;
        let certificate = config.tls.clone().map(Certificate::read).transpose()?.map(Arc::new);
        Ok(Self { socket, addr, certificate })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Starts to take connections, on the current runtime.
    #[must_use]
    pub fn serve(self, ingress: Arc<Ingress>) -> Listening {
        let (stop, shutdown) = watch::channel(false);
        let task = AbortOnDropHandle::new(tokio::spawn(self.run(ingress, shutdown)));
        Listening { stop, task }
    }

    async fn run(self, ingress: Arc<Ingress>, shutdown: ShutdownWatch) {
        let reload = self.certificate.clone().map(|certificate| {
            AbortOnDropHandle::new(tokio::spawn(async move { certificate.follow_files().await }))
        });
        let acceptor = self.certificate.map(|certificate| TlsAcceptor::from(certificate.server_config()));
        let connections = accept(self.socket, acceptor, &ingress, shutdown).await;
        drop(reload);
        end(connections, ingress.limits().drain).await;
    }
}

/// A webhook port that is served. Dropping it ends all connections at once.
#[derive(Debug)]
pub struct Listening {
    stop: watch::Sender<bool>,
    task: AbortOnDropHandle<()>,
}

impl Listening {
    /// Takes no more connections, lets requests under way finish within the configured time, and ends the rest.
    pub async fn drain(self) {
        self.stop.send_replace(true);
        report(self.task.await);
    }
}

fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted edge takes its port again while old connections are still in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Takes connections until the shutdown, and hands back those that are still open.
async fn accept(
    socket: TcpListener,
    acceptor: Option<TlsAcceptor>,
    ingress: &Arc<Ingress>,
    mut shutdown: ShutdownWatch,
) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    let mut turned_away = JoinSet::new();
    let for_connections = shutdown.clone();
    loop {
        let accepted = tokio::select! {
            () = h1::draining(&mut shutdown) => return connections,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            Some(ended) = turned_away.join_next() => {
                report(ended);
                continue;
            }
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, addr)) if connections.len() < ingress.limits().connections => {
                let (acceptor, ingress) = (acceptor.clone(), ingress.clone());
                connections.spawn(serve(stream, addr, acceptor, ingress, for_connections.clone()));
            }
            Ok((stream, addr)) => {
                ingress.metrics().connection_refused();
                // Whom we cannot tell in plain text is told by the close.
                if acceptor.is_none() && turned_away.len() < TURNED_AWAY_AT_A_TIME {
                    turned_away.spawn(turn_away(stream, addr, ingress.clone()));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(
    stream: TcpStream,
    addr: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    ingress: Arc<Ingress>,
    mut shutdown: ShutdownWatch,
) {
    let _open = ingress.metrics().connection();
    // Answers are written whole, so there is nothing to wait for. Where it fails the peer is gone, which will show.
    let _ = stream.set_nodelay(true);
    let peer = Peer { address: addr.ip().into(), tls: acceptor.is_some() };
    let deadline = Deadline::now() + ingress.limits().client_head;
    let (conn, opening) = match acceptor {
        None => {
            let mut conn = Conn::plain(stream);
            let opening = h1::opening(&mut conn, deadline, &mut shutdown).await;
            (conn, opening)
        }
        Some(acceptor) => match handshake(&acceptor, stream, deadline, &mut shutdown).await {
            None => return,
            Some(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                (Conn::tls(stream), Opening::Http2)
            }
            Some(stream) => (Conn::tls(stream), Opening::Http1),
        },
    };
    match opening {
        Opening::Http1 => h1::serve(Box::new(conn), peer, &ingress, shutdown).await,
        Opening::Http2 => h2::serve(Box::new(conn), peer, &ingress, shutdown).await,
        Opening::Nothing => {}
    }
}

async fn handshake(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    deadline: Deadline,
    shutdown: &mut ShutdownWatch,
) -> Option<TlsStream<TcpStream>> {
    let accepted = tokio::select! {
        accepted = timeout_at(deadline, acceptor.accept(stream)) => accepted.ok()?,
        // Nothing has been asked for yet.
        () = h1::draining(shutdown) => return None,
    };
    accepted.inspect_err(|error| tracing::debug!(%error, "a TLS handshake failed")).ok()
}

async fn turn_away(stream: TcpStream, addr: SocketAddr, ingress: Arc<Ingress>) {
    let refusal = Refusal::new(Outcome::Overloaded, "there are too many connections");
    let limits: &Limits = ingress.limits();
    // One that does not take its answer is not worth more time.
    let _ = timeout(limits.client_head, ingress.turn_away(Box::new(Conn::plain(stream)), &refusal)).await;
    tracing::debug!(%addr, "a connection was turned away");
}

/// Waits for connections to finish, and ends those that take longer.
async fn end(mut connections: JoinSet<()>, within: Duration) {
    let finished = timeout(within, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if finished.await.is_err() {
        tracing::warn!(connections = connections.len(), "connections that did not finish in time are cut");
        connections.shutdown().await;
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a task of the webhook port has panicked");
    }
}
