//! Preprocess services: what they are sent, what their answers lead to, and what happens when they fail.

use http::{Request, StatusCode};
use http_body_util::Full;
use pointsman_tests::{
    acme,
    preprocess::{StubPreprocess, strings, values},
    receiver::Receiver,
    sandbox::Sandbox,
    scripted::{Script, Scripted},
    sender::{self, Answered, Version, post_json},
};
use prost_types::{Struct, value::Kind};
use serde_json::json;
use tonic::{Code, Status};

fn acme_results() -> Struct {
    strings([("customerExternalId", "progix-1002"), ("flowName", "Create Order")])
}

/// Posts an order to Acme ERP behind this service.
async fn order_through(address: &str) -> (Answered, Receiver) {
    let flows = Receiver::start().await;
    let manifest = acme::manifest_with_preprocess(&flows.url(""), address);
    let sandbox = Sandbox::with_manifest(&manifest).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);
    let answered = post_json(edge, &hook, acme::CREATE_ORDER).await;
    sandbox.stop().await;
    (answered, flows)
}

#[tokio::test]
async fn the_service_sees_the_webhook_and_its_results_route_it() {
    let mut service = StubPreprocess::start(|_| Ok(Some(acme_results()))).await;
    let mut flows = Receiver::start().await;
    let manifest = acme::manifest_with_preprocess(&flows.url(""), &service.address());
    let sandbox = Sandbox::with_manifest(&manifest).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);

    let request = Request::post(format!("{hook}/a/b?x=1&y=%20"))
        .header("content-type", "application/json")
        .header("x-twice", "one")
        .header("x-twice", "two")
        .body(Full::from(acme::CREATE_ORDER))
        .expect("a request");
    let answered = sender::send(edge, Version::Http1, request).await;
    assert_eq!(answered.status, StatusCode::OK, "{:?}", answered.body);

    let (metadata, seen) = service.next().await;
    assert_eq!(metadata.get("x-service-key").expect("the integration's metadata"), "let-me-in");
    assert!(metadata.contains_key("grpc-timeout"), "a deadline is always set");
    assert_eq!(seen.execution_id, answered.header("pointsman-execution-id"));
    assert_eq!(seen.integration, "integrations/acme-erp");
    assert_eq!(seen.endpoint_type, 1);
    assert_eq!(
        (seen.deployment.as_str(), seen.customer_external_id.as_str(), seen.flow.as_str()),
        ("", "", "")
    );
    assert_eq!(seen.method, "POST");
    assert_eq!((seen.path_fragment.as_str(), seen.query.as_str()), ("a/b", "x=1&y=%20"));
    assert_eq!(seen.body, acme::CREATE_ORDER.as_bytes());
    assert!(seen.receive_time.is_some());
    let twice = seen.headers.iter().filter(|header| header.name == "x-twice");
    assert_eq!(twice.map(|header| &header.value[..]).collect::<Vec<_>>(), [b"one", b"two"]);

    assert_eq!(flows.next().await.target, "/pencils-co/create-order/a/b?x=1&y=%20");
}

#[tokio::test]
async fn the_statuses_of_the_service_become_outcomes() {
    for (code, status, outcome) in [
        (Code::InvalidArgument, 422, "preprocess_refused"),
        (Code::NotFound, 422, "preprocess_refused"),
        (Code::FailedPrecondition, 422, "preprocess_refused"),
        (Code::Unauthenticated, 401, "preprocess_unauthenticated"),
        (Code::PermissionDenied, 403, "preprocess_forbidden"),
        (Code::Internal, 502, "preprocess_failed"),
        (Code::Unavailable, 502, "preprocess_failed"),
        (Code::Unknown, 502, "preprocess_failed"),
        (Code::ResourceExhausted, 502, "preprocess_failed"),
    ] {
        let service = StubPreprocess::start(move |_| Err(Status::new(code, "10.0.0.7 says no"))).await;
        let (answered, mut flows) = order_through(&service.address()).await;
        assert_eq!((answered.status.as_u16(), answered.code().as_str()), (status, outcome), "{code:?}");
        let told = answered.problem()["detail"].to_string().contains("10.0.0.7 says no");
        assert_eq!(told, outcome == "preprocess_refused", "only a refusal's own words reach the sender");
        flows.expect_nothing();
    }
}

#[tokio::test]
async fn a_refusal_is_cut_and_cleaned() {
    let message = format!("no\u{7}\r\nway {}", "x".repeat(1_000));
    let service = StubPreprocess::start(move |_| Err(Status::not_found(message.clone()))).await;
    let (answered, _flows) = order_through(&service.address()).await;
    let problem = answered.problem();
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.chars().count() <= 256 && !detail.chars().any(char::is_control), "{detail:?}");
    assert!(detail.contains("xxxx"), "{detail:?}");
}

