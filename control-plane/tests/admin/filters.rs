//! Filters, and the tokens of filtered lists.

use pointsman_proto::admin::v1::{access_token::Role, deployment::State, *};
use tonic::Code;

use crate::{
    access::{token, with},
    harness::{ControlPlane, acme, acme_erp, deployment, mapping, said},
};

const ALL: &str = "integrations/-";

async fn customers(plane: &ControlPlane, filter: &str) -> Vec<String> {
    let request = ListCustomersRequest { filter: filter.to_owned(), ..Default::default() };
    let page = plane.customers().list_customers(request).await.unwrap().into_inner();
    page.customers.into_iter().map(|customer| customer.name).collect()
}

async fn mappings(plane: &ControlPlane, parent: &str, filter: &str) -> Vec<String> {
    let request = ListCustomerMappingsRequest {
        parent: parent.to_owned(),
        filter: filter.to_owned(),
        ..Default::default()
    };
    let page = plane.mappings().list_customer_mappings(request).await.unwrap().into_inner();
    page.customer_mappings.into_iter().map(|mapping| mapping.name).collect()
}

async fn deployments(plane: &ControlPlane, parent: &str, filter: &str) -> Vec<String> {
    let request =
        ListDeploymentsRequest { parent: parent.to_owned(), filter: filter.to_owned(), ..Default::default() };
    let page = plane.deployments().list_deployments(request).await.unwrap().into_inner();
    page.deployments.into_iter().map(|deployment| deployment.name).collect()
}

async fn integrations(plane: &ControlPlane, filter: &str) -> Vec<String> {
    let request = ListIntegrationsRequest { filter: filter.to_owned(), ..Default::default() };
    let page = plane.integrations().list_integrations(request).await.unwrap().into_inner();
    page.integrations.into_iter().map(|integration| integration.name).collect()
}

async fn plane() -> ControlPlane {
    let plane = ControlPlane::start().await;
    let mut manifest = acme();
    manifest.customers[0].display_name = r#"Bowlers "&\ Sons"#.to_owned();
    let mut other = manifest.integrations[0].clone();
    other.name = "integrations/other".to_owned();
    other.display_name = String::new();
    manifest.integrations.push(other);
    let name = "integrations/other/customerMappings/x";
    manifest.customer_mappings.push(mapping(name, "A06DFFAC", "customers/gamma-llc"));
    let mut paused = deployment("integrations/other/deployments/paused", "customers/gamma-llc");
    paused.state = State::Paused.into();
    manifest.deployments.push(paused);
    plane.apply(manifest).await.unwrap();
    plane
}

const NONE: [&str; 0] = [];

