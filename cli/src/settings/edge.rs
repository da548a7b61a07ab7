//! Settings of an edge, in `up` and on its own.

use std::{net::SocketAddr, path::Path};

use clap::Args;
use ipnet::IpNet;
use pointsman_edge::config::{Config, CopyConfig, TlsFiles};

use super::{CopySettings, CopySettingsError, EgressSettings, TlsSettings, limits::LimitSettings, units};

#[derive(Args, Clone, Debug)]
pub(crate) struct EdgeSettings {
    /// Where webhooks are taken. Bound once a configuration is there.
    #[arg(long, env = "POINTSMAN_EDGE_LISTEN", value_name = "ADDR", value_parser = units::address, default_value = "127.0.0.1:8080", help_heading = "Ports")]
    edge_listen: SocketAddr,
    /// Where health, readiness and metrics are served.
    #[arg(long, env = "POINTSMAN_STATUS_LISTEN", value_name = "ADDR", value_parser = units::address, default_value = "127.0.0.1:8081", help_heading = "Ports")]
    status_listen: SocketAddr,
    /// A peer whose `X-Forwarded-*` and `Forwarded` are extended and not replaced: a network or an address. Can be
    /// given more than once, or separated by commas.
    #[arg(long, env = "POINTSMAN_TRUSTED_PROXY", value_name = "NETWORK", value_parser = units::network, value_delimiter = ',')]
    trusted_proxy: Vec<IpNet>,
    #[command(flatten)]
    copy: CopySettings,
    #[command(flatten)]
    limits: LimitSettings,
}

impl EdgeSettings {
    /// Where it listens, as it was asked for.
    pub(crate) fn listeners(&self) -> [SocketAddr; 2] {
        [self.edge_listen, self.status_listen]
    }

    /// The copy on disk, in `folder`.
    pub(crate) fn copy(&self, folder: &Path) -> Result<CopyConfig, CopySettingsError> {
        self.copy.config(folder)
    }

    /// The configuration of the edge `id`; it keeps no copy.
    pub(crate) fn config(
        &self,
        id: &str,
        control_plane: &str,
        tls: &TlsSettings,
        egress: &EgressSettings,
    ) -> Config {
        let mut config = Config::new(id, control_plane);
        config.edge_listen = self.edge_listen;
        config.status_listen = self.status_listen;
        config.tls = tls.files().map(|(cert, key)| TlsFiles { cert, key });
        config.trusted_proxies.clone_from(&self.trusted_proxy);
        egress.write(&mut config);
        self.limits.write(&mut config.limits);
        config
    }
}
