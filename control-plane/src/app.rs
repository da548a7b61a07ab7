//! Puts the control plane together: build, spawn, drain.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::{FutureExt as _, future::OptionFuture};
use pointsman_routing::name::EdgeId;
use tokio::{net::TcpListener, task, time::timeout};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use crate::{
    access::{Access, Reach},
    config::Config,
    domain::{RandomError, Secret},
    fleet::Fleet,
    publisher::{self, Publisher},
    registry::Registry,
    store::{OpenError, Store, StoreError},
};

mod health;
mod incoming;
mod server;

use health::Health;
use incoming::{Bounds, incoming};
use server::Services;

/// How long calls under way may take to finish when the control plane stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// For a client to shake hands.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A control plane that is built and not yet running. Its database is open and its port bound.
#[derive(Debug)]
pub struct App {
    admin_addr: SocketAddr,
    listener: TcpListener,
    edges: Option<(TcpListener, SocketAddr)>,
    tls: Option<ServerTlsConfig>,
    services: Services,
    store: Store,
    access: Access,
    registry: Registry,
    publisher: Publisher,
    health: Health,
    audit_retention: Duration,
}

/// Why a control plane cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Configuration holds secrets, and they would cross a network in the clear.
    #[error(
        "{0} can be reached from other machines, and there is no TLS: give a certificate and its key, listen on \
         loopback, or say that plaintext is meant"
    )]
    Plaintext(SocketAddr),
    /// Nobody could call it.
    #[error(
        "{addr} can be reached from other machines, so every call needs an access token, and there is none that an \
         admin could use"
    )]
    NoAdminToken {
        /// Where it would listen.
        addr: SocketAddr,
        /// The folder of its database.
        data: PathBuf,
    },
    /// The access tokens cannot be read.
    #[error("cannot read the access tokens: {0}")]
    Access(#[source] StoreError),
    /// A PEM file.
    #[error("cannot read {path}: {source}")]
    Pem {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Certificates of clients are shown over TLS alone.
    #[error(
        "a CA for the certificates of clients was given, and there is no TLS: give a certificate and its key too"
    )]
    ClientCaWithoutTls,
    /// The certificate, its key, or the CA of clients.
    #[error("cannot use the certificates and the key for TLS: {0}")]
    Tls(#[source] tonic::transport::Error),
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The port.
    #[error("cannot listen on {addr}: {source}")]
    Bind {
        /// Which one.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The descriptors for reflection.
    #[error("cannot offer reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

impl App {
    /// Opens the database and binds the admin port.
    pub async fn build(config: Config) -> Result<Self, BuildError> {
        if !config.admin_listen.ip().is_loopback() && config.tls.is_none() && !config.plaintext {
            return Err(BuildError::Plaintext(config.admin_listen));
        }
        if let Some(addr) = config.edge_listen.filter(|addr| !addr.ip().is_loopback()) {
            return Err(BuildError::Plaintext(addr));
        }
        let tls = match &config.tls {
            Some((cert, key)) => Some(read_tls(cert, key, config.client_ca.as_deref()).await?),
            None if config.client_ca.is_some() => return Err(BuildError::ClientCaWithoutTls),
            None => None,
        };
        // A certificate that does not fit its key is told now, not at the first handshake.
        server::builder(tls.clone()).map_err(BuildError::Tls)?;
        let data = config.data.clone();
        let keys = config.secret_keys.clone();
        let opening = task::spawn_blocking(move || Store::open_with(&data, &keys));
        let store = opening.await.map_err(|error| OpenError::Thread(error.into()))??;
        let access = load_access(&store, &config).await?;

        let (listener, admin_addr) = bind(config.admin_listen).await?;
        let edges = match config.edge_listen {
            Some(addr) => Some(bind(addr).await?),
            None => None,
        };
        warn_of_openness(admin_addr, &access);

        let registry = Registry::new(store.clone(), SystemTime::now);
        let fleet = Arc::new(Fleet::new(SystemTime::now));
        let publisher = Publisher::new(store.clone(), Arc::clone(&fleet), publisher::Settings::default());
        let health = Health::new();
        let services = Services::new(
            &config,
            store.clone(),
            access.clone(),
            registry.clone(),
            fleet,
            publisher.clone(),
            &health,
        )?;
        Ok(Self {
            admin_addr,
            listener,
            edges,
            tls,
            services,
            store,
            registry,
            access,
            publisher,
            health,
            audit_retention: config.audit_retention,
        })
    }

    /// Where admins and edges connect.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// Where edges on this machine connect, if they have a port of their own.
    #[must_use]
    pub fn edge_addr(&self) -> Option<SocketAddr> {
        self.edges.as_ref().map(|(_, addr)| *addr)
    }

    /// A secret for the edge of this process, which needs no access token then. For one edge.
    pub fn admit_own_edge(&self, edge: EdgeId) -> Result<Secret, RandomError> {
        self.access.admit_own_edge(edge)
    }

    /// Starts everything on the current runtime.
    #[must_use]
    pub fn spawn(self) -> Running {
        let stop = CancellationToken::new();
        let (services, tls) = (self.services, self.tls);
        let edges = self.edges.map(|(listener, _)| {
            services.serve_edges(incoming(listener, Bounds::default()), stop.clone().cancelled_owned())
        });
        let admin = {
            let (incoming, stopped) =
                (incoming(self.listener, Bounds::default()), stop.clone().cancelled_owned());
            async move {
                // `build` has tried the same.
                match server::builder(tls) {
                    Ok(builder) => services.serve(builder, incoming, stopped).await,
                    Err(error) => Err(error),
                }
            }
        };
        let serving = AbortOnDropHandle::new(tokio::spawn(async move {
            let edges = OptionFuture::from(edges).map(|served| served.unwrap_or(Ok(())));
            let (admin, edges) = tokio::join!(admin, edges);
            for (port, served) in [("admin", admin), ("edge", edges)] {
                if let Err(error) = served {
                    tracing::error!(port, error = &error as &dyn std::error::Error, "a port has failed");
                }
            }
        }));
        let publisher = self.publisher.clone();
        let warming = AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = publisher.warm().await {
                tracing::error!(error = &error as &dyn std::error::Error, "the configuration cannot be read");
            }
            publisher.follow_heads().await;
        }));
        let registry = self.registry.clone();
        let retention = self.audit_retention;
        let sweeping = AbortOnDropHandle::new(tokio::spawn(async move {
            tokio::join!(registry.sweep_imports(), registry.sweep_audit(retention));
        }));
        let following = tokio::spawn(self.health.clone().follow(self.store.clone()));
        let keeping = AbortOnDropHandle::new(tokio::spawn(self.access.clone().keep(stop.clone())));
        Running {
            admin_addr: self.admin_addr,
            stop,
            serving: Some(serving),
            following: Some(AbortOnDropHandle::new(following)),
            _warming: warming,
            _keeping: keeping,
            store: self.store,
            access: self.access,
            _sweeping: sweeping,
            registry: self.registry,
            publisher: self.publisher,
            health: self.health,
        }
    }
}

