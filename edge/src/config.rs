//! The edge's settings.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;

use crate::{access::AccessLog, telemetry::DroppedLines};
pub use crate::{
    copy::{CopyError, CopyKey, CopyKeyError, CopyKeySource, MalformedCopyKey},
    sync::AccessToken,
};

/// Everything that an edge can be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The edge's id, which is also its name in `Via`.
    pub id: String,
    /// Where the control plane listens, `http://host:port` or `https://host:port`.
    pub control_plane: String,
    /// PEM file with the CAs of the control plane; the system's where it is none.
    pub control_plane_ca: Option<PathBuf>,
    /// The certificate that is shown to a control plane which asks for one.
    pub control_plane_identity: Option<TlsFiles>,
    /// The access token that says which edge this is, where the control plane asks for one.
    pub token: Option<AccessToken>,
    /// The token may be sent over plain http to another machine, where everybody on the way can read it.
    pub token_over_plaintext: bool,
    /// The longest pause between two streams from the control plane: 10 s.
    pub longest_pause: Duration,
    /// Where webhooks are taken. Port 0 works.
    pub edge_listen: SocketAddr,
    /// Health, readiness and metrics. Port 0 works.
    pub status_listen: SocketAddr,
    /// TLS for the webhook port.
    pub tls: Option<TlsFiles>,
    /// PEM file with further CAs that flow endpoints and Preprocess services may have their certificates from.
    pub upstream_ca: Option<PathBuf>,
    /// Which addresses may be dialled.
    pub egress: Egress,
    /// Further listeners of this process, which may not be dialled any more than the edge's own.
    pub own_listeners: Vec<SocketAddr>,
    /// The folder below which `unix:` Preprocess addresses may lie; none where it is none.
    pub preprocess_socket_dir: Option<PathBuf>,
    /// Peers whose `X-Forwarded-*` and `Forwarded` are extended and not replaced.
    pub trusted_proxies: Vec<IpNet>,
    /// The copy of the configuration on disk; without one an edge serves nothing after a restart until it reaches its
    /// control plane.
    pub copy: Option<CopyConfig>,
    /// Times and sizes.
    pub limits: Limits,
    /// Where access lines go; to `tracing` where nothing else is said.
    pub access_log: AccessLog,
    /// Counts the access lines that the process's log drops.
    pub dropped_lines: DroppedLines,
}

/// The copy of the configuration that an edge keeps on disk.
#[derive(Clone, Debug)]
pub struct CopyConfig {
    /// The folder; made where it is missing. No other edge may use it.
    pub folder: PathBuf,
    /// What it is encrypted with.
    pub key: CopyKeySource,
    /// All of its files together: 4 GiB.
    pub limit_bytes: u64,
}

impl CopyConfig {
    /// A copy in this folder, with its key beside it.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), key: CopyKeySource::InFolder, limit_bytes: 4 * 1024 * 1024 * 1024 }
    }
}

/// A certificate and its key, both PEM files. Read again when they change.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Which addresses may be dialled. Link-local (with cloud metadata), unspecified, multicast and our own listeners never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Egress {
    /// Private and loopback addresses too.
    #[default]
    Private,
    /// Public addresses only.
    Public,
}

/// Times and sizes, with the defaults of [`Limits::default`].
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest reply of a Preprocess service: 1 MiB.
    pub preprocess_reply_bytes: usize,
    /// Connecting to a flow endpoint: 2 s.
    pub upstream_connect: Duration,
    /// The head of a flow endpoint's response, where the flow sets no timeout: 30 s.
    pub upstream_head: Duration,
    /// Between two bytes of a flow endpoint's response: 30 s.
    pub upstream_idle: Duration,
    /// How long an unused connection to a flow endpoint is kept: 15 s.
    pub upstream_keepalive: Duration,
    /// For a request's head: 10 s.
    pub client_head: Duration,
    /// For a whole request, head and body: 60 s.
    pub client_request: Duration,
    /// How long an unused connection of a client is kept: 60 s.
    pub client_keepalive: Duration,
    /// The header block: 64 KiB.
    pub header_bytes: usize,
    /// Connections at a time: 10,000.
    pub connections: usize,
    /// Requests in flight per deployment: 512.
    pub deployment_requests: usize,
    /// Buffered bodies altogether, by bytes received: 256 MiB. One endpoint takes at most a quarter.
    pub body_memory_bytes: usize,
    /// How long requests under way may take to finish when the edge stops: 30 s.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            preprocess_reply_bytes: 1024 * 1024,
            upstream_connect: Duration::from_secs(2),
            upstream_head: Duration::from_secs(30),
            upstream_idle: Duration::from_secs(30),
            upstream_keepalive: Duration::from_secs(15),
            client_head: Duration::from_secs(10),
            client_request: Duration::from_secs(60),
            client_keepalive: Duration::from_secs(60),
            header_bytes: 64 * 1024,
            connections: 10_000,
            deployment_requests: 512,
            body_memory_bytes: 256 * 1024 * 1024,
            drain: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// The defaults for an edge of this id that talks to this control plane.
    #[must_use]
    pub fn new(id: impl Into<String>, control_plane: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            control_plane: control_plane.into(),
            control_plane_ca: None,
            control_plane_identity: None,
            token: None,
            token_over_plaintext: false,
            longest_pause: Duration::from_secs(10),
            edge_listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            status_listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            tls: None,
            upstream_ca: None,
            egress: Egress::default(),
            own_listeners: Vec::new(),
            preprocess_socket_dir: None,
            trusted_proxies: Vec::new(),
            copy: None,
            limits: Limits::default(),
            access_log: AccessLog::default(),
            dropped_lines: DroppedLines::default(),
        }
    }
}
