//! Updates: masks, etags, missing resources, dry runs, and the revisions they make.

use pointsman_proto::admin::v1::{deployment::State, value_source::Source, *};
use tonic::Code;

use crate::harness::{
    ControlPlane, acme_erp, customer, deployment, field_mask, flow, reference, said, strings, url,
};

const ACME: &str = "integrations/acme-erp";
const BOWLERS: &str = "integrations/acme-erp/deployments/bowlers-inc";

#[tokio::test]
async fn without_a_mask_what_is_set_replaces_what_was() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.integration(ACME).await;
    let named = Integration { name: ACME.into(), display_name: "Acme".into(), ..Default::default() };
    let updated = plane.update_integration(named, &[]).await.unwrap();
    let after = updated.integration.unwrap();
    assert_eq!(updated.revision, 2);
    assert_eq!(after.display_name, "Acme");
    assert_eq!((&after.flows, &after.endpoint), (&before.flows, &before.endpoint));
    assert_eq!((&after.uid, &after.create_time), (&before.uid, &before.create_time));
    assert_ne!(after.etag, before.etag);
    let micros = |time: Option<prost_types::Timestamp>| time.map(|time| (time.seconds, time.nanos));
    assert!(micros(after.update_time) > micros(before.update_time), "{after:?}");
}

#[tokio::test]
async fn a_star_replaces_everything() {
    let plane = ControlPlane::with_acme().await;
    let whole = customer("customers/bowlers-inc", "new-id");
    plane
        .update_customer(Customer { display_name: "Bowlers".into(), ..whole.clone() }, &["*"])
        .await
        .unwrap();
    let after = plane.update_customer(whole, &["*"]).await.unwrap().customer.unwrap();
    assert_eq!((after.display_name.as_str(), after.external_id.as_str()), ("", "new-id"));
    let bare = Customer { name: "customers/bowlers-inc".into(), ..Default::default() };
    assert_eq!(said(plane.update_customer(bare, &["*"]).await).fields(), ["customer.external_id"]);
}

#[tokio::test]
async fn nested_paths_change_only_what_they_name() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.integration(ACME).await;
    let change = Integration {
        name: ACME.into(),
        display_name: "ignored".into(),
        endpoint: Some(Endpoint {
            flow_name: Some(reference("results.headers.x-flow")),
            max_body_bytes: 1000,
            ..Default::default()
        }),
        ..Default::default()
    };
    let after = plane.update_integration(change, &["endpoint.flow_name"]).await.unwrap().integration.unwrap();
    let mut expected = before.clone();
    expected.endpoint.as_mut().unwrap().flow_name = Some(reference("results.headers.x-flow"));
    expected.etag.clone_from(&after.etag);
    expected.update_time = after.update_time;
    assert_eq!(after, expected);

    // Down into a oneof, an entry of a map, and an entry that holds a dot.
    let mut change =
        Integration { name: ACME.into(), endpoint: Some(Endpoint::default()), ..Default::default() };
    let source = Some(Source::Constant("Create Order".into()));
    change.endpoint.as_mut().unwrap().flow_name = Some(ValueSource {
        source,
        values: strings(&[("a.b", "Create Order"), ("Create Order", "Create Order")]),
        ..Default::default()
    });
    let paths = [
        "endpoint.flow_name.constant",
        "endpoint.flow_name.values.`a.b`",
        "endpoint.flow_name.values.Create Order",
    ];
    let after = plane.update_integration(change, &paths).await.unwrap().integration.unwrap();
    let flow_name = after.endpoint.unwrap().flow_name.unwrap();
    assert_eq!(flow_name.source, Some(Source::Constant("Create Order".into())));
    assert_eq!(flow_name.values, strings(&[("a.b", "Create Order"), ("Create Order", "Create Order")]));
}

