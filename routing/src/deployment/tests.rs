use super::*;

fn name() -> DeploymentName {
    "integrations/acme-erp/deployments/bowlers-inc".parse().unwrap()
}

fn endpoint(url: &str) -> FlowEndpointSpec {
    FlowEndpointSpec { url: url.to_owned(), ..Default::default() }
}

fn with_headers(headers: &[(&str, &str)]) -> FlowEndpointSpec {
    FlowEndpointSpec {
        headers: headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        ..endpoint("http://h/in")
    }
}

fn deployment(endpoints: impl IntoIterator<Item = (&'static str, FlowEndpointSpec)>) -> DeploymentSpec {
    DeploymentSpec {
        customer: "customers/bowlers-inc".to_owned(),
        paused: false,
        flow_endpoints: endpoints.into_iter().map(|(key, endpoint)| (key.to_owned(), endpoint)).collect(),
    }
}

fn fields<T>(parsed: Result<T, Vec<Fault>>) -> Vec<String> {
    parsed.map_or_else(|faults| faults.into_iter().map(|fault| fault.field).collect(), |_| Vec::new())
}

fn faults(spec: DeploymentSpec) -> Vec<String> {
    fields(Deployment::parse(name(), spec))
}

#[test]
fn a_deployment_parses_with_all_that_it_says() {
    let spec = deployment([
        (
            "update-inventory",
            FlowEndpointSpec {
                timeout: Some(Duration::from_secs(10)),
                retry_on_reset: true,
                ..with_headers(&[("Authorization", "Bearer x")])
            },
        ),
        ("create-order", endpoint("http://127.0.0.1:9001/orders")),
    ]);
    let parsed = Deployment::parse(name(), DeploymentSpec { paused: true, ..spec }).unwrap();
    assert_eq!((parsed.name, parsed.paused), (name(), true));
    assert_eq!(parsed.customer.to_string(), "customers/bowlers-inc");
    let inventory = &parsed.flow_endpoints[&FlowKey::parse("update-inventory").unwrap()];
    assert_eq!((inventory.timeout, inventory.retry_on_reset), (Some(Duration::from_secs(10)), true));
    assert_eq!(inventory.headers[0].0, "authorization");
    assert!(inventory.headers[0].1.is_sensitive());
    let orders = &parsed.flow_endpoints[&FlowKey::parse("create-order").unwrap()];
    assert_eq!((orders.timeout, orders.retry_on_reset, orders.headers.len()), (None, false, 0));
    assert_eq!(orders.url.as_str(), "http://127.0.0.1:9001/orders");
}

#[test]
fn a_deployment_may_have_no_urls_at_all() {
    assert_eq!(faults(deployment([])), [""; 0]);
}

#[test]
fn all_faults_are_told_at_once() {
    let spec = DeploymentSpec {
        customer: "bowlers-inc".to_owned(),
        ..deployment([
            ("a/b", endpoint("ftp://h")),
            (
                "c",
                FlowEndpointSpec {
                    url: String::new(),
                    timeout: Some(Duration::ZERO),
                    ..with_headers(&[("host", "x"), ("fine", "x"), ("Pointsman_Flow", "x")])
                },
            ),
        ])
    };
    assert_eq!(
        faults(spec),
        [
            "customer",
            "flow_endpoints[\"a/b\"]",
            "flow_endpoints[\"a/b\"].url",
            "flow_endpoints[\"c\"].url",
            "flow_endpoints[\"c\"].timeout",
            "flow_endpoints[\"c\"].headers[\"Pointsman_Flow\"]",
            "flow_endpoints[\"c\"].headers[\"host\"]",
        ]
    );
}

#[test]
fn the_customer_is_a_customers_name() {
    for bad in ["", "customers/", "customers/a/b", "integrations/a", "customers/-", "customers/ä"] {
        assert_eq!(
            faults(DeploymentSpec { customer: bad.to_owned(), ..deployment([]) }),
            ["customer"],
            "{bad}"
        );
    }
}

#[test]
fn timeouts_are_above_zero_and_at_most_five_minutes() {
    let timeout = |timeout| faults(deployment([("a", FlowEndpointSpec { timeout, ..endpoint("http://h") })]));
    for good in [None, Some(Duration::from_nanos(1)), Some(Duration::from_secs(300))] {
        assert_eq!(timeout(good), [""; 0]);
    }
    for bad in [Duration::ZERO, Duration::from_millis(300_001), Duration::MAX] {
        assert_eq!(timeout(Some(bad)), ["flow_endpoints[\"a\"].timeout"]);
    }
}

#[test]
fn a_header_is_set_once() {
    let twice = with_headers(&[("X-Key", "a"), ("x-key", "b")]);
    assert_eq!(faults(deployment([("a", twice)])), ["flow_endpoints[\"a\"].headers[\"x-key\"]"]);
}

#[test]
fn what_a_deployment_holds_is_bounded() {
    let urls = |count: usize| DeploymentSpec {
        flow_endpoints: (0..count).map(|n| (format!("f{n}"), endpoint("http://h"))).collect(),
        ..deployment([])
    };
    assert_eq!(faults(urls(MAX_FLOW_ENDPOINTS)), [""; 0]);
    assert_eq!(faults(urls(MAX_FLOW_ENDPOINTS + 1)), ["flow_endpoints"]);
    let headers = |count: usize| FlowEndpointSpec {
        headers: (0..count).map(|n| (format!("h{n}"), "v".to_owned())).collect(),
        ..endpoint("http://h")
    };
    assert_eq!(faults(deployment([("a", headers(MAX_FLOW_HEADERS))])), [""; 0]);
    assert_eq!(faults(deployment([("a", headers(MAX_FLOW_HEADERS + 1))])), ["flow_endpoints[\"a\"].headers"]);
}

#[test]
fn secrets_are_never_shown() {
    let spec = deployment([("a", with_headers(&[("x-key", "s3cret")]))]);
    assert!(!format!("{spec:?}").contains("s3cret"));
    assert!(!format!("{:?}", Deployment::parse(name(), spec).unwrap()).contains("s3cret"));
    let spec = deployment([("a", endpoint("http://h/p?key=s3cret"))]);
    let shown = format!("{spec:?} {:?}", Deployment::parse(name(), spec.clone()).unwrap());
    assert!(shown.contains("http://h/p?…") && !shown.contains("s3cret"), "{shown}");
    let spec = deployment([("a", with_headers(&[("host", "s3cret"), ("x-key", "s3cret\n")]))]);
    let faults = Deployment::parse(name(), spec).unwrap_err();
    assert!(faults.len() == 2 && !format!("{faults:?}").contains("s3cret"));
}

#[test]
fn external_ids_are_any_text_of_1_to_255_bytes() {
    let id = || CustomerId::parse("bowlers-inc").unwrap();
    let mapping_name = || "integrations/acme-erp/customerMappings/a06dffac".parse::<MappingName>().unwrap();
    for good in ["progix-1001", " ", "a\nb", "ü💡", "\u{1}", &"x".repeat(255)] {
        assert_eq!(*Customer::parse(id(), good).unwrap().external_id, *good);
        let mapping = CustomerMapping::parse(mapping_name(), good, "customers/a").unwrap();
        assert_eq!((&*mapping.source_customer_id, mapping.name), (good, mapping_name()));
        assert_eq!(mapping.customer.as_str(), "a");
    }
    for bad in ["", "\0", "a\0b", &"x".repeat(256), &"ü".repeat(128)] {
        assert_eq!(fields(Customer::parse(id(), bad)), ["external_id"], "{bad:?}");
        let mapping = CustomerMapping::parse(mapping_name(), bad, "a");
        assert_eq!(fields(mapping), ["source_customer_id", "customer"], "{bad:?}");
    }
}
