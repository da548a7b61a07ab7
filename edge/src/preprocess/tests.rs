mod servers;

use std::{path::PathBuf, time::Duration};

use http::{HeaderName, HeaderValue, StatusCode};
use pointsman_routing::{integration::PreprocessAddress, outcome::Outcome, results::ReplyValue};
use prost_types::{Struct, Value, value::Kind};
use tonic::{Code, Status};

use self::servers::{Answer, Bare, Closes, Closing, Service, soon};
use super::*;

fn client() -> PreprocessClient {
    client_with(|_| {})
}

fn client_with(adjust: impl FnOnce(&mut Config)) -> PreprocessClient {
    let mut config = Config::new("edge", "http://unused.invalid");
    adjust(&mut config);
    PreprocessClient::new(&config).unwrap()
}

fn at(address: PreprocessAddress) -> Preprocess {
    Preprocess { address, timeout: Duration::from_secs(10), metadata: Vec::new(), send_body: true }
}

fn request() -> PreprocessRequest {
    PreprocessRequest { execution_id: "e-1".to_owned(), ..Default::default() }
}

fn flow_name(name: &str) -> Answer {
    let field = Value { kind: Some(Kind::StringValue(name.to_owned())) };
    Answer::Results(Struct { fields: [("flowName".to_owned(), field)].into() })
}

async fn call(client: &PreprocessClient, service: &Preprocess) -> Result<Reply, Refusal> {
    soon("an end of the call", client.call(service, request())).await
}

async fn outcome(client: &PreprocessClient, service: &Preprocess) -> Outcome {
    call(client, service).await.expect_err("a refusal").outcome
}

#[tokio::test]
async fn the_reply_comes_back_and_metadata_and_deadline_go_along() {
    let mut service = Service::start(flow_name("Create Order")).await;
    let mut preprocess = at(service.address());
    preprocess.timeout = Duration::from_secs(7);
    preprocess.metadata =
        vec![(HeaderName::from_static("x-service-key"), HeaderValue::from_static("let-me-in"))];

    let reply = call(&client(), &preprocess).await.unwrap();
    assert_eq!(reply.0["flowName"], ReplyValue::String("Create Order".to_owned()));
    let (metadata, seen) = service.next().await;
    assert_eq!(seen.execution_id, "e-1");
    assert_eq!(metadata.get("x-service-key").unwrap(), "let-me-in");
    assert_eq!(metadata.get("grpc-timeout").unwrap(), "7000000u");
}

#[tokio::test]
async fn integrations_share_the_connection_to_an_address() {
    let service = Service::start(flow_name("x")).await;
    let client = client();
    for _ in 0..3 {
        call(&client, &at(service.address())).await.unwrap();
    }
    futures::future::join_all((0..20).map(|_| async {
        call(&client, &at(service.address())).await.unwrap();
    }))
    .await;
    assert_eq!(service.connections(), 1);
}

#[tokio::test]
async fn a_large_body_goes_through() {
    let mut service = Service::start(flow_name("x")).await;
    let request = PreprocessRequest { body: vec![7; 16 * 1024 * 1024].into(), ..request() };
    soon("a reply", client().call(&at(service.address()), request)).await.unwrap();
    assert_eq!(service.next().await.1.body.len(), 16 * 1024 * 1024);
}

#[tokio::test]
async fn the_service_s_own_words_count() {
    for (code, expected) in [
        (Code::NotFound, Outcome::PreprocessRefused),
        (Code::Unauthenticated, Outcome::PreprocessUnauthenticated),
        (Code::PermissionDenied, Outcome::PreprocessForbidden),
        (Code::DeadlineExceeded, Outcome::PreprocessFailed),
        (Code::Internal, Outcome::PreprocessFailed),
    ] {
        let service = Service::start(Answer::Status(Status::new(code, "no such shop"))).await;
        let refusal = call(&client(), &at(service.address())).await.unwrap_err();
        assert_eq!(refusal.outcome, expected, "{code:?}");
        assert_eq!(refusal.detail == "no such shop", expected == Outcome::PreprocessRefused, "{refusal}");
    }
}