#[tokio::test]
async fn flow_endpoints_change_as_a_whole_or_one_by_one() {
    let plane = ControlPlane::with_acme().await;
    let mut change = Deployment { name: BOWLERS.into(), ..Default::default() };
    change.flow_endpoints.insert("create-order".into(), url("http://127.0.0.1:1/one"));

    let mut step = change.clone();
    step.flow_endpoints.get_mut("create-order").unwrap().retry_on_reset = true;
    let paths = ["flow_endpoints.create-order.retry_on_reset"];
    let after = plane.update_deployment(step, &paths).await.unwrap().deployment.unwrap();
    assert_eq!(after.flow_endpoints.len(), 2);
    assert_eq!(after.flow_endpoints["create-order"].url, "http://127.0.0.1:9001/orders");
    assert!(after.flow_endpoints["create-order"].retry_on_reset);

    let after = plane.update_deployment(change.clone(), &["flow_endpoints.create-order"]).await.unwrap();
    let after = after.deployment.unwrap();
    assert_eq!(after.flow_endpoints.len(), 2);
    assert_eq!(after.flow_endpoints["create-order"], url("http://127.0.0.1:1/one"));

    let after =
        plane.update_deployment(change.clone(), &["flow_endpoints"]).await.unwrap().deployment.unwrap();
    assert_eq!(after.flow_endpoints, change.flow_endpoints);
}

#[tokio::test]
async fn paths_that_name_nothing_are_refused_by_name() {
    let plane = ControlPlane::with_acme().await;
    let paths =
        ["display_name", "endpoint.flow", "flows.key", "display_name.x", "displayName", "a..b", "", "`x"];
    let whole = Integration { name: ACME.into(), ..Default::default() };
    let refused = said(plane.update_integration(whole.clone(), &paths).await);
    assert_eq!(refused.code, Code::InvalidArgument);
    let expected: Vec<String> = (1..paths.len()).map(|index| format!("update_mask.paths[{index}]")).collect();
    assert_eq!(refused.fields(), expected);
    assert!(refused.fields["update_mask.paths[1]"].contains("endpoint.flow"), "{refused:?}");
    let refused = said(plane.update_integration(whole, &["*", "flows"]).await);
    assert_eq!(refused.fields(), ["update_mask.paths[0]"]);
}

#[tokio::test]
async fn output_only_fields_are_ignored_also_in_masks() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.integration(ACME).await;
    let mut change = before.clone();
    change.uid = "other".into();
    change.create_time = None;
    change.endpoint.as_mut().unwrap().url = "https://evil.example".into();
    let paths = ["uid", "create_time", "name", "etag", "endpoint.url"];
    let answer = plane.update_integration(change, &paths).await.unwrap();
    assert_eq!((answer.integration.unwrap(), answer.revision), (before, 1));
}

