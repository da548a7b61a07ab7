//! Changes as senders see them: URLs that rotate, deployments that pause or change hands, and integrations that go back
//! to what they were.

use std::net::SocketAddr;

use http::{Request, StatusCode};
use http_body_util::Full;
use pointsman_proto::admin::v1::{
    Deployment, DeploymentServiceRotateEndpointTokenRequest, IntegrationServiceRotateEndpointTokenRequest,
    PauseDeploymentRequest, ResumeDeploymentRequest, RollbackIntegrationRequest, Rotation,
    UpdateDeploymentRequest, deployment_service_client::DeploymentServiceClient,
    integration_service_client::IntegrationServiceClient,
};
use pointsman_tests::{
    acme,
    preprocess::{StubPreprocess, strings},
    receiver::Receiver,
    sandbox::{Sandbox, hook_path},
    sender::{self, Answered, Version, post_json},
};
use serde_json::json;
use tonic::transport::Channel;

const ACME: &str = "integrations/acme-erp";
const PENCILS: &str = "integrations/acme-erp/deployments/pencils-co";

fn integrations(sandbox: &Sandbox) -> IntegrationServiceClient<Channel> {
    IntegrationServiceClient::new(sandbox.admin())
}

fn deployments(sandbox: &Sandbox) -> DeploymentServiceClient<Channel> {
    DeploymentServiceClient::new(sandbox.admin())
}

/// Rotates the shared endpoint, waits until the edge serves that, and answers the URL's path.
async fn rotate_shared(sandbox: &Sandbox, rotation: Rotation) -> String {
    let request = IntegrationServiceRotateEndpointTokenRequest {
        name: ACME.to_owned(),
        rotation: rotation.into(),
        ..Default::default()
    };
    let answer = integrations(sandbox).rotate_endpoint_token(request).await.expect("a rotation").into_inner();
    sandbox.served(answer.revision).await;
    hook_path(&answer.integration.expect("an integration").endpoint.expect("an endpoint").url)
}

async fn rotate_own(sandbox: &Sandbox, flow: &str, rotation: Rotation) -> Deployment {
    let request = DeploymentServiceRotateEndpointTokenRequest {
        name: PENCILS.to_owned(),
        flow: flow.to_owned(),
        rotation: rotation.into(),
        ..Default::default()
    };
    let answer = deployments(sandbox).rotate_endpoint_token(request).await.expect("a rotation").into_inner();
    sandbox.served(answer.revision).await;
    answer.deployment.expect("a deployment")
}

fn assert_unknown(answered: &Answered) {
    assert_eq!((answered.status, answered.code().as_str()), (StatusCode::NOT_FOUND, "unknown_endpoint"));
}

#[tokio::test]
async fn both_urls_of_a_shared_endpoint_answer_until_the_rotation_is_finished() {
    let mut flows = Receiver::start().await;
    let sandbox = Sandbox::with_manifest(&acme::manifest(&flows.url(""))).await;
    let (edge, old) = (sandbox.edge_addr().await, sandbox.hook(ACME).await);

    let new = rotate_shared(&sandbox, Rotation::Start).await;
    assert_ne!(new, old);
    for hook in [&old, &new] {
        assert_eq!(post_json(edge, hook, acme::CREATE_ORDER).await.status, StatusCode::OK);
        assert_eq!(flows.next().await.target, "/pencils-co/create-order");
    }

    assert_eq!(rotate_shared(&sandbox, Rotation::Finish).await, new);
    assert_unknown(&post_json(edge, &old, acme::CREATE_ORDER).await);
    flows.expect_nothing();
    assert_eq!(post_json(edge, &new, acme::CREATE_ORDER).await.status, StatusCode::OK);

    let replaced = rotate_shared(&sandbox, Rotation::Replace).await;
    assert_unknown(&post_json(edge, &new, acme::CREATE_ORDER).await);
    assert_eq!(post_json(edge, &replaced, acme::CREATE_ORDER).await.status, StatusCode::OK);
}

