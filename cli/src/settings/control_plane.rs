//! Settings of a control plane, in `up` and on its own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::{Args, builder::BoolishValueParser};
use pointsman_control_plane::{Config, PublicUrl};
use pointsman_edge::tls::TlsError;
use url::Url;

use super::{EgressSettings, SecretKeySettings, TlsSettings, secret_key::SecretKeySettingsError, units};
use crate::preprocess::EdgePreprocess;

#[derive(Args, Clone, Debug)]
pub(crate) struct ControlPlaneSettings {
    /// The folder of the database; made where it is missing.
    #[arg(long, env = "POINTSMAN_DATA", value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    secret_key: SecretKeySettings,
    /// Where admins and edges connect.
    #[arg(long, env = "POINTSMAN_ADMIN_LISTEN", value_name = "ADDR", value_parser = units::address, default_value = "127.0.0.1:7070", help_heading = "Ports")]
    admin_listen: SocketAddr,
    /// Serve the admin port without TLS although it is not on loopback: something in front of it keeps secrets from
    /// being read on the way.
    #[arg(long, env = "POINTSMAN_ADMIN_PLAINTEXT", value_parser = BoolishValueParser::new(), help_heading = "Ports")]
    admin_plaintext: bool,
    /// Mutual TLS on the admin port: the PEM file of the CAs that every client, admins and edges, must show a certificate
    /// of. What a client may do is still up to its access token.
    #[arg(long, env = "POINTSMAN_ADMIN_CLIENT_CA", value_name = "FILE", help_heading = "TLS")]
    admin_client_ca: Option<PathBuf>,
    /// What the URLs of endpoints start with, as `https://hooks.example.com`. By default the edge's address under
    /// `up`, and nothing for a control plane on its own.
    #[arg(long, env = "POINTSMAN_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    public_url: Option<String>,
    /// How long entries of the audit are kept.
    #[arg(long, env = "POINTSMAN_AUDIT_RETENTION", value_name = "DURATION", value_parser = units::lifetime, default_value = "400d")]
    audit_retention: Duration,
}

impl ControlPlaneSettings {
    pub(crate) fn config(
        &self,
        tls: &TlsSettings,
        preprocess: EdgePreprocess,
    ) -> Result<Config, SecretKeySettingsError> {
        let mut config = Config::new(&self.data, Arc::new(preprocess));
        config.secret_keys = self.secret_key.source(&self.data)?;
        config.admin_listen = self.admin_listen;
        config.tls = tls.files();
        config.client_ca.clone_from(&self.admin_client_ca);
        config.audit_retention = self.audit_retention;
        config.plaintext = self.admin_plaintext;
        config.public_url = self.public_url.clone().map_or_else(PublicUrl::default, PublicUrl::known);
        Ok(config)
    }

    /// The folder of the database.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Whether it was told what endpoint URLs start with.
    pub(crate) fn has_public_url(&self) -> bool {
        self.public_url.is_some()
    }

    /// What calls Preprocess services for dry runs, under the rules that edges obey. `listeners` are further ones of
    /// this process.
    pub(crate) fn preprocess(
        &self,
        egress: &EgressSettings,
        listeners: &[SocketAddr],
    ) -> Result<EdgePreprocess, TlsError> {
        let mut config = pointsman_edge::Config::new("control-plane", "");
        egress.write(&mut config);
        config.own_listeners = [&[self.admin_listen], listeners].concat();
        EdgePreprocess::new(&config)
    }
}

/// Not a URL that endpoint URLs can start with.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "write it as https://hooks.example.com, with a path if there is one; without user, query and fragment"
)]
struct PublicUrlError;

fn public_url(text: &str) -> Result<String, PublicUrlError> {
    let url = Url::parse(text).map_err(|_| PublicUrlError)?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.has_host();
    if matches!(url.scheme(), "http" | "https") && plain {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(PublicUrlError)
    }
}
