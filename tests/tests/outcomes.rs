//! Every outcome of the contract, met from outside. Those of Preprocess services are in `preprocess.rs`.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use pointsman_tests::{
    acme,
    receiver::Receiver,
    sandbox::Sandbox,
    scripted::{Script, Scripted},
    sender::{self, Answered, Version, exchange, first_answer, post_json},
};
use serde_json::{Value, json};

const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

struct Acme {
    sandbox: Sandbox,
    flows: Receiver,
    edge: SocketAddr,
    hook: String,
}

impl Acme {
    async fn start(manifest: impl FnOnce(&str) -> Value) -> Self {
        Self::start_with(|_| {}, manifest).await
    }

    async fn start_with(
        adjust: impl FnOnce(&mut pointsman_edge::Config),
        manifest: impl FnOnce(&str) -> Value,
    ) -> Self {
        let flows = Receiver::start().await;
        let sandbox = Sandbox::start_with(adjust).await;
        sandbox.apply(&manifest(&flows.url(""))).await;
        let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);
        Self { sandbox, flows, edge, hook }
    }

    /// The edge still serves the main job, and nothing but that has reached the flows.
    async fn serves(mut self) {
        self.flows.expect_nothing();
        let answered = post_json(self.edge, &self.hook, acme::CREATE_ORDER).await;
        assert_eq!(answered.status, StatusCode::OK, "the next request is served: {:?}", answered.body);
        self.flows.next().await;
        self.sandbox.stop().await;
    }
}

#[track_caller]
fn expect(answered: &Answered, status: u16, code: &str) {
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (status, code), "{:?}", answered.body);
    assert_eq!(answered.header("content-type"), "application/problem+json");
    assert_eq!(answered.problem()["executionId"], answered.header("pointsman-execution-id"));
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Request<Full<Bytes>> {
    let mut request =
        Request::builder().method(Method::from_bytes(method.as_bytes()).expect("a method")).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(Bytes::copy_from_slice(body))).expect("a request")
}

#[tokio::test]
async fn what_is_wrong_with_the_path_or_the_method() {
    let acme = Acme::start(acme::manifest).await;
    let hook = &acme.hook;
    for version in VERSIONS {
        for path in ["/", "/hooks", "/hooks/", "/hooks/nosuchtoken", "/elsewhere", "/hooks/%2e%2e/admin"] {
            let answered = sender::send(acme.edge, version, request("POST", path, &[], b"{}")).await;
            expect(&answered, 404, "unknown_endpoint");
        }
        for method in ["OPTIONS", "TRACE", "PURGE"] {
            let answered = sender::send(acme.edge, version, request(method, hook, &[], b"")).await;
            expect(&answered, 405, "method_not_allowed");
            assert_eq!(answered.header("allow"), "GET, HEAD, POST, PUT, PATCH, DELETE");
        }
        for fragment in [
            "..",
            ".",
            "a/../b",
            "a/./b",
            "%2e%2e",
            "%2E%2e/x",
            "a/%2e/b",
            "%252e%252e/x",
            "..%2f",
            "a%2Fb",
            "a%5cb",
            "a%00b",
            "..%5c",
        ] {
            let path = format!("{hook}/{fragment}");
            let answered = sender::send(acme.edge, version, request("POST", &path, &[], b"{}")).await;
            expect(&answered, 400, "path_invalid");
        }
    }
    acme.serves().await;
}

