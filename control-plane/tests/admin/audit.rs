//! The audit: who changed what, when, from where.

use std::time::SystemTime;

use pointsman_proto::admin::v1::{
    audit_entry::Action, audit_service_client::AuditServiceClient, deployment::State, *,
};
use tonic::{Response, Status};

use crate::harness::{ControlPlane, acme, customer, flow, reference, said, strings};

const CUSTOMER: &str = "customers/bowlers-inc";
const MAPPING: &str = "integrations/acme-erp/customerMappings/a06dffac";
const DEPLOYMENT: &str = "integrations/acme-erp/deployments/bowlers-inc";

async fn page(
    plane: &ControlPlane,
    request: ListAuditEntriesRequest,
) -> Result<ListAuditEntriesResponse, Status> {
    AuditServiceClient::new(plane.channel()).list_audit_entries(request).await.map(Response::into_inner)
}

async fn list(plane: &ControlPlane, filter: &str) -> Vec<AuditEntry> {
    let request =
        ListAuditEntriesRequest { filter: filter.to_owned(), page_size: 1_000, ..Default::default() };
    page(plane, request).await.unwrap().audit_entries
}

/// The latest entry, and its changes as `field: before → after`, with a `!` for what re-routes.
async fn latest(plane: &ControlPlane) -> (AuditEntry, Vec<String>) {
    let entry = list(plane, "").await.remove(0);
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let change = |change: &FieldChange| {
        let mark = if change.reroutes { "!" } else { "" };
        format!("{mark}{}: {} → {}", change.field, shown(&change.before), shown(&change.after))
    };
    let changes = entry.changes.iter().map(change).collect();
    (entry, changes)
}

#[tokio::test]
async fn an_entry_says_who_when_what_from_where_and_by_which_request() {
    let plane = ControlPlane::with_acme().await;
    let before = SystemTime::now();
    let request = UpdateCustomerRequest {
        customer: Some(Customer { display_name: "Bowlers".into(), ..customer(CUSTOMER, "new") }),
        request_id: "one".to_owned(),
        ..Default::default()
    };
    plane.customers().update_customer(request.clone()).await.unwrap();
    // A repeat changes nothing, and so has no entry.
    plane.customers().update_customer(request).await.unwrap();
    let (entry, changes) = latest(&plane).await;
    assert_eq!(changes, ["display_name: - → Bowlers", "!external_id: progix-1001 → new"]);
    assert_eq!(entry.resource, CUSTOMER);
    assert_eq!(entry.action(), Action::Updated);
    assert!(entry.reroutes, "a changed external id stands out");
    assert_eq!((entry.revision, entry.resource_count), (2, 1));
    assert_eq!(entry.method, "pointsman.admin.v1.CustomerService/UpdateCustomer");
    assert_eq!(entry.request_id, "one");
    assert_eq!(entry.caller, "", "nobody was asked for a token");
    assert!(entry.peer.starts_with("127.0.0.1:"), "{}", entry.peer);
    let time = SystemTime::try_from(entry.create_time.unwrap()).unwrap();
    let micro = std::time::Duration::from_micros(1);
    assert!(time + micro >= before && time <= SystemTime::now(), "{time:?}");
    assert_eq!(list(&plane, "revision = 2").await, [entry]);
}

