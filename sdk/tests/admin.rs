//! The admin client against a scripted control plane.

use std::{net::SocketAddr, time::Duration};

use pointsman_proto::admin::v1::{
    customer_service_server::{CustomerService, CustomerServiceServer},
    edge_service_server::{EdgeService, EdgeServiceServer},
    manifest_service_server::{ManifestService, ManifestServiceServer},
    *,
};
use pointsman_sdk::{
    admin::{AdminClient, AdminError, ConnectError},
    async_trait,
};
use tokio::{net::TcpListener, task::AbortHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Code, Request, Response, Status,
    transport::{Certificate, Identity, Server, ServerTlsConfig},
};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Answers as the tests want it.
#[derive(Clone)]
struct Scripted;

const CUSTOMERS: usize = 2_500;

#[async_trait]
impl CustomerService for Scripted {
    async fn create_customer(
        &self,
        request: Request<CreateCustomerRequest>,
    ) -> Result<Response<CreateCustomerResponse>, Status> {
        if request.get_ref().customer_id == "ok" {
            let customer = request.into_inner().customer;
            return Ok(Response::new(CreateCustomerResponse { customer, revision: 7 }));
        }
        let mut details = ErrorDetails::new();
        details
            .set_error_info("INVALID_FIELDS", "pointsman.dev", [("customer".to_owned(), "x".to_owned())])
            .add_bad_request_violation("customer_id", "is empty")
            .add_bad_request_violation("customer.external_id", "holds \u{1b}[31m")
            .add_precondition_failure_violation("IN_USE", "customers/a", "is deployed")
            .add_precondition_failure_violation("FAULTY", "customers/b", "is empty")
            .set_resource_info("customer", "customers/a", "", "is there");
        Err(Status::with_error_details(Code::InvalidArgument, "2 fields are faulty", details))
    }

    async fn get_customer(
        &self,
        _: Request<GetCustomerRequest>,
    ) -> Result<Response<GetCustomerResponse>, Status> {
        std::future::pending().await
    }

    async fn list_customers(
        &self,
        request: Request<ListCustomersRequest>,
    ) -> Result<Response<ListCustomersResponse>, Status> {
        let request = request.into_inner();
        let from = request.page_token.parse().unwrap_or(0_usize);
        let to = (from + usize::try_from(request.page_size).expect("a size")).min(CUSTOMERS);
        let customers =
            (from..to).map(|number| Customer { name: format!("customers/{number}"), ..Customer::default() });
        let next_page_token = if to < CUSTOMERS { to.to_string() } else { String::new() };
        Ok(Response::new(ListCustomersResponse { customers: customers.collect(), next_page_token }))
    }

    async fn update_customer(
        &self,
        _: Request<UpdateCustomerRequest>,
    ) -> Result<Response<UpdateCustomerResponse>, Status> {
        Err(Status::unavailable("draining"))
    }

    async fn delete_customer(
        &self,
        _: Request<DeleteCustomerRequest>,
    ) -> Result<Response<DeleteCustomerResponse>, Status> {
        Err(Status::not_found(""))
    }
}

#[async_trait]
impl EdgeService for Scripted {
    async fn accept_configuration(
        &self,
        _: Request<AcceptConfigurationRequest>,
    ) -> Result<Response<AcceptConfigurationResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    /// Tells the token that the call came with, as the edge's name.
    async fn get_edge(&self, request: Request<GetEdgeRequest>) -> Result<Response<GetEdgeResponse>, Status> {
        let token = request.metadata().get("authorization").map(|value| value.to_str().expect("text"));
        let name = token.ok_or_else(|| Status::unauthenticated("no token"))?.to_owned();
        Ok(Response::new(GetEdgeResponse { edge: Some(Edge { name, ..Edge::default() }) }))
    }

    /// Pages without end.
    async fn list_edges(&self, _: Request<ListEdgesRequest>) -> Result<Response<ListEdgesResponse>, Status> {
        Ok(Response::new(ListEdgesResponse { edges: Vec::new(), next_page_token: "again".to_owned() }))
    }

    /// Tells the deadline that the call came with.
    async fn wait_for_revision(
        &self,
        request: Request<WaitForRevisionRequest>,
    ) -> Result<Response<WaitForRevisionResponse>, Status> {
        let deadline = request.metadata().get("grpc-timeout").expect("a deadline").to_str().expect("text");
        let serving = vec![deadline.to_owned()];
        Ok(Response::new(WaitForRevisionResponse { reached: true, serving, lagging: Vec::new() }))
    }
}