#[tokio::test]
async fn what_is_wrong_with_the_body() {
    let acme = Acme::start(acme::manifest).await;
    let deep = "[".repeat(100_000);
    let duplicate = r#"{"customerId":"A06DFFAC","customerId":"C3E72B0C","type":"create_order"}"#;
    let escaped = r#"{"customerId":"A06DFFAC","\u0063ustomerId":"C3E72B0C","type":"create_order"}"#;
    let json: &[(&str, &str)] = &[("content-type", "application/json")];
    for (headers, body, status, code) in [
        (json, duplicate.as_bytes(), 400, "body_malformed"),
        (json, escaped.as_bytes(), 400, "body_malformed"),
        (json, b"{\"customerId\":\"\xff\",\"type\":\"create_order\"}", 400, "body_malformed"),
        (json, b"{\"customerId\":\"A06DFFAC\",\"type\":\"create", 400, "body_malformed"),
        (json, b"{\"customerId\":\"A06DFFAC\",\"type\":\"create_order\"} {}", 400, "body_malformed"),
        (json, b"{'customerId':'A06DFFAC','type':'create_order'}", 400, "body_malformed"),
        (json, deep.as_bytes(), 400, "body_malformed"),
        (json, b"[]", 422, "customer_not_resolved"),
        (json, b"", 422, "customer_not_resolved"),
        (json, b"{\"customerId\":null}", 422, "customer_not_resolved"),
        (json, b"{\"customerId\":\"A06DFFAC\"}", 422, "flow_not_resolved"),
        (json, b"{\"customerId\":\"a06dffac\",\"type\":\"create_order\"}", 422, "customer_unknown"),
        (json, b"{\"customerId\":\"A06DFFAC\",\"type\":\"Create_Order\"}", 422, "flow_unknown"),
        (&[("content-type", "image/png")], acme::CREATE_ORDER.as_bytes(), 422, "customer_not_resolved"),
        (
            &[("content-type", "application/json; charset=iso-8859-1")],
            acme::CREATE_ORDER.as_bytes(),
            422,
            "customer_not_resolved",
        ),
        (
            &[("content-type", "application/json"), ("content-encoding", "gzip")],
            acme::CREATE_ORDER.as_bytes(),
            422,
            "customer_not_resolved",
        ),
        (
            &[("content-type", "application/json"), ("content-type", "application/json")],
            acme::CREATE_ORDER.as_bytes(),
            400,
            "request_ambiguous",
        ),
    ] {
        for version in VERSIONS {
            let answered = sender::send(acme.edge, version, request("POST", &acme.hook, headers, body)).await;
            expect(&answered, status, code);
        }
    }
    acme.serves().await;
}

#[tokio::test]
async fn xml_entities_are_never_expanded() {
    let acme = Acme::start(acme::manifest).await;
    let bomb = r#"<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><customerId>&lol2;</customerId>"#;
    let answered = sender::send(
        acme.edge,
        Version::Http1,
        request("POST", &acme.hook, &[("content-type", "text/xml")], bomb.as_bytes()),
    )
    .await;
    expect(&answered, 400, "body_malformed");
    acme.serves().await;
}

#[tokio::test]
async fn what_is_ambiguous_in_headers_and_query() {
    let endpoint = json!({
        "type": "ENDPOINT_TYPE_SHARED",
        "externalCustomerId": { "reference": "results.headers[\"X-Tenant\"]", "lookup": "LOOKUP_CUSTOMER_MAPPINGS" },
        "flowName": { "reference": "results.queryParameters.flow" },
        "externalCustomerUserId": { "reference": "results.headers.x-user" },
    });
    let mut acme = Acme::start(|base| acme::manifest_with_endpoint(base, endpoint)).await;
    let good = format!("{}?flow=Create+Order", acme.hook);
    let twice = format!("{good}&flow=Create+Order");
    let tenant = ("x-tenant", "C3E72B0C");
    for (path, headers, status, code) in [
        (&good, &[tenant, tenant, ("x-user", "u")][..], 400, "request_ambiguous"),
        (&twice, &[tenant, ("x-user", "u")], 400, "request_ambiguous"),
        (&good, &[tenant], 422, "customer_user_not_resolved"),
        (&good, &[("x-user", "u")], 422, "customer_not_resolved"),
        (&acme.hook, &[tenant, ("x-user", "u")], 422, "flow_not_resolved"),
    ] {
        for version in VERSIONS {
            let answered = sender::send(acme.edge, version, request("POST", path, headers, b"")).await;
            expect(&answered, status, code);
        }
    }
    acme.flows.expect_nothing();

    let headers = [tenant, ("x-user", "Zoë 100%")];
    let answered = sender::send(acme.edge, Version::Http2, request("GET", &good, &headers, b"")).await;
    assert_eq!(answered.status, StatusCode::OK, "{:?}", answered.body);
    let received = acme.flows.next().await;
    assert_eq!(received.target, "/pencils-co/create-order?flow=Create+Order");
    assert_eq!(received.header("pointsman-customer-user"), "Zo%C3%AB%20100%25");
}