#[tokio::test]
async fn a_proxy_in_front_of_the_service_cannot_refuse_for_it() {
    for status in [400, 401, 403, 404, 429, 500, 503] {
        let proxy = Bare::start(StatusCode::from_u16(status).unwrap(), "go away").await;
        let refusal = call(&client(), &at(proxy.address())).await.unwrap_err();
        assert_eq!(refusal.outcome, Outcome::PreprocessFailed, "HTTP {status}");
        assert!(refusal.detail.contains(&status.to_string()), "{refusal}");
    }
}

#[tokio::test]
async fn junk_is_a_failure() {
    for body in ["", "<html>", "\0\0\0\0\u{5}hello", "\0\0\0\0\0", "\u{1}\0\0\0\0"] {
        let server = Bare::start(StatusCode::OK, body).await;
        assert_eq!(outcome(&client(), &at(server.address())).await, Outcome::PreprocessFailed, "{body:?}");
    }
}

#[tokio::test]
async fn a_reply_without_results_is_a_failure() {
    let service = Service::start(Answer::Nothing).await;
    let refusal = call(&client(), &at(service.address())).await.unwrap_err();
    assert_eq!(refusal.outcome, Outcome::PreprocessFailed);
    assert!(refusal.detail.contains("it has no results"), "{refusal}");
}

#[tokio::test]
async fn a_reply_over_the_limit_is_a_failure() {
    let limited = client_with(|config| config.limits.preprocess_reply_bytes = 1_000);
    let service = Service::start(flow_name(&"x".repeat(900))).await;
    call(&limited, &at(service.address())).await.unwrap();
    let service = Service::start(flow_name(&"x".repeat(1_000))).await;
    let refusal = call(&limited, &at(service.address())).await.unwrap_err();
    assert_eq!(refusal.outcome, Outcome::PreprocessFailed);
    assert!(refusal.detail.contains("longer than 1000 bytes"), "{refusal}");
}

#[tokio::test]
async fn a_reply_that_nests_without_end_is_a_failure() {
    let nest = |value, _| {
        Kind::StructValue(Struct { fields: [("x".to_owned(), Value { kind: Some(value) })].into() })
    };
    let Kind::StructValue(deep) = (0..1_000).fold(Kind::NullValue(0), nest) else { unreachable!() };
    let service = Service::start(Answer::Results(deep)).await;
    assert_eq!(outcome(&client(), &at(service.address())).await, Outcome::PreprocessFailed);
}

#[tokio::test]
async fn a_service_that_hangs_meets_the_deadline() {
    let service = Service::start(Answer::Never).await;
    let mut preprocess = at(service.address());
    preprocess.timeout = Duration::from_millis(50);
    let client = client();
    assert_eq!(outcome(&client, &preprocess).await, Outcome::PreprocessTimeout);

    // So does a server that takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    preprocess.address = servers::tcp(silent.local_addr().unwrap(), false);
    assert_eq!(outcome(&client, &preprocess).await, Outcome::PreprocessTimeout);
}

#[tokio::test]
async fn a_service_that_is_down_is_called_again_at_once_when_it_is_back() {
    let mut service = Service::start(flow_name("x")).await;
    let (client, preprocess) = (client(), at(service.address()));
    for _ in 0..3 {
        call(&client, &preprocess).await.unwrap();
        service.stop().await;
        for _ in 0..3 {
            assert_eq!(outcome(&client, &preprocess).await, Outcome::PreprocessFailed);
        }
        service.restart().await;
    }
    call(&client, &preprocess).await.unwrap();
}

