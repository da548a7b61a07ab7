//! Bad input: every fault at once, each by its field.

use pointsman_proto::admin::v1::{deployment::State, value_source::Source, *};
use prost_types::Duration;
use tonic::Code;

use crate::harness::{
    ControlPlane, acme, acme_erp, customer, deployment, mapping, reference, said, strings, url,
};

const PARENT: &str = "integrations/acme-erp";

#[tokio::test]
async fn malformed_names_are_faults_of_their_field() {
    let plane = ControlPlane::with_acme().await;
    for name in
        ["", "acme-erp", "customers/", "customers/-", "customers/a/b", "integrations/acme-erp", "customers/ä"]
    {
        let refused = said(plane.customers().get_customer(GetCustomerRequest { name: name.into() }).await);
        assert_eq!((refused.code, refused.fields()), (Code::InvalidArgument, vec!["name"]), "{name:?}");
        assert!(refused.fields["name"].contains("customers/{customer}"), "{refused:?}");

        let request = DeleteCustomerRequest { name: name.into(), ..Default::default() };
        assert_eq!(said(plane.customers().delete_customer(request).await).fields(), ["name"]);

        let update = plane.update_customer(customer(name, "x"), &[]).await;
        assert_eq!(said(update).fields(), ["customer.name"]);
    }
    let long = "a".repeat(64);
    for id in ["", "-a", "a b", "a/b", long.as_str()] {
        let refused = said(plane.create_customer(id, customer("", "x")).await);
        assert_eq!((refused.code, refused.fields()), (Code::InvalidArgument, vec!["customer_id"]), "{id:?}");
    }
    let refused = said(plane.create_deployment("integrations/-", "-", Deployment::default()).await);
    assert_eq!(refused.fields(), ["deployment.customer", "deployment_id", "parent"]);
    let refused = said(plane.create_mapping("customers/x", "", CustomerMapping::default()).await);
    assert_eq!(
        refused.fields(),
        ["customer_mapping.customer", "customer_mapping.source_customer_id", "customer_mapping_id", "parent"]
    );
}

#[tokio::test]
async fn a_missing_message_is_a_fault() {
    let plane = ControlPlane::start().await;
    let request = CreateCustomerRequest { customer_id: "-".into(), ..Default::default() };
    assert_eq!(said(plane.customers().create_customer(request).await).fields(), ["customer", "customer_id"]);
    let update = plane.customers().update_customer(UpdateCustomerRequest::default()).await;
    assert_eq!(said(update).fields(), ["customer"]);
    let apply = plane.manifests().apply_manifest(ApplyManifestRequest::default()).await;
    assert_eq!(said(apply).fields(), ["manifest"]);
    let refused = said(plane.create_integration("x", Integration::default()).await);
    assert!(refused.fields().contains(&"integration.endpoint"), "{refused:?}");
    assert!(refused.fields().contains(&"integration.flows"), "{refused:?}");
}

/// Whatever else is wrong, and wherever that is found.
#[tokio::test]
async fn a_malformed_request_id_is_a_fault_beside_the_others() {
    let plane = ControlPlane::with_acme().await;
    let request_id = || "é".to_owned();
    let create = |customer_id: &str, customer: Option<Customer>| CreateCustomerRequest {
        customer_id: customer_id.into(),
        customer,
        request_id: request_id(),
        ..Default::default()
    };
    let mut client = plane.customers();
    let refused = said(client.create_customer(create("-", Some(Customer::default()))).await);
    assert_eq!(refused.fields(), ["customer.external_id", "customer_id", "request_id"]);
    assert_eq!(said(client.create_customer(create("new", None)).await).fields(), ["customer", "request_id"]);
    let taken = create("new", Some(customer("", "progix-1001")));
    assert_eq!(said(client.create_customer(taken).await).fields(), ["customer.external_id", "request_id"]);
    let sound = create("new", Some(customer("", "new")));
    let refused = said(client.create_customer(sound).await);
    assert_eq!((refused.code, refused.fields()), (Code::InvalidArgument, vec!["request_id"]));

    let delete = DeleteCustomerRequest { name: "x".into(), request_id: request_id(), ..Default::default() };
    assert_eq!(said(client.delete_customer(delete).await).fields(), ["name", "request_id"]);
    let batch = BatchUpsertCustomerMappingsRequest { request_id: request_id(), ..Default::default() };
    let refused = said(plane.mappings().batch_upsert_customer_mappings(batch).await);
    assert_eq!(refused.fields(), ["parent", "request_id", "rows"]);
    let apply = ApplyManifestRequest { request_id: request_id(), ..Default::default() };
    assert_eq!(said(plane.manifests().apply_manifest(apply).await).fields(), ["manifest", "request_id"]);
    let rollback = RollbackIntegrationRequest { request_id: request_id(), ..Default::default() };
    let refused = said(plane.integrations().rollback_integration(rollback).await);
    assert_eq!(refused.fields(), ["name", "request_id", "revision"]);
    assert_eq!(plane.revision().await, 1, "nothing was written");
}

