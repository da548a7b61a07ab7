use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pointsman_proto::{
    admin::v1::{
        DeliveryMode, Endpoint, EndpointType, Flow, Integration, Lookup, Preprocess as PreprocessMessage,
        SampleHeader, ValueSource, value_source::Source,
    },
    preprocess::v1::{EndpointType as CalledType, PreprocessRequest},
};
use pointsman_routing::{
    integration::{EndpointType as StoredType, IntegrationSpec, Preprocess, PreprocessSpec},
    outcome::{Outcome, Refusal},
    source::ValueSourceSpec,
};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::*;
use crate::{
    PreprocessCaller,
    testkit::{Plane, Served, acme, patient, put_acme, put_customer, put_deployment, put_mapping},
};

const INVENTORY: &str = r#"{"customerId": "A06DFFAC", "type": "inventory_update", "data": []}"#;
const ORDER: &str = r#"{"customerId": "C3E72B0C", "type": "create_order", "data": {"total": 122.57}}"#;

/// A service that says what it is told to, and remembers what it was asked.
#[derive(Default)]
struct Service {
    answer: Mutex<Option<Result<Reply, Refusal>>>,
    asked: Mutex<Vec<PreprocessRequest>>,
}

#[async_trait]
impl PreprocessCaller for Service {
    async fn call(&self, _service: &Preprocess, request: PreprocessRequest) -> Result<Reply, Refusal> {
        self.asked.lock().unwrap().push(request);
        self.answer.lock().unwrap().clone().expect("nothing calls the service")
    }
}

impl Service {
    fn answering(answer: Result<Reply, Refusal>) -> Arc<Self> {
        Arc::new(Self { answer: Mutex::new(Some(answer)), ..Self::default() })
    }
}

fn reply(fields: &[(&str, &str)]) -> Reply {
    let field = |(name, value): &(&str, &str)| ((*name).to_owned(), ReplyValue::String((*value).to_owned()));
    Reply(fields.iter().map(field).collect())
}

fn reference(reference: &str) -> Option<ValueSourceSpec> {
    Some(ValueSourceSpec { reference: Some(reference.to_owned()), ..ValueSourceSpec::default() })
}

/// The tutorial's integration with a service that finds out both.
fn with_service() -> IntegrationSpec {
    IntegrationSpec {
        external_customer_id: reference("results.customerExternalId"),
        flow_name: reference("results.flowName"),
        preprocess: Some(PreprocessSpec {
            address: "http://127.0.0.1:50061".to_owned(),
            metadata: [("x-key".to_owned(), "secret-key".to_owned())].into(),
            ..PreprocessSpec::default()
        }),
        ..acme()
    }
}

/// Two customers; `acme` from references, `service` with a service, `instance` and `flow` of the other endpoint types.
async fn served(service: &Arc<Service>) -> Served {
    let plane = Plane::new(patient());
    plane
        .write(|tx| {
            put_customer(tx, "bowlers", "progix-1001");
            put_customer(tx, "pencils", "progix-1002");
            put_customer(tx, "paused", "progix-1003");
            put_customer(tx, "none", "progix-1004");
            let typed = |endpoint_type| IntegrationSpec {
                endpoint_type: Some(endpoint_type),
                external_customer_id: None,
                ..acme()
            };
            put_acme(tx, "acme", acme());
            put_acme(tx, "service", with_service());
            put_acme(tx, "instance", typed(StoredType::InstanceSpecific));
            put_acme(tx, "flow", IntegrationSpec { flow_name: None, ..typed(StoredType::FlowSpecific) });
            for integration in ["acme", "service", "instance", "flow"] {
                put_deployment(tx, integration, "bowlers", "bowlers", false);
                put_deployment(tx, integration, "pencils", "pencils", false);
                put_deployment(tx, integration, "paused", "paused", true);
            }
            for (mapping, source, customer) in [
                ("a06dffac", "A06DFFAC", "bowlers"),
                ("c3e72b0c", "C3E72B0C", "pencils"),
                ("paused", "PAUSED", "paused"),
                ("none", "NONE", "none"),
            ] {
                put_mapping(tx, &format!("integrations/acme/customerMappings/{mapping}"), source, customer);
            }
        })
        .await;
    plane.serve_with(Arc::clone(service) as Arc<dyn PreprocessCaller>).await
}

