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

mod faults;
mod refusals;

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
