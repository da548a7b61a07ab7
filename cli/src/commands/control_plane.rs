//! `control-plane`: a control plane alone.

use clap::Args;
use pointsman_control_plane as control_plane;

use super::{
    End,
    serve::{self, CONTROL_THREADS, ServeError, Servers},
};
use crate::{
    logging,
    settings::{ControlPlaneSettings, EgressSettings, LogSettings, ProcessSettings, TlsSettings},
    signals::Signals,
};

#[derive(Args, Debug)]
pub(super) struct ControlPlane {
    #[command(flatten)]
    control_plane: ControlPlaneSettings,
    #[command(flatten)]
    tls: TlsSettings,
    #[command(flatten)]
    egress: EgressSettings,
    #[command(flatten)]
    process: ProcessSettings,
    #[command(flatten)]
    log: LogSettings,
}

impl ControlPlane {
    pub(super) fn run(self) -> Result<End, ServeError> {
        let _log = logging::start(&self.log);
        let threads = self.process.threads.map_or(CONTROL_THREADS, std::num::NonZeroUsize::get);
        let runtime = serve::runtime("control", threads)?;
        let ran = runtime.block_on(async {
            let mut signals = Signals::take()?;
            self.process.forget_addresses();
            let servers = tokio::select! {
                started = self.start() => started?,
                _ = signals.next() => return Ok(()),
            };
            servers.run(signals, &self.process).await
        });
        runtime.shutdown_background();
        ran.map(|()| End::Fine)
    }

    async fn start(&self) -> Result<Servers, ServeError> {
        let preprocess = self.control_plane.preprocess(&self.egress, &[]).map_err(ServeError::Tls)?;
        let config = self.control_plane.config(&self.tls, preprocess)?;
        let app = control_plane::App::build(config).await.map_err(ServeError::ControlPlane)?;
        if !self.control_plane.has_public_url() {
            tracing::warn!("endpoint URLs are shown as paths only: --public-url is not set");
        }
        Ok(Servers { control_plane: Some(app.spawn()), ..Servers::default() })
    }
}