#[async_trait]
impl ManifestService for Scripted {
    async fn apply_manifest(
        &self,
        request: Request<ApplyManifestRequest>,
    ) -> Result<Response<ApplyManifestResponse>, Status> {
        let customers = request.into_inner().manifest.unwrap_or_default().customers;
        let changes = customers.into_iter().map(|customer| ManifestChange {
            name: customer.name,
            action: 1,
            ..ManifestChange::default()
        });
        Ok(Response::new(ApplyManifestResponse {
            changes: changes.collect(),
            revision: 1,
            ..Default::default()
        }))
    }

    async fn export_manifest(
        &self,
        _: Request<ExportManifestRequest>,
    ) -> Result<Response<ExportManifestResponse>, Status> {
        Ok(Response::new(ExportManifestResponse { manifest: Some(large_manifest()), revision: 1 }))
    }
}

/// One above gRPC's usual limit of 4 MiB.
fn large_manifest() -> Manifest {
    let customer =
        |number| Customer { name: format!("{number}{}", "x".repeat(1_000)), ..Customer::default() };
    Manifest { customers: (0..6_000).map(customer).collect(), ..Manifest::default() }
}

struct ControlPlane {
    address: SocketAddr,
    serving: AbortHandle,
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl ControlPlane {
    async fn start(identity: Option<Identity>) -> Self {
        Self::start_with(identity.map(|identity| ServerTlsConfig::new().identity(identity))).await
    }

    async fn start_with(tls: Option<ServerTlsConfig>) -> Self {
        const LIMIT: usize = 64 * 1024 * 1024;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut server = Server::builder();
        if let Some(tls) = tls {
            server = server.tls_config(tls).expect("TLS");
        }
        let serving = server
            .add_service(CustomerServiceServer::new(Scripted))
            .add_service(EdgeServiceServer::new(Scripted))
            .add_service(
                ManifestServiceServer::new(Scripted)
                    .max_decoding_message_size(LIMIT)
                    .max_encoding_message_size(LIMIT),
            )
            .serve_with_incoming(TcpListenerStream::new(listener));
        Self { address, serving: tokio::spawn(serving).abort_handle() }
    }

    async fn client(&self) -> AdminClient {
        AdminClient::connect(&format!("http://{}", self.address)).await.expect("a connection")
    }
}

#[tokio::test]
async fn a_call_is_answered() {
    let control_plane = ControlPlane::start(None).await;
    let admin = control_plane.client().await;
    let customer = Some(Customer { external_id: "é".to_owned(), ..Customer::default() });
    let request = CreateCustomerRequest {
        customer_id: "ok".to_owned(),
        customer: customer.clone(),
        ..CreateCustomerRequest::default()
    };
    let made = admin.create_customer(request).await.expect("an answer");
    assert_eq!((made.customer, made.revision), (customer, 7));
}

#[tokio::test]
async fn a_refusal_shows_all_its_details_and_nothing_that_a_terminal_obeys() {
    let control_plane = ControlPlane::start(None).await;
    let error = control_plane
        .client()
        .await
        .create_customer(CreateCustomerRequest::default())
        .await
        .expect_err("a refusal");
    assert_eq!(error.code(), Some(Code::InvalidArgument));
    let fields = &error.refused().expect("a refusal").fields;
    assert_eq!((fields.len(), fields[0].field.as_str()), (2, "customer_id"));
    let preconditions = &error.refused().expect("a refusal").preconditions;
    assert_eq!(preconditions.len(), 2, "also the one whose words a field says already");
    assert_eq!(
        error.to_string(),
        "INVALID_ARGUMENT: 2 fields are faulty\n  \
         customer_id: is empty\n  \
         customer.external_id: holds \\u{1b}[31m\n  \
         customers/a: is deployed\n  \
         customer customers/a: is there\n  \
         reason: INVALID_FIELDS customer=x"
    );
}

#[tokio::test]
async fn a_refusal_without_details_is_its_code() {
    let control_plane = ControlPlane::start(None).await;
    let admin = control_plane.client().await;
    let error = admin.delete_customer(DeleteCustomerRequest::default()).await.expect_err("a refusal");
    assert_eq!(error.to_string(), "NOT_FOUND");
    let error = admin.update_customer(UpdateCustomerRequest::default()).await.expect_err("a refusal");
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (Some(Code::Unavailable), "UNAVAILABLE: draining")
    );
    let error = admin.get_integration(GetIntegrationRequest::default()).await.expect_err("no such service");
    assert_eq!(error.code(), Some(Code::Unimplemented));
}

#[tokio::test]
async fn all_pages_of_a_list_are_read() {
    let control_plane = ControlPlane::start(None).await;
    let customers = control_plane.client().await.all_customers().await.expect("a list");
    assert_eq!(customers.len(), CUSTOMERS);
    assert_eq!(customers[CUSTOMERS - 1].name, "customers/2499");
}