#[tokio::test]
async fn a_name_that_is_left_out_is_missing() {
    let plane = ControlPlane::with_acme().await;
    let refused = said(plane.create_mapping(PARENT, "x", CustomerMapping::default()).await);
    assert_eq!(refused.fields["customer_mapping.customer"], "is missing");
}

#[tokio::test]
async fn the_position_of_a_fault_in_a_reference_is_named() {
    let plane = ControlPlane::start().await;
    let mut integration = acme_erp();
    let endpoint = integration.endpoint.as_mut().unwrap();
    endpoint.flow_name.as_mut().unwrap().source = Some(Source::Reference("results.body..type".into()));
    endpoint.external_customer_id.as_mut().unwrap().source = Some(Source::Reference("body.id".into()));
    let refused = said(plane.create_integration("acme-erp", integration).await);
    assert_eq!(
        (refused.code, refused.reason.as_str(), refused.fields()),
        (
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
            vec![
                "integration.endpoint.external_customer_id.reference",
                "integration.endpoint.flow_name.reference"
            ]
        )
    );
    let reason = &refused.fields["integration.endpoint.flow_name.reference"];
    assert!(reason.contains("at position 13"), "{reason}");
    assert!(refused.message.contains("(and 1 more)"), "{}", refused.message);
}

#[tokio::test]
async fn every_fault_of_a_deployment_is_named_at_once_and_no_secret() {
    let plane = ControlPlane::with_acme().await;
    let mut faulty = deployment("", "customers/nobody");
    faulty.display_name = "x".repeat(256);
    faulty.state = 17;
    let endpoint = faulty.flow_endpoints.get_mut("create-order").unwrap();
    *endpoint = url("ftp://user:hunter2@example.com/a");
    endpoint.headers = strings(&[("Host", "sesame"), ("pointsman_customer", "sesame"), ("x-ok", "ses\name")]);
    endpoint.timeout = Some(Duration { seconds: -1, nanos: 0 });
    faulty.flow_endpoints.insert("no-such-flow".into(), url("http://127.0.0.1/"));
    let refused = said(plane.create_deployment(PARENT, "new", faulty).await);
    assert_eq!(refused.code, Code::InvalidArgument);
    assert_eq!(
        refused.fields(),
        [
            "deployment.customer",
            "deployment.display_name",
            "deployment.flow_endpoints[\"create-order\"].headers[\"Host\"]",
            "deployment.flow_endpoints[\"create-order\"].headers[\"pointsman_customer\"]",
            "deployment.flow_endpoints[\"create-order\"].headers[\"x-ok\"]",
            "deployment.flow_endpoints[\"create-order\"].timeout",
            "deployment.flow_endpoints[\"create-order\"].url",
            "deployment.flow_endpoints[\"no-such-flow\"]",
            "deployment.state",
        ]
    );
    let all = format!("{refused:?}");
    assert!(!all.contains("sesame") && !all.contains("ses\\n") && !all.contains("hunter2"), "{all}");
    assert_eq!(plane.revision().await, 1);
}

#[tokio::test]
async fn an_entry_with_a_long_key_has_one_path() {
    let plane = ControlPlane::with_acme().await;
    let mut faulty = deployment("", "customers/bowlers-inc");
    faulty.state = State::Paused.into();
    let endless =
        FlowEndpoint { timeout: Some(Duration { seconds: -1, nanos: 0 }), ..url("http://127.0.0.1/") };
    faulty.flow_endpoints.insert("k".repeat(200), endless);
    let refused = said(plane.create_deployment(PARENT, "new", faulty).await);
    let entry = format!("deployment.flow_endpoints[\"{}…\"]", "k".repeat(128));
    assert_eq!(refused.fields(), [entry.clone(), format!("{entry}.timeout")]);
    // That no flow has this key goes without saying.
    assert_eq!((refused.code, refused.preconditions.len()), (Code::InvalidArgument, 0));
}

