//! The control plane's settings.

use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use pointsman_proto::preprocess::v1::PreprocessRequest;
use pointsman_routing::{integration::Preprocess, outcome::Refusal, results::Reply};

use crate::store::KeySource;

/// How long entries of the audit are kept where nothing is said: a year, and a month to look back on it.
const AUDIT_RETENTION: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// Everything that a control plane can be told.
#[derive(Clone)]
pub struct Config {
    /// The folder of the database, made where it is missing.
    pub data: PathBuf,
    /// Where the keys are that secrets in the database are encrypted with.
    pub secret_keys: KeySource,
    /// Where admins and edges connect. Port 0 works.
    pub admin_listen: SocketAddr,
    /// TLS for the admin port: PEM files of the certificate chain and its key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Mutual TLS: the PEM file of the CAs that every client of the admin port must show a certificate of. Needs `tls`.
    pub client_ca: Option<PathBuf>,
    /// An admin port that is not on loopback may do without TLS: something in front of it keeps secrets from being read
    /// on the way.
    pub plaintext: bool,
    /// A further port, for edges on this machine alone: on loopback, without TLS, and without the admin API. Port 0
    /// works. An edge beside a control plane with TLS needs it: the certificate is not one for a loopback address.
    pub edge_listen: Option<SocketAddr>,
    /// What endpoint URLs start with.
    pub public_url: PublicUrl,
    /// How long entries of the audit are kept.
    pub audit_retention: Duration,
    /// Calls Preprocess services for `TestEndpoint`.
    pub preprocess: Arc<dyn PreprocessCaller>,
}

impl Config {
    /// The defaults for a database in `data`: the admin port on loopback, without TLS.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>, preprocess: Arc<dyn PreprocessCaller>) -> Self {
        let data = data.into();
        Self {
            secret_keys: KeySource::in_folder(&data),
            data,
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 7070)),
            tls: None,
            client_ca: None,
            plaintext: false,
            edge_listen: None,
            public_url: PublicUrl::default(),
            audit_retention: AUDIT_RETENTION,
            preprocess,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("data", &self.data)
            .field("admin_listen", &self.admin_listen)
            .finish_non_exhaustive()
    }
}

/// What endpoint URLs start with, as `https://hooks.example.com`. It can be told later, once, where it is the address
/// of an edge that is not bound yet.
#[derive(Clone, Debug, Default)]
pub struct PublicUrl(Arc<OnceLock<String>>);

impl PublicUrl {
    /// One that is known.
    #[must_use]
    pub fn known(url: impl Into<String>) -> Self {
        let public_url = Self::default();
        public_url.set(url);
        public_url
    }

    /// Tells it. Only the first one counts. A trailing `/` is dropped.
    pub fn set(&self, url: impl Into<String>) {
        let _ = self.0.set(url.into().trim_end_matches('/').to_owned());
    }

    /// The URL of the endpoint of `token`; only its path while the base is not known.
    #[must_use]
    pub fn endpoint(&self, token: &str) -> String {
        format!("{}/hooks/{token}", self.0.get().map_or("", String::as_str))
    }
}

/// Calls Preprocess services. The one implementation is the edge's; the control plane does not know edges.
#[async_trait]
pub trait PreprocessCaller: Send + Sync + 'static {
    /// Calls `service` and turns what happens into its reply or a refusal (`preprocess_*`), in words for admins.
    async fn call(&self, service: &Preprocess, request: PreprocessRequest) -> Result<Reply, Refusal>;
}
