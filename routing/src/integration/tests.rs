use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::name::FlowKey;

mod preprocess;

fn integration_id() -> IntegrationId {
    IntegrationId::parse("acme-erp").unwrap()
}

fn flow(key: &str, name: &str) -> FlowSpec {
    FlowSpec { key: key.to_owned(), name: name.to_owned() }
}

fn reference(reference: &str) -> ValueSourceSpec {
    ValueSourceSpec { reference: Some(reference.to_owned()), ..Default::default() }
}

fn constant(constant: &str) -> ValueSourceSpec {
    ValueSourceSpec { constant: Some(constant.to_owned()), ..Default::default() }
}

fn values(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    values.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The tutorial's integration, without a service.
fn acme_erp() -> IntegrationSpec {
    IntegrationSpec {
        flows: vec![flow("update-inventory", "Update Inventory"), flow("create-order", "Create Order")],
        endpoint_type: Some(EndpointType::Shared),
        external_customer_id: Some(ValueSourceSpec {
            lookup_customer_mappings: true,
            ..reference("results.body.data.customerId")
        }),
        flow_name: Some(ValueSourceSpec {
            values: values(&[("inventory_update", "Update Inventory"), ("create_order", "create-order")]),
            ..reference("results.body.data.type")
        }),
        ..Default::default()
    }
}

fn parse(spec: IntegrationSpec) -> Integration {
    Integration::parse(integration_id(), spec).unwrap()
}

fn faults(spec: IntegrationSpec) -> Vec<String> {
    match Integration::parse(integration_id(), spec) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.into_iter().map(|fault| fault.field).collect(),
    }
}

fn flow_faults(flows: Vec<FlowSpec>) -> Vec<String> {
    faults(IntegrationSpec { flows, flow_name: Some(reference("results.a")), ..acme_erp() })
}

#[test]
fn the_tutorials_integration_parses() {
    let integration = parse(acme_erp());
    assert_eq!(integration.id, integration_id());
    assert_eq!(integration.endpoint_type, EndpointType::Shared);
    assert_eq!(integration.max_body_bytes, 6 * 1024 * 1024);
    assert_eq!(integration.preprocess, None);
    let keys: Vec<&str> = integration.flows.keys().iter().map(FlowKey::as_str).collect();
    assert_eq!(keys, ["update-inventory", "create-order"]);
}

#[test]
fn flows_are_found_by_key_or_name_exactly() {
    let flows = parse(acme_erp()).flows;
    let find = |text: &str| flows.find(text).map(FlowKey::as_str);
    assert_eq!(find("create-order"), Some("create-order"));
    assert_eq!(find("Create Order"), Some("create-order"));
    assert_eq!((find("create order"), find("Create Order "), find("")), (None, None, None));
    assert_eq!(flows.find_key("create-order").map(FlowKey::as_str), Some("create-order"));
    assert_eq!(flows.find_key("Create Order"), None);
}

#[test]
fn a_flow_without_a_name_is_named_by_its_key() {
    let spec = IntegrationSpec { flows: vec![flow("only", "")], flow_name: None, ..acme_erp() };
    assert_eq!(parse(spec).flows.find("only").map(FlowKey::as_str), Some("only"));
    let same = IntegrationSpec { flows: vec![flow("only", "only")], flow_name: None, ..acme_erp() };
    assert_eq!(parse(same).flows.keys().len(), 1);
}