fn post(integration: &str, body: &str) -> TestEndpointRequest {
    let json = SampleHeader { name: "Content-Type".to_owned(), value: "application/json".into() };
    TestEndpointRequest {
        name: format!("integrations/{integration}"),
        request: Some(SampleRequestMessage {
            headers: vec![json],
            body: body.to_owned().into(),
            ..SampleRequestMessage::default()
        }),
        ..TestEndpointRequest::default()
    }
}

async fn test(served: &Served, request: TestEndpointRequest) -> Result<TestEndpointResponse, Status> {
    served.integrations().await.test_endpoint(request).await.map(tonic::Response::into_inner)
}

async fn routed(served: &Served, request: TestEndpointRequest) -> (Vec<TraceStep>, TestRoute) {
    let response = test(served, request).await.unwrap();
    match response.end.unwrap() {
        End::Route(route) => (response.steps, route),
        End::Refusal(refusal) => panic!("{refusal:?}"),
    }
}

async fn refused(served: &Served, request: TestEndpointRequest) -> (Vec<TraceStep>, TestRefusal) {
    let response = test(served, request).await.unwrap();
    match response.end.unwrap() {
        End::Refusal(refusal) => (response.steps, refusal),
        End::Route(route) => panic!("{route:?}"),
    }
}

/// The fields that are at fault.
fn fields(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let violations = status.get_details_bad_request().expect("a BadRequest").field_violations;
    violations.into_iter().map(|violation| violation.field).collect()
}

#[tokio::test]
async fn the_tutorial_from_references() {
    let served = served(&Arc::default()).await;
    let (steps, route) = routed(&served, post("acme", INVENTORY)).await;
    let trace: Vec<_> = steps
        .iter()
        .map(|step| (step.stage(), &*step.source, &*step.found, &*step.resolved, &*step.through))
        .collect();
    let mapping = "integrations/acme/customerMappings/a06dffac";
    let deployment = "integrations/acme/deployments/bowlers";
    assert_eq!(
        trace,
        [
            (
                trace_step::Stage::Customer,
                "results.body.data.customerId",
                "A06DFFAC",
                "customers/bowlers",
                mapping
            ),
            (trace_step::Stage::Deployment, "customer", "customers/bowlers", deployment, ""),
            (
                trace_step::Stage::Flow,
                "results.body.data.type",
                "inventory_update",
                "update-inventory",
                "values"
            ),
        ]
    );
    let details: Vec<_> = steps.iter().map(|step| &*step.detail).collect();
    assert_eq!(
        details,
        [
            "results.body.data.customerId is \"A06DFFAC\", which integrations/acme/customerMappings/a06dffac makes \
             customers/bowlers.",
            "integrations/acme/deployments/bowlers is the customer's deployment.",
            "results.body.data.type is \"inventory_update\", which values makes the flow update-inventory.",
        ]
    );
    assert!(steps.iter().all(|step| step.duration.is_none() && step.results.is_none()));
    let expected = TestRoute {
        customer: "customers/bowlers".to_owned(),
        customer_external_id: "progix-1001".to_owned(),
        customer_user: String::new(),
        deployment: deployment.to_owned(),
        flow: "update-inventory".to_owned(),
        url: "http://127.0.0.1:9001/bowlers/update-inventory".to_owned(),
    };
    assert_eq!(route, expected);

    let (_, route) = routed(&served, post("acme", ORDER)).await;
    assert_eq!((&*route.customer, &*route.flow), ("customers/pencils", "create-order"));
}

