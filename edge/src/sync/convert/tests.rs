use pointsman_routing::table::Entry;
use proptest::prelude::*;

use super::*;
use crate::sync::fixtures;

fn usable(name: &str, body: &impl Message) -> Entry {
    let received = resource(&fixtures::resource(name, 7, body));
    assert_eq!(received.revision, 7);
    let entry = received.form.expect("a usable resource");
    assert_eq!(entry.name().to_string(), name);
    entry
}

fn unusable(name: &str, body: &impl Message) -> Unusable {
    let unusable = resource(&fixtures::resource(name, 7, body)).form.expect_err("an unusable resource");
    assert_eq!(&*unusable.name, name);
    unusable
}

#[test]
fn every_kind_is_converted() {
    let Entry::Integration(integration, tokens) =
        usable("integrations/acme", &fixtures::integration(&["token-1", "token-2"]))
    else {
        panic!("another kind");
    };
    assert_eq!(integration.id.as_str(), "acme");
    assert_eq!(integration.flows.keys()[0].as_str(), "orders");
    assert_eq!(integration.max_body_bytes, 6 * 1024 * 1024);
    assert!(integration.external_customer_id.is_some());
    assert_eq!(tokens.iter().map(EndpointToken::expose).collect::<Vec<_>>(), ["token-1", "token-2"]);

    let Entry::Customer(customer) = usable("customers/bowlers", &fixtures::customer("progix-1")) else {
        panic!("another kind");
    };
    assert_eq!((customer.id.as_str(), &*customer.external_id), ("bowlers", "progix-1"));

    let wire = fixtures::mapping("A06DFFAC", "customers/bowlers");
    let Entry::CustomerMapping(mapping) = usable("integrations/acme/customerMappings/a", &wire) else {
        panic!("another kind");
    };
    assert_eq!((&*mapping.source_customer_id, mapping.customer.as_str()), ("A06DFFAC", "bowlers"));

    let mut wire = fixtures::deployment("customers/bowlers", "http://flows.example/in");
    wire.paused = true;
    wire.endpoint_tokens = vec!["token-3".to_owned()];
    let orders = wire.flow_endpoints.get_mut("orders").unwrap();
    orders.endpoint_tokens = vec!["token-4".to_owned()];
    orders.headers = [("authorization".to_owned(), "Bearer x".to_owned())].into();
    orders.timeout = Some(prost_types::Duration { seconds: 10, nanos: 0 });
    orders.retry_on_reset = true;
    let Entry::Deployment(deployment, tokens, flow_tokens) =
        usable("integrations/acme/deployments/bowlers", &wire)
    else {
        panic!("another kind");
    };
    assert!(deployment.paused);
    assert_eq!(tokens[0].expose(), "token-3");
    let (key, endpoint) = deployment.flow_endpoints.iter().next().unwrap();
    assert_eq!(flow_tokens[key][0].expose(), "token-4");
    assert_eq!(endpoint.url.as_str(), "http://flows.example/in");
    assert_eq!(endpoint.headers[0].1, "Bearer x");
    assert_eq!(endpoint.timeout, Some(Duration::from_secs(10)));
    assert!(endpoint.retry_on_reset);
}

#[test]
fn an_integration_s_service_and_sources_are_converted() {
    let mut wire = fixtures::integration(&[]);
    wire.max_body_bytes = 1_000;
    wire.preprocess = Some(v1::Preprocess {
        address: "http://127.0.0.1:50061".to_owned(),
        timeout: Some(prost_types::Duration { seconds: 2, nanos: 500_000_000 }),
        metadata: [("x-key".to_owned(), "secret".to_owned())].into(),
        omit_body: true,
    });
    let constant = v1::value_source::Source::Constant("Orders".to_owned());
    wire.flow_name = Some(v1::ValueSource { source: Some(constant), ..Default::default() });
    let Entry::Integration(integration, _) = usable("integrations/acme", &wire) else {
        panic!("another kind");
    };
    assert_eq!(integration.max_body_bytes, 1_000);
    let service = integration.preprocess.as_ref().unwrap();
    assert_eq!(service.timeout, Duration::from_millis(2_500));
    assert_eq!(service.metadata[0].1, "secret");
    assert!(!service.send_body);
    assert!(integration.flow_name.is_some());
}

