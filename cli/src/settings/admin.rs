//! How admin commands reach the control plane.

use std::{
    fs, io,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use pointsman_sdk::admin::{AdminClient, ConnectError};

use super::units;

/// Between two attempts to connect.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct AdminSettings {
    /// The control plane.
    #[arg(long, env = "POINTSMAN_SERVER", value_name = "URL", default_value = "http://127.0.0.1:7070")]
    server: String,
    /// The PEM file of the CAs that an https control plane may have its certificate from, instead of the system's.
    #[arg(long, env = "POINTSMAN_SERVER_CA", value_name = "FILE")]
    server_ca: Option<PathBuf>,
    /// How long a call may take.
    #[arg(long, env = "POINTSMAN_TIMEOUT", value_name = "DURATION", value_parser = units::duration, default_value = "30s")]
    timeout: Duration,
}

/// Why there is no connection to the control plane.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminConnectError {
    /// The CAs cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Ca {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Nothing answers, or the address is none.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

impl AdminSettings {
    /// Connects, and keeps trying for a while where nothing answers: the control plane may just be starting.
    pub(crate) async fn connect_within(&self, patience: Duration) -> Result<AdminClient, AdminConnectError> {
        let end = Instant::now() + patience;
        loop {
            match self.connect().await {
                Err(AdminConnectError::Connect(ConnectError::Unreachable { .. }))
                    if Instant::now() + RETRY_INTERVAL < end =>
                {
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
                end => return end,
            }
        }
    }

    pub(crate) async fn connect(&self) -> Result<AdminClient, AdminConnectError> {
        let mut builder = AdminClient::builder(&self.server).timeout(self.timeout);
        if let Some(file) = &self.server_ca {
            let pem =
                fs::read(file).map_err(|source| AdminConnectError::Ca { file: file.clone(), source })?;
            builder = builder.ca_pem(pem);
        }
        Ok(builder.connect().await?)
    }
}
