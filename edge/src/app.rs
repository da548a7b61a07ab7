//! Puts the edge together: build, spawn, drain.

mod supervise;

use std::{fmt, io, net::SocketAddr, sync::Arc};

use pointsman_routing::name::{EdgeId, NameError};
use tokio::{net::TcpListener, sync::watch, task::spawn_blocking};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use self::supervise::Supervisor;
pub use crate::sync::ControlPlaneError;
use crate::{
    config::Config,
    copy::{CopyError, Folder},
    egress::Egress,
    ingress::Ingress,
    listener::{self, CertificateError, Listener},
    preprocess::PreprocessClient,
    serving::Serving,
    sync::{ControlPlane, Sync, Times},
    telemetry::{Metrics, Readiness, StatusServer},
    tls::TlsError,
};

/// An edge that is built and not yet running. Its status port is bound.
pub struct App {
    config: Config,
    status: (TcpListener, SocketAddr),
    status_server: StatusServer,
    ingress: Ingress,
    egress: Egress,
    sync: Sync,
}

/// Why an edge cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The edge's id.
    #[error("the edge's id {id:?}: {source}")]
    Id {
        /// The id.
        id: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// Settings of the control plane.
    #[error(transparent)]
    ControlPlane(#[from] ControlPlaneError),
    /// The CA file for upstreams.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The certificate of the webhook port.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The copy of the configuration on disk.
    #[error("the copy of the configuration: {0}")]
    Copy(#[from] CopyError),
    /// The status port cannot be bound.
    #[error("the status port {addr} cannot be bound: {source}")]
    StatusPort {
        /// Its address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl App {
    /// Reads the files that `config` names and binds the status port.
    pub async fn build(config: Config) -> Result<Self, BuildError> {
        let edge =
            EdgeId::parse(&config.id).map_err(|source| BuildError::Id { id: config.id.clone(), source })?;
        let control_plane = ControlPlane::parse(&config)?;
        listener::check_certificate(&config)?;
        let (metrics, serving) =
            (Metrics::with_dropped_lines(config.dropped_lines.clone()), Serving::default());
        let egress = Egress::new(config.egress);
        let preprocess = PreprocessClient::of_edge(&config, egress.clone(), metrics.clone())?;
        let ingress =
            Ingress::new(&config, Arc::clone(&serving), egress.clone(), preprocess, metrics.clone())?;
        let copy = open_copy(&config).await?;
        let status = bind_status(config.status_listen).await?;
        for listener in config.own_listeners.iter().chain([&config.edge_listen, &status.1]) {
            egress.add_own_listener(*listener);
        }
        let status_server = StatusServer { readiness: Readiness::default(), metrics: metrics.clone() };
        let configured = CancellationToken::new();
        let times = Times::within(config.longest_pause);
        let sync = Sync { control_plane, edge, serving, metrics, configured, times, copy };
        Ok(Self { config, status, status_server, ingress, egress, sync })
    }

    /// Where health, readiness and metrics are served.
    #[must_use]
    pub fn status_addr(&self) -> SocketAddr {
        self.status.1
    }

    /// Starts everything on the current runtime.
    #[must_use]
    pub fn spawn(self) -> Running {
        let Self { config, status: (status_listener, status_addr), status_server, ingress, egress, sync } =
            self;
        let (supervisor, failed) = Supervisor::new();
        let (bound, edge_addr) = watch::channel(Bound::Waiting);
        let stop = Stop::default();
        let readiness = status_server.readiness.clone();
        let webhooks = Webhooks {
            config,
            ingress,
            egress,
            configured: sync.configured.clone(),
            readiness: readiness.clone(),
            bound,
        };
        let webhooks = supervisor.spawn_fallible("the webhook port", webhooks.run(stop.webhooks.clone()));
        let sync = supervisor.spawn("following the control plane", sync.run(stop.sync.clone()));
        let status = status_server.run(status_listener, stop.status.clone());
        let status = supervisor.spawn("the status port", status);
        Running { status_addr, edge_addr, failed, readiness, stop, webhooks, sync, status }
    }
}

/// Waits for its lock, so not among what else the runtime does.
async fn open_copy(config: &Config) -> Result<Option<Folder>, CopyError> {
    let Some(copy) = config.copy.clone() else { return Ok(None) };
    spawn_blocking(move || Folder::open(&copy)).await.expect("opening does not panic").map(Some)
}

async fn bind_status(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), BuildError> {
    let fault = |source| BuildError::StatusPort { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(fault)?;
    let bound = listener.local_addr().map_err(fault)?;
    Ok((listener, bound))
}

/// The webhook port's life.
struct Webhooks {
    config: Config,
    ingress: Ingress,
    egress: Egress,
    configured: CancellationToken,
    readiness: Readiness,
    bound: watch::Sender<Bound>,
}

/// How far the webhook port is.
#[derive(Clone, Copy, Debug)]
enum Bound {
    Waiting,
    At(SocketAddr),
}

impl Webhooks {
    /// Waits for a configuration, binds, serves until `stop`, drains.
    async fn run(self, stop: CancellationToken) -> Result<(), String> {
        if stop.run_until_cancelled(self.configured.cancelled()).await.is_none() {
            return Ok(());
        }
        let listener = Listener::bind(&self.config).map_err(|error| error.to_string())?;
        let addr = listener.local_addr();
        // Before the first request, which could lead here.
        self.egress.add_own_listener(addr);
        let listening = listener.serve(Arc::new(self.ingress));
        self.readiness.serving();
        self.bound.send_replace(Bound::At(addr));
        tracing::info!(%addr, "webhooks are taken");
        stop.cancelled().await;
        listening.drain().await;
        Ok(())
    }
}

/// What ends each part; in a drain, one after the other.
#[derive(Debug, Default)]
struct Stop {
    webhooks: CancellationToken,
    sync: CancellationToken,
    status: CancellationToken,
}

/// A running edge. Dropping it aborts its tasks.
#[derive(Debug)]
pub struct Running {
    status_addr: SocketAddr,
    edge_addr: watch::Receiver<Bound>,
    failed: watch::Receiver<Option<String>>,
    readiness: Readiness,
    stop: Stop,
    webhooks: AbortOnDropHandle<()>,
    sync: AbortOnDropHandle<()>,
    status: AbortOnDropHandle<()>,
}

impl Running {
    /// Where webhooks are taken; waits until the port is bound, which needs a configuration. `None` where it could not
    /// be bound, or the edge has stopped.
    pub async fn edge_addr(&self) -> Option<SocketAddr> {
        let mut bound = self.edge_addr.clone();
        let bound = bound.wait_for(|bound| matches!(bound, Bound::At(_))).await;
        match *bound.ok()? {
            Bound::At(addr) => Some(addr),
            Bound::Waiting => None,
        }
    }

    /// Where health, readiness and metrics are served.
    #[must_use]
    pub fn status_addr(&self) -> SocketAddr {
        self.status_addr
    }

    /// Waits until the edge fails by itself (its port cannot be bound, say), and says why.
    pub async fn failed(&self) -> String {
        let mut failed = self.failed.clone();
        match failed.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            // All parts have ended, and none of them failed: that is a stop.
            Err(_) => std::future::pending().await,
        }
    }

    /// Stops: no new connections, requests under way finish, a bounded wait. Nothing runs on afterwards.
    pub async fn drain(self) {
        self.readiness.draining();
        self.stop.webhooks.cancel();
        ended(self.webhooks).await;
        self.stop.sync.cancel();
        ended(self.sync).await;
        self.stop.status.cancel();
        ended(self.status).await;
    }
}

async fn ended(part: AbortOnDropHandle<()>) {
    // A part that has failed said so when it did.
    let _ = part.await;
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
