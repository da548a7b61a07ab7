//! Puts the edge together: build, spawn, drain.

use std::net::SocketAddr;

use crate::config::Config;

/// An edge that is built and not yet running. Its status port is bound.
#[derive(Debug)]
pub struct App {}

/// Why an edge cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {}

impl App {
    /// Reads the files that `config` names and binds the status port.
    pub async fn build(config: Config) -> Result<Self, BuildError> {
        todo!("{config:?}")
    }

    /// Where health, readiness and metrics are served.
    #[must_use]
    pub fn status_addr(&self) -> SocketAddr {
        todo!()
    }

    /// Starts everything on the current runtime.
    #[must_use]
    pub fn spawn(self) -> Running {
        todo!()
    }
}

/// A running edge. Dropping it aborts its tasks.
#[derive(Debug)]
pub struct Running {}

impl Running {
    /// Where webhooks are taken; waits until the port is bound, which needs a configuration. `None` where it could not
    /// be bound, or the edge has stopped.
    pub async fn edge_addr(&self) -> Option<SocketAddr> {
        todo!()
    }

    /// Where health, readiness and metrics are served.
    #[must_use]
    pub fn status_addr(&self) -> SocketAddr {
        todo!()
    }

    /// Waits until the edge fails by itself (its port cannot be bound, say), and says why.
    pub async fn failed(&self) -> String {
        todo!()
    }

    /// Stops: no new connections, requests under way finish, a bounded wait. Nothing runs on afterwards.
    pub async fn drain(self) {
        todo!()
    }
}