#[test]
fn names_and_keys_are_unique_together() {
    assert_eq!(flow_faults(vec![flow("a", "A"), flow("b", "B")]), [""; 0]);
    assert_eq!(flow_faults(vec![flow("a", "A"), flow("a", "B")]), ["flows[1].key"]);
    assert_eq!(flow_faults(vec![flow("a", "A"), flow("b", "A")]), ["flows[1].name"]);
    assert_eq!(flow_faults(vec![flow("a", "b"), flow("b", "B")]), ["flows[1].key"]);
    assert_eq!(flow_faults(vec![flow("a", "A"), flow("b", "a")]), ["flows[1].name"]);
    assert_eq!(flow_faults(vec![flow("a", "A"), flow("a", "A")]), ["flows[1].key", "flows[1].name"]);
    // Case and white space are part of a name.
    assert_eq!(flow_faults(vec![flow("a", "A"), flow("b", "A "), flow("A", "")]), ["flows[2].key"]);
    // A clash shows also where the first flow has a fault of its own.
    assert_eq!(flow_faults(vec![flow("?", "A"), flow("b", "A")]), ["flows[0].key", "flows[1].name"]);
}

#[test]
fn flows_are_one_to_a_thousand_with_good_keys_and_names() {
    let numbered = |count: usize| (0..count).map(|n| flow(&format!("f{n}"), "")).collect::<Vec<_>>();
    assert_eq!(flow_faults(vec![]), ["flows"]);
    assert_eq!(flow_faults(numbered(1_000)), [""; 0]);
    assert_eq!(flow_faults(numbered(1_001)), ["flows"]);
    let long = "x".repeat(256);
    let bad =
        vec![flow("", "A"), flow("a/b", "B"), flow("c", "a\tb"), flow("d", &long), flow("e", &long[1..])];
    assert_eq!(flow_faults(bad), ["flows[0].key", "flows[1].key", "flows[2].name", "flows[3].name"]);
    assert_eq!(flow_faults(vec![flow("a", "\u{85}")]), ["flows[0].name"]);
}

#[test]
fn the_type_must_be_there() {
    assert_eq!(faults(IntegrationSpec { endpoint_type: None, ..acme_erp() }), ["endpoint.type"]);
}

#[test]
fn shared_endpoints_have_a_customer_source_and_others_have_none() {
    let spec = |endpoint_type, external_customer_id| IntegrationSpec {
        endpoint_type: Some(endpoint_type),
        external_customer_id,
        ..acme_erp()
    };
    const FIELD: &str = "endpoint.external_customer_id";
    let source = || Some(reference("results.a"));
    assert_eq!(faults(spec(EndpointType::Shared, None)), [FIELD]);
    assert_eq!(faults(spec(EndpointType::Shared, source())), [""; 0]);
    for other in [EndpointType::InstanceSpecific, EndpointType::FlowSpecific] {
        assert_eq!(faults(spec(other, None)), [""; 0]);
        assert_eq!(faults(spec(other, source())), [FIELD]);
    }
}

#[test]
fn several_flows_need_a_source_unless_the_endpoint_says_it() {
    let spec = |endpoint_type: EndpointType, flows: Vec<FlowSpec>| IntegrationSpec {
        endpoint_type: Some(endpoint_type),
        external_customer_id: (endpoint_type == EndpointType::Shared).then(|| reference("results.a")),
        flow_name: None,
        flows,
        ..acme_erp()
    };
    let one = || vec![flow("a", "")];
    let two = || vec![flow("a", ""), flow("b", "")];
    for endpoint_type in [EndpointType::Shared, EndpointType::InstanceSpecific] {
        assert_eq!(faults(spec(endpoint_type, one())), [""; 0]);
        assert_eq!(faults(spec(endpoint_type, two())), ["endpoint.flow_name"]);
    }
    assert_eq!(faults(spec(EndpointType::FlowSpecific, one())), [""; 0]);
    assert_eq!(faults(spec(EndpointType::FlowSpecific, two())), [""; 0]);
}