#[tokio::test]
async fn the_tutorial_with_a_service() {
    let service = Service::answering(Ok(reply(&[
        ("customerExternalId", "progix-1001"),
        ("flowName", "Update Inventory"),
    ])));
    let served = served(&service).await;
    let mut request = post("service", INVENTORY);
    let sample = request.request.as_mut().unwrap();
    (sample.path_fragment, sample.query) = ("deep/er".to_owned(), "q=1".to_owned());
    for (name, value) in [("X-B", "1"), ("x-a", "2"), ("x-b", "3")] {
        sample.headers.push(SampleHeader { name: name.to_owned(), value: value.into() });
    }
    let (steps, route) = routed(&served, request).await;
    assert_eq!(route.url, "http://127.0.0.1:9001/bowlers/update-inventory/deep/er?q=1");

    let [called, ..] = &steps[..] else { panic!("no steps") };
    assert_eq!(called.stage(), trace_step::Stage::Preprocess);
    assert_eq!(called.source, "http://127.0.0.1:50061");
    assert!(called.detail.starts_with("The service at http://127.0.0.1:50061 returned"), "{}", called.detail);
    assert!(called.duration.is_some());
    let results = called.results.as_ref().unwrap();
    assert_eq!(results.fields["flowName"].kind, Some(Kind::StringValue("Update Inventory".to_owned())));
    assert_eq!(steps[1].source, "results.customerExternalId");
    assert_eq!(
        steps[1].detail,
        "results.customerExternalId is \"progix-1001\", the external ID of customers/bowlers."
    );
    assert_eq!(
        steps[3].detail,
        "results.flowName is \"Update Inventory\", which names the flow update-inventory."
    );

    let asked = service.asked.lock().unwrap();
    let asked = &asked[0];
    assert_eq!(asked.integration, "integrations/service");
    assert_eq!(asked.endpoint_type(), CalledType::Shared);
    assert_eq!((&*asked.deployment, &*asked.customer_external_id, &*asked.flow), ("", "", ""));
    assert_eq!((&*asked.method, &*asked.path_fragment, &*asked.query), ("POST", "deep/er", "q=1"));
    assert_eq!(asked.body, INVENTORY);
    let headers: Vec<_> = asked.headers.iter().map(|header| (&*header.name, &header.value[..])).collect();
    let together: Vec<_> =
        headers.iter().filter(|(name, _)| *name == "x-b").map(|(_, value)| *value).collect();
    assert_eq!(together, [b"1", b"3"]);
    assert!(headers.iter().all(|(name, _)| *name == name.to_lowercase()));
    assert!(!asked.execution_id.is_empty() && asked.receive_time.is_some());
}

#[tokio::test]
async fn a_service_that_refuses_ends_the_test() {
    let refusal = Refusal::new(Outcome::PreprocessRefused, "no such shop");
    let served = served(&Service::answering(Err(refusal))).await;
    let (steps, refusal) = refused(&served, post("service", INVENTORY)).await;
    assert_eq!((&*refusal.code, &*refusal.detail), ("preprocess_refused", "No such shop."));
    assert_eq!(steps.len(), 1);
    assert!(steps[0].results.is_none());
    assert!(steps[0].detail.contains("preprocess_refused: no such shop"), "{}", steps[0].detail);
}

#[tokio::test]
async fn instance_and_flow_specific_endpoints_name_their_deployment() {
    let service = Service::answering(Ok(reply(&[("flow", "Create Order")])));
    let served = served(&service).await;
    let deployment = |integration: &str| format!("integrations/{integration}/deployments/pencils");
    let instance = TestEndpointRequest { deployment: deployment("instance"), ..post("instance", INVENTORY) };
    let (steps, route) = routed(&served, instance).await;
    assert_eq!((&*route.customer, &*route.flow), ("customers/pencils", "update-inventory"));
    assert_eq!(steps[0].source, "endpoint");
    assert_eq!(steps[0].detail, "The endpoint is one of customers/pencils.");

    let flow = |request| TestEndpointRequest {
        deployment: deployment("flow"),
        flow: "create-order".to_owned(),
        ..request
    };
    let (steps, route) = routed(&served, flow(post("flow", ""))).await;
    assert_eq!(route.url, "http://127.0.0.1:9001/pencils/create-order");
    assert_eq!(steps.last().unwrap().detail, "The endpoint is that of the flow create-order.");

    // A service is told which endpoint it is.
    let service_of_flow = Integration {
        endpoint: Some(Endpoint {
            r#type: EndpointType::FlowSpecific.into(),
            preprocess: Some(PreprocessMessage {
                address: "http://127.0.0.1:50061".to_owned(),
                body: 2,
                ..PreprocessMessage::default()
            }),
            ..Endpoint::default()
        }),
        ..proposed()
    };
    routed(&served, TestEndpointRequest { proposed: Some(service_of_flow), ..flow(post("flow", "x")) }).await;
    let asked = service.asked.lock().unwrap();
    assert_eq!(asked[0].endpoint_type(), CalledType::FlowSpecific);
    assert_eq!(asked[0].deployment, deployment("flow"));
    assert_eq!((&*asked[0].customer_external_id, &*asked[0].flow), ("progix-1002", "create-order"));
    assert_eq!(asked[0].body, "", "the service asks for none");
}

