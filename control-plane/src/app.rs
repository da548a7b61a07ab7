//! Puts the control plane together: build, spawn, drain.

use std::net::SocketAddr;

use crate::config::Config;

/// A control plane that is built and not yet running. Its database is open and its port bound.
#[derive(Debug)]
pub struct App {}

/// Why a control plane cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {}

impl App {
    /// Opens the database and binds the admin port.
    pub async fn build(config: Config) -> Result<Self, BuildError> {
        todo!("{config:?}")
    }

    /// Where admins and edges connect.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        todo!()
    }

    /// Starts everything on the current runtime.
    #[must_use]
    pub fn spawn(self) -> Running {
        todo!()
    }
}

/// A running control plane. Dropping it aborts its tasks.
#[derive(Debug)]
pub struct Running {}

impl Running {
    /// Where admins and edges connect.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        todo!()
    }

    /// Stops: no new calls, streams end, calls under way finish, a bounded wait.
    pub async fn drain(self) {
        todo!()
    }
}