#[tokio::test]
async fn a_list_without_end_is_not_read_for_ever() {
    let control_plane = ControlPlane::start(None).await;
    let error = control_plane.client().await.all_edges().await.expect_err("an endless list");
    assert!(matches!(error, AdminError::EndlessList { .. }), "{error}");
}

#[tokio::test]
async fn manifests_are_larger_than_grpcs_usual_limit() {
    let control_plane = ControlPlane::start(None).await;
    let admin = control_plane.client().await;
    let manifest = large_manifest();
    let count = manifest.customers.len();
    let request = ApplyManifestRequest { manifest: Some(manifest), ..ApplyManifestRequest::default() };
    assert_eq!(admin.apply_manifest(request).await.expect("an answer").changes.len(), count);
    let exported = admin
        .export_manifest(ExportManifestRequest { ..ExportManifestRequest::default() })
        .await
        .expect("an answer");
    assert_eq!(exported.manifest.expect("a manifest").customers.len(), count);
}

#[tokio::test]
async fn a_call_that_is_not_answered_ends() {
    let control_plane = ControlPlane::start(None).await;
    let server = format!("http://{}", control_plane.address);
    let admin =
        AdminClient::builder(&server).timeout(Duration::from_millis(50)).connect().await.expect("one");
    let error = admin.get_customer(GetCustomerRequest::default()).await.expect_err("no answer");
    assert_eq!(error.to_string(), format!("the control plane at {server} did not answer in time"));
}

#[tokio::test]
async fn waiting_for_a_revision_has_the_time_that_was_asked_for() {
    let control_plane = ControlPlane::start(None).await;
    let admin = control_plane.client().await;
    let deadline = async |timeout: Option<Duration>| {
        let timeout = timeout.map(|time| time.try_into().expect("a duration"));
        let request = WaitForRevisionRequest { timeout, ..WaitForRevisionRequest::default() };
        let deadline = admin.wait_for_revision(request).await.expect("an answer").serving.remove(0);
        let (number, unit) = deadline.split_at(deadline.len() - 1);
        let seconds = match unit {
            "m" => 0.001,
            "u" => 0.000_001,
            other => panic!("another unit: {other}"),
        };
        number.parse::<f64>().expect("a number") * seconds
    };
    let client_timeout = 30.0;
    assert!(deadline(None).await >= 30.0 + client_timeout);
    assert!(deadline(Some(Duration::from_secs(300))).await >= 300.0 + client_timeout);
}