/// Rotations are kept, begun and finished ones.
#[tokio::test]
async fn a_url_that_is_gone_stays_gone_after_a_restart_of_the_control_plane() {
    let flows = Receiver::start().await;
    let mut sandbox = Sandbox::with_manifest(&acme::manifest(&flows.url(""))).await;
    let (edge, old) = (sandbox.edge_addr().await, sandbox.hook(ACME).await);
    let new = rotate_shared(&sandbox, Rotation::Start).await;
    sandbox.restart_control_plane().await;
    assert_eq!(post_json(edge, &old, acme::CREATE_ORDER).await.status, StatusCode::OK, "it is not finished");
    rotate_shared(&sandbox, Rotation::Finish).await;
    sandbox.restart_control_plane().await;
    assert_unknown(&post_json(edge, &old, acme::CREATE_ORDER).await);
    assert_eq!(sandbox.hook(ACME).await, new);
}

async fn post_to(edge: SocketAddr, url: &str) -> Answered {
    let request = Request::post(hook_path(url)).header("x-flow", "Create Order").body(Full::default());
    sender::send(edge, Version::Http1, request.expect("a request")).await
}

#[tokio::test]
async fn instance_and_flow_specific_urls_rotate_one_by_one() {
    let mut flows = Receiver::start().await;
    let instance = json!({
        "type": "ENDPOINT_TYPE_INSTANCE_SPECIFIC",
        "flowName": { "reference": "results.headers.x-flow" },
    });
    let sandbox = Sandbox::with_manifest(&acme::manifest_with_endpoint(&flows.url(""), instance)).await;
    let edge = sandbox.edge_addr().await;
    let other = sandbox.deployment("integrations/acme-erp/deployments/bowlers-inc").await.endpoint_url;
    let old = sandbox.deployment(PENCILS).await.endpoint_url;
    let new = rotate_own(&sandbox, "", Rotation::Start).await.endpoint_url;
    for url in [&old, &new] {
        assert_eq!(post_to(edge, url).await.status, StatusCode::OK);
        assert_eq!(flows.next().await.target, "/pencils-co/create-order");
    }
    rotate_own(&sandbox, "", Rotation::Finish).await;
    assert_unknown(&post_to(edge, &old).await);
    assert_eq!(post_to(edge, &other).await.status, StatusCode::OK, "the other customer's is as it was");
    assert_eq!(flows.next().await.target, "/bowlers-inc/create-order");

    let flow_specific = json!({ "type": "ENDPOINT_TYPE_FLOW_SPECIFIC" });
    sandbox.apply(&acme::manifest_with_endpoint(&flows.url(""), flow_specific)).await;
    let before = sandbox.deployment(PENCILS).await.flow_endpoints;
    let after = rotate_own(&sandbox, "create-order", Rotation::Replace).await.flow_endpoints;
    assert_unknown(&post_to(edge, &before["create-order"].endpoint_url).await);
    for flow in ["create-order", "update-inventory"] {
        assert_eq!(post_to(edge, &after[flow].endpoint_url).await.status, StatusCode::OK);
        assert_eq!(flows.next().await.target, format!("/pencils-co/{flow}"));
    }
    assert_eq!(after["update-inventory"], before["update-inventory"]);
}