#[tokio::test]
async fn an_etag_must_match() {
    let plane = ControlPlane::with_acme().await;
    let seen = plane.customer("customers/bowlers-inc").await;
    let change = |etag: &str, external_id: &str| Customer {
        etag: etag.to_owned(),
        ..customer("customers/bowlers-inc", external_id)
    };
    plane.update_customer(change(&seen.etag, "one"), &[]).await.unwrap();
    let refused = said(plane.update_customer(change(&seen.etag, "two"), &[]).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    assert_eq!(refused.resource.as_deref(), Some("customers/bowlers-inc"));
    plane.update_customer(change("", "two"), &[]).await.unwrap();
    assert_eq!(plane.customer("customers/bowlers-inc").await.external_id, "two");

    plane.create_customer("free", customer("", "free")).await.unwrap();
    let delete = |etag: &str| DeleteCustomerRequest {
        name: "customers/free".into(),
        etag: etag.to_owned(),
        validate_only: false,
        ..DeleteCustomerRequest::default()
    };
    assert_eq!(said(plane.customers().delete_customer(delete("old")).await).code, Code::Aborted);
    let etag = plane.customer("customers/free").await.etag;
    plane.customers().delete_customer(delete(&etag)).await.unwrap();

    // The same name at another time is another resource.
    let again = plane.create_customer("free", customer("", "free")).await.unwrap();
    assert_ne!(again.etag, etag);
}

#[tokio::test]
async fn allow_missing_creates() {
    let plane = ControlPlane::with_acme().await;
    let request = |name: &str, allow_missing| UpdateCustomerRequest {
        customer: Some(Customer { display_name: "New".into(), ..customer(name, "new") }),
        update_mask: field_mask(&["display_name"]),
        allow_missing,
        validate_only: false,
        ..UpdateCustomerRequest::default()
    };
    let refused = said(plane.customers().update_customer(request("customers/new", false)).await);
    assert_eq!((refused.code, refused.resource.as_deref()), (Code::NotFound, Some("customers/new")));
    let answer =
        plane.customers().update_customer(request("customers/new", true)).await.unwrap().into_inner();
    let made = answer.customer.unwrap();
    assert_eq!((made.external_id.as_str(), made.display_name.as_str(), answer.revision), ("new", "New", 2));

    let request = UpdateDeploymentRequest {
        deployment: Some(deployment("integrations/none/deployments/x", "customers/new")),
        allow_missing: true,
        ..Default::default()
    };
    let refused = said(plane.deployments().update_deployment(request).await);
    assert_eq!((refused.code, refused.resource.as_deref()), (Code::NotFound, Some("integrations/none")));
}

#[tokio::test]
async fn a_dry_run_checks_everything_and_changes_nothing() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.export().await;
    let create = |external_id: &str| CreateCustomerRequest {
        customer_id: "new".into(),
        customer: Some(customer("", external_id)),
        validate_only: true,
        ..CreateCustomerRequest::default()
    };
    let answer = plane.customers().create_customer(create("new")).await.unwrap().into_inner();
    assert_eq!((answer.revision, answer.customer.unwrap().name.as_str()), (0, "customers/new"));
    let refused = said(plane.customers().create_customer(create("progix-1001")).await);
    assert_eq!(refused.reason, "EXTERNAL_ID_TAKEN");

    let create = CreateIntegrationRequest {
        integration_id: "new".into(),
        integration: Some(acme_erp()),
        validate_only: true,
        ..CreateIntegrationRequest::default()
    };
    let answer = plane.integrations().create_integration(create).await.unwrap().into_inner();
    assert_eq!(answer.integration.unwrap().endpoint.unwrap().url, "", "a URL that would never work");

    let update = UpdateIntegrationRequest {
        integration: Some(Integration { name: ACME.into(), display_name: "x".into(), ..Default::default() }),
        validate_only: true,
        ..Default::default()
    };
    let answer = plane.integrations().update_integration(update).await.unwrap().into_inner();
    assert_eq!((answer.integration.unwrap().display_name.as_str(), answer.revision), ("x", 0));

    let delete = DeleteDeploymentRequest { name: BOWLERS.into(), validate_only: true, ..Default::default() };
    assert_eq!(plane.deployments().delete_deployment(delete).await.unwrap().into_inner().revision, 0);
    let delete = DeleteIntegrationRequest { name: ACME.into(), validate_only: true, ..Default::default() };
    assert_eq!(said(plane.integrations().delete_integration(delete).await).reason, "IN_USE");
    assert_eq!(plane.export().await, before);
}

#[tokio::test]
async fn a_write_that_changes_nothing_makes_no_revision() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.integration(ACME).await;
    let answer = plane.update_integration(before.clone(), &["*"]).await.unwrap();
    assert_eq!((answer.revision, answer.integration.unwrap()), (1, before));
    // What is the same is the same also where defaults are spelled out or left out.
    let mut same = plane.deployment(BOWLERS).await;
    same.state = State::Unspecified.into();
    assert_eq!(plane.update_deployment(same, &["*"]).await.unwrap().revision, 1);
    assert_eq!(plane.revision().await, 1);
}

#[tokio::test]
async fn urls_stay_while_a_resource_changes_and_go_with_it() {
    let plane = ControlPlane::with_acme().await;
    let url_of = |integration: &Integration| integration.endpoint.clone().unwrap().url;
    let before = plane.integration(ACME).await;
    // Away from shared and back again.
    let mut change = before.clone();
    change.flows = vec![flow("update-inventory", "Update Inventory"), flow("create-order", "Create Order")];
    let endpoint = change.endpoint.as_mut().unwrap();
    endpoint.r#type = EndpointType::InstanceSpecific.into();
    endpoint.external_customer_id = None;
    plane.update_integration(change, &["*"]).await.unwrap();
    let deployed = plane.deployment(BOWLERS).await;
    assert!(deployed.endpoint_url.starts_with("https://hooks.example.com/hooks/"));
    assert_eq!(url_of(&plane.integration(ACME).await), "");
    plane.update_integration(before.clone(), &["endpoint"]).await.unwrap_err();
    plane
        .update_integration(Integration { etag: String::new(), ..before.clone() }, &["endpoint"])
        .await
        .unwrap();
    assert_eq!(url_of(&plane.integration(ACME).await), url_of(&before));
}