#[tokio::test]
async fn nothing_there_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let error = AdminClient::connect(&server).await.expect_err("nothing there").to_string();
    assert!(error.starts_with(&format!("cannot connect to the control plane at {server}: ")), "{error}");
    assert!(error.contains("refused"), "{error}");

    let admin = AdminClient::builder(&server).connect_lazy().expect("a client");
    let error = admin
        .export_manifest(ExportManifestRequest { ..ExportManifestRequest::default() })
        .await
        .expect_err("nothing there");
    assert!(matches!(error, AdminError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!(error.code(), None);
}

#[tokio::test]
async fn addresses_that_are_none_say_why() {
    let cases = [
        ("", "it is not a URL"),
        ("127.0.0.1:7070", "it must start with http:// or https://"),
        ("localhost", "it must start with http:// or https://"),
        ("unix:/run/x", "it is not a URL"),
        ("ftp://localhost:1", "it must start with http:// or https://"),
        ("http://user:secret@localhost:1", "it must not hold a user or password"),
        ("http://localhost:1/v1", "nothing may follow the port"),
        ("http://localhost:1?x", "nothing may follow the port"),
        ("http://", "it is not a URL"),
    ];
    for (server, problem) in cases {
        let error = AdminClient::connect(server).await.expect_err(server);
        assert!(matches!(error, ConnectError::Address { .. }), "{server}: {error}");
        assert!(error.to_string().ends_with(problem), "{server}: {error}");
    }
    let error = AdminClient::builder("http://localhost:1").ca_pem("x").connect().await.expect_err("no TLS");
    assert!(error.to_string().ends_with("it must start with https://"), "{error}");
}

#[tokio::test]
async fn https_trusts_the_ca_that_was_given_and_no_other() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let control_plane = ControlPlane::start(Some(Identity::from_pem(&cert, key))).await;
    let server = format!("https://localhost:{}", control_plane.address.port());

    let admin = AdminClient::builder(&server).ca_pem(cert).connect().await.expect("a connection");
    assert_eq!(admin.all_customers().await.expect("a list").len(), CUSTOMERS);

    let other =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate").cert.pem();
    for builder in [AdminClient::builder(&server).ca_pem(other), AdminClient::builder(&server)] {
        let error = builder.connect().await.expect_err("an unknown CA");
        assert!(!matches!(error, ConnectError::Address { .. }), "{error}");
    }
    for wrong in [
        "no PEM",
        "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let error = AdminClient::builder(&server).ca_pem(wrong).connect().await.expect_err("no CA");
        assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_token_is_sent_with_each_call() {
    let control_plane = ControlPlane::start(None).await;
    let server = format!("http://{}", control_plane.address);
    let admin = AdminClient::builder(&server).token("psm_t0ken").connect().await.expect("a connection");
    for _ in 0..2 {
        let answer = admin.get_edge(GetEdgeRequest::default()).await.expect("an answer");
        assert_eq!(answer.edge.expect("an edge").name, "Bearer psm_t0ken");
    }
    let error = control_plane.client().await.get_edge(GetEdgeRequest::default()).await.expect_err("no token");
    assert_eq!(error.code(), Some(Code::Unauthenticated));
}

#[tokio::test]
async fn a_token_does_not_leave_the_machine_in_plaintext() {
    let builder = |server: &str| AdminClient::builder(server).token("psm_t0ken");
    for server in ["http://10.0.0.1:7070", "http://control.example.com:7070", "http://0.0.0.0:7070"] {
        let error = builder(server).connect().await.expect_err("refused");
        assert!(matches!(error, ConnectError::TokenInPlaintext { .. }), "{server}: {error}");
        let error = builder(server).connect_lazy().expect_err("refused");
        assert!(matches!(error, ConnectError::TokenInPlaintext { .. }), "{server}: {error}");
        builder(server).token_over_plaintext(true).connect_lazy().expect("it is meant");
        AdminClient::builder(server).connect_lazy().expect("there is no token");
    }
    for server in
        ["http://127.0.0.1:7070", "http://localhost:7070", "http://[::1]:7070", "https://10.0.0.1:7070"]
    {
        builder(server).connect_lazy().expect(server);
    }
}

#[tokio::test]
async fn no_secret_is_shown() {
    let made = rcgen::generate_simple_self_signed(["client".to_owned()]).expect("a certificate");
    let key = made.signing_key.serialize_pem();
    let builder = AdminClient::builder("http://127.0.0.1:1")
        .token("psm_t0ken")
        .client_identity_pem(made.cert.pem(), key.as_str());
    let shown = format!("{builder:?}");
    assert!(!shown.contains("t0ken") && !shown.contains(&format!("{:?}", key.as_bytes())[1..50]), "{shown}");
    let admin =
        AdminClient::builder("http://127.0.0.1:1").token("psm_t0ken").connect_lazy().expect("a client");
    assert!(!format!("{admin:?}").contains("t0ken"), "{admin:?}");

    let error =
        AdminClient::builder("http://127.0.0.1:1").token("psm t0ken").connect_lazy().expect_err("none");
    assert!(matches!(error, ConnectError::Token { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("t0ken"), "{error:?}");
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let pair = |name: &str| {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        (made.cert.pem(), made.signing_key.serialize_pem())
    };
    let (server_cert, server_key) = pair("localhost");
    let (client_cert, client_key) = pair("client");
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(&server_cert, server_key))
        .client_ca_root(Certificate::from_pem(&client_cert));
    let control_plane = ControlPlane::start_with(Some(tls)).await;
    let server = format!("https://localhost:{}", control_plane.address.port());
    let builder = || AdminClient::builder(&server).ca_pem(server_cert.as_str());

    let known = builder().client_identity_pem(client_cert.as_str(), client_key.as_str());
    let admin = known.connect().await.expect("a connection");
    assert_eq!(admin.all_customers().await.expect("a list").len(), CUSTOMERS);

    let (other_cert, other_key) = pair("client");
    for builder in [builder(), builder().client_identity_pem(other_cert, other_key.as_str())] {
        let refused = match builder.connect().await {
            Ok(admin) => admin.all_customers().await.map(|_| ()).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        refused.expect_err("the server asks for a certificate that it knows");
    }

    for (cert, key, problem) in [
        ("x", client_key.as_str(), "holds no certificate"),
        (client_cert.as_str(), "x", "holds no private key"),
        (client_cert.as_str(), other_key.as_str(), "cannot be used"),
    ] {
        let error = builder().client_identity_pem(cert, key).connect().await.expect_err("no identity");
        assert!(matches!(error, ConnectError::Tls { .. }), "{error}");
        assert!(error.to_string().contains(problem), "{error}");
    }
    let plain = AdminClient::builder("http://localhost:1").client_identity_pem(client_cert, client_key);
    let error = plain.connect().await.expect_err("no TLS");
    assert!(error.to_string().ends_with("it must start with https://"), "{error}");
}
