//! A sandbox with the two ways that bodies go: into memory first, and straight through.

use std::net::SocketAddr;

use pointsman_edge::Config;
use serde_json::{Value, json};

use crate::{
    acme,
    sandbox::{Sandbox, hook_path},
    wire::Wire,
};

/// The tutorial's Acme ERP, and a second integration with a flow-specific endpoint.
#[derive(Debug)]
pub struct Stand {
    /// Both, running.
    pub sandbox: Sandbox,
    /// Where webhooks go.
    pub edge: SocketAddr,
    /// The path of Acme ERP's shared endpoint, whose references need the body in memory.
    pub shared: String,
    /// The path of an endpoint whose bodies stream: of the flow `in` of `bowlers-inc`, at `{flow_base}/direct`.
    pub direct: String,
}

/// The name of the integration whose bodies stream.
pub const DIRECT: &str = "integrations/direct";
const DIRECT_DEPLOYMENT: &str = "integrations/direct/deployments/bowlers-inc";

impl Stand {
    /// One with the default settings.
    pub async fn start(flow_base: &str) -> Self {
        Self::start_with(|_| {}, flow_base).await
    }

    /// One with an edge of other settings.
    pub async fn start_with(adjust: impl FnOnce(&mut Config), flow_base: &str) -> Self {
        let sandbox = Sandbox::start_with(adjust).await;
        sandbox.apply(&manifest(flow_base)).await;
        let (edge, shared) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);
        let direct =
            hook_path(&sandbox.deployment(DIRECT_DEPLOYMENT).await.flow_endpoints["in"].endpoint_url);
        Self { sandbox, edge, shared, direct }
    }

    /// A new connection to the edge.
    pub async fn connect(&self) -> Wire {
        Wire::connect(self.edge).await
    }

    /// Waits until nothing is in flight and no body is in memory.
    pub async fn until_idle(&self) {
        self.sandbox.until_metric("pointsman_edge_requests_in_flight", 0.0).await;
        self.sandbox.until_metric("pointsman_edge_body_memory_bytes", 0.0).await;
    }
}

/// The configuration of a stand, to be changed.
#[must_use]
pub fn manifest(flow_base: &str) -> Value {
    let mut manifest = acme::manifest(flow_base);
    let mut add = |list: &str, resource: Value| {
        manifest[list].as_array_mut().expect("a list of resources").push(resource);
    };
    add(
        "integrations",
        json!({
            "name": DIRECT,
            "flows": [{ "key": "in", "name": "In" }],
            "endpoint": { "type": "ENDPOINT_TYPE_FLOW_SPECIFIC" },
        }),
    );
    add(
        "deployments",
        json!({
            "name": DIRECT_DEPLOYMENT,
            "customer": "customers/bowlers-inc",
            "flowEndpoints": { "in": { "url": format!("{flow_base}/direct") } },
        }),
    );
    manifest
}

/// An HTTP/1.1 request with a body of this length.
#[must_use]
pub fn post(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