#[tokio::test]
async fn flow_urls_that_forwarding_cannot_use_are_refused() {
    let plane = ControlPlane::with_acme().await;
    let urls = [
        "",
        "example.com/x",
        "ftp://example.com/",
        "http://user@example.com/",
        "http://example.com/#x",
        "http://example.com/a/../b",
        "http://example.com/%2e%2e/b",
        "http:///x",
    ];
    for text in urls {
        let mut faulty = deployment("", "customers/bowlers-inc");
        faulty.flow_endpoints.insert("create-order".into(), url(text));
        faulty.state = State::Paused.into();
        let refused = said(plane.create_deployment(PARENT, "new", faulty).await);
        assert_eq!(refused.fields(), ["deployment.flow_endpoints[\"create-order\"].url"], "{text}");
    }
}

#[tokio::test]
async fn numbers_that_no_enum_has_are_refused() {
    let plane = ControlPlane::start().await;
    let mut integration = acme_erp();
    let endpoint = integration.endpoint.as_mut().unwrap();
    endpoint.r#type = 9;
    endpoint.mode = 2;
    endpoint.flow_name.as_mut().unwrap().lookup = 5;
    endpoint.preprocess = Some(Preprocess {
        address: "http://127.0.0.1:1".into(),
        timeout: Some(Duration { seconds: 61, nanos: 0 }),
        body: 3,
        ..Default::default()
    });
    let refused = said(plane.create_integration("acme-erp", integration).await);
    let fields = refused.fields();
    for field in ["type", "mode", "flow_name.lookup", "preprocess.body", "preprocess.timeout"] {
        assert!(fields.contains(&format!("integration.endpoint.{field}").as_str()), "{field}: {fields:?}");
    }
}

/// As any client can write them, whatever the documentation of `Duration` says.
#[tokio::test]
async fn durations_that_are_none_are_refused() {
    let plane = ControlPlane::with_acme().await;
    for (seconds, nanos) in [
        (0, 0),
        (0, -1),
        (1, -1),
        (-1, 1),
        (1, 1_000_000_000),
        (301, 0),
        (i64::MIN, 0),
        (i64::MIN, i32::MIN),
        (i64::MAX, i32::MAX),
    ] {
        let timeout = Some(Duration { seconds, nanos });
        let mut faulty = deployment("", "customers/bowlers-inc");
        faulty.state = State::Paused.into();
        let flow = FlowEndpoint { timeout, ..url("http://127.0.0.1/") };
        faulty.flow_endpoints.insert("create-order".into(), flow);
        let refused = said(plane.create_deployment(PARENT, "new", faulty).await);
        let field = "deployment.flow_endpoints[\"create-order\"].timeout";
        assert_eq!((refused.code, refused.fields()), (Code::InvalidArgument, vec![field]), "{timeout:?}");
        if (seconds, nanos) == (0, 0) {
            continue;
        }
        let wait = WaitForRevisionRequest { revision: 1, timeout, ..Default::default() };
        let mut edges = edge_service_client::EdgeServiceClient::new(plane.channel());
        assert_eq!(said(edges.wait_for_revision(wait).await).fields(), ["timeout"], "{timeout:?}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_fault() {
    async fn call<M: prost::Message + Default + 'static>(
        plane: &ControlPlane,
        method: &'static str,
        message: M,
    ) -> tonic::Status {
        let mut client = tonic::client::Grpc::new(plane.channel());
        client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static(method);
        let codec = tonic_prost::ProstCodec::<M, ()>::default();
        client.unary(tonic::Request::new(message), path, codec).await.unwrap_err()
    }
    let plane = ControlPlane::with_acme().await;
    // The first field as bytes that are no text, and as a number.
    let path = "/pointsman.admin.v1.CustomerService/GetCustomer";
    for status in [call(&plane, path, b"customers/\xff".to_vec()).await, call(&plane, path, u32::MAX).await] {
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(status.message().contains("GetCustomerRequest.name"), "{status:?}");
        let info = tonic_types::StatusExt::get_error_details(&status).error_info().unwrap().clone();
        assert_eq!(info.reason, "UNDECODABLE");
    }
    let status = call(&plane, "/pointsman.edge.v1.ConfigService/GetConfig", b"x".to_vec()).await;
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(plane.customer("customers/bowlers-inc").await.external_id, "progix-1001");
}

#[tokio::test]
async fn bytes_that_frame_no_message_are_the_callers_fault() {
    let plane = ControlPlane::start().await;
    for body in [&b"x"[..], b"xxxxxxxxxx", b"\0\0\0\0\x09short", b""] {
        let mut request =
            http::Request::post("http://plane/pointsman.admin.v1.CustomerService/ListCustomers")
                .body(tonic::body::Body::new(http_body_util::Full::new(bytes::Bytes::from_static(body))))
                .unwrap();
        request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
        let response = tower::ServiceExt::oneshot(plane.channel(), request).await.unwrap();
        let status = tonic::Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), Code::InvalidArgument, "{body:?}: {status:?}");
    }
}

