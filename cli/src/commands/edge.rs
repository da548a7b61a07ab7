//! `edge`: an edge alone.

use std::path::PathBuf;

use clap::{Args, builder::BoolishValueParser};
use pointsman_edge::config::TlsFiles;

use super::{
    End,
    serve::{Edge as RunningEdge, EdgeThreads, ServeError, Servers},
};
use crate::{
    logging,
    settings::{EdgeSettings, EdgeTokenSettings, EgressSettings, LogSettings, ProcessSettings, TlsSettings},
    signals::Signals,
};

#[derive(Args, Debug)]
pub(super) struct Edge {
    /// The edge's id, which no other edge of the control plane has: letters, digits, `.`, `_` and `-`, at most 63.
    #[arg(long, env = "POINTSMAN_EDGE_ID", value_name = "ID", value_parser = edge_id)]
    edge_id: String,
    /// The control plane.
    #[arg(
        long,
        env = "POINTSMAN_CONTROL_PLANE",
        value_name = "URL",
        default_value = "http://127.0.0.1:7070",
        value_parser = control_plane_url
    )]
    control_plane: String,
    /// The PEM file of the CAs that an https control plane may have its certificate from, instead of the system's.
    #[arg(long, env = "POINTSMAN_CONTROL_PLANE_CA", value_name = "FILE")]
    control_plane_ca: Option<PathBuf>,
    /// The PEM file of the certificate chain that is shown to a control plane which asks for one.
    #[arg(long, env = "POINTSMAN_CONTROL_PLANE_CERT", value_name = "FILE", requires = "control_plane_key")]
    control_plane_cert: Option<PathBuf>,
    /// The PEM file of that certificate's private key.
    #[arg(long, env = "POINTSMAN_CONTROL_PLANE_KEY", value_name = "FILE", requires = "control_plane_cert")]
    control_plane_key: Option<PathBuf>,
    /// The folder of the edge's copy of its configuration, with which it starts and serves while the control plane is
    /// away; made where it is missing. Without it nothing is kept.
    #[arg(long, env = "POINTSMAN_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    token: EdgeTokenSettings,
    /// Send the token also over plain http to another machine, where everybody on the way can read it.
    #[arg(long, env = "POINTSMAN_EDGE_TOKEN_OVER_PLAINTEXT", value_parser = BoolishValueParser::new())]
    token_over_plaintext: bool,
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

impl Edge {
    pub(super) fn run(self) -> Result<End, ServeError> {
        let log = logging::start(&self.log);
        let threads = EdgeThreads::of(&self.process)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ran = runtime.block_on(async {
            let mut signals = Signals::take()?;
            self.process.forget_addresses();
            let mut config = self.edge.config(&self.edge_id, &self.control_plane, &self.tls, &self.egress);
            config.control_plane_ca.clone_from(&self.control_plane_ca);
            let identity = self.control_plane_cert.clone().zip(self.control_plane_key.clone());
            config.control_plane_identity = identity.map(|(cert, key)| TlsFiles { cert, key });
            config.token = self.token.token();
            config.token_over_plaintext = self.token_over_plaintext;
            config.copy = self.data.as_deref().map(|folder| self.edge.copy(folder)).transpose()?;
            if config.copy.is_none() {
                tracing::warn!("without --data nothing is kept: after a restart this edge serves nothing until it reaches its control plane");
            }
            log.attach(&mut config);
            let edge = tokio::select! {
                started = RunningEdge::start(config, threads.handle().clone()) => started?,
                _ = signals.next() => return Ok(()),
            };
            let servers = Servers { edge: Some(edge), ..Servers::default() };
            servers.run(signals, &self.process).await
        });
        threads.stop();
        runtime.shutdown_background();
        ran.map(|()| End::Fine)
    }
}

/// Not the id of an edge.
#[derive(Clone, Debug, thiserror::Error)]
#[error("an id matches [A-Za-z0-9][A-Za-z0-9._-]{{0,62}}")]
struct EdgeIdError;

fn edge_id(text: &str) -> Result<String, EdgeIdError> {
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let id = text.strip_prefix("edges/").unwrap_or(text);
    let right = (1..=63).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(rest);
    if right { Ok(id.to_owned()) } else { Err(EdgeIdError) }
}

/// Not the address of a control plane.
#[derive(Clone, Debug, thiserror::Error)]
#[error("write it as http://host:port or https://host:port")]
struct ControlPlaneUrlError;

fn control_plane_url(text: &str) -> Result<String, ControlPlaneUrlError> {
    let url = url::Url::parse(text).map_err(|_| ControlPlaneUrlError)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.has_host() && plain {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(ControlPlaneUrlError)
    }
}