/// A running control plane. Dropping it aborts its tasks.
#[derive(Debug)]
pub struct Running {
    admin_addr: SocketAddr,
    stop: CancellationToken,
    serving: Option<AbortOnDropHandle<()>>,
    following: Option<AbortOnDropHandle<()>>,
    _warming: AbortOnDropHandle<()>,
    _keeping: AbortOnDropHandle<()>,
    store: Store,
    access: Access,
    _sweeping: AbortOnDropHandle<()>,
    registry: Registry,
    publisher: Publisher,
    health: Health,
}

impl Running {
    /// Where admins and edges connect.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// Stops: no new calls, streams end, calls under way finish, a bounded wait. The database is free afterwards.
    pub async fn drain(mut self) {
        let serving = self.serving.take();
        let following = self.following.take();
        let drained = timeout(DRAIN_TIMEOUT, async {
            if let Some(following) = following {
                // What it says of our health is not to come behind the end.
                following.abort();
                let _ = following.await;
            }
            self.health.stop().await;
            self.stop.cancel();
            self.registry.end_imports();
            self.publisher.drain().await;
            if let Some(serving) = serving {
                // It has logged what it has to say.
                let _ = serving.await;
            }
        });
        if drained.await.is_err() {
            tracing::warn!(?DRAIN_TIMEOUT, "calls were still under way when the control plane stopped");
        }
        if let Err(error) = self.access.note_uses().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "when access tokens were used is not noted"
            );
        }
        self.store.close().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        // Its first step tells all streams to end.
        let _ = self.publisher.drain().now_or_never();
    }
}

async fn bind(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), BuildError> {
    let failed = |source| BuildError::Bind { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

async fn read_tls(cert: &Path, key: &Path, client_ca: Option<&Path>) -> Result<ServerTlsConfig, BuildError> {
    let read = async |path: &Path| {
        let failed = |source| BuildError::Pem { path: path.to_owned(), source };
        tokio::fs::read(path).await.map_err(failed)
    };
    let identity = Identity::from_pem(read(cert).await?, read(key).await?);
    let tls = ServerTlsConfig::new().identity(identity).timeout(TLS_HANDSHAKE_TIMEOUT);
    Ok(match client_ca {
        Some(file) => tls.client_ca_root(Certificate::from_pem(read(file).await?)),
        None => tls,
    })
}

/// The access tokens, with which somebody must be able to call.
async fn load_access(store: &Store, config: &Config) -> Result<Access, BuildError> {
    let addr = config.admin_listen;
    let reach = if addr.ip().is_loopback() { Reach::ThisMachine } else { Reach::OtherMachines };
    let access = Access::load(store.clone(), SystemTime::now, reach).await.map_err(BuildError::Access)?;
    if reach == Reach::OtherMachines && !access.has_admin() {
        return Err(BuildError::NoAdminToken { addr, data: config.data.clone() });
    }
    Ok(access)
}

fn warn_of_openness(addr: SocketAddr, access: &Access) {
    if access.is_open() {
        tracing::warn!(
            %addr,
            "the admin port is open to every process on this machine: no access token was ever made; the first one \
             closes it (`pointsman token create --role admin`)"
        );
    } else if !access.has_admin() {
        tracing::warn!(
            %addr,
            "calls need an access token, and there is none that an admin could use: `pointsman token create --data DIR \
             --role admin` makes one while the control plane is stopped"
        );
    }
}

#[cfg(test)]
mod tests;
