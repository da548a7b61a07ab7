//! A control plane and an edge in this process, joined by real sockets on free ports.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::Request;
use http_body_util::Full;
use pointsman_control_plane as control_plane;
use pointsman_edge as edge;
use pointsman_proto::{
    admin::v1::{
        ApplyManifestRequest, ApplyManifestResponse, Deployment, GetDeploymentRequest, GetIntegrationRequest,
        Integration, Manifest, WaitForRevisionRequest, deployment_service_client::DeploymentServiceClient,
        edge_service_client::EdgeServiceClient, integration_service_client::IntegrationServiceClient,
        manifest_service_client::ManifestServiceClient,
    },
    preprocess::v1::PreprocessRequest,
};
use pointsman_routing::{integration::Preprocess, outcome::Refusal, results::Reply};
use prost_reflect::DynamicMessage;
use serde_json::Value;
use tempfile::TempDir;
use tonic::{Status, transport::Channel};

use crate::{
    sender::{self, Version},
    soon,
};

/// Between two looks at the metrics.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The edge's id in a sandbox.
pub const EDGE_ID: &str = "sandbox";

/// A running control plane and edge. Everything stops when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    data: TempDir,
    control_plane: Option<control_plane::Running>,
    admin_addr: SocketAddr,
    edge: edge::Running,
    channel: Channel,
}

