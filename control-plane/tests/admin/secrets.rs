//! Secrets are written and never read: what stands for them, and what it means written back.

use std::sync::{Arc, Mutex};

use pointsman_control_plane::{App, Config, PreprocessCaller};
use pointsman_proto::{
    admin::v1::{
        audit_service_client::AuditServiceClient, deployment::State,
        integration_service_client::IntegrationServiceClient, manifest_change::Action,
        manifest_service_client::ManifestServiceClient, *,
    },
    edge::v1::{
        GetConfigRequest, Hello, StreamConfigRequest, config_service_client::ConfigServiceClient,
        stream_config_request, stream_config_response,
    },
    preprocess::v1::PreprocessRequest,
};
use pointsman_routing::{
    integration::Preprocess as CalledService,
    outcome::{Outcome, Refusal},
    results::Reply,
};
use tokio_stream::StreamExt as _;
use tonic::{Code, transport::Channel};

use crate::harness::*;

const REDACTED: &str = "<redacted>";
const ERP: &str = "integrations/acme-erp";
const BOWLERS: &str = "integrations/acme-erp/deployments/bowlers-inc";
const SERVICE: &str = "http://127.0.0.1:50061";
const ORDERS: &str = "https://flows.example.com/orders";

fn with_service(address: &str, key: &str) -> Integration {
    let mut integration = acme_erp();
    integration.endpoint.as_mut().unwrap().preprocess = Some(Preprocess {
        address: address.to_owned(),
        metadata: strings(&[("x-key", key)]),
        body: PreprocessBody::Full.into(),
        ..Default::default()
    });
    integration
}

fn with_header(url: &str, authorization: &str) -> Deployment {
    let mut deployment = deployment(BOWLERS, "customers/bowlers-inc");
    let orders = deployment.flow_endpoints.get_mut("create-order").unwrap();
    orders.url = url.to_owned();
    orders.headers = strings(&[("authorization", authorization)]);
    deployment
}

/// The tutorial's resources with a canary in each kind of secret.
fn canaries() -> Manifest {
    let mut manifest = acme();
    manifest.integrations[0] = with_service(SERVICE, "canary-service");
    manifest.deployments[0] = with_header(ORDERS, "Bearer canary-flow");
    manifest
}

async fn plane() -> ControlPlane {
    let plane = ControlPlane::start().await;
    let answer = plane.apply(canaries()).await.unwrap();
    assert!(!format!("{answer:?}").contains("canary"), "{answer:?}");
    plane
}

fn redacted() -> Manifest {
    let mut manifest = canaries();
    manifest.integrations[0] = with_service(SERVICE, REDACTED);
    manifest.deployments[0] = with_header(ORDERS, REDACTED);
    manifest
}

/// What an edge is sent: the one place where secrets come out.
async fn sent(plane: &ControlPlane) -> String {
    let hello = Hello { edge: "edges/test".into(), version: "test".into(), ..Default::default() };
    let hello = StreamConfigRequest { message: Some(stream_config_request::Message::Hello(hello)) };
    let requests = tokio_stream::iter([hello]).chain(tokio_stream::pending());
    let mut config = ConfigServiceClient::new(plane.channel());
    let mut answers = config.stream_config(requests).await.unwrap().into_inner();
    let mut sent = String::new();
    loop {
        match answers.message().await.unwrap().unwrap().message.unwrap() {
            stream_config_response::Message::Chunk(chunk) => {
                sent.push_str(&format!("{chunk:?}"));
                if chunk.commit {
                    return sent;
                }
            }
            stream_config_response::Message::Heartbeat(_) | stream_config_response::Message::Accept(_) => {}
        }
    }
}

