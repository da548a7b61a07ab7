//! A configuration moves to another database, and third parties go on sending to the URLs that they know.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use pointsman_proto::admin::v1::{
    ApplyManifestRequest, ApplyManifestResponse, ExportManifestRequest, Manifest,
    manifest_service_client::ManifestServiceClient,
};
use pointsman_tests::{
    acme,
    receiver::Receiver,
    sandbox::{Sandbox, hook_path},
    sender::{self, Version, post_json},
};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Acme ERP in each of the three types of endpoints.
fn three_types(flow_base: &str) -> Value {
    let mut all = acme::manifest(flow_base);
    for (id, endpoint) in [
        (
            "own",
            json!({ "type": "ENDPOINT_TYPE_INSTANCE_SPECIFIC", "flowName": { "reference": "results.headers.x-flow" } }),
        ),
        ("flows", json!({ "type": "ENDPOINT_TYPE_FLOW_SPECIFIC" })),
    ] {
        let text = acme::manifest_with_endpoint(&format!("{flow_base}/{id}"), endpoint).to_string();
        let other: Value = serde_json::from_str(&text.replace("acme-erp", id)).expect("JSON");
        for kind in ["integrations", "customerMappings", "deployments"] {
            let more = other[kind].as_array().expect("a list").clone();
            all[kind].as_array_mut().expect("a list").extend(more);
        }
    }
    all
}

async fn export(sandbox: &Sandbox) -> Manifest {
    let request = ExportManifestRequest { with_endpoint_tokens: true, ..Default::default() };
    let mut client = ManifestServiceClient::new(sandbox.admin());
    client.export_manifest(request).await.expect("an export").into_inner().manifest.expect("a manifest")
}

async fn apply(sandbox: &Sandbox, manifest: Manifest) -> Result<ApplyManifestResponse, Status> {
    let request = ApplyManifestRequest { manifest: Some(manifest), ..Default::default() };
    let applied = ManifestServiceClient::new(sandbox.admin()).apply_manifest(request).await?.into_inner();
    sandbox.served(applied.revision).await;
    Ok(applied)
}

#[tokio::test]
async fn old_urls_route_on_an_edge_of_the_new_database() {
    let mut flows = Receiver::start().await;
    let old = Sandbox::with_manifest(&three_types(&flows.url(""))).await;
    let shared = old.hook("integrations/acme-erp").await;
    let own = hook_path(&old.deployment("integrations/own/deployments/bowlers-inc").await.endpoint_url);
    let flow = old.deployment("integrations/flows/deployments/pencils-co").await;
    let flow = hook_path(&flow.flow_endpoints["create-order"].endpoint_url);

    let new = Sandbox::start().await;
    apply(&new, export(&old).await).await.expect("a manifest that is accepted");
    // The old one is gone.
    drop(old.stop().await);

    let edge = new.edge_addr().await;
    assert_eq!(post_json(edge, &shared, acme::CREATE_ORDER).await.status, StatusCode::OK);
    assert_eq!(flows.next().await.target, "/pencils-co/create-order");
    let request = Request::post(&own).header("x-flow", "Update Inventory").body(Full::new(Bytes::new()));
    let answered = sender::send(edge, Version::Http1, request.expect("a request")).await;
    assert_eq!(answered.status, StatusCode::OK);
    assert_eq!(flows.next().await.target, "/own/bowlers-inc/update-inventory");
    assert_eq!(post_json(edge, &flow, "{}").await.status, StatusCode::OK);
    assert_eq!(flows.next().await.target, "/flows/pencils-co/create-order");
}

#[tokio::test]
async fn secrets_do_not_move_and_every_one_that_is_missing_is_named() {
    let mut flows = Receiver::start().await;
    let mut manifest = acme::manifest(&flows.url(""));
    for deployment in manifest["deployments"].as_array_mut().expect("a list") {
        for flow in ["update-inventory", "create-order"] {
            deployment["flowEndpoints"][flow]["headers"] = json!({ "authorization": "Bearer of-the-flow" });
        }
    }
    let old = Sandbox::with_manifest(&manifest).await;
    let mut exported = export(&old).await;
    let new = Sandbox::start().await;
    let refused = apply(&new, exported.clone()).await.expect_err("secrets that nobody has");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let details = refused.get_error_details();
    let mut fields: Vec<_> = details
        .bad_request()
        .expect("faults")
        .field_violations
        .iter()
        .map(|fault| fault.field.clone())
        .collect();
    fields.sort();
    let field = |index: usize, flow: &str| {
        format!("manifest.deployments[{index}].flow_endpoints[\"{flow}\"].headers[\"authorization\"]")
    };
    assert_eq!(
        fields,
        [
            field(0, "create-order"),
            field(0, "update-inventory"),
            field(1, "create-order"),
            field(1, "update-inventory")
        ]
    );

    // With the values put in it moves, and from then on it applies as it was exported.
    let text = |manifest: &Manifest| format!("{manifest:?}");
    assert!(!text(&exported).contains("of-the-flow"));
    let redacted = exported.clone();
    for deployment in &mut exported.deployments {
        for endpoint in deployment.flow_endpoints.values_mut() {
            endpoint.headers.insert("authorization".to_owned(), "Bearer of-the-flow".to_owned());
        }
    }
    let moved = apply(&new, exported).await.expect("a manifest that is accepted");
    assert_eq!(apply(&new, redacted).await.expect("what is kept").revision, moved.revision);
    let hook = old.hook("integrations/acme-erp").await;
    assert_eq!(post_json(new.edge_addr().await, &hook, acme::CREATE_ORDER).await.status, StatusCode::OK);
    assert_eq!(flows.next().await.header("authorization"), "Bearer of-the-flow");
}