#[tokio::test]
async fn unusable_results_are_the_services_fault() {
    let number = |number| {
        values([("customerExternalId", Kind::NumberValue(number)), ("flowName", Kind::NullValue(0))])
    };
    for (results, status, outcome) in [
        (None, 502, "preprocess_failed"),
        (Some(number(0.5)), 502, "preprocess_failed"),
        (Some(number(9_007_199_254_740_992.0)), 502, "preprocess_failed"),
        (Some(number(9_007_199_254_740_991.0)), 422, "customer_unknown"),
        (Some(Struct::default()), 422, "customer_not_resolved"),
        (
            Some(strings([("customerExternalId", ""), ("flowName", "Create Order")])),
            422,
            "customer_not_resolved",
        ),
        (Some(strings([("customerExternalId", "progix-1002")])), 422, "flow_not_resolved"),
        (
            Some(strings([("customerExternalId", "progix-1002"), ("flowName", "create order")])),
            422,
            "flow_unknown",
        ),
        (Some(strings([("flowName", "x"), ("padding", &"x".repeat(1 << 20))])), 502, "preprocess_failed"),
    ] {
        let service = StubPreprocess::start(move |_| Ok(results.clone())).await;
        let (answered, mut flows) = order_through(&service.address()).await;
        assert_eq!(
            (answered.status.as_u16(), answered.code().as_str()),
            (status, outcome),
            "{:?}",
            answered.body
        );
        flows.expect_nothing();
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_or_no_grpc_is_a_bad_gateway() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        format!("http://{}", listener.local_addr().expect("a bound port"))
    };
    let (answered, _flows) = order_through(&nobody).await;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (502, "preprocess_failed"));

    let web_server = Receiver::start().await;
    let (answered, _flows) = order_through(&web_server.url("")).await;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (502, "preprocess_failed"));

    let closes = Scripted::start(Script::CloseAtOnce).await;
    let (answered, _flows) = order_through(&closes.url("")).await;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (502, "preprocess_failed"));
}

#[tokio::test]
async fn a_service_that_hangs_meets_its_deadline_and_the_next_request_is_served() {
    let hangs = Scripted::start(Script::WriteAndHang(Vec::new())).await;
    let mut flows = Receiver::start().await;
    let mut manifest = acme::manifest_with_preprocess(&flows.url(""), &hangs.url(""));
    manifest["integrations"][0]["endpoint"]["preprocess"]["timeout"] = json!("0.2s");
    let sandbox = Sandbox::with_manifest(&manifest).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);

    let answered = post_json(edge, &hook, acme::CREATE_ORDER).await;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (504, "preprocess_timeout"));

    let service = StubPreprocess::start(|_| Ok(Some(acme_results()))).await;
    sandbox.apply(&acme::manifest_with_preprocess(&flows.url(""), &service.address())).await;
    assert_eq!(post_json(edge, &hook, acme::CREATE_ORDER).await.status, StatusCode::OK);
    assert_eq!(flows.next().await.target, "/pencils-co/create-order");
}

#[tokio::test]
async fn a_body_above_grpcs_usual_limit_reaches_the_service_and_the_flow() {
    let mut service = StubPreprocess::start(|_| Ok(Some(acme_results()))).await;
    let mut flows = Receiver::start().await;
    let manifest = acme::manifest_with_preprocess(&flows.url(""), &service.address());
    let sandbox = Sandbox::with_manifest(&manifest).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);

    let body = vec![b' '; 6 * 1024 * 1024];
    assert_eq!(post_json(edge, &hook, body.clone()).await.status, StatusCode::OK);
    assert_eq!(service.next().await.1.body.len(), body.len());
    assert_eq!(flows.next().await.body.len(), body.len());
}

#[tokio::test]
async fn a_request_with_two_content_types_reaches_neither_the_service_nor_the_flow() {
    let service = StubPreprocess::start(|_| Ok(Some(acme_results()))).await;
    let mut flows = Receiver::start().await;
    let manifest = acme::manifest_with_preprocess(&flows.url(""), &service.address());
    let sandbox = Sandbox::with_manifest(&manifest).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);

    let request = Request::post(hook)
        .header("content-type", "application/json")
        .header("content-type", "text/xml")
        .body(Full::from(acme::CREATE_ORDER))
        .expect("a request");
    let answered = sender::send(edge, Version::Http1, request).await;

    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (400, "request_ambiguous"));
    flows.expect_nothing();
}