/// Remembers the metadata that services are called with.
#[derive(Default)]
struct Listening(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl PreprocessCaller for Listening {
    async fn call(&self, service: &CalledService, _request: PreprocessRequest) -> Result<Reply, Refusal> {
        let values = service.metadata.iter().map(|(_, value)| value.to_str().unwrap().to_owned());
        self.0.lock().unwrap().extend(values);
        Err(Refusal::new(Outcome::PreprocessFailed, "it only listens"))
    }
}

#[tokio::test]
async fn no_answer_of_any_method_holds_a_secret() {
    let plane = plane().await;
    let mut said = String::new();
    let mut hear = |answer: &dyn std::fmt::Debug| said.push_str(&format!("{answer:?}\n"));

    let mut integrations = plane.integrations();
    let mut deployments = plane.deployments();
    hear(&plane.integration(ERP).await);
    hear(&integrations.list_integrations(ListIntegrationsRequest::default()).await.unwrap());
    hear(&plane.deployment(BOWLERS).await);
    let parent = "integrations/-".to_owned();
    let all = ListDeploymentsRequest { parent, ..Default::default() };
    hear(&deployments.list_deployments(all).await.unwrap());
    hear(&plane.export().await);
    hear(&plane.update_integration(with_service(SERVICE, "canary-updated"), &["*"]).await.unwrap());
    hear(&plane.update_deployment(with_header(ORDERS, "Bearer canary-updated"), &["*"]).await.unwrap());
    let integration = with_service(SERVICE, "canary-created");
    hear(
        &plane.create_integration("other", Integration { name: String::new(), ..integration }).await.unwrap(),
    );
    let deployed = Deployment { name: String::new(), ..with_header(ORDERS, "Bearer canary-created") };
    let paused = Deployment { state: State::Paused.into(), ..deployed };
    hear(&plane.create_deployment(ERP, "more", paused).await.unwrap());
    let mut changed = canaries();
    changed.deployments[0] = with_header(ORDERS, "Bearer canary-changed");
    for validate_only in [true, false] {
        let manifest = Some(changed.clone());
        let request = ApplyManifestRequest { manifest, validate_only, ..Default::default() };
        hear(&plane.manifests().apply_manifest(request).await.unwrap());
    }
    // A refused one, too.
    hear(&plane.update_deployment(with_header("nowhere", "Bearer canary-faulty"), &["*"]).await.unwrap_err());
    let mut faulty = with_header(ORDERS, "Bearer canary-faulty\u{7f}");
    faulty.flow_endpoints.get_mut("create-order").unwrap().headers.insert("b ad".into(), "canary-bad".into());
    hear(&plane.update_deployment(faulty, &["*"]).await.unwrap_err());

    let proposed = Some(with_service(SERVICE, "canary-proposed"));
    let test = TestEndpointRequest { name: ERP.into(), proposed, ..Default::default() };
    hear(&integrations.test_endpoint(test).await.unwrap());
    let mut config = ConfigServiceClient::new(plane.channel());
    hear(&config.get_config(GetConfigRequest::default()).await.unwrap());
    let mut audit = AuditServiceClient::new(plane.channel());
    match audit.list_audit_entries(ListAuditEntriesRequest::default()).await {
        Ok(answer) => hear(&answer),
        Err(status) => assert_eq!(status.code(), Code::Unimplemented),
    }
    let revisions = ListIntegrationRevisionsRequest { name: ERP.into(), ..Default::default() };
    match integrations.list_integration_revisions(revisions).await {
        Ok(answer) => hear(&answer),
        Err(status) => assert_eq!(status.code(), Code::Unimplemented),
    }
    assert!(said.matches(REDACTED).count() > 10, "{said}");
    assert!(!said.contains("canary"), "{said}");
}

#[tokio::test]
async fn what_was_exported_applies_as_nothing() {
    let plane = plane().await;
    let exported = plane.export().await;
    let manifest = exported.manifest.unwrap();
    assert_eq!(manifest, redacted());
    let again = plane.apply(manifest).await.unwrap();
    assert_eq!(again.revision, exported.revision);
    assert!(again.changes.iter().all(|change| change.action() == Action::Unchanged), "{again:?}");
}

#[tokio::test]
async fn what_stands_for_a_secret_keeps_it_beside_other_changes() {
    let plane = plane().await;
    let mut manifest = redacted();
    manifest.integrations[0].display_name = "Renamed".into();
    let orders = manifest.deployments[0].flow_endpoints.get_mut("create-order").unwrap();
    orders.headers.insert("x-new".into(), "new-value".into());
    orders.retry_on_reset = true;
    plane.apply(manifest).await.unwrap();
    let sent = sent(&plane).await;
    for secret in ["Bearer canary-flow", "canary-service", "new-value"] {
        assert!(sent.contains(secret), "{secret}: {sent}");
    }
    assert!(!sent.contains(REDACTED), "{sent}");
}

#[tokio::test]
async fn updates_with_and_without_a_mask_keep_secrets() {
    let plane = plane().await;
    let read = plane.deployment(BOWLERS).await;
    let again = plane.update_deployment(read.clone(), &["*"]).await.unwrap();
    assert_eq!(again.revision, 1, "what Get answered is no change");
    for mask in [
        &[][..],
        &["flow_endpoints"],
        &["flow_endpoints.create-order"],
        &["flow_endpoints.create-order.headers"],
    ] {
        assert_eq!(plane.update_deployment(read.clone(), mask).await.unwrap().revision, 1, "{mask:?}");
    }
    // A path that names nothing of them.
    let renamed =
        Deployment { display_name: "Renamed".into(), ..deployment(BOWLERS, "customers/bowlers-inc") };
    assert_eq!(plane.update_deployment(renamed, &["display_name"]).await.unwrap().revision, 2);
    let read = plane.integration(ERP).await;
    assert_eq!(plane.update_integration(read, &["endpoint.preprocess"]).await.unwrap().revision, 2);
    let sent = sent(&plane).await;
    assert!(sent.contains("Bearer canary-flow") && sent.contains("canary-service"), "{sent}");
}

#[tokio::test]
async fn a_secret_does_not_go_to_another_scheme_host_or_port() {
    let plane = plane().await;
    let field = r#"deployment.flow_endpoints["create-order"].headers["authorization"]"#;
    for url in [
        "http://flows.example.com/orders",
        "http://flows.example.com:443/orders",
        "https://flows.example.com:8443/orders",
        "https://evil.example.com/orders",
        "https://flows.example.com.evil.example/orders",
        // Another name where resolvers add domains to one without a dot at its end.
        "https://flows.example.com./orders",
        "https://127.0.0.1/orders",
    ] {
        let moved = with_header(url, REDACTED);
        for mask in [&["*"][..], &["flow_endpoints.create-order"], &["flow_endpoints.create-order.url"]] {
            let refused = said(plane.update_deployment(moved.clone(), mask).await);
            assert_eq!(
                (refused.code, refused.fields()),
                (Code::InvalidArgument, vec![field]),
                "{url} {mask:?}"
            );
            assert!(refused.fields[field].contains("is for https://flows.example.com:443"), "{refused:?}");
        }
        let mut manifest = redacted();
        manifest.deployments[0] = moved;
        let refused = said(plane.apply(manifest).await);
        assert_eq!(refused.fields(), [field.replace("deployment.", "manifest.deployments[0].")], "{url}");
        plane.update_deployment(with_header(url, "Bearer given-anew"), &["*"]).await.unwrap();
        plane.update_deployment(with_header(ORDERS, "Bearer canary-flow"), &["*"]).await.unwrap();
    }
}

#[tokio::test]
async fn a_secret_stays_where_the_address_only_looks_different() {
    let plane = plane().await;
    for url in [
        "HTTPS://Flows.Example.COM/orders",
        "https://flows.example.com:443/orders",
        "https://flows.example.com/other/path?and=query",
        ORDERS,
    ] {
        plane.update_deployment(with_header(url, REDACTED), &["*"]).await.unwrap();
        assert!(sent(&plane).await.contains("Bearer canary-flow"), "{url}");
    }
    // Names beyond ASCII, in either form.
    plane
        .update_deployment(with_header("https://bücher.example/", "Bearer canary-books"), &["*"])
        .await
        .unwrap();
    plane.update_deployment(with_header("https://xn--bcher-kva.example/x", REDACTED), &["*"]).await.unwrap();
    assert!(sent(&plane).await.contains("Bearer canary-books"));
    // A header's name is the same in any case.
    let mut spelled = with_header("https://xn--bcher-kva.example/x", REDACTED);
    spelled.flow_endpoints.get_mut("create-order").unwrap().headers = strings(&[("Authorization", REDACTED)]);
    plane.update_deployment(spelled, &["*"]).await.unwrap();
    assert!(sent(&plane).await.contains("Bearer canary-books"));
}

#[tokio::test]
async fn metadata_does_not_go_to_another_service() {
    let plane = plane().await;
    let field = r#"integration.endpoint.preprocess.metadata["x-key"]"#;
    for address in
        ["http://127.0.0.1:50062", "https://127.0.0.1:50061", "http://127.0.0.2:50061", "unix:/run/x"]
    {
        let refused = said(plane.update_integration(with_service(address, REDACTED), &["*"]).await);
        assert_eq!(refused.fields(), [field], "{address}");
        let only_address = &["endpoint.preprocess.address"];
        let refused = said(plane.update_integration(with_service(address, REDACTED), only_address).await);
        assert_eq!(refused.fields(), [field], "{address}");
        // And not for a test either, which calls the service.
        let proposed = Some(with_service(address, REDACTED));
        let test = TestEndpointRequest { name: ERP.into(), proposed, ..Default::default() };
        let refused = said(plane.integrations().test_endpoint(test).await);
        assert_eq!(refused.fields(), [field.replace("integration.", "proposed.")], "{address}");
    }
    plane.update_integration(with_service("unix:/run/x", "canary-socket"), &["*"]).await.unwrap();
    for (address, kept) in [("unix:///run/x", true), ("unix:/run/y", false)] {
        let update = plane.update_integration(with_service(address, REDACTED), &["*"]).await;
        assert_eq!(update.is_ok(), kept, "{address}");
    }
    // Taken away and added again: nothing is left of it.
    plane.update_integration(acme_erp(), &["*"]).await.unwrap();
    let refused = said(plane.update_integration(with_service("unix:/run/x", REDACTED), &["*"]).await);
    assert_eq!(refused.fields(), [field]);
    assert!(refused.fields[field].contains("none is"), "{refused:?}");
}

#[tokio::test]
async fn a_test_of_what_is_there_uses_its_secrets() {
    let data = tempfile::TempDir::new().unwrap();
    let service = Arc::new(Listening::default());
    let preprocess = Arc::clone(&service) as Arc<dyn PreprocessCaller>;
    let running = App::build(Config { preprocess, ..config(data.path()) }).await.unwrap().spawn();
    let channel = Channel::from_shared(format!("http://{}", running.admin_addr())).unwrap();
    let channel = channel.connect().await.unwrap();
    let request = ApplyManifestRequest { manifest: Some(canaries()), ..Default::default() };
    ManifestServiceClient::new(channel.clone()).apply_manifest(request).await.unwrap();
    let mut integrations = IntegrationServiceClient::new(channel);
    let get = GetIntegrationRequest { name: ERP.into() };
    let read = integrations.get_integration(get).await.unwrap().into_inner().integration;
    for proposed in [None, read] {
        let test = TestEndpointRequest { name: ERP.into(), proposed, ..Default::default() };
        integrations.test_endpoint(test).await.unwrap();
        assert_eq!(service.0.lock().unwrap().pop().unwrap(), "canary-service");
    }
}

#[tokio::test]
async fn what_stands_for_a_secret_that_is_not_there_is_refused() {
    let plane = plane().await;
    // Another name, another flow, another deployment, another integration; also where an update may create.
    let mut other_name = with_header(ORDERS, REDACTED);
    let orders = other_name.flow_endpoints.get_mut("create-order").unwrap();
    orders.headers = strings(&[("x-other", REDACTED)]);
    let refused = said(plane.update_deployment(other_name, &["*"]).await);
    assert_eq!(refused.fields(), [r#"deployment.flow_endpoints["create-order"].headers["x-other"]"#]);

    let mut other_flow = with_header(ORDERS, REDACTED);
    let moved = other_flow.flow_endpoints.remove("create-order").unwrap();
    other_flow.flow_endpoints.insert("update-inventory".into(), moved);
    let refused = said(plane.update_deployment(other_flow, &["*"]).await);
    assert_eq!(
        refused.fields(),
        [r#"deployment.flow_endpoints["update-inventory"].headers["authorization"]"#]
    );

    let gamma = "integrations/acme-erp/deployments/gamma-llc";
    let other = Deployment { name: gamma.into(), ..with_header(ORDERS, REDACTED) };
    let other = Deployment { customer: "customers/gamma-llc".into(), ..other };
    let field = r#"deployment.flow_endpoints["create-order"].headers["authorization"]"#;
    assert_eq!(said(plane.update_deployment(other.clone(), &["*"]).await).fields(), [field]);
    let paused = Deployment { name: String::new(), state: State::Paused.into(), ..other };
    assert_eq!(said(plane.create_deployment(ERP, "new", paused.clone()).await).fields(), [field]);
    let request = UpdateDeploymentRequest {
        deployment: Some(Deployment { name: format!("{ERP}/deployments/new"), ..paused }),
        allow_missing: true,
        ..Default::default()
    };
    assert_eq!(said(plane.deployments().update_deployment(request).await).fields(), [field]);

    let integration = Integration { name: String::new(), ..with_service(SERVICE, REDACTED) };
    let refused = said(plane.create_integration("new", integration).await);
    assert_eq!(refused.fields(), [r#"integration.endpoint.preprocess.metadata["x-key"]"#]);
}

/// Messages are bounded, also by what they do not show.
#[tokio::test]
async fn kept_secrets_count_for_the_size_of_a_resource() {
    let plane = plane().await;
    let large = |name: &str, value: String| {
        let mut deployment = with_header(ORDERS, REDACTED);
        let headers = &mut deployment.flow_endpoints.get_mut("create-order").unwrap().headers;
        for number in 0..90 {
            headers.insert(format!("x-{name}-{number}"), value.clone());
        }
        deployment
    };
    let first = large("a", "a".repeat(8_000));
    plane.update_deployment(first, &["*"]).await.unwrap();
    let mut both = large("a", REDACTED.to_owned());
    let inventory = both.flow_endpoints.get_mut("update-inventory").unwrap();
    inventory.headers = (0..90).map(|number| (format!("x-b-{number}"), "b".repeat(8_000))).collect();
    let refused = said(plane.update_deployment(both, &["*"]).await);
    assert_eq!(refused.fields(), ["deployment"]);
    assert!(refused.fields["deployment"].contains("with the secrets that are kept"), "{refused:?}");
}

/// Requests that are repeated are known by a digest, and their answers are kept.
#[tokio::test]
async fn nothing_beside_the_database_file_or_in_it_shows_a_secret() {
    let plane = plane().await;
    let request = UpdateDeploymentRequest {
        deployment: Some(with_header(ORDERS, "Bearer canary-repeated")),
        request_id: "once".into(),
        ..Default::default()
    };
    let first = plane.deployments().update_deployment(request.clone()).await.unwrap().into_inner();
    let again = plane.deployments().update_deployment(request.clone()).await.unwrap().into_inner();
    assert_eq!(first, again);
    let mut guess = request;
    guess.deployment = Some(with_header(ORDERS, "Bearer canary-guessed"));
    assert_eq!(said(plane.deployments().update_deployment(guess).await).reason, "REQUEST_ID_REUSED");
    let mut found = Vec::new();
    for file in std::fs::read_dir(plane.data()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if bytes.windows(6).any(|window| window == b"canary") {
            found.push(path);
        }
    }
    assert!(found.is_empty(), "{found:?}");
}
