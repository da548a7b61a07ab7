//! Running servers: report where they listen, wait for a signal or a failure, stop cleanly.

use std::{io, net::SocketAddr, path::Path, time::Duration};

use pointsman_control_plane::{self as control_plane, PublicUrl};
use pointsman_edge as edge;
use pointsman_routing::name::EdgeId;
use tokio::runtime::Handle;

use crate::{
    addresses::{self, Addresses, AddressesFileError},
    memory,
    settings::{CopySettingsError, ProcessSettings, secret_key::SecretKeySettingsError},
    signals::Signals,
};

pub(crate) use self::threads::{CONTROL_THREADS, EdgeThreads, runtime};

mod threads;

/// How long stopping may take beyond what requests under way are given.
const STOP_MARGIN: Duration = Duration::from_secs(10);

/// Why a server could not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// A runtime or the signals.
    #[error("cannot start: {0}")]
    Runtime(#[from] io::Error),
    /// The control plane cannot be built.
    #[error("the control plane cannot start: {}", with_causes(.0))]
    ControlPlane(#[source] control_plane::BuildError),
    /// The keys that secrets are encrypted with.
    #[error(transparent)]
    SecretKey(#[from] SecretKeySettingsError),
    /// The edge's copy of its configuration.
    #[error(transparent)]
    Copy(#[from] CopySettingsError),
    /// The edge cannot be built.
    #[error("the edge cannot start: {}", with_causes(.0))]
    Edge(#[source] edge::BuildError),
    /// The edge of this process gets no secret of its own.
    #[error(transparent)]
    Secret(#[from] control_plane::domain::RandomError),
    /// The client of Preprocess services cannot be built.
    #[error("cannot set up TLS for outgoing connections: {}", with_causes(.0))]
    Tls(#[source] edge::tls::TlsError),
    /// The edge stopped by itself.
    #[error("the edge failed: {0}")]
    EdgeFailed(String),
    /// A part of the start panicked.
    #[error("a fault of ours: {0}")]
    Fault(#[from] tokio::task::JoinError),
    /// The file of the addresses cannot be written.
    #[error(transparent)]
    Addresses(#[from] AddressesFileError),
}

/// What lets the edge of this process, and nobody else, get its configuration from the control plane of this process.
pub(crate) fn own_edge_token(
    control_plane: &control_plane::App,
    id: &'static str,
) -> Result<edge::config::AccessToken, ServeError> {
    let id = EdgeId::parse(id).expect("the id of an edge");
    Ok(edge::config::AccessToken::Secret(control_plane.admit_own_edge(id)?.expose().to_owned()))
}

/// A running edge, and the runtime that it lives on.
#[derive(Debug)]
pub(crate) struct Edge {
    running: edge::Running,
    runtime: Handle,
    tls: bool,
    drain: Duration,
}

impl Edge {
    /// Starts an edge on `runtime`.
    pub(crate) async fn start(config: edge::Config, runtime: Handle) -> Result<Self, ServeError> {
        let tls = config.tls.is_some();
        let drain = config.limits.drain;
        let started = runtime.spawn(async { Ok(edge::App::build(config).await?.spawn()) });
        let running = started.await?.map_err(ServeError::Edge)?;
        Ok(Self { running, runtime, tls, drain })
    }

    /// Where webhooks are taken; waits until that is known.
    pub(crate) async fn bound(&self) -> Result<SocketAddr, ServeError> {
        match self.running.edge_addr().await {
            Some(addr) => Ok(addr),
            None => Err(self.failed().await),
        }
    }

    /// Where webhooks are sent by people on this machine.
    pub(crate) fn url(&self, bound: SocketAddr) -> String {
        addresses::url(bound, self.tls)
    }

    /// Where health, readiness and metrics are served.
    pub(crate) fn status_addr(&self) -> SocketAddr {
        self.running.status_addr()
    }

    /// Waits until it stops by itself.
    pub(crate) async fn failed(&self) -> ServeError {
        ServeError::EdgeFailed(self.running.failed().await)
    }

    /// Stops it.
    pub(crate) async fn drain(self) {
        // Its own bound holds; this one is for what we did not think of.
        let stopping = self.runtime.spawn(self.running.drain());
        if tokio::time::timeout(self.drain + STOP_MARGIN, stopping).await.is_err() {
            tracing::warn!("the edge did not stop in time");
        }
    }
}

/// What runs in this process.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    pub(crate) control_plane: Option<control_plane::Running>,
    pub(crate) edge: Option<Edge>,
    /// To be told where webhooks are taken, once that is known.
    pub(crate) public_url: Option<PublicUrl>,
}

impl Servers {
    /// Runs until a signal, or until something fails; stops cleanly.
    pub(super) async fn run(
        self,
        mut signals: Signals,
        settings: &ProcessSettings,
    ) -> Result<(), ServeError> {
        memory::huge_pages();
        let mut addresses = Addresses::default();
        let ended = tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "stopping");
                Ok(())
            }
            error = self.fail(settings, &mut addresses) => Err(error),
        };
        if let Some(file) = &settings.addresses_file {
            addresses.withdraw(file);
        }
        signals.during_stop(self.drain()).await;
        if ended.is_ok() {
            tracing::info!("stopped");
        }
        ended
    }

    /// Reports where everything listens, then waits for a failure.
    async fn fail(&self, settings: &ProcessSettings, addresses: &mut Addresses) -> ServeError {
        if let Err(error) = self.report(settings.addresses_file.as_deref(), addresses).await {
            return error;
        }
        match &self.edge {
            Some(edge) => edge.failed().await,
            None => std::future::pending().await,
        }
    }

    async fn report(&self, file: Option<&Path>, addresses: &mut Addresses) -> Result<(), ServeError> {
        if let Some(control_plane) = &self.control_plane {
            let admin = control_plane.admin_addr();
            addresses.admin = Some(admin);
            tracing::info!(%admin, "the admin API is served");
        }
        if let Some(edge) = &self.edge {
            let status = edge.status_addr();
            addresses.status = Some(status);
            tracing::info!(%status, "health, readiness and metrics are served");
            let bound = edge.bound().await?;
            addresses.edge = Some(bound);
            if let Some(public_url) = &self.public_url {
                public_url.set(edge.url(bound));
            }
        }
        if let Some(file) = file {
            addresses.write(file)?;
        }
        Ok(())
    }

    /// Stops all: the edge first, so that requests under way can still be told of.
    pub(crate) async fn drain(self) {
        if let Some(edge) = self.edge {
            edge.drain().await;
        }
        if let Some(control_plane) = self.control_plane
            && tokio::time::timeout(STOP_MARGIN, control_plane.drain()).await.is_err()
        {
            tracing::warn!("the control plane did not stop in time");
        }
    }
}

/// An error and its causes in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        next = cause.source();
    }
    said
}