#[test]
fn a_flow_that_is_written_out_must_be_one() {
    let spec = |flow_name| IntegrationSpec { flow_name: Some(flow_name), ..acme_erp() };
    assert_eq!(faults(spec(constant("Create Order"))), [""; 0]);
    assert_eq!(faults(spec(constant("create-order"))), [""; 0]);
    assert_eq!(faults(spec(constant("create_order"))), ["endpoint.flow_name.constant"]);
    let table = ValueSourceSpec {
        values: values(&[("a", "create-order"), ("b", "create_order")]),
        default_value: Some("nothing".to_owned()),
        ..reference("results.a")
    };
    assert_eq!(faults(spec(table)), ["endpoint.flow_name.values[\"b\"]", "endpoint.flow_name.default_value"]);
    // With a table, a constant is what the table is asked for.
    let asked = ValueSourceSpec { values: values(&[("a", "create-order")]), ..constant("a") };
    assert_eq!(faults(spec(asked)), [""; 0]);
}

#[test]
fn the_body_limit_has_bounds_and_a_default() {
    let spec = |max_body_bytes| IntegrationSpec { max_body_bytes, ..acme_erp() };
    assert_eq!(parse(spec(0)).max_body_bytes, DEFAULT_MAX_BODY_BYTES);
    assert_eq!(parse(spec(1)).max_body_bytes, 1);
    assert_eq!(parse(spec(1 << 30)).max_body_bytes, 1 << 30);
    for bad in [-1, i32::MIN, (1 << 30) + 1, i32::MAX] {
        assert_eq!(faults(spec(bad)), ["endpoint.max_body_bytes"], "{bad}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let spec = IntegrationSpec {
        flows: vec![flow("a", ""), flow("a", "")],
        endpoint_type: Some(EndpointType::InstanceSpecific),
        max_body_bytes: -1,
        external_customer_id: Some(reference("results.")),
        flow_name: Some(ValueSourceSpec { lookup_customer_mappings: true, ..constant("b") }),
        external_customer_user_id: Some(ValueSourceSpec::default()),
        preprocess: Some(PreprocessSpec { timeout: Some(Duration::ZERO), ..Default::default() }),
    };
    assert_eq!(
        faults(spec),
        [
            "endpoint.flow_name.constant",
            "endpoint.external_customer_id",
            "endpoint.max_body_bytes",
            "flows[1].key",
            "endpoint.external_customer_id.reference",
            "endpoint.flow_name.lookup",
            "endpoint.external_customer_user_id",
            "endpoint.preprocess.address",
            "endpoint.preprocess.timeout",
        ]
    );
}

#[test]
fn the_body_is_needed_where_something_reads_it() {
    let header_only = || IntegrationSpec {
        external_customer_id: Some(reference("results.headers.x-tenant")),
        flow_name: Some(reference("results.queryParameters.type")),
        ..acme_erp()
    };
    let body = || Some(reference("results.body.data.a"));
    assert!(parse(acme_erp()).needs_body());
    assert!(!parse(header_only()).needs_body());
    assert!(
        !parse(IntegrationSpec { flow_name: Some(constant("create-order")), ..header_only() }).needs_body()
    );
    assert!(parse(IntegrationSpec { external_customer_id: body(), ..header_only() }).needs_body());
    assert!(parse(IntegrationSpec { flow_name: body(), ..header_only() }).needs_body());
    assert!(parse(IntegrationSpec { external_customer_user_id: body(), ..header_only() }).needs_body());
    let embedded = Some(reference("json(results.body.data.payload).team.id"));
    assert!(parse(IntegrationSpec { external_customer_id: embedded, ..header_only() }).needs_body());

    let flow_specific = IntegrationSpec {
        endpoint_type: Some(EndpointType::FlowSpecific),
        external_customer_id: None,
        flow_name: body(),
        ..acme_erp()
    };
    assert!(!parse(flow_specific).needs_body(), "the flow's source is not read on a flow-specific endpoint");

    // With a service, references look into its reply, and only the service sees the body.
    let service = |omit_body| {
        let address = "http://h:1".to_owned();
        Some(PreprocessSpec { address, omit_body, ..Default::default() })
    };
    assert!(parse(IntegrationSpec { preprocess: service(false), ..header_only() }).needs_body());
    assert!(!parse(IntegrationSpec { preprocess: service(true), ..acme_erp() }).needs_body());
}
