//! Lists: pages, their tokens, parents.

use std::collections::BTreeSet;

use pointsman_proto::admin::v1::*;
use proptest::prelude::*;
use tonic::Code;

use crate::harness::{ControlPlane, customer, mapping, said, unshared};

fn names(customers: &[Customer]) -> Vec<&str> {
    customers.iter().map(|customer| customer.name.as_str()).collect()
}

async fn with_customers(count: usize) -> ControlPlane {
    let plane = ControlPlane::start().await;
    let named = |index| customer(&format!("customers/c{index:04}"), &format!("{index}"));
    plane.apply(Manifest { customers: (0..count).map(named).collect(), ..Default::default() }).await.unwrap();
    plane
}

async fn page(plane: &ControlPlane, page_size: i32, page_token: &str) -> ListCustomersResponse {
    let request = ListCustomersRequest {
        page_size,
        page_token: page_token.to_owned(),
        ..ListCustomersRequest::default()
    };
    plane.customers().list_customers(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn pages_have_a_default_and_a_largest_size() {
    let plane = with_customers(1_020).await;
    assert_eq!(page(&plane, 0, "").await.customers.len(), 50);
    assert_eq!(page(&plane, 5_000, "").await.customers.len(), 1_000);
    let request =
        ListCustomersRequest { page_size: -1, page_token: String::new(), ..ListCustomersRequest::default() };
    assert_eq!(said(plane.customers().list_customers(request).await).fields(), ["page_size"]);
    let first = page(&plane, 1_000, "").await;
    let rest = page(&plane, 7, &first.next_page_token).await;
    assert_eq!(names(&rest.customers)[0], "customers/c1000");
}

#[tokio::test]
async fn the_last_page_has_no_token_and_an_empty_list_is_one_page() {
    let plane = with_customers(4).await;
    let first = page(&plane, 2, "").await;
    let second = page(&plane, 2, &first.next_page_token).await;
    assert_eq!((second.customers.len(), second.next_page_token.as_str()), (2, ""));
    let empty = plane.integrations().list_integrations(ListIntegrationsRequest::default()).await.unwrap();
    assert_eq!(empty.into_inner(), ListIntegrationsResponse::default());
}

#[tokio::test]
async fn a_token_of_another_list_or_of_nobody_is_refused() {
    let plane = ControlPlane::start().await;
    for id in ["one", "two"] {
        plane.create_integration(id, unshared("", EndpointType::FlowSpecific)).await.unwrap();
        plane.create_customer(id, customer("", id)).await.unwrap();
        for source in ["a", "b"] {
            let name = format!("integrations/{id}");
            let mapped = mapping("", source, &format!("customers/{id}"));
            plane.create_mapping(&name, source, mapped).await.unwrap();
        }
    }
    let list = |parent: &str, page_token: &str| ListCustomerMappingsRequest {
        parent: parent.to_owned(),
        page_size: 1,
        page_token: page_token.to_owned(),
        ..ListCustomerMappingsRequest::default()
    };
    let first =
        plane.mappings().list_customer_mappings(list("integrations/one", "")).await.unwrap().into_inner();
    let token = first.next_page_token;
    plane.mappings().list_customer_mappings(list("integrations/one", &token)).await.unwrap();

    let mut altered = token.clone().into_bytes();
    altered[3] ^= 1;
    let altered = String::from_utf8(altered).unwrap();
    let long = "a".repeat(100_000);
    for (parent, token) in [
        ("integrations/two", token.as_str()),
        ("integrations/-", token.as_str()),
        ("integrations/one", altered.as_str()),
        ("integrations/one", &token[..token.len() - 1]),
        ("integrations/one", "a"),
        ("integrations/one", "?!"),
        ("integrations/one", long.as_str()),
    ] {
        let refused = said(plane.mappings().list_customer_mappings(list(parent, token)).await);
        assert_eq!(refused.code, Code::InvalidArgument);
        assert_eq!(refused.reason, "PAGE_TOKEN_INVALID");
        assert_eq!(refused.fields(), ["page_token"]);
    }
    let request =
        ListCustomersRequest { page_size: 1, page_token: token.clone(), ..ListCustomersRequest::default() };
    assert_eq!(said(plane.customers().list_customers(request).await).reason, "PAGE_TOKEN_INVALID");

    // Of another database.
    let other = with_customers(3).await;
    let foreign = page(&other, 1, "").await.next_page_token;
    let request =
        ListCustomersRequest { page_size: 1, page_token: foreign, ..ListCustomersRequest::default() };
    assert_eq!(said(plane.customers().list_customers(request).await).reason, "PAGE_TOKEN_INVALID");
}

#[tokio::test]
async fn a_token_outlives_the_row_it_stands_on_and_a_restart() {
    let mut plane = with_customers(4).await;
    let first = page(&plane, 2, "").await;
    let request = DeleteCustomerRequest { name: "customers/c0001".into(), ..Default::default() };
    plane.customers().delete_customer(request).await.unwrap();
    plane.restart().await;
    let second = page(&plane, 2, &first.next_page_token).await;
    assert_eq!(names(&second.customers), ["customers/c0002", "customers/c0003"]);
}

#[tokio::test]
async fn parents_bound_a_list_and_a_dash_stands_for_all() {
    let plane = ControlPlane::start().await;
    plane.create_customer("x", customer("", "x")).await.unwrap();
    // In the order of the bytes of whole names, `-` and `.` come before `/`.
    for id in ["a", "a-b", "a.b", "ab"] {
        plane.create_integration(id, unshared("", EndpointType::FlowSpecific)).await.unwrap();
        for mapped in ["m", "n"] {
            plane
                .create_mapping(&format!("integrations/{id}"), mapped, mapping("", mapped, "customers/x"))
                .await
                .unwrap();
        }
    }
    let list = async |parent: &str, page_size| {
        let mut names = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListCustomerMappingsRequest {
                parent: parent.to_owned(),
                page_size,
                page_token,
                ..ListCustomerMappingsRequest::default()
            };
            let page = plane.mappings().list_customer_mappings(request).await.unwrap().into_inner();
            names.extend(page.customer_mappings.into_iter().map(|mapping| mapping.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return names;
            }
        }
    };
    let one = ["integrations/a/customerMappings/m", "integrations/a/customerMappings/n"];
    assert_eq!(list("integrations/a", 1).await, one);
    let all = list("integrations/-", 3).await;
    assert_eq!(all.len(), 8);
    assert!(all.is_sorted(), "{all:?}");

    let request =
        |parent: &str| ListCustomerMappingsRequest { parent: parent.to_owned(), ..Default::default() };
    let refused = said(plane.mappings().list_customer_mappings(request("integrations/none")).await);
    assert_eq!((refused.code, refused.resource.as_deref()), (Code::NotFound, Some("integrations/none")));
    for parent in ["", "customers/-", "integrations/", "-"] {
        assert_eq!(said(plane.mappings().list_customer_mappings(request(parent)).await).fields(), ["parent"]);
    }
}

/// Clients take 4 MiB at a time; a page of large resources is cut before that.
#[tokio::test]
async fn a_page_of_large_resources_fits_a_message() {
    let plane = ControlPlane::start().await;
    for id in 0..8 {
        let mut large = unshared("", EndpointType::InstanceSpecific);
        let mut source = crate::harness::reference("results.body.data.type");
        source.values = (0..9_000).map(|key| (format!("{key:080}"), "main".to_owned())).collect();
        large.endpoint.as_mut().unwrap().flow_name = Some(source);
        plane.create_integration(&format!("i{id}"), large).await.unwrap();
    }
    let mut seen = 0;
    let mut page_token = String::new();
    loop {
        let request =
            ListIntegrationsRequest { page_size: 100, page_token, ..ListIntegrationsRequest::default() };
        let page = plane.integrations().list_integrations(request).await.unwrap().into_inner();
        assert!(!page.integrations.is_empty());
        seen += page.integrations.len();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, 8);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_pages_are_all_rows(ids in proptest::collection::btree_set("[A-Za-z0-9][A-Za-z0-9._-]{0,6}", 0..40), page_size in 1..9_i32) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (paged, expected) = runtime.block_on(async {
            let plane = ControlPlane::start().await;
            let expected: BTreeSet<String> = ids.iter().map(|id| format!("customers/{id}")).collect();
            let customers = expected.iter().map(|name| customer(name, name)).collect();
            plane.apply(Manifest { customers, ..Default::default() }).await.unwrap();
            let mut paged = Vec::new();
            let mut token = String::new();
            loop {
                let page = page(&plane, page_size, &token).await;
                assert!(page.customers.len() <= usize::try_from(page_size).unwrap());
                paged.extend(page.customers.into_iter().map(|customer| customer.name));
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            (paged, expected)
        });
        prop_assert_eq!(paged, expected.into_iter().collect::<Vec<_>>());
    }
}
