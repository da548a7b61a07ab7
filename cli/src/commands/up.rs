//! `up`: a control plane and an edge in one process.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;
use pointsman_control_plane as control_plane;

use super::{
    End,
    serve::{self, CONTROL_THREADS, Edge, EdgeThreads, ServeError, Servers},
};
use crate::{
    addresses,
    logging::{self, Log},
    settings::{
        ControlPlaneSettings, EdgeSettings, EgressSettings, LogSettings, ProcessSettings, TlsSettings,
    },
    signals::Signals,
};

/// The edge of this process.
const EDGE_ID: &str = "local";

/// The folder of its copy, in that of the database.
const EDGE_FOLDER: &str = "edge";

#[derive(Args, Debug)]
pub(super) struct Up {
    #[command(flatten)]
    control_plane: ControlPlaneSettings,
    #[command(flatten)]
    edge: EdgeSettings,
    #[command(flatten)]
    tls: TlsSettings,
    #[command(flatten)]
    egress: EgressSettings,
    #[command(flatten)]
    process: ProcessSettings,
    #[command(flatten)]
    log: LogSettings,
}

impl Up {
    pub(super) fn run(self) -> Result<End, ServeError> {
        let log = logging::start(&self.log);
        // Apart, so that a busy edge does not starve the control plane, nor the other way round.
        let edge_threads = EdgeThreads::of(&self.process)?;
        let control_runtime = serve::runtime("control", CONTROL_THREADS)?;
        let ran = control_runtime.block_on(async {
            let mut signals = Signals::take()?;
            self.process.forget_addresses();
            let servers = tokio::select! {
                started = self.start(edge_threads.handle(), &log) => started?,
                _ = signals.next() => return Ok(()),
            };
            servers.run(signals, &self.process).await
        });
        edge_threads.stop();
        control_runtime.shutdown_background();
        ran.map(|()| End::Fine)
    }

    async fn start(&self, edge_runtime: &tokio::runtime::Handle, log: &Log) -> Result<Servers, ServeError> {
        let preprocess =
            self.control_plane.preprocess(&self.egress, &self.edge.listeners()).map_err(ServeError::Tls)?;
        let mut config = self.control_plane.config(&self.tls, preprocess)?;
        if config.tls.is_some() || !config.admin_listen.ip().is_loopback() {
            // The certificate is one for the outside, and not for the address that the edge here would connect to. And
            // its secret is not to leave the machine.
            config.edge_listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        }
        let public_url = (!self.control_plane.has_public_url()).then(|| config.public_url.clone());
        let app = control_plane::App::build(config).await.map_err(ServeError::ControlPlane)?;
        let (admin, edges) = (app.admin_addr(), app.edge_addr());
        let token = serve::own_edge_token(&app, EDGE_ID)?;
        let mut servers = Servers { control_plane: Some(app.spawn()), public_url, ..Servers::default() };

        let control_plane_url = addresses::url(edges.unwrap_or(admin), false);
        let mut config = self.edge.config(EDGE_ID, &control_plane_url, &self.tls, &self.egress);
        config.token = Some(token);
        config.copy = Some(self.edge.copy(&self.control_plane.data().join(EDGE_FOLDER))?);
        log.attach(&mut config);
        config.own_listeners.extend([admin].into_iter().chain(edges));
        servers.edge = Some(Edge::start(config, edge_runtime.clone()).await?);
        Ok(servers)
    }
}