/// The first rule: never the wrong tenant. Whoever sends to the old URL sends what is the first customer's.
#[tokio::test]
async fn a_deployment_that_changes_hands_leaves_its_url_behind() {
    let mut flows = Receiver::start().await;
    let instance = json!({
        "type": "ENDPOINT_TYPE_INSTANCE_SPECIFIC",
        "flowName": { "reference": "results.headers.x-flow" },
    });
    let sandbox = Sandbox::with_manifest(&acme::manifest_with_endpoint(&flows.url(""), instance)).await;
    let edge = sandbox.edge_addr().await;
    let old = sandbox.deployment(PENCILS).await.endpoint_url;
    let moved = UpdateDeploymentRequest {
        deployment: Some(Deployment {
            name: PENCILS.to_owned(),
            customer: "customers/bowlers-inc".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let answer = deployments(&sandbox).update_deployment(moved).await.expect("an update").into_inner();
    sandbox.served(answer.revision).await;

    assert_unknown(&post_to(edge, &old).await);
    flows.expect_nothing();
    let new = answer.deployment.expect("a deployment").endpoint_url;
    assert_eq!(post_to(edge, &new).await.status, StatusCode::OK);
    assert_eq!(flows.next().await.header("pointsman-customer"), "progix-1001");
}

#[tokio::test]
async fn a_deployment_is_paused_and_resumed_by_itself() {
    let mut flows = Receiver::start().await;
    let sandbox = Sandbox::with_manifest(&acme::manifest(&flows.url(""))).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook(ACME).await);

    let pause = PauseDeploymentRequest { name: PENCILS.to_owned(), ..Default::default() };
    let paused = deployments(&sandbox).pause_deployment(pause).await.expect("a pause").into_inner();
    sandbox.served(paused.revision).await;
    let answered = post_json(edge, &hook, acme::CREATE_ORDER).await;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (503, "deployment_paused"));
    assert_ne!(answered.header("retry-after"), "");
    flows.expect_nothing();
    assert_eq!(post_json(edge, &hook, acme::INVENTORY_UPDATE).await.status, StatusCode::OK, "the other's");

    let resume = ResumeDeploymentRequest { name: PENCILS.to_owned(), ..Default::default() };
    let resumed = deployments(&sandbox).resume_deployment(resume).await.expect("a resumption").into_inner();
    sandbox.served(resumed.revision).await;
    assert_eq!(post_json(edge, &hook, acme::CREATE_ORDER).await.status, StatusCode::OK);
}

async fn roll_back(sandbox: &Sandbox, revision: i64, metadata: &[(&str, &str)]) -> Result<(), tonic::Status> {
    let metadata = metadata.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    let request = RollbackIntegrationRequest {
        name: ACME.to_owned(),
        revision,
        preprocess_metadata: metadata.collect(),
        ..Default::default()
    };
    let answer = integrations(sandbox).rollback_integration(request).await?.into_inner();
    sandbox.served(answer.revision).await;
    Ok(())
}

#[tokio::test]
async fn an_integration_routes_again_as_it_did() {
    let mut flows = Receiver::start().await;
    let mut manifest = acme::manifest(&flows.url(""));
    let sandbox = Sandbox::start().await;
    let first = sandbox.apply(&manifest).await.revision;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook(ACME).await);
    manifest["integrations"][0]["endpoint"]["flowName"] = json!({ "constant": "update-inventory" });
    sandbox.apply(&manifest).await;
    post_json(edge, &hook, acme::CREATE_ORDER).await;
    assert_eq!(flows.next().await.target, "/pencils-co/update-inventory");

    roll_back(&sandbox, first, &[]).await.expect("a rollback");
    post_json(edge, &hook, acme::CREATE_ORDER).await;
    assert_eq!(flows.next().await.target, "/pencils-co/create-order");
}

/// Revisions hold no secrets. A rollback sends the one of now where it was sent, and nowhere else.
#[tokio::test]
async fn a_rollback_sends_the_secret_of_now_and_to_another_host_only_what_it_is_given() {
    let results = || strings([("customerExternalId", "progix-1002"), ("flowName", "Create Order")]);
    let mut before = StubPreprocess::start(move |_| Ok(Some(results()))).await;
    let mut now = StubPreprocess::start(move |_| Ok(Some(results()))).await;
    let flows = Receiver::start().await;
    let manifest = |service: &StubPreprocess, secret: &str, timeout: &str| {
        let mut manifest = acme::manifest_with_preprocess(&flows.url(""), &service.address());
        let preprocess = &mut manifest["integrations"][0]["endpoint"]["preprocess"];
        preprocess["metadata"]["x-service-key"] = json!(secret);
        preprocess["timeout"] = json!(timeout);
        manifest
    };
    let sandbox = Sandbox::start().await;
    let elsewhere = sandbox.apply(&manifest(&before, "first-secret", "5s")).await.revision;
    let same = sandbox.apply(&manifest(&now, "second-secret", "5s")).await.revision;
    sandbox.apply(&manifest(&now, "third-secret", "6s")).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook(ACME).await);

    roll_back(&sandbox, same, &[]).await.expect("a rollback");
    assert_eq!(post_json(edge, &hook, acme::CREATE_ORDER).await.status, StatusCode::OK);
    assert_eq!(now.next().await.0.get("x-service-key").expect("the metadata"), "third-secret");

    let refused = roll_back(&sandbox, elsewhere, &[]).await.expect_err("another host");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert!(!format!("{refused:?}").contains("-secret"), "{refused:?}");
    roll_back(&sandbox, elsewhere, &[("x-service-key", "given-secret")]).await.expect("a rollback");
    assert_eq!(post_json(edge, &hook, acme::CREATE_ORDER).await.status, StatusCode::OK);
    assert_eq!(before.next().await.0.get("x-service-key").expect("the metadata"), "given-secret");
}
