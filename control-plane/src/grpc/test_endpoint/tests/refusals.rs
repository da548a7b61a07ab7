//! What is said of a request that has no route.

use super::*;

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
