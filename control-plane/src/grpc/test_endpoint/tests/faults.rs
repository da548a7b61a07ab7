//! What is said of a test that cannot be run.

use super::*;

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let served = served(&Arc::default()).await;
    let status = test(&served, post("nobody", "{}")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.get_details_resource_info().unwrap().resource_name, "integrations/nobody");
    let deployment = "integrations/instance/deployments/nobody".to_owned();
    let request = TestEndpointRequest { deployment, ..post("instance", "{}") };
    let status = test(&served, request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn all_faults_are_named_at_once() {
    let served = served(&Arc::default()).await;
    let header =
        |name: &str, value: &'static str| SampleHeader { name: name.to_owned(), value: value.into() };
    let mut broken = proposed();
    broken.name = "integrations/other".to_owned();
    broken.flows[1].key = "a b".to_owned();
    let endpoint = broken.endpoint.as_mut().unwrap();
    endpoint.mode = 99;
    endpoint.flow_name = Some(ValueSource {
        source: Some(Source::Reference("results.[".to_owned())),
        ..ValueSource::default()
    });
    let request = TestEndpointRequest {
        proposed: Some(broken),
        deployment: "nonsense".to_owned(),
        flow: "create-order".to_owned(),
        request: Some(SampleRequestMessage {
            method: "G T".to_owned(),
            path_fragment: "a?b".to_owned(),
            query: "a#b".to_owned(),
            headers: vec![header("x y", "1"), header("x", "a\r\nb"), header("fine", "1")],
            ..SampleRequestMessage::default()
        }),
        ..post("acme", "")
    };
    assert_eq!(
        fields(&test(&served, request).await.unwrap_err()),
        [
            "proposed.name",
            "proposed.endpoint.mode",
            "deployment",
            "request.method",
            "request.path_fragment",
            "request.query",
            "request.headers[0].name",
            "request.headers[1].value",
            "flow",
            "proposed.flows[1].key",
            "proposed.endpoint.flow_name.reference",
        ]
    );
    let nameless =
        TestEndpointRequest { name: "acme".to_owned(), flow: "a b".to_owned(), ..post("acme", "") };
    assert_eq!(fields(&test(&served, nameless).await.unwrap_err()), ["name", "flow"]);
}

#[tokio::test]
async fn the_endpoint_must_be_one_of_the_integration() {
    let served = served(&Arc::default()).await;
    let request = |integration: &str, deployment: &str, flow: &str| TestEndpointRequest {
        deployment: deployment.to_owned(),
        flow: flow.to_owned(),
        ..post(integration, "{}")
    };
    let instance = "integrations/instance/deployments/bowlers";
    let cases = [
        (request("instance", "", ""), vec!["deployment"]),
        (request("instance", instance, "create-order"), vec!["flow"]),
        (request("instance", "integrations/flow/deployments/bowlers", ""), vec!["deployment"]),
        (request("flow", "", ""), vec!["deployment", "flow"]),
        (request("flow", "integrations/flow/deployments/bowlers", "refund"), vec!["flow"]),
        (
            request("acme", "integrations/acme/deployments/bowlers", "create-order"),
            vec!["deployment", "flow"],
        ),
    ];
    for (request, expected) in cases {
        let status = test(&served, request).await.unwrap_err();
        assert_eq!(fields(&status), expected, "{}", status.message());
    }
}

/// A caller whose token is for other integrations learns nothing.
#[tokio::test]
async fn a_scope_bounds_what_can_be_tested() {
    let served = served(&Arc::default()).await;
    let tester = EndpointTester::new(
        served.plane.store.clone(),
        Arc::new(Service::default()),
        std::time::SystemTime::now,
    );
    let scope: Arc<[_]> = [pointsman_routing::name::IntegrationId::parse("service").unwrap()].into();
    let caller = Caller { scope: Some(scope), ..Caller::anybody(None) };
    let status = run(&tester, &caller, post("acme", INVENTORY)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}