#[tokio::test]
async fn a_server_that_closes_connections_in_good_order_loses_no_call() {
    for how in [Closes::AfterEachCall, Closes::EverySecondRequest] {
        let server = Closing::start(how).await;
        let (client, preprocess) = (client(), at(server.address()));
        for n in 0..50 {
            let ended = call(&client, &preprocess).await;
            assert!(ended.is_ok(), "{how:?}, call {n}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn no_such_name_and_forbidden_addresses_are_failures_that_tell_no_address() {
    for (host, policy) in [
        ("nosuch.invalid", crate::config::Egress::Private),
        ("169.254.169.254", crate::config::Egress::Private),
        ("127.0.0.1", crate::config::Egress::Public),
    ] {
        let client = client_with(|config| config.egress = policy);
        let address = PreprocessAddress::Tcp { tls: false, host: host.into(), port: 80 };
        let refusal = call(&client, &at(address)).await.unwrap_err();
        assert_eq!(
            refusal,
            Refusal::new(Outcome::PreprocessFailed, "The Preprocess service cannot be reached.")
        );
    }
}

#[tokio::test]
async fn our_own_listeners_are_not_called() {
    let service = Service::start(flow_name("x")).await;
    let PreprocessAddress::Tcp { port, .. } = service.address() else { unreachable!() };
    let client = client_with(|config| config.own_listeners = vec![([0, 0, 0, 0], port).into()]);
    assert_eq!(outcome(&client, &at(service.address())).await, Outcome::PreprocessFailed);
    assert_eq!(service.connections(), 0);
}

#[tokio::test]
async fn tls_needs_a_certificate_that_counts() {
    let (service, ca) = Service::start_tls(flow_name("x")).await;
    let trusting = client_with(|config| config.upstream_ca = Some(ca.path().to_owned()));
    call(&trusting, &at(service.address())).await.unwrap();

    assert_eq!(outcome(&client(), &at(service.address())).await, Outcome::PreprocessFailed);
    let PreprocessAddress::Tcp { port, .. } = service.address() else { unreachable!() };
    let by_another_name = PreprocessAddress::Tcp { tls: true, host: "127.0.0.1".into(), port };
    assert_eq!(outcome(&trusting, &at(by_another_name)).await, Outcome::PreprocessFailed);
}

#[tokio::test]
async fn unix_sockets_work_below_their_folder_only() {
    let dir = tempfile::tempdir().unwrap();
    let (inside, outside) = (dir.path().join("sockets"), dir.path().join("elsewhere"));
    std::fs::create_dir_all(inside.join("deep")).unwrap();
    std::fs::create_dir_all(&outside).unwrap();
    let at_path = |path: PathBuf| at(PreprocessAddress::Unix(path.into()));
    let _inside = Service::start_unix(flow_name("x"), &inside.join("deep/service.sock")).await;
    let _outside = Service::start_unix(flow_name("x"), &outside.join("service.sock")).await;
    std::os::unix::fs::symlink(outside.join("service.sock"), inside.join("link.sock")).unwrap();
    std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();

    let client = client_with(|config| config.preprocess_socket_dir = Some(inside.clone()));
    call(&client, &at_path(inside.join("deep/service.sock"))).await.unwrap();
    for escape in [
        outside.join("service.sock"),
        inside.join("link.sock"),
        inside.join("link/service.sock"),
        inside.join("../elsewhere/service.sock"),
        inside.join("nothing.sock"),
    ] {
        assert_eq!(outcome(&client, &at_path(escape.clone())).await, Outcome::PreprocessFailed, "{escape:?}");
    }
    let without_folder = self::client();
    let service = at_path(inside.join("deep/service.sock"));
    assert_eq!(outcome(&without_folder, &service).await, Outcome::PreprocessFailed);
}

#[tokio::test]
async fn calls_are_counted_by_how_they_end() {
    let service = Service::start(Answer::Status(Status::not_found("no"))).await;
    let client = client();
    let _ = call(&client, &at(service.address())).await;
    let text = client.metrics.encode();
    assert!(text.contains(r#"preprocess_calls_total{code="preprocess_refused"} 1"#), "{text}");
}