#[test]
fn what_is_unusable_says_why() {
    let mut no_type = fixtures::integration(&[]);
    no_type.endpoint_type = 99;
    let mut bad_reference = fixtures::integration(&[]);
    bad_reference.external_customer_id.as_mut().unwrap().source =
        Some(v1::value_source::Source::Reference("results..x".to_owned()));
    let mut bad_timeout = fixtures::integration(&[]);
    bad_timeout.preprocess = Some(v1::Preprocess {
        address: "http://127.0.0.1:1".to_owned(),
        timeout: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
        ..Default::default()
    });
    for (body, words) in [
        (no_type, "endpoint.type"),
        (bad_reference, "endpoint.external_customer_id.reference"),
        (bad_timeout, "endpoint.preprocess.timeout"),
        (fixtures::integration(&["good", "not a token!"]), "endpoint_tokens[1]: is not a token"),
    ] {
        let reason = unusable("integrations/acme", &body).reason;
        assert!(reason.contains(words) && !reason.contains("not a token!"), "{reason}");
    }
    let deployment = fixtures::deployment("nobody", "ftp://flows.example");
    let reason = unusable("integrations/acme/deployments/d", &deployment).reason;
    assert!(reason.contains("customer") && reason.contains("flow_endpoints[\"orders\"].url"), "{reason}");
    assert!(unusable("customers/x", &fixtures::customer("")).reason.contains("external_id"));
    assert!(
        unusable("integrations/a/customerMappings/m", &fixtures::mapping("x", "y"))
            .reason
            .contains("customer")
    );
    assert!(
        unusable("flows/new-kind", &fixtures::customer("x")).reason.contains("not the name of a resource")
    );
    let junk = resource(&fixtures::junk("customers/x", 1)).form.unwrap_err();
    assert!(junk.reason.contains("cannot be decoded"), "{}", junk.reason);
}

#[test]
fn reasons_have_a_bound() {
    let mut wire = fixtures::deployment("customers/c", "http://x/");
    for n in 0..100 {
        let endpoint = v1::FlowEndpoint { url: "ö".repeat(100), ..Default::default() };
        wire.flow_endpoints.insert(format!("flow-{n}"), endpoint);
    }
    let reason = unusable("integrations/acme/deployments/d", &wire).reason;
    assert!(reason.len() <= MAX_REASON_BYTES, "{} bytes", reason.len());
}

#[test]
fn the_hash_covers_what_was_received_usable_or_not() {
    for wire in [fixtures::resource("customers/x", 3, &fixtures::customer("x")), fixtures::junk("?", 3)] {
        let expected = ConfigHash::from(&wire);
        assert_eq!(resource(&wire).hash, expected);
    }
}

proptest! {
    /// Nothing from outside panics.
    #[test]
    fn any_bytes_are_converted_or_rejected(
        kind in prop::sample::select(vec![
            "integrations/a", "customers/a", "integrations/a/customerMappings/a", "integrations/a/deployments/a", "?",
        ]),
        revision: i64,
        body: Vec<u8>,
    ) {
        let received = resource(&Resource { name: kind.to_owned(), revision, body: body.into() });
        prop_assert_eq!(received.revision, revision);
    }

    /// Nor do messages that are well-formed and nonsense.
    #[test]
    fn any_deployment_is_converted_or_rejected(
        customer in ".{0,20}", key in ".{0,20}", url in ".{0,40}", header in ".{0,20}", value in ".{0,20}",
        token in ".{0,20}", seconds: i64, nanos: i32,
    ) {
        let endpoint = v1::FlowEndpoint {
            url,
            headers: [(header, value)].into(),
            timeout: Some(prost_types::Duration { seconds, nanos }),
            retry_on_reset: false,
            endpoint_tokens: vec![token],
        };
        let wire = v1::Deployment { customer, flow_endpoints: [(key, endpoint)].into(), ..Default::default() };
        let _ = resource(&fixtures::resource("integrations/a/deployments/a", 1, &wire));
    }
}
