//! The control plane as a whole: restarts, concurrency, health, reflection, its port.

use std::net::SocketAddr;

use futures::TryStreamExt as _;
use pointsman_control_plane::{App, BuildError};
use pointsman_proto::admin::v1::{customer_service_client::CustomerServiceClient, *};
use tempfile::TempDir;
use tonic::{
    Code,
    transport::{Certificate, Channel, ClientTlsConfig},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::harness::{ControlPlane, config, customer};

#[tokio::test]
async fn everything_outlives_a_restart() {
    let mut plane = ControlPlane::with_acme().await;
    plane.create_customer("more", customer("", "more")).await.unwrap();
    let before = plane.export().await;
    let integration = plane.integration("integrations/acme-erp").await;
    let deployment = plane.deployment("integrations/acme-erp/deployments/bowlers-inc").await;
    plane.restart().await;
    assert_eq!(plane.export().await, before);
    // With uid, etag, times and the public URL.
    assert_eq!(plane.integration("integrations/acme-erp").await, integration);
    assert_eq!(plane.deployment("integrations/acme-erp/deployments/bowlers-inc").await, deployment);
    plane.create_customer("again", customer("", "again")).await.unwrap();
    assert_eq!(plane.revision().await, before.revision + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_writers_make_revisions_without_gaps() {
    const WRITERS: usize = 8;
    const WRITES: usize = 25;
    let plane = ControlPlane::start().await;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let mut customers = plane.customers();
        writers.push(tokio::spawn(async move {
            let mut revisions = Vec::new();
            for write in 0..WRITES {
                let id = format!("w{writer}-{write}");
                let request = CreateCustomerRequest {
                    customer_id: id.clone(),
                    customer: Some(customer("", &id)),
                    validate_only: false,
                    ..CreateCustomerRequest::default()
                };
                revisions.push(customers.create_customer(request).await.unwrap().into_inner().revision);
                // What is refused makes no revision and no gap.
                let request = CreateCustomerRequest {
                    customer_id: format!("{id}-again"),
                    customer: Some(customer("", &id)),
                    validate_only: false,
                    ..CreateCustomerRequest::default()
                };
                customers.create_customer(request).await.unwrap_err();
            }
            assert!(revisions.is_sorted());
            revisions
        }));
    }
    let mut revisions = Vec::new();
    for writer in writers {
        revisions.extend(writer.await.unwrap());
    }
    revisions.sort_unstable();
    let expected: Vec<i64> = (1..=i64::try_from(WRITERS * WRITES).unwrap()).collect();
    assert_eq!(revisions, expected);
    assert_eq!(plane.revision().await, *expected.last().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_take_the_same_external_id_one_wins() {
    let plane = ControlPlane::start().await;
    let mut attempts = Vec::new();
    for attempt in 0..8 {
        let mut customers = plane.customers();
        attempts.push(tokio::spawn(async move {
            let request = CreateCustomerRequest {
                customer_id: format!("c{attempt}"),
                customer: Some(customer("", "the-one")),
                validate_only: false,
                ..CreateCustomerRequest::default()
            };
            customers.create_customer(request).await.is_ok()
        }));
    }
    let mut won = 0;
    for attempt in attempts {
        won += usize::from(attempt.await.unwrap());
    }
    assert_eq!((won, plane.revision().await), (1, 1));
}

const SERVICES: [&str; 9] = [
    "pointsman.admin.v1.AccessTokenService",
    "pointsman.admin.v1.AuditService",
    "pointsman.admin.v1.CustomerMappingService",
    "pointsman.admin.v1.CustomerService",
    "pointsman.admin.v1.DeploymentService",
    "pointsman.admin.v1.EdgeService",
    "pointsman.admin.v1.IntegrationService",
    "pointsman.admin.v1.ManifestService",
    "pointsman.edge.v1.ConfigService",
];

#[tokio::test]
async fn every_service_is_healthy_and_shown_by_reflection() {
    let plane = ControlPlane::start().await;
    for service in SERVICES.iter().chain(&[""]) {
        let request = HealthCheckRequest { service: (*service).to_owned() };
        let answer = HealthClient::new(plane.channel()).check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let reflect = async |requests: Vec<ServerReflectionRequest>| {
        let mut client = ServerReflectionClient::new(plane.channel());
        let answers = client.server_reflection_info(tokio_stream::iter(requests)).await.unwrap();
        let answers: Vec<_> = answers.into_inner().try_collect().await.unwrap();
        answers.into_iter().map(|answer| answer.message_response.unwrap()).collect::<Vec<_>>()
    };
    let answer = reflect(vec![list]).await.remove(0);
    let MessageResponse::ListServicesResponse(listed) = answer else { panic!("{answer:?}") };
    let listed: Vec<String> = listed.service.into_iter().map(|service| service.name).collect();
    let mut ours: Vec<_> = listed.iter().filter(|name| name.starts_with("pointsman.")).collect();
    ours.sort_unstable();
    assert_eq!(ours, SERVICES, "what Preprocess services serve is not served here");
    for service in ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"] {
        assert!(listed.iter().any(|name| name == service), "{service}: {listed:?}");
    }
    // Clients ask for the file of each service that they are told of, and fail where there is none.
    let described = |name: &String| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(name.clone())),
    };
    for answer in reflect(listed.iter().map(described).collect()).await {
        assert!(matches!(answer, MessageResponse::FileDescriptorResponse(_)), "{answer:?}");
    }
}

#[tokio::test]
async fn who_watches_health_learns_of_the_end_and_holds_nobody_up() {
    let plane = ControlPlane::start().await;
    let request = HealthCheckRequest { service: "pointsman.admin.v1.CustomerService".into() };
    let mut watch = HealthClient::new(plane.channel()).watch(request).await.unwrap().into_inner();
    let serving = watch.message().await.unwrap().unwrap();
    assert_eq!(serving.status(), ServingStatus::Serving);
    let started = std::time::Instant::now();
    plane.drain().await;
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
    let stopped = watch.message().await.unwrap().unwrap();
    assert_eq!(stopped.status(), ServingStatus::NotServing);
    assert!(watch.message().await.unwrap().is_none());
}

#[tokio::test]
async fn after_a_drain_nobody_answers() {
    let plane = ControlPlane::start().await;
    let mut customers = plane.customers();
    customers.list_customers(ListCustomersRequest::default()).await.unwrap();
    plane.drain().await;
    let status = customers.list_customers(ListCustomersRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn after_a_drain_all_is_in_the_database_file() {
    let data = TempDir::new().unwrap();
    let running = App::build(config(data.path())).await.unwrap().spawn();
    let channel =
        Channel::from_shared(format!("http://{}", running.admin_addr())).unwrap().connect().await.unwrap();
    let mut customers = CustomerServiceClient::new(channel);
    let request = CreateCustomerRequest {
        customer_id: "a".to_owned(),
        customer: Some(customer("", "a")),
        validate_only: false,
        ..CreateCustomerRequest::default()
    };
    customers.create_customer(request).await.unwrap();
    customers.list_customers(ListCustomersRequest::default()).await.unwrap();
    running.drain().await;
    let files = std::fs::read_dir(data.path()).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    files.sort();
    // No write-ahead log: a copy of the file is a copy of everything.
    assert_eq!(files, ["pointsman.db", "pointsman.key", "pointsman.lock"]);
}

#[tokio::test]
async fn another_machine_is_let_in_over_tls_or_on_request_only() {
    let data = TempDir::new().unwrap();
    let mut open = config(data.path());
    open.admin_listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = App::build(open.clone()).await.unwrap_err();
    assert!(matches!(refused, BuildError::Plaintext(_)), "{refused}");
    assert!(std::fs::read_dir(data.path()).unwrap().next().is_none(), "nothing is made before that");
    open.plaintext = true;
    // Then it is the token that is missing.
    assert!(matches!(App::build(open).await.unwrap_err(), BuildError::NoAdminToken { .. }));
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_start_is_said() {
    let plane = ControlPlane::start().await;
    let second = App::build(config(plane.data())).await.unwrap_err();
    assert!(second.to_string().contains("in use by another process"), "{second}");

    let other = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config_taken = config(other.path());
    config_taken.admin_listen = taken.local_addr().unwrap();
    let refused = App::build(config_taken).await.unwrap_err();
    assert!(matches!(refused, BuildError::Bind { .. }), "{refused}");

    let mut no_cert = config(other.path());
    no_cert.tls = Some((other.path().join("cert.pem"), other.path().join("key.pem")));
    let refused = App::build(no_cert.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("cert.pem"), "{refused}");
    for file in ["cert.pem", "key.pem"] {
        std::fs::write(other.path().join(file), "no PEM").unwrap();
    }
    let refused = App::build(no_cert).await.unwrap_err();
    assert!(matches!(refused, BuildError::Tls(_)), "{refused}");
}

#[tokio::test]
async fn over_tls_the_same_is_served_and_plaintext_is_not() {
    let data = TempDir::new().unwrap();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (data.path().join("cert.pem"), data.path().join("key.pem"));
    std::fs::write(&cert, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let mut secured = config(&data.path().join("data"));
    secured.admin_listen = SocketAddr::from(([0, 0, 0, 0], 0));
    secured.tls = Some((cert, key));
    let request = super::access::admin_token();
    let secret = super::access::offline(&secured.data, request).await.unwrap().secret;
    let running = App::build(secured).await.unwrap().spawn();
    let port = running.admin_addr().port();

    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pair.cert.pem()));
    let endpoint =
        Channel::from_shared(format!("https://localhost:{port}")).unwrap().tls_config(tls).unwrap();
    let channel = super::access::with(endpoint.connect().await.unwrap(), &secret);
    let mut customers = CustomerServiceClient::new(channel);
    customers.list_customers(ListCustomersRequest::default()).await.unwrap();

    let plain = Channel::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect_lazy();
    CustomerServiceClient::new(plain).list_customers(ListCustomersRequest::default()).await.unwrap_err();
    running.drain().await;
}
