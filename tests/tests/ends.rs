//! What is given back when something ends: memory, connections, calls.

use std::time::Duration;

use http::StatusCode;
use pointsman_tests::{
    acme,
    receiver::Receiver,
    sandbox::Sandbox,
    sender::post_json,
    soon,
    stand::{Stand, post},
    wire::{Stage, Wire},
};
use tokio::net::TcpStream;

const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn memory_of_a_body_is_given_back_once_it_is_sent() {
    let stage = Stage::open().await;
    let stand = Stand::start(&stage.url()).await;
    let mut sender = stand.connect().await;
    sender.write(post(&stand.shared, acme::CREATE_ORDER)).await;
    let mut flow = stage.enter().await;
    flow.head().await.expect("a request");
    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngo").await;
    sender.head().await.expect("the head of the answer");
    // The answer may take for hours; the request is history.
    stand.sandbox.until_metric("pointsman_edge_body_memory_bytes", 0.0).await;
    stand.sandbox.until_metric("pointsman_edge_requests_in_flight", 1.0).await;
    flow.write("od").await;
    assert_eq!(sender.bytes(4).await, "good");
    stand.until_idle().await;
}

#[tokio::test]
async fn a_sender_that_leaves_ends_the_call_of_the_preprocess_service() {
    let flows = Receiver::start().await;
    let service = Stage::open().await;
    let mut manifest = acme::manifest_with_preprocess(&flows.url(""), &service.url());
    manifest["integrations"][0]["endpoint"]["preprocess"]["timeout"] = "60s".into();
    let sandbox = Sandbox::with_manifest(&manifest).await;
    let hook = sandbox.hook("integrations/acme-erp").await;
    let mut sender = Wire::connect(sandbox.edge_addr().await).await;
    sender.write(post(&hook, acme::CREATE_ORDER)).await;
    let mut call = service.enter().await;
    assert_eq!(call.bytes(24).await, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    drop(sender);
    sandbox.until_metric("pointsman_edge_requests_in_flight", 0.0).await;
    sandbox.until_metric("pointsman_edge_body_memory_bytes", 0.0).await;
}

#[tokio::test]
async fn a_stop_waits_for_nobody_who_has_asked_for_nothing() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let files = tempfile::TempDir::new().expect("a temporary folder");
    let (cert, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
    std::fs::write(&cert, certified.cert.pem()).expect("a file");
    std::fs::write(&key, certified.signing_key.serialize_pem()).expect("a file");
    for tls in [false, true] {
        let stage = Stage::open().await;
        let (cert, key) = (cert.clone(), key.clone());
        let stand = Stand::start_with(
            |config| {
                config.tls = tls.then_some(pointsman_edge::config::TlsFiles { cert, key });
                config.limits.client_head = NEVER;
                config.limits.client_request = NEVER;
                config.limits.client_keepalive = NEVER;
                config.limits.drain = NEVER;
            },
            &stage.url(),
        )
        .await;
        // Nothing said at all, half a handshake of TLS or of HTTP/2, a whole one of HTTP/2 without settings.
        let silent = TcpStream::connect(stand.edge).await.expect("a connection");
        let mut half = Wire::connect(stand.edge).await;
        half.write(if tls { &b"\x16\x03\x01\x02\x00"[..] } else { b"PRI * HTTP/2.0\r\n" }).await;
        let mut preface = Wire::connect(stand.edge).await;
        if !tls {
            preface.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        }
        stand.sandbox.until_metric("pointsman_edge_connections", 3.0).await;
        soon("the edge stops", stand.sandbox.stop()).await;
        drop((silent, half, preface));
    }
}

#[tokio::test]
async fn an_edge_that_stops_finishes_what_it_has_and_takes_nothing_more() {
    let stage = Stage::open().await;
    let stand = Stand::start(&stage.url()).await;
    let (edge, direct) = (stand.edge, stand.direct.clone());
    let mut sender = stand.connect().await;
    sender.write(post(&direct, "first")).await;
    let mut flow = stage.enter().await;
    flow.head().await.expect("a request");
    assert_eq!(flow.bytes(5).await, "first");
    let status = stand.sandbox.status_addr();
    let stopping = tokio::spawn(stand.sandbox.stop());
    soon("new connections are refused", async { while TcpStream::connect(edge).await.is_ok() {} }).await;
    let ready = http::Request::get("/readyz").body(http_body_util::Full::default()).expect("a request");
    let ready = pointsman_tests::sender::send(status, pointsman_tests::sender::Version::Http1, ready).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "{:?}", ready.body);
    // The answer is whole, and the connection takes no further request.
    sender.write(post(&direct, "second")).await;
    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood").await;
    let answer = sender.answer().await.expect("an answer");
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"good"[..]));
    assert_eq!(answer.header("connection"), "close");
    assert_eq!(sender.rest().await, "");
    soon("the edge stops", stopping).await.expect("no panic");
}

#[tokio::test]
async fn an_edge_that_stopped_starts_again_on_its_port_at_once() {
    let flows = Receiver::start().await;
    let mut port = 0;
    for _ in 0..3 {
        let stand = Stand::start_with(|config| config.edge_listen.set_port(port), &flows.url("")).await;
        port = stand.edge.port();
        let answer = post_json(stand.edge, &stand.shared, acme::CREATE_ORDER).await;
        assert_eq!(answer.status, StatusCode::OK);
        // A connection that waits is closed by the edge, which leaves it in TIME_WAIT.
        let mut waiting = stand.connect().await;
        waiting.write(post(&stand.direct, "x")).await;
        waiting.answer().await.expect("an answer");
        stand.sandbox.stop().await;
        assert_eq!(waiting.rest().await, "");
    }
}