#[tokio::test]
async fn defaults_and_lookups_where_they_make_no_sense_are_refused() {
    let plane = ControlPlane::start().await;
    let mut integration = acme_erp();
    let endpoint = integration.endpoint.as_mut().unwrap();
    endpoint.external_customer_user_id =
        Some(ValueSource { default_value: Some("x".into()), ..reference("results.headers.x-user") });
    let refused = said(plane.create_integration("acme-erp", integration).await);
    assert_eq!(refused.fields(), ["integration.endpoint.external_customer_user_id.default_value"]);
}

#[tokio::test]
async fn duplicate_flows_are_refused_and_nothing_breaks() {
    let plane = ControlPlane::start().await;
    let mut integration = acme_erp();
    integration.flows.push(integration.flows[0].clone());
    let refused = said(plane.create_integration("acme-erp", integration).await);
    assert_eq!(refused.code, Code::InvalidArgument);
    assert!(refused.fields()[0].starts_with("integration.flows[2]"), "{refused:?}");
}

#[tokio::test]
async fn texts_have_bounds() {
    let plane = ControlPlane::with_acme().await;
    for external_id in [String::new(), "é".repeat(128)] {
        let refused = said(plane.create_customer("new", customer("", &external_id)).await);
        assert_eq!(refused.fields(), ["customer.external_id"]);
        let refused = said(
            plane.create_mapping(PARENT, "new", mapping("", &external_id, "customers/bowlers-inc")).await,
        );
        assert_eq!(refused.fields(), ["customer_mapping.source_customer_id"]);
    }
    plane.create_customer("new", customer("", &"x".repeat(255))).await.unwrap();
    let mut named = customer("", "other");
    named.display_name = "x".repeat(256);
    assert_eq!(said(plane.create_customer("named", named.clone()).await).fields(), ["customer.display_name"]);
    named.display_name = "x".repeat(255);
    plane.create_customer("named", named).await.unwrap();
}

#[tokio::test]
async fn an_oversize_message_and_an_oversize_resource_are_refused() {
    let plane = ControlPlane::start().await;
    let mut large = customer("", "x");
    large.display_name = "x".repeat(5 * 1024 * 1024);
    let status = plane.create_customer("new", large).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert!(status.message().contains("4194304"), "{}", status.message());

    let mut large = acme_erp();
    let flow_name = large.endpoint.as_mut().unwrap().flow_name.as_mut().unwrap();
    for index in 0..9_000 {
        flow_name.values.insert(format!("{index:0120}"), "Create Order".into());
    }
    let refused = said(plane.create_integration("acme-erp", large.clone()).await);
    assert_eq!((refused.code, refused.fields()), (Code::InvalidArgument, vec!["integration"]));
    let manifest = Manifest { integrations: vec![large], ..Default::default() };
    assert_eq!(said(plane.apply(manifest).await).fields(), ["manifest.integrations[0]"]);
}