#[tokio::test]
async fn every_documented_field_filters() {
    let plane = plane().await;
    assert_eq!(customers(&plane, r#"external_id = "progix-1002""#).await, ["customers/gamma-llc"]);
    assert_eq!(customers(&plane, r#"display_name = "Bowlers \"&\\ Sons""#).await, ["customers/bowlers-inc"]);
    assert_eq!(customers(&plane, "owner = default").await.len(), 2);
    assert_eq!(
        customers(&plane, "owner = default AND external_id = progix-1001").await,
        ["customers/bowlers-inc"]
    );
    assert_eq!(customers(&plane, "external_id = progix-1001 AND external_id = progix-1002").await, NONE);
    assert_eq!(customers(&plane, "external_id = PROGIX-1001").await, NONE, "exactly");

    assert_eq!(integrations(&plane, r#"display_name = "Acme ERP""#).await, ["integrations/acme-erp"]);
    assert_eq!(
        integrations(&plane, "endpoint.type = ENDPOINT_TYPE_SHARED AND owner = default").await.len(),
        2
    );
    assert_eq!(integrations(&plane, "endpoint.type = ENDPOINT_TYPE_FLOW_SPECIFIC").await, NONE);

    let both = ["integrations/acme-erp/customerMappings/a06dffac", "integrations/other/customerMappings/x"];
    assert_eq!(mappings(&plane, ALL, "source_customer_id = A06DFFAC").await, both);
    assert_eq!(mappings(&plane, "integrations/other", "source_customer_id = A06DFFAC").await, both[1..]);
    assert_eq!(mappings(&plane, "integrations/other", "source_customer_id = C3E72B0C").await, NONE);
    let gamma = ["integrations/acme-erp/customerMappings/c3e72b0c", "integrations/other/customerMappings/x"];
    assert_eq!(mappings(&plane, ALL, "customer = customers/gamma-llc").await, gamma);
    assert_eq!(
        mappings(&plane, ALL, "customer = customers/gamma-llc AND source_customer_id = A06DFFAC").await,
        gamma[1..]
    );
    assert_eq!(mappings(&plane, ALL, r#"display_name = "" AND owner = "default""#).await.len(), 3);

    assert_eq!(
        deployments(&plane, ALL, "state = STATE_PAUSED").await,
        ["integrations/other/deployments/paused"]
    );
    assert_eq!(deployments(&plane, ALL, "state = STATE_ENABLED").await.len(), 2);
    let gamma = ["integrations/acme-erp/deployments/gamma-llc", "integrations/other/deployments/paused"];
    assert_eq!(deployments(&plane, ALL, "customer = customers/gamma-llc").await, gamma);
    assert_eq!(
        deployments(&plane, "integrations/acme-erp", "customer = customers/gamma-llc").await,
        gamma[..1]
    );
}

#[tokio::test]
async fn a_faulty_filter_is_told_with_its_place_beside_other_faults() {
    let plane = plane().await;
    let request = ListCustomersRequest {
        filter: "external_id = x AND customer = y".to_owned(),
        page_size: -1,
        page_token: "garbage".to_owned(),
    };
    let refused = said(plane.customers().list_customers(request).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::InvalidArgument, "INVALID_ARGUMENT"));
    assert_eq!(refused.fields(), ["filter", "page_size"]);
    let filter = &refused.fields["filter"];
    assert_eq!(
        filter,
        "at position 20: there is no field `customer`; the fields of this list are `external_id`, `display_name`, \
         `owner`"
    );
    let mut edges = edge_service_client::EdgeServiceClient::new(plane.channel());
    let request = ListEdgesRequest { filter: "connected = maybe".to_owned(), ..Default::default() };
    let refused = said(edges.list_edges(request).await);
    assert_eq!(refused.fields["filter"], "at position 12: `connected` is `true` or `false`");
}

#[tokio::test]
async fn a_token_is_good_for_its_filter_and_parent_only() {
    let plane = plane().await;
    let list = async |parent: &str, filter: &str, page_token: &str| {
        let request = ListCustomerMappingsRequest {
            parent: parent.to_owned(),
            page_size: 1,
            page_token: page_token.to_owned(),
            filter: filter.to_owned(),
        };
        plane.mappings().list_customer_mappings(request).await.map(tonic::Response::into_inner)
    };
    let filter = "customer = customers/gamma-llc";
    let first = list(ALL, filter, "").await.unwrap();
    let second = list(ALL, filter, &first.next_page_token).await.unwrap();
    assert_eq!(second.customer_mappings[0].name, "integrations/other/customerMappings/x");
    assert_eq!(second.next_page_token, "");
    for (parent, filter) in
        [(ALL, ""), (ALL, "customer = customers/bowlers-inc"), ("integrations/other", filter)]
    {
        let refused = said(list(parent, filter, &first.next_page_token).await);
        assert_eq!(refused.reason, "PAGE_TOKEN_INVALID", "{parent} {filter}");
        assert_eq!(refused.fields(), ["page_token"]);
    }
}

#[tokio::test]
async fn who_has_a_scope_pages_through_what_is_in_it_alone() {
    let plane = ControlPlane::start().await;
    let mut manifest = acme();
    // In the order of their names' bytes: `-` and `.` come before `/`.
    for id in ["a-b", "a.b", "a", "a0", "b"] {
        let name = format!("integrations/{id}");
        manifest.integrations.push(Integration { name: name.clone(), ..acme_erp() });
        for mapped in ["x", "y"] {
            let mapped = format!("{name}/customerMappings/{mapped}");
            manifest.customer_mappings.push(mapping(&mapped, &mapped, "customers/gamma-llc"));
        }
    }
    plane.apply(manifest).await.unwrap();
    let admin = plane.close().await;
    let one = plane.make(&admin, "one", token(Role::Viewer, &["b", "a", "a-b"])).await;
    let other = plane.make(&admin, "other", token(Role::Viewer, &["b"])).await;
    let list = async |secret: &str, filter: &str, page_token: &str| {
        let channel = with(plane.channel(), secret);
        let request = ListCustomerMappingsRequest {
            parent: ALL.to_owned(),
            page_size: 1,
            page_token: page_token.to_owned(),
            filter: filter.to_owned(),
        };
        let mut client = customer_mapping_service_client::CustomerMappingServiceClient::new(channel);
        client.list_customer_mappings(request).await.map(tonic::Response::into_inner)
    };
    for filter in ["", "customer = customers/gamma-llc", "owner = default"] {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let page = list(&one, filter, &page_token).await.unwrap();
            found.extend(page.customer_mappings.into_iter().map(|mapping| mapping.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let expected = ["a-b", "a", "b"]
            .map(|id| ["x", "y"].map(|mapped| format!("integrations/{id}/customerMappings/{mapped}")));
        assert_eq!(found, expected.concat(), "{filter}");
    }
    let token = list(&one, "", "").await.unwrap().next_page_token;
    for secret in [&other, &admin] {
        assert_eq!(said(list(secret, "", &token).await).reason, "PAGE_TOKEN_INVALID");
    }
}

/// More rows than a call passes over: pages may be short, and together they are the list.
#[tokio::test]
async fn a_filter_without_an_index_looks_at_a_bounded_number_of_rows() {
    let plane = ControlPlane::start().await;
    let named = |index: usize| Customer {
        name: format!("customers/c{index:06}"),
        external_id: format!("id-{index}"),
        display_name: if index % 50_500 == 50_499 { "rare".to_owned() } else { String::new() },
        ..Default::default()
    };
    let manifest = Manifest { customers: (0..51_000).map(named).collect(), ..Default::default() };
    plane.apply(manifest).await.unwrap();
    let (mut found, mut pages, mut token) = (Vec::new(), 0, String::new());
    loop {
        let request = ListCustomersRequest {
            filter: "display_name = rare".to_owned(),
            page_token: token,
            ..Default::default()
        };
        let page = plane.customers().list_customers(request).await.unwrap().into_inner();
        found.extend(page.customers.into_iter().map(|customer| customer.name));
        pages += 1;
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(found, ["customers/c050499"]);
    assert_eq!(pages, 2, "50,000 rows that it does not hold for end a page");
}
