//! The tutorial, end to end: one webhook URL, the right customer, the right flow.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use pointsman_tests::{
    acme,
    receiver::Receiver,
    sandbox::{Sandbox, hook_path},
    sender::{self, Version, post_json},
};
use serde_json::{Value, json};

#[tokio::test]
async fn each_payload_reaches_the_right_flow_of_the_right_customer() {
    let mut flows = Receiver::start().await;
    let sandbox = Sandbox::with_manifest(&acme::manifest(&flows.url(""))).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);

    for (payload, customer, external_id, flow) in [
        (acme::INVENTORY_UPDATE, "bowlers-inc", "progix-1001", "update-inventory"),
        (acme::CREATE_ORDER, "pencils-co", "progix-1002", "create-order"),
    ] {
        let answered = post_json(edge, &hook, payload).await;
        assert_eq!(answered.status, StatusCode::OK, "{:?}", answered.body);

        let received = flows.next().await;
        assert_eq!(received.target, format!("/{customer}/{flow}"));
        assert_eq!(received.body, payload.as_bytes(), "the same bytes");
        assert_eq!(received.header("content-type"), "application/json");
        assert_eq!(received.header("pointsman-integration"), "acme-erp");
        assert_eq!(received.header("pointsman-deployment"), customer);
        assert_eq!(received.header("pointsman-customer"), external_id);
        assert_eq!(received.header("pointsman-flow"), flow);
        assert_eq!(received.header("pointsman-execution-id"), answered.header("pointsman-execution-id"));
        assert_ne!(received.header("pointsman-execution-id"), "");
    }
}

#[tokio::test]
async fn a_customer_that_nobody_mapped_is_refused_and_nothing_is_forwarded() {
    let mut flows = Receiver::start().await;
    let sandbox = Sandbox::with_manifest(&acme::manifest(&flows.url(""))).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);

    let answered = post_json(edge, &hook, r#"{"customerId": "FFFFFFFF", "type": "create_order"}"#).await;

    assert_eq!(answered.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answered.header("content-type"), "application/problem+json");
    let problem = answered.problem();
    assert_eq!(problem["code"], "customer_unknown");
    assert_eq!(problem["status"], 422);
    assert_eq!(problem["executionId"], answered.header("pointsman-execution-id"));
    for field in ["type", "title", "detail"] {
        assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} in {problem}");
    }
    flows.expect_nothing();
}

#[tokio::test]
async fn http_2_and_http_1_are_one_endpoint() {
    let mut flows = Receiver::start().await;
    let sandbox = Sandbox::with_manifest(&acme::manifest(&flows.url(""))).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);

    for version in [Version::Http1, Version::Http2] {
        let request = Request::put(format!("{hook}/deep/er?q=1"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(acme::CREATE_ORDER)))
            .expect("a request");
        let answered = sender::send(edge, version, request).await;
        assert_eq!(answered.status, StatusCode::OK, "{version:?}: {:?}", answered.body);

        let received = flows.next().await;
        assert_eq!(received.method, "PUT");
        assert_eq!(received.target, "/pencils-co/create-order/deep/er?q=1");
        assert_eq!(received.body, acme::CREATE_ORDER.as_bytes());
    }
}

#[tokio::test]
async fn a_change_is_served_without_a_restart() {
    let mut flows = Receiver::start().await;
    let sandbox = Sandbox::with_manifest(&acme::manifest(&flows.url("/before"))).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);
    post_json(edge, &hook, acme::CREATE_ORDER).await;
    assert_eq!(flows.next().await.target, "/before/pencils-co/create-order");

    sandbox.apply(&acme::manifest(&flows.url("/after"))).await;

    post_json(edge, &hook, acme::CREATE_ORDER).await;
    assert_eq!(flows.next().await.target, "/after/pencils-co/create-order");
}

#[tokio::test]
async fn a_paused_deployment_takes_nothing_until_it_is_resumed() {
    let mut flows = Receiver::start().await;
    let mut manifest = acme::manifest(&flows.url(""));
    let sandbox = Sandbox::with_manifest(&manifest).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);

    manifest["deployments"][1]["state"] = json!("STATE_PAUSED");
    sandbox.apply(&manifest).await;
    let answered = post_json(edge, &hook, acme::CREATE_ORDER).await;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (503, "deployment_paused"));
    assert_ne!(answered.header("retry-after"), "");
    flows.expect_nothing();

    manifest["deployments"][1]["state"] = json!("STATE_ENABLED");
    sandbox.apply(&manifest).await;
    assert_eq!(post_json(edge, &hook, acme::CREATE_ORDER).await.status, StatusCode::OK);
}

