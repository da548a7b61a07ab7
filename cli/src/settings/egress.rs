//! What may be dialled, and how it is trusted. Edges obey it, and so does a dry run of the control plane.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pointsman_edge::config::{Config, Egress};

use super::units;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Outgoing connections")]
pub(crate) struct EgressSettings {
    /// Which addresses flow endpoints and Preprocess services may have. Link-local, unspecified and multicast ones are
    /// always refused.
    #[arg(
        long,
        env = "POINTSMAN_EGRESS",
        value_enum,
        default_value_t = EgressArg::Private
    )]
    egress: EgressArg,
    /// The PEM file of further CAs that flow endpoints and Preprocess services may have their certificates from.
    #[arg(long, env = "POINTSMAN_UPSTREAM_CA", value_name = "FILE")]
    upstream_ca: Option<PathBuf>,
    /// The folder below which `unix:` addresses of Preprocess services may lie; without it they are refused.
    #[arg(long, env = "POINTSMAN_PREPROCESS_SOCKET_DIR", value_name = "DIR")]
    preprocess_socket_dir: Option<PathBuf>,
    /// The longest reply of a Preprocess service.
    #[arg(
        long,
        env = "POINTSMAN_PREPROCESS_REPLY",
        value_name = "SIZE",
        value_parser = units::size,
        default_value = "1MiB"
    )]
    preprocess_reply: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EgressArg {
    /// Private and loopback addresses too.
    Private,
    /// Public addresses only.
    Public,
}

impl EgressSettings {
    pub(crate) fn write(&self, config: &mut Config) {
        config.egress = match self.egress {
            EgressArg::Private => Egress::Private,
            EgressArg::Public => Egress::Public,
        };
        config.upstream_ca.clone_from(&self.upstream_ca);
        config.preprocess_socket_dir.clone_from(&self.preprocess_socket_dir);
        config.limits.preprocess_reply_bytes = self.preprocess_reply;
    }
}