#[tokio::test]
async fn what_leads_to_no_deployment() {
    let mut acme = Acme::start(acme::manifest).await;
    let mut manifest = acme::manifest(&acme.flows.url(""));
    manifest["customers"].as_array_mut().expect("customers").push(json!({
        "name": "customers/nobody", "externalId": "progix-9",
    }));
    manifest["customerMappings"].as_array_mut().expect("mappings").push(json!({
        "name": "integrations/acme-erp/customerMappings/n", "sourceCustomerId": "N", "customer": "customers/nobody",
    }));
    manifest["deployments"][0]["flowEndpoints"].as_object_mut().expect("flows").remove("create-order");
    acme.sandbox.apply(&manifest).await;

    let answered = post_json(acme.edge, &acme.hook, r#"{"customerId":"N","type":"create_order"}"#).await;
    expect(&answered, 422, "deployment_not_found");
    let answered =
        post_json(acme.edge, &acme.hook, r#"{"customerId":"A06DFFAC","type":"create_order"}"#).await;
    expect(&answered, 422, "flow_not_deployed");
    acme.flows.expect_nothing();
    acme.serves().await;
}

#[tokio::test]
async fn bodies_up_to_the_limit_and_one_byte_more() {
    const LIMIT: usize = 100_000;
    let mut acme = Acme::start(|base| {
        let mut manifest = acme::manifest(base);
        manifest["integrations"][0]["endpoint"]["maxBodyBytes"] = json!(LIMIT);
        manifest
    })
    .await;
    for size in [LIMIT - 1, LIMIT, LIMIT + 1, 65_535, 65_536, 65_537] {
        let mut body = acme::CREATE_ORDER.as_bytes().to_vec();
        body.resize(size, b' ');
        for version in VERSIONS {
            let request = request("POST", &acme.hook, &[("content-type", "application/json")], &body);
            let answered = sender::send(acme.edge, version, request).await;
            if size <= LIMIT {
                assert_eq!(answered.status, StatusCode::OK, "{size} bytes: {:?}", answered.body);
                assert_eq!(acme.flows.next().await.body, body);
            } else {
                expect(&answered, 413, "body_too_large");
            }
        }
        let chunked = [
            format!(
                "POST {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n",
                acme.hook
            )
            .into_bytes(),
            format!("{:x}\r\n", 10).into_bytes(),
            body[..10].to_vec(),
            format!("\r\n{:x}\r\n", size - 10).into_bytes(),
            body[10..].to_vec(),
            b"\r\n0\r\n\r\n".to_vec(),
        ]
        .concat();
        let answer = first_answer(&exchange(acme.edge, &chunked).await);
        if size <= LIMIT {
            assert_eq!(answer.0, 200, "{size} bytes, chunked");
            assert_eq!(acme.flows.next().await.body, body);
        } else {
            assert_eq!(answer, (413, "body_too_large".to_owned()));
        }
    }
    acme.serves().await;
}

#[tokio::test]
async fn what_is_not_http_as_it_must_be() {
    let acme = Acme::start(acme::manifest).await;
    let hook = &acme.hook;
    let big = "x".repeat(1 << 20);
    for (head, status, code) in [
        (
            format!("POST {hook} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n"),
            400,
            "bad_request",
        ),
        (
            format!("POST {hook} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n"),
            400,
            "bad_request",
        ),
        (
            format!("POST {hook} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 2\r\n"),
            400,
            "bad_request",
        ),
        (format!("POST {hook} HTTP/1.1\r\nhost: x\r\ncontent-length: 2, 2\r\n"), 400, "bad_request"),
        (format!("POST {hook} HTTP/1.1\r\nhost: x\r\ncontent-length: +2\r\n"), 400, "bad_request"),
        (
            format!("POST {hook} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n"),
            400,
            "bad_request",
        ),
        (
            format!("POST {hook} HTTP/1.1\r\nhost: x\r\nx-a: 1\r\n folded\r\ncontent-length: 2\r\n"),
            400,
            "bad_request",
        ),
        (format!("POST {hook} HTTP/1.1\r\ncontent-length: 2\r\n"), 400, "bad_request"),
        (format!("POST {hook} HTTP/1.1\r\nhost: x\r\nhost: y\r\ncontent-length: 2\r\n"), 400, "bad_request"),
        (format!("POST {hook} HTTP/1.1\r\nhost : x\r\ncontent-length: 2\r\n"), 400, "bad_request"),
        (
            format!("POST {hook} HTTP/1.1\r\nhost: x\r\nx-big: {big}\r\ncontent-length: 2\r\n"),
            431,
            "headers_too_large",
        ),
        (
            format!("POST {hook} HTTP/1.1\r\nhost: x\r\nx-big: {}\r\ncontent-length: 2\r\n", &big[..65_536]),
            431,
            "headers_too_large",
        ),
        ("\u{1}\u{2}\u{3}\r\n".to_owned(), 400, "bad_request"),
        ("GET\r\n".to_owned(), 400, "bad_request"),
    ] {
        let answer = first_answer(&exchange(acme.edge, format!("{head}\r\n{{}}").as_bytes()).await);
        assert_eq!(answer, (status, code.to_owned()), "{}", &head[..head.len().min(200)]);
    }
    acme.serves().await;
}

#[tokio::test]
async fn senders_that_stop_sending_are_let_go() {
    let mut acme = Acme::start_with(
        |config| {
            config.limits.client_head = Duration::from_millis(300);
            config.limits.client_request = Duration::from_millis(600);
        },
        acme::manifest,
    )
    .await;
    let hook = acme.hook.clone();
    for bytes in [
        format!("POST {hook} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{{"),
        format!("POST {hook} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{{"),
        format!("POST {hook} HTTP/1.1\r\nhost: x\r\n"),
    ] {
        let answer = first_answer(&exchange(acme.edge, bytes.as_bytes()).await);
        assert_eq!(answer, (408, "request_timeout".to_owned()), "{bytes:?}");
    }
    // Before there is a request, and inside the HTTP/2 preface, there is nobody to answer: the connection just ends.
    for bytes in ["", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        exchange(acme.edge, bytes.as_bytes()).await;
    }
    acme.flows.expect_nothing();
    acme.serves().await;
}

#[tokio::test]
async fn what_is_wrong_with_the_flow_endpoint() {
    let refuses = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        format!("http://{}/", listener.local_addr().expect("a bound port"))
    };
    let closes = Scripted::start(Script::CloseAtOnce).await;
    let hangs = Scripted::start(Script::WriteAndHang(Vec::new())).await;
    let nonsense = Scripted::start(Script::WriteAndClose(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec())).await;
    let acme = Acme::start(acme::manifest).await;
    let self_url = format!("http://{}/", acme.edge);
    for (url, status, code) in [
        (refuses, 502, "upstream_unreachable"),
        ("http://no-such-host.invalid/".to_owned(), 502, "upstream_unreachable"),
        ("http://169.254.169.254/latest/meta-data".to_owned(), 502, "upstream_unreachable"),
        ("http://[fe80::1]/".to_owned(), 502, "upstream_unreachable"),
        ("http://0.0.0.0:9/".to_owned(), 502, "upstream_unreachable"),
        (self_url, 502, "upstream_unreachable"),
        (closes.url("/"), 502, "upstream_invalid"),
        (nonsense.url("/"), 502, "upstream_invalid"),
        (hangs.url("/"), 504, "upstream_timeout"),
    ] {
        let mut manifest = acme::manifest(&acme.flows.url(""));
        manifest["deployments"][1]["flowEndpoints"]["create-order"] =
            json!({ "url": url, "timeout": "0.3s" });
        acme.sandbox.apply(&manifest).await;
        let answered = post_json(acme.edge, &acme.hook, acme::CREATE_ORDER).await;
        expect(&answered, status, code);
        let host = url.trim_start_matches("http://").split('/').next().expect("a host");
        assert!(
            !String::from_utf8_lossy(&answered.body).contains(host),
            "no internal address: {:?}",
            answered.body
        );
    }
    acme.sandbox.apply(&acme::manifest(&acme.flows.url(""))).await;
    acme.serves().await;
}

#[tokio::test]
async fn answers_after_informational_ones_count_and_cut_ones_stay_cut() {
    let early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok";
    let cut_length = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    let cut_chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let acme = Acme::start(acme::manifest).await;
    for (bytes, whole) in [(&early[..], true), (cut_length, false), (cut_chunks, false)] {
        let upstream = Scripted::start(Script::WriteAndClose(bytes.to_vec())).await;
        let mut manifest = acme::manifest(&acme.flows.url(""));
        manifest["deployments"][1]["flowEndpoints"]["create-order"] = json!({ "url": upstream.url("/") });
        acme.sandbox.apply(&manifest).await;
        for version in VERSIONS {
            let order = request(
                "POST",
                &acme.hook,
                &[("content-type", "application/json")],
                acme::CREATE_ORDER.as_bytes(),
            );
            let answered = sender::try_send(acme.edge, version, order).await;
            if whole {
                let answered = answered.expect("a whole answer");
                assert_eq!((answered.status.as_u16(), &answered.body[..]), (202, &b"ok"[..]));
            } else {
                assert!(answered.is_err(), "{version:?}: a cut answer is never completed: {answered:?}");
            }
        }
    }
    acme.sandbox.apply(&acme::manifest(&acme.flows.url(""))).await;
    acme.serves().await;
}

#[tokio::test]
async fn nobody_but_the_edge_says_whose_a_request_is() {
    let mut acme = Acme::start(acme::manifest).await;
    let bytes = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\npointsman-customer: evil\r\n\
         Pointsman_Customer: evil\r\npointsman_customer-user: evil\r\nPOINTSMAN-FLOW: evil\r\n\
         connection: close, pointsman-customer, x-nominated\r\nx-nominated: gone\r\nkeep-alive: 5\r\n\
         x-forwarded-for: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\nte: trailers\r\nx-kept: kept\r\n\
         traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ncontent-length: {}\r\n\r\n{}",
        acme.hook,
        acme::CREATE_ORDER.len(),
        acme::CREATE_ORDER
    );
    assert_eq!(first_answer(&exchange(acme.edge, bytes.as_bytes()).await).0, 200);
    let received = acme.flows.next().await;
    for (name, value) in &received.headers {
        assert!(!value.as_bytes().windows(4).any(|window| window == b"evil"), "{name}: {value:?}");
        assert!(!value.as_bytes().windows(7).any(|window| window == b"6.6.6.6"), "{name}: {value:?}");
    }
    assert_eq!(received.header("pointsman-customer"), "progix-1002");
    assert_eq!(received.header("x-kept"), "kept");
    assert_eq!(received.header("x-forwarded-for"), "127.0.0.1");
    assert!(received.header("traceparent").starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
    assert!(received.headers.contains_key("via"));
    assert_eq!(received.header("host"), acme.flows.addr().to_string());
    for gone in ["x-nominated", "keep-alive", "te", "connection", "pointsman_customer"] {
        assert_eq!(received.header(gone), "", "{gone}");
    }
}

#[tokio::test]
async fn a_request_that_comes_around_again_is_a_loop() {
    let mut acme = Acme::start(acme::manifest).await;
    assert_eq!(post_json(acme.edge, &acme.hook, acme::CREATE_ORDER).await.status, StatusCode::OK);
    let via = acme.flows.next().await.header("via").to_owned();
    let again = request("POST", &acme.hook, &[("via", &via)], acme::CREATE_ORDER.as_bytes());
    expect(&sender::send(acme.edge, Version::Http1, again).await, 508, "loop_detected");
    acme.serves().await;
}

#[tokio::test]
async fn a_deployment_that_is_full_is_overloaded_and_others_are_not() {
    let mut hangs = Scripted::start(Script::WriteAndHang(Vec::new())).await;
    let acme = Acme::start_with(|config| config.limits.deployment_requests = 1, acme::manifest).await;
    let mut manifest = acme::manifest(&acme.flows.url(""));
    manifest["deployments"][0]["flowEndpoints"]["update-inventory"]["url"] = json!(hangs.url("/"));
    acme.sandbox.apply(&manifest).await;

    let (edge, hook) = (acme.edge, acme.hook.clone());
    let stuck = tokio::spawn(async move { post_json(edge, &hook, acme::INVENTORY_UPDATE).await });
    hangs.reached().await;
    let refused = post_json(acme.edge, &acme.hook, acme::INVENTORY_UPDATE).await;
    expect(&refused, 503, "overloaded");
    assert_ne!(refused.header("retry-after"), "");
    stuck.abort();
    acme.serves().await;
}
