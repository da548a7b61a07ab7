//! TLS of the ports that others connect to.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsSettings {
    /// Serve TLS: the PEM file of the certificate chain. The port of webhooks reads it again when it changes; that
    /// of admins reads it at the start, so restart a control plane whose certificate was renewed (edges go on meanwhile).
    #[arg(long, env = "POINTSMAN_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The PEM file of the certificate's private key.
    #[arg(long, env = "POINTSMAN_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl TlsSettings {
    /// The certificate chain and its key.
    pub(crate) fn files(&self) -> Option<(PathBuf, PathBuf)> {
        self.tls_cert.clone().zip(self.tls_key.clone())
    }
}