#[tokio::test]
async fn changes_of_every_kind_are_told_field_by_field_without_secrets() {
    let plane = ControlPlane::with_acme().await;
    let mut integration = plane.integration("integrations/acme-erp").await;
    let endpoint = integration.endpoint.as_mut().unwrap();
    endpoint.preprocess = Some(Preprocess {
        address: "http://127.0.0.1:50061".into(),
        timeout: Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }),
        metadata: strings(&[("authorization", "hunter2")]),
        ..Default::default()
    });
    endpoint.flow_name = Some(reference("results.flowName"));
    integration.flows.reverse();
    plane.update_integration(integration.clone(), &["*"]).await.unwrap();
    let (entry, changes) = latest(&plane).await;
    assert_eq!(
        changes,
        [
            "flows: update-inventory, create-order → create-order, update-inventory",
            "!endpoint.flow_name.reference: results.body.data.type → results.flowName",
            "!endpoint.preprocess.address: - → http://127.0.0.1:50061",
            "endpoint.preprocess.timeout: - → 1.500s",
            "endpoint.preprocess.metadata[\"authorization\"]: - → <redacted>",
            "!endpoint.flow_name.values[\"create_order\"]: Create Order → -",
            "!endpoint.flow_name.values[\"inventory_update\"]: Update Inventory → -",
        ]
    );
    assert!(entry.reroutes);
    integration.etag.clear();
    integration.flows.push(flow("more", ""));
    plane.update_integration(integration, &["flows"]).await.unwrap();
    assert_eq!(latest(&plane).await.1, ["!flows[\"more\"]: - → "]);

    let mut deployment = plane.deployment(DEPLOYMENT).await;
    deployment.state = State::Paused.into();
    let endpoint = deployment.flow_endpoints.get_mut("create-order").unwrap();
    endpoint.url = "http://127.0.0.1:9009/orders".into();
    endpoint.headers = strings(&[("authorization", "hunter2")]);
    endpoint.timeout = Some(prost_types::Duration { seconds: 5, nanos: 0 });
    plane.update_deployment(deployment.clone(), &["*"]).await.unwrap();
    assert_eq!(
        latest(&plane).await.1,
        [
            "!flow_endpoints[\"create-order\"].url: http://127.0.0.1:9001/orders → http://127.0.0.1:9009/orders",
            "flow_endpoints[\"create-order\"].headers[\"authorization\"]: - → <redacted>",
            "flow_endpoints[\"create-order\"].timeout: - → 5s",
            "!state: STATE_ENABLED → STATE_PAUSED",
        ]
    );
    // That a secret has changed is told, and neither of the two.
    deployment.etag.clear();
    let endpoint = deployment.flow_endpoints.get_mut("create-order").unwrap();
    endpoint.headers = strings(&[("authorization", "hunter3")]);
    plane.update_deployment(deployment, &["*"]).await.unwrap();
    let (entry, changes) = latest(&plane).await;
    assert_eq!(
        changes,
        ["flow_endpoints[\"create-order\"].headers[\"authorization\"]: <redacted> → <redacted>"]
    );
    assert!(!entry.reroutes);

    let request = UpdateCustomerMappingRequest {
        customer_mapping: Some(CustomerMapping {
            name: MAPPING.into(),
            customer: "customers/gamma-llc".into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    plane.mappings().update_customer_mapping(request).await.unwrap();
    let (entry, changes) = latest(&plane).await;
    assert_eq!(changes, ["!customer: customers/bowlers-inc → customers/gamma-llc"]);
    assert!(entry.reroutes, "a mapping's customer stands out");

    let all = format!("{:?}", list(&plane, "").await);
    assert!(!all.contains("hunter") && !all.contains("/hooks/"), "{all}");
}

#[tokio::test]
async fn what_is_made_re_routes_nothing_and_what_is_removed_can() {
    let plane = ControlPlane::with_acme().await;
    let entries = list(&plane, "").await;
    assert_eq!(entries.len(), 7, "one for each resource of a manifest");
    assert!(entries.iter().all(|entry| entry.action() == Action::Created && !entry.reroutes));
    let mapping = entries.iter().find(|entry| entry.resource == MAPPING).unwrap();
    let fields: Vec<_> =
        mapping.changes.iter().map(|change| (change.field.as_str(), change.after())).collect();
    assert_eq!(fields, [("owner", "default"), ("source_customer_id", "A06DFFAC"), ("customer", CUSTOMER)]);

    let request = DeleteCustomerMappingRequest { name: MAPPING.into(), ..Default::default() };
    plane.mappings().delete_customer_mapping(request).await.unwrap();
    let (entry, changes) = latest(&plane).await;
    assert_eq!(entry.action(), Action::Removed);
    assert_eq!(
        changes,
        ["owner: default → -", "!source_customer_id: A06DFFAC → -", "!customer: customers/bowlers-inc → -"]
    );
    assert!(entry.reroutes);
}

#[tokio::test]
async fn what_changes_nothing_has_no_entry() {
    let plane = ControlPlane::with_acme().await;
    plane.apply(acme()).await.unwrap();
    let request = DeleteCustomerRequest { name: CUSTOMER.into(), ..Default::default() };
    said(plane.customers().delete_customer(request).await);
    let request = UpdateCustomerRequest {
        customer: Some(customer(CUSTOMER, "new")),
        validate_only: true,
        ..Default::default()
    };
    plane.customers().update_customer(request).await.unwrap();
    assert_eq!(list(&plane, "").await.len(), 7);
}

#[tokio::test]
async fn pages_are_the_whole_and_their_tokens_are_bound_to_the_filter() {
    let plane = ControlPlane::with_acme().await;
    plane.update_customer(customer(CUSTOMER, "new"), &[]).await.unwrap();
    let whole = list(&plane, "").await;
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let request =
            ListAuditEntriesRequest { page_size: 3, page_token: token.clone(), ..Default::default() };
        let found = page(&plane, request).await.unwrap();
        paged.extend(found.audit_entries);
        if found.next_page_token.is_empty() {
            break;
        }
        token = found.next_page_token;
    }
    assert_eq!((paged.len(), &paged), (8, &whole));
    let request = ListAuditEntriesRequest {
        page_token: token,
        filter: "reroutes = true".to_owned(),
        ..Default::default()
    };
    assert_eq!(said(page(&plane, request).await).reason, "PAGE_TOKEN_INVALID");

    let found = list(&plane, "reroutes = true AND resource = customers/* AND action = ACTION_UPDATED").await;
    assert_eq!(found, whole[..1]);
    let refused =
        said(page(&plane, ListAuditEntriesRequest { filter: "who = me".into(), ..Default::default() }).await);
    assert!(refused.fields["filter"].contains("`caller`, `method`, `resource`"), "{refused:?}");
}

/// A resource of nearly 1 MiB.
#[tokio::test]
async fn a_page_of_large_changes_fits_a_message() {
    let plane = ControlPlane::with_acme().await;
    let mut large = plane.integration("integrations/acme-erp").await;
    large.etag.clear();
    for round in 0..60 {
        let values = &mut large.endpoint.as_mut().unwrap().flow_name.as_mut().unwrap().values;
        values.clear();
        for index in 0..700 {
            values.insert(format!("{round}-{index:0100}"), "Create Order".to_owned());
        }
        plane.update_integration(large.clone(), &["*"]).await.unwrap();
    }
    let request = ListAuditEntriesRequest { page_size: 1_000, ..Default::default() };
    let first = page(&plane, request).await.unwrap();
    assert!(
        !first.next_page_token.is_empty() && first.audit_entries.len() < 60,
        "{}",
        first.audit_entries.len()
    );
    let last = first.audit_entries[0].changes.last().unwrap();
    assert!(last.field == "…" && last.after().ends_with(" more fields"), "{last:?}");
    assert!(first.audit_entries[0].reroutes);
}
