//! The example manifests do what their case files say, on the edge and in a dry run, which never differ.

use std::{fs, path::Path};

use http::{Request, StatusCode};
use http_body_util::Full;
use pointsman_proto::admin::v1::{
    SampleHeader, SampleRequest, TestEndpointRequest, integration_service_client::IntegrationServiceClient,
    test_endpoint_response::End,
};
use pointsman_sdk::{
    Server,
    testkit::{Case, CaseFile, Routing, Sample},
};
use pointsman_tests::{
    receiver::Receiver,
    sandbox::Sandbox,
    sender::{self, Version},
};
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

#[path = "../../examples/preprocess/rust/acme.rs"]
mod acme;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");

#[tokio::test]
async fn every_example_does_what_its_cases_say() {
    let mut files = 0;
    for entry in fs::read_dir(format!("{EXAMPLES}/cases")).expect("the cases") {
        check(CaseFile::read(entry.expect("a file of cases").path()).expect("a file of cases")).await;
        files += 1;
    }
    let manifests = fs::read_dir(EXAMPLES).expect("the examples").filter_map(Result::ok);
    let manifests = manifests.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "yaml"));
    assert_eq!(files, manifests.count(), "each manifest has a file of cases");
}

async fn check(file: CaseFile<Routing>) {
    let mut flows = Receiver::start().await;
    let service = Server::new(acme::Acme::default()).bind(&"127.0.0.1:0".parse().expect("an address")).await;
    let service = service.expect("the tutorial's service");
    let service_address = service.address().url();
    let _service = AbortOnDropHandle::new(tokio::spawn(service.serve_until(std::future::pending())));

    let manifest = fs::read_to_string(file.manifest.expect("a manifest")).expect("a manifest");
    let manifest = manifest
        .replace("http://127.0.0.1:9001", &flows.url(""))
        .replace("http://127.0.0.1:50061", &service_address);
    let manifest: Value = serde_saphyr::from_str(&manifest).expect("YAML");
    let sandbox = Sandbox::with_manifest(&manifest).await;

    for Case { name, request, expect } in &file.cases {
        let context = format!("{}: {name}", Path::new(&file.path).display());
        assert_eq!(&send(&sandbox, &mut flows, request).await, expect, "{context}");
        assert_eq!(&dry_run(&sandbox, request).await, expect, "dry run: {context}");
    }
}

/// Sends a sample to the edge and sees where it goes.
async fn send(sandbox: &Sandbox, flows: &mut Receiver, sample: &Sample) -> Routing {
    let mut target = sandbox.hook(&sample.integration).await;
    if !sample.path_fragment.is_empty() {
        target = format!("{target}/{}", sample.path_fragment);
    }
    if !sample.query.is_empty() {
        target = format!("{target}?{}", sample.query);
    }
    let mut request = Request::builder().method(sample.method.as_str()).uri(target);
    for (name, value) in &sample.headers {
        request = request.header(name, &value[..]);
    }
    let request = request.body(Full::new(sample.body.clone())).expect("a request");
    let answered = sender::send(sandbox.edge_addr().await, Version::Http1, request).await;
    if answered.status != StatusCode::OK {
        flows.expect_nothing();
        return Routing::Refused { code: answered.code() };
    }
    let received = flows.next().await;
    assert_eq!(received.body, sample.body, "the same bytes");
    let (integration, deployment) =
        (received.header("pointsman-integration"), received.header("pointsman-deployment"));
    Routing::Forwarded {
        deployment: format!("integrations/{integration}/deployments/{deployment}"),
        flow: received.header("pointsman-flow").to_owned(),
    }
}

/// Asks the control plane where a sample would go.
async fn dry_run(sandbox: &Sandbox, sample: &Sample) -> Routing {
    let headers = sample.headers.iter();
    let request = TestEndpointRequest {
        name: sample.integration.clone(),
        request: Some(SampleRequest {
            method: sample.method.clone(),
            path_fragment: sample.path_fragment.clone(),
            query: sample.query.clone(),
            headers: headers
                .map(|(name, value)| SampleHeader { name: name.clone(), value: value.clone() })
                .collect(),
            body: sample.body.clone(),
        }),
        ..Default::default()
    };
    let response = IntegrationServiceClient::new(sandbox.admin()).test_endpoint(request).await;
    match response.expect("a dry run").into_inner().end.expect("an end") {
        End::Route(route) => Routing::Forwarded { deployment: route.deployment, flow: route.flow },
        End::Refusal(refusal) => Routing::Refused { code: refusal.code },
    }
}