#[tokio::test]
async fn instance_specific_endpoints_name_their_deployment() {
    let mut flows = Receiver::start().await;
    let manifest = acme::manifest_with_endpoint(
        &flows.url(""),
        json!({
            "type": "ENDPOINT_TYPE_INSTANCE_SPECIFIC",
            "flowName": { "reference": "results.headers.x-flow" },
        }),
    );
    let sandbox = Sandbox::with_manifest(&manifest).await;
    let edge = sandbox.edge_addr().await;

    for customer in ["bowlers-inc", "pencils-co"] {
        let deployment = sandbox.deployment(&format!("integrations/acme-erp/deployments/{customer}")).await;
        let request = Request::post(hook_path(&deployment.endpoint_url))
            .header("x-flow", "Create Order")
            .body(Full::new(Bytes::from_static(b"not even JSON")))
            .expect("a request");
        assert_eq!(sender::send(edge, Version::Http1, request).await.status, StatusCode::OK);
        let received = flows.next().await;
        assert_eq!(received.target, format!("/{customer}/create-order"));
        assert_eq!(received.body, &b"not even JSON"[..]);
    }
    assert_eq!(sandbox.integration("integrations/acme-erp").await.endpoint.expect("an endpoint").url, "");
}

#[tokio::test]
async fn flow_specific_endpoints_need_no_reference_at_all() {
    let mut flows = Receiver::start().await;
    let manifest =
        acme::manifest_with_endpoint(&flows.url(""), json!({ "type": "ENDPOINT_TYPE_FLOW_SPECIFIC" }));
    let sandbox = Sandbox::with_manifest(&manifest).await;
    let edge = sandbox.edge_addr().await;

    for customer in ["bowlers-inc", "pencils-co"] {
        let deployment = sandbox.deployment(&format!("integrations/acme-erp/deployments/{customer}")).await;
        assert_eq!(deployment.endpoint_url, "", "only the flows have endpoints");
        for (flow, endpoint) in &deployment.flow_endpoints {
            let answered = post_json(edge, &hook_path(&endpoint.endpoint_url), "{}").await;
            assert_eq!(answered.status, StatusCode::OK);
            assert_eq!(flows.next().await.target, format!("/{customer}/{flow}"));
        }
    }
}

#[tokio::test]
async fn the_edge_serves_while_the_control_plane_is_away_and_learns_when_it_is_back() {
    let mut flows = Receiver::start().await;
    let mut sandbox = Sandbox::with_manifest(&acme::manifest(&flows.url("/before"))).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);

    sandbox.stop_control_plane().await;
    assert_eq!(post_json(edge, &hook, acme::CREATE_ORDER).await.status, StatusCode::OK);
    assert_eq!(flows.next().await.target, "/before/pencils-co/create-order");

    sandbox.restart_control_plane().await;
    assert_eq!(sandbox.hook("integrations/acme-erp").await, hook, "the URL outlives the restart");
    sandbox.apply(&acme::manifest(&flows.url("/after"))).await;
    assert_eq!(post_json(edge, &hook, acme::CREATE_ORDER).await.status, StatusCode::OK);
    assert_eq!(flows.next().await.target, "/after/pencils-co/create-order");
}

#[tokio::test]
async fn what_the_flow_answers_reaches_the_sender_unchanged() {
    let flows = Receiver::answering(|_| {
        http::Response::builder()
            .status(418)
            .header("x-teapot", "short and stout")
            .header("content-type", "text/plain")
            .body(Full::new(Bytes::from_static(b"no coffee")))
            .expect("an answer")
    })
    .await;
    let sandbox = Sandbox::with_manifest(&acme::manifest(&flows.url(""))).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);

    let answered = post_json(edge, &hook, acme::CREATE_ORDER).await;

    assert_eq!(answered.status.as_u16(), 418);
    assert_eq!(answered.header("x-teapot"), "short and stout");
    assert_eq!(answered.header("content-type"), "text/plain");
    assert_eq!(answered.body, "no coffee");
    assert_ne!(answered.header("pointsman-execution-id"), "");
}

#[tokio::test]
async fn a_second_enabled_deployment_of_a_customer_is_refused_by_name() {
    let flows = Receiver::start().await;
    let mut manifest = acme::manifest(&flows.url(""));
    let sandbox = Sandbox::with_manifest(&manifest).await;
    let mut second: Value = manifest["deployments"][1].clone();
    second["name"] = json!("integrations/acme-erp/deployments/second");
    manifest["deployments"].as_array_mut().expect("deployments").push(second);

    let refused = sandbox.try_apply(&manifest).await.expect_err("a second enabled deployment");

    assert!(refused.message().contains("integrations/acme-erp/deployments/pencils-co"), "{refused:?}");
}