impl Sandbox {
    /// Starts both with the default settings.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts both; `adjust` changes the edge's settings first.
    pub async fn start_with(adjust: impl FnOnce(&mut edge::Config)) -> Self {
        let data = TempDir::new().expect("a temporary folder");
        let control_plane = start_control_plane(&data, SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let admin_addr = control_plane.admin_addr();
        let admin_url = format!("http://{admin_addr}");
        let mut config = edge_config(&admin_url);
        adjust(&mut config);
        let edge = edge::App::build(config).await.expect("an edge").spawn();
        let channel = Channel::from_shared(admin_url).expect("a URL").connect_lazy();
        Self { data, control_plane: Some(control_plane), admin_addr, edge, channel }
    }

    /// Starts both and applies a manifest.
    pub async fn with_manifest(manifest: &Value) -> Self {
        let sandbox = Self::start().await;
        sandbox.apply(manifest).await;
        sandbox
    }

    /// A channel to the admin API.
    #[must_use]
    pub fn admin(&self) -> Channel {
        self.channel.clone()
    }

    /// Where the admin API listens.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// Where webhooks go.
    pub async fn edge_addr(&self) -> SocketAddr {
        soon("the edge binds its port", self.edge.edge_addr()).await.expect("a bound edge")
    }

    /// Where the edge's health and metrics are.
    #[must_use]
    pub fn status_addr(&self) -> SocketAddr {
        self.edge.status_addr()
    }

    /// The value of one of the edge's metrics, which must be there: `pointsman_edge_…`, with labels where it has some.
    pub async fn metric(&self, series: &str) -> f64 {
        let request = Request::get("/metrics").body(Full::default()).expect("a request");
        let page = sender::send(self.status_addr(), Version::Http1, request).await;
        let page = String::from_utf8(page.body.to_vec()).expect("text");
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = line.unwrap_or_else(|| panic!("no {series} in {page}"));
        value.parse().expect("a number")
    }

    /// Waits until one of the edge's metrics has this value.
    pub async fn until_metric(&self, series: &str, value: f64) {
        let same = async {
            while self.metric(series).await.total_cmp(&value).is_ne() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        soon(&format!("{series} becomes {value}"), same).await;
    }

    /// Applies a manifest, given as its canonical JSON, and waits until the edge serves it.
    pub async fn apply(&self, manifest: &Value) -> ApplyManifestResponse {
        let applied = self.try_apply(manifest).await.expect("a manifest that is accepted");
        self.served(applied.revision).await;
        applied
    }

    /// Applies a manifest, which may be refused; does not wait for the edge.
    pub async fn try_apply(&self, manifest: &Value) -> Result<ApplyManifestResponse, Status> {
        let request = ApplyManifestRequest {
            manifest: Some(read_manifest(manifest)),
            ..ApplyManifestRequest::default()
        };
        ManifestServiceClient::new(self.admin())
            .apply_manifest(request)
            .await
            .map(tonic::Response::into_inner)
    }

    /// Waits until the edge serves this revision.
    pub async fn served(&self, revision: i64) {
        let request = WaitForRevisionRequest {
            revision,
            edges: vec![format!("edges/{EDGE_ID}")],
            ..Default::default()
        };
        let waited = EdgeServiceClient::new(self.admin()).wait_for_revision(request).await;
        let waited = waited.expect("an answer to WaitForRevision").into_inner();
        assert!(waited.reached, "the edge does not serve revision {revision}: {waited:?}");
    }

    /// Reads an integration.
    pub async fn integration(&self, name: &str) -> Integration {
        let request = GetIntegrationRequest { name: name.to_owned() };
        let response = IntegrationServiceClient::new(self.admin()).get_integration(request).await;
        response.expect("the integration").into_inner().integration.expect("an integration in the answer")
    }

    /// Reads a deployment.
    pub async fn deployment(&self, name: &str) -> Deployment {
        let request = GetDeploymentRequest { name: name.to_owned() };
        let response = DeploymentServiceClient::new(self.admin()).get_deployment(request).await;
        response.expect("the deployment").into_inner().deployment.expect("a deployment in the answer")
    }

    /// The path of an integration's shared endpoint, as `/hooks/…`.
    pub async fn hook(&self, integration: &str) -> String {
        hook_path(&self.integration(integration).await.endpoint.expect("an endpoint").url)
    }

    /// Ends the control plane. The edge goes on.
    pub async fn stop_control_plane(&mut self) {
        if let Some(control_plane) = self.control_plane.take() {
            soon("the control plane stops", control_plane.drain()).await;
        }
    }

    /// Starts the control plane again on the same data and port.
    pub async fn restart_control_plane(&mut self) {
        self.stop_control_plane().await;
        self.control_plane = Some(start_control_plane(&self.data, self.admin_addr).await);
    }

    /// Ends everything cleanly and gives the folder of the database back.
    pub async fn stop(mut self) -> TempDir {
        soon("the edge drains", self.edge.drain()).await;
        if let Some(control_plane) = self.control_plane.take() {
            soon("the control plane stops", control_plane.drain()).await;
        }
        self.data
    }
}

/// The path of an endpoint's public URL.
#[must_use]
pub fn hook_path(url: &str) -> String {
    let start = url.find("/hooks/").expect("the URL of an endpoint");
    url[start..].to_owned()
}

/// Reads a manifest from its canonical JSON.
#[must_use]
pub fn read_manifest(json: &Value) -> Manifest {
    let descriptor = pointsman_proto::descriptor_pool().get_message_by_name("pointsman.admin.v1.Manifest");
    let message = DynamicMessage::deserialize(descriptor.expect("the manifest's descriptor"), json);
    message.expect("canonical JSON of a manifest").transcode_to().expect("a manifest")
}

/// The settings of a sandbox's edge.
fn edge_config(admin_url: &str) -> edge::Config {
    let mut config = edge::Config::new(EDGE_ID, admin_url);
    config.edge_listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.status_listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config
}

async fn start_control_plane(data: &TempDir, admin_listen: SocketAddr) -> control_plane::Running {
    let mut config = control_plane::Config::new(data.path(), Arc::new(EdgePreprocess::new()));
    config.admin_listen = admin_listen;
    config.public_url = control_plane::PublicUrl::known("http://edge.invalid");
    control_plane::App::build(config).await.expect("a control plane").spawn()
}

/// Dry runs call Preprocess services as edges do.
#[derive(Debug)]
pub struct EdgePreprocess(edge::preprocess::PreprocessClient);

impl EdgePreprocess {
    /// With the default settings of an edge.
    #[must_use]
    pub fn new() -> Self {
        let config = edge_config("http://unused.invalid");
        Self(edge::preprocess::PreprocessClient::new(&config).expect("a client"))
    }
}

impl Default for EdgePreprocess {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl control_plane::PreprocessCaller for EdgePreprocess {
    async fn call(&self, service: &Preprocess, request: PreprocessRequest) -> Result<Reply, Refusal> {
        self.0.call_for_admin(service, request).await
    }
}