/// Acme ERP with another way to say which flow.
fn proposed() -> Integration {
    let source = |text: &str| ValueSource {
        source: Some(Source::Reference(text.to_owned())),
        ..ValueSource::default()
    };
    let flow = |key: &str| Flow { key: key.to_owned(), ..Flow::default() };
    Integration {
        flows: vec![flow("update-inventory"), flow("create-order")],
        endpoint: Some(Endpoint {
            r#type: EndpointType::Shared.into(),
            mode: DeliveryMode::Sync.into(),
            external_customer_id: Some(ValueSource {
                lookup: Lookup::CustomerMappings.into(),
                ..source("results.headers.x-customer")
            }),
            flow_name: Some(source("results.queryParameters.flow")),
            ..Endpoint::default()
        }),
        ..Integration::default()
    }
}

#[tokio::test]
async fn a_proposed_configuration_counts_instead_of_the_stored_one() {
    let served = served(&Arc::default()).await;
    let mut request = TestEndpointRequest { proposed: Some(proposed()), ..post("acme", INVENTORY) };
    let sample = request.request.as_mut().unwrap();
    sample.headers.push(SampleHeader { name: "X-Customer".to_owned(), value: "C3E72B0C".into() });
    sample.query = "flow=create-order".to_owned();
    let (_, route) = routed(&served, request).await;
    assert_eq!((&*route.customer, &*route.flow), ("customers/pencils", "create-order"));
    // And nothing of it is stored.
    let (_, route) = routed(&served, post("acme", INVENTORY)).await;
    assert_eq!((&*route.customer, &*route.flow), ("customers/bowlers", "update-inventory"));
}

