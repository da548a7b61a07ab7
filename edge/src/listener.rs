//! Takes connections: the accept loop, its bounds, TLS, and the end.

use std::{io, net::SocketAddr, sync::Arc};

use crate::{config::Config, ingress::Ingress};

/// The webhook port, bound and not yet served.
#[derive(Debug)]
pub struct Listener {}

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
}

impl Listener {
    /// Binds `config.edge_listen` and reads the certificate, if there is one.
    pub fn bind(config: &Config) -> Result<Self, ListenError> {
        todo!("{config:?}")
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        todo!()
    }

    /// Starts to take connections, on the current runtime.
    #[must_use]
    pub fn serve(self, ingress: Arc<Ingress>) -> Listening {
        todo!("{ingress:?}")
    }
}

/// A webhook port that is served. Dropping it ends all connections at once.
#[derive(Debug)]
pub struct Listening {}

impl Listening {
    /// Takes no more connections, lets requests under way finish within the configured time, and ends the rest.
    pub async fn drain(self) {
        todo!()
    }
}