#[tokio::test]
async fn a_manifest_can_be_larger_than_other_requests() {
    let plane = ControlPlane::start().await;
    let named = |index: usize| Customer {
        display_name: "x".repeat(200),
        ..customer(&format!("customers/c{index}"), &format!("{index:0200}"))
    };
    let manifest = Manifest { customers: (0..12_000).map(named).collect(), ..Default::default() };
    assert_eq!(plane.apply(manifest.clone()).await.unwrap().changes.len(), 12_000);
    assert_eq!(plane.export().await.manifest.unwrap().customers.len(), 12_000);
}

/// Clients bound what they take in trailers, so a status has to stay small.
#[tokio::test]
async fn thousands_of_faults_are_counted_and_not_all_sent() {
    let plane = ControlPlane::start().await;
    let faulty = |index: usize| customer(&format!("customers/c{index}"), "");
    let manifest = Manifest { customers: (0..5_000).map(faulty).collect(), ..Default::default() };
    let status = plane.apply(manifest).await.unwrap_err();
    assert!(status.details().len() < 4_800, "{}", status.details().len());
    assert!(status.message().contains("(and 4999 more)"), "{}", status.message());
    let info = tonic_types::StatusExt::get_error_details(&status).error_info().unwrap().clone();
    let sent =
        tonic_types::StatusExt::get_error_details(&status).bad_request().unwrap().field_violations.len();
    assert!(sent >= 10);
    assert_eq!(info.metadata["leftOut"], (5_000 - sent).to_string());
}

#[tokio::test]
async fn faults_and_broken_rules_are_told_together() {
    let plane = ControlPlane::with_acme().await;
    let mut manifest = acme();
    manifest.customers[0].display_name = "x".repeat(256);
    manifest.customers[1].external_id = "progix-1001".into();
    manifest.deployments[1].customer = "customers/nobody".into();
    manifest.deployments[0].flow_endpoints.insert("x".into(), url("http://127.0.0.1/"));
    manifest.customer_mappings[1].name = "integrations/none/customerMappings/x".into();
    let refused = said(plane.apply(manifest).await);
    assert_eq!(refused.code, Code::InvalidArgument);
    assert_eq!(
        refused.fields(),
        [
            "manifest.customer_mappings[1].name",
            "manifest.customers[0].display_name",
            "manifest.customers[1].external_id",
            "manifest.deployments[0].flow_endpoints[\"x\"]",
            "manifest.deployments[1].customer",
        ]
    );
    let subjects: Vec<_> =
        refused.preconditions.iter().map(|(kind, subject, _)| (kind.as_str(), subject.as_str())).collect();
    assert_eq!(
        subjects,
        [
            ("EXTERNAL_ID_TAKEN", "customers/bowlers-inc"),
            ("INTEGRATION_NOT_FOUND", "integrations/none"),
            ("FLOW_NOT_FOUND", "integrations/acme-erp"),
            ("CUSTOMER_NOT_FOUND", "customers/nobody"),
        ]
    );
}

/// What a method says to a request with this header beside those of gRPC, whose body never comes. Not by tonic's client,
/// which keeps deadlines itself.
async fn with_header(plane: &ControlPlane, method: &str, name: &str, value: &str) -> tonic::Status {
    let stream = tokio::net::TcpStream::connect(plane.addr()).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::post(format!("http://plane/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header(name, value)
        .body(())
        .unwrap();
    let (response, _body) = client.ready().await.unwrap().send_request(request, false).unwrap();
    let response = tokio::time::timeout(std::time::Duration::from_secs(10), response).await.unwrap().unwrap();
    connection.abort();
    tonic::Status::from_header_map(response.headers()).unwrap()
}

#[tokio::test]
async fn what_the_transport_refuses_has_a_reason_too() {
    let plane = ControlPlane::start().await;
    for (method, name, value, code, reason) in [
        ("ListCustomers", "grpc-encoding", "gzip", Code::Unimplemented, "UNIMPLEMENTED"),
        ("ListCustomers", "grpc-timeout", "50m", Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
        ("NoSuch", "x", "y", Code::Unimplemented, "UNIMPLEMENTED"),
    ] {
        let method = format!("pointsman.admin.v1.CustomerService/{method}");
        let status = with_header(&plane, &method, name, value).await;
        assert_eq!((status.code(), crate::harness::reason(&status).as_str()), (code, reason), "{status:?}");
    }
}