#[tokio::test]
async fn each_refusal_of_the_decision_says_what_matched_nothing() {
    let served = served(&Arc::default()).await;
    let cases = [
        (
            r#"{"type": "create_order"}"#,
            "customer_not_resolved",
            "There is no value at results.body.data.customerId. results.body.data holds type.",
            "Have the sender send it, or correct endpoint.externalCustomerId.reference.",
        ),
        (
            r#"{"customerID": "ZZZ", "type": "create_order"}"#,
            "customer_not_resolved",
            "There is no value at results.body.data.customerId. results.body.data holds customerID, type.",
            "Set endpoint.externalCustomerId.reference to results.body.data.customerID, where \"ZZZ\" is.",
        ),
        (
            r#"{"customerId": "ZZZ", "type": "create_order"}"#,
            "customer_unknown",
            "integrations/acme has no customer mapping for \"ZZZ\".",
            "Add a customer mapping for \"ZZZ\".",
        ),
        (
            r#"{"customerId": "A06DFFAX", "type": "create_order"}"#,
            "customer_unknown",
            "integrations/acme has no customer mapping for \"A06DFFAX\".",
            "Correct the sender, if \"A06DFFAC\" (customers/bowlers) is meant.",
        ),
        (
            r#"{"customerId": "progix-1001", "type": "create_order"}"#,
            "customer_unknown",
            "integrations/acme has no customer mapping for \"progix-1001\".",
            "It is the external ID of customers/bowlers: leave out endpoint.externalCustomerId.lookup, if senders send \
             those.",
        ),
        (
            r#"{"customerId": "NONE", "type": "create_order"}"#,
            "deployment_not_found",
            "customers/none has no deployment of integrations/acme.",
            "Add a deployment of integrations/acme for customers/none.",
        ),
        (
            r#"{"customerId": "PAUSED", "type": "create_order"}"#,
            "deployment_paused",
            "integrations/acme/deployments/paused is paused.",
            "Resume it; until then senders are told to come again.",
        ),
        (
            r#"{"customerId": "A06DFFAC"}"#,
            "flow_not_resolved",
            "There is no value at results.body.data.type. results.body.data holds customerId.",
            "Have the sender send it, or correct endpoint.flowName.reference.",
        ),
        (
            r#"{"customerId": "A06DFFAC", "type": "inventory_updat"}"#,
            "flow_unknown",
            "endpoint.flowName.values does not hold \"inventory_updat\"; it holds \"create_order\", \
             \"inventory_update\".",
            "Correct the sender, if \"inventory_update\" (Update Inventory) is meant.",
        ),
        (
            r#"{"customerId": "A06DFFAC", "type": "refund"}"#,
            "flow_unknown",
            "endpoint.flowName.values does not hold \"refund\"; it holds \"create_order\", \"inventory_update\".",
            "Add \"refund\" to endpoint.flowName.values.",
        ),
    ];
    for (body, code, detail, advice) in cases {
        let (steps, refusal) = refused(&served, post("acme", body)).await;
        assert_eq!((&*refusal.code, &*refusal.detail, &*refusal.advice[0]), (code, detail, advice));
        assert_eq!(steps.last().unwrap().resolved, "", "the last step is the one that failed");
    }
    for body in ["{", r#"{"customerId": "A", "customerId": "B"}"#] {
        let (steps, refusal) = refused(&served, post("acme", body)).await;
        assert_eq!(refusal.code, "body_malformed");
        let reason = "results.body.data.customerId cannot be read: ";
        assert!(refusal.detail.starts_with(reason), "{}", refusal.detail);
        assert!(refusal.detail.contains(": line 1, column "), "{}", refusal.detail);
        assert_eq!(steps.len(), 1);
    }
    let (_, refusal) = refused(&served, post("acme", "<order/>")).await;
    assert_eq!(
        refusal.advice[0],
        "The Content-Type is application/json, and it looks like XML: that would be text/xml."
    );
}

/// A flow that the deployment has no URL for is named, with those that it has one for.
#[tokio::test]
async fn a_flow_that_is_not_deployed_is_named() {
    let served = served(&Arc::default()).await;
    let mut more = proposed();
    more.flows.push(Flow { key: "refund".to_owned(), ..Flow::default() });
    let mut request = TestEndpointRequest { proposed: Some(more), ..post("acme", INVENTORY) };
    let sample = request.request.as_mut().unwrap();
    sample.headers.push(SampleHeader { name: "X-Customer".to_owned(), value: "C3E72B0C".into() });
    sample.query = "flow=refund".to_owned();
    let (_, refusal) = refused(&served, request).await;
    assert_eq!(
        (&*refusal.code, &*refusal.detail, &*refusal.advice[0]),
        (
            "flow_not_deployed",
            "integrations/acme/deployments/pencils has no URL for the flow \"refund\"; it has one for \
             \"create-order\", \"update-inventory\".",
            "Add flowEndpoints.refund.url to integrations/acme/deployments/pencils."
        )
    );
}

/// What is looked up as an external ID can be a source customer id, or a customer's name.
#[tokio::test]
async fn ids_of_the_wrong_kind_are_told_apart() {
    let service = Arc::new(Service::default());
    let served = served(&service).await;
    served
        .plane
        .write(|tx| put_mapping(tx, "integrations/service/customerMappings/a", "A06DFFAC", "bowlers"))
        .await;
    for (found, candidate, advice) in [
        (
            "progix-1O01",
            "progix-1001",
            "Correct the service, if \"progix-1001\" (customers/bowlers) is meant.",
        ),
        (
            "PROGIX-1002",
            "progix-1002",
            "Correct the service, if \"progix-1002\" (customers/pencils) is meant.",
        ),
        (
            "A06DFFAC",
            "",
            "integrations/service/customerMappings/a is for it, and makes it customers/bowlers: set ",
        ),
        (
            "pencils",
            "",
            "customers/pencils is a customer's name and no external ID; its external ID is \"progix-1002\".",
        ),
        ("unlike anything", "", "Add a customer with the external ID \"unlike anything\"."),
    ] {
        let answer = reply(&[("customerExternalId", found), ("flowName", "Create Order")]);
        *service.answer.lock().unwrap() = Some(Ok(answer));
        let (_, refusal) = refused(&served, post("service", "{}")).await;
        assert_eq!(refusal.code, "customer_unknown");
        assert!(refusal.advice[0].starts_with(advice), "{refusal:?}");
        let named = refusal.candidates.first().map(|candidate| candidate.value.as_str());
        assert_eq!(named.unwrap_or_default(), candidate, "{refusal:?}");
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

#[tokio::test]
async fn an_enabled_deployment_counts_beside_paused_ones() {
    let served = served(&Arc::default()).await;
    // Before it and behind it in the order of names.
    served
        .plane
        .write(|tx| {
            put_deployment(tx, "acme", "a", "bowlers", true);
            put_deployment(tx, "acme", "z", "bowlers", true);
        })
        .await;
    let (_, route) = routed(&served, post("acme", INVENTORY)).await;
    assert_eq!(route.deployment, "integrations/acme/deployments/bowlers");
}

#[tokio::test]
async fn an_unknown_flow_name_is_answered_with_the_nearest() {
    let service = Service::default();
    let service = Arc::new(service);
    let served = served(&service).await;
    let flows = "its flows are \"Update Inventory\" (update-inventory), \"Create Order\" (create-order).";
    for (name, advice) in [
        ("Update Inventroy", "Correct the service, if \"Update Inventory\" is meant."),
        ("Refund", "Add \"Refund\" to endpoint.flowName.values, or a flow of this name."),
    ] {
        let answer = reply(&[("customerExternalId", "progix-1001"), ("flowName", name)]);
        *service.answer.lock().unwrap() = Some(Ok(answer));
        let (_, refusal) = refused(&served, post("service", "{}")).await;
        assert_eq!(refusal.code, "flow_unknown");
        assert_eq!(refusal.detail, format!("integrations/service has no flow {name:?}; {flows}"));
        assert_eq!(refusal.advice[0], advice);
    }
}

#[tokio::test]
async fn method_path_and_body_are_judged_as_an_edge_does() {
    let served = served(&Arc::default()).await;
    let with = |change: fn(&mut SampleRequestMessage)| {
        let mut request = post("acme", INVENTORY);
        change(request.request.as_mut().unwrap());
        request
    };
    let cases = [
        (with(|sample| sample.method = "OPTIONS".to_owned()), "method_not_allowed"),
        (with(|sample| sample.method = "post".to_owned()), "method_not_allowed"),
        (with(|sample| sample.path_fragment = "a/../b".to_owned()), "path_invalid"),
        (with(|sample| sample.path_fragment = "a%2fb".to_owned()), "path_invalid"),
        (with(|sample| sample.path_fragment = "a\u{0}".to_owned()), "path_invalid"),
        (with(|sample| sample.body = vec![b' '; 6 * 1024 * 1024 + 1].into()), "body_too_large"),
    ];
    for (request, code) in cases {
        let (steps, refusal) = refused(&served, request).await;
        assert_eq!(refusal.code, code);
        assert!(steps.is_empty(), "nothing was read");
    }
    let padded = format!("{INVENTORY}{}", " ".repeat(6 * 1024 * 1024 - INVENTORY.len()));
    routed(&served, post("acme", &padded)).await;
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE"] {
        let mut request = post("acme", INVENTORY);
        request.request.as_mut().unwrap().method = method.to_owned();
        routed(&served, request).await;
    }
}

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
