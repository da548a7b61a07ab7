//! Every RPC that answers in pages.

use std::time::Duration;

use pointsman_proto::{
    admin::v1::{access_token::Role, *},
    edge::v1::{
        Hello, StreamConfigRequest, config_service_client::ConfigServiceClient,
        stream_config_request::Message,
    },
};
use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};

use super::wire::{call, field, message, method, methods, short_name, text};
use crate::{
    access::{token, with},
    harness::{ControlPlane, acme, customer, deployment, mapping, said, unshared},
};

/// More than a page.
const MANY: usize = 1_003;
const PAGE_SIZE_MAX: usize = 1_000;
/// Between two looks at an edge.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A list, with something in it.
struct Filled {
    method: &'static str,
    /// The request, but for pages.
    request: &'static str,
    /// A filter that it takes; none where it has none.
    filter: Option<&'static str>,
    /// Whether it holds more than a page may.
    many: bool,
}

/// Every RPC that answers in pages is to be here.
const LISTS: [Filled; 9] = [
    many("IntegrationService/ListIntegrations", "{}", Some("owner = default")),
    many("CustomerService/ListCustomers", "{}", Some("owner = default")),
    many(
        "CustomerMappingService/ListCustomerMappings",
        r#"{"parent": "integrations/-"}"#,
        Some("owner = default"),
    ),
    many("DeploymentService/ListDeployments", r#"{"parent": "integrations/-"}"#, Some("owner = default")),
    many("AuditService/ListAuditEntries", "{}", Some("action = ACTION_CREATED")),
    many("ConfigService/GetConfig", "{}", None),
    few("IntegrationService/ListIntegrationRevisions", r#"{"name": "integrations/acme-erp"}"#, None),
    few("EdgeService/ListEdges", "{}", Some("connected = false")),
    few("AccessTokenService/ListAccessTokens", "{}", Some("role = ROLE_EDGE")),
];

const fn many(method: &'static str, request: &'static str, filter: Option<&'static str>) -> Filled {
    Filled { method, request, filter, many: true }
}

const fn few(method: &'static str, request: &'static str, filter: Option<&'static str>) -> Filled {
    Filled { method, request, filter, many: false }
}

/// A control plane whose every list has something in it, with an admin's secret. The edges have left: nothing of what is
/// known of them changes any more.
async fn filled() -> (ControlPlane, String) {
    let plane = ControlPlane::start().await;
    let mut manifest = acme();
    for index in 0..MANY {
        let name = format!("customers/c{index:04}");
        manifest
            .integrations
            .push(unshared(&format!("integrations/i{index:04}"), EndpointType::InstanceSpecific));
        manifest.customers.push(customer(&name, &format!("id-{index}")));
        let mapped = format!("integrations/acme-erp/customerMappings/m{index:04}");
        manifest.customer_mappings.push(mapping(&mapped, &format!("source-{index}"), &name));
        let deployed = format!("integrations/acme-erp/deployments/d{index:04}");
        manifest.deployments.push(deployment(&deployed, &name));
    }
    plane.apply(manifest).await.unwrap();
    for display_name in ["A", "B", "C", "D"] {
        let named = Integration {
            name: "integrations/acme-erp".to_owned(),
            display_name: display_name.to_owned(),
            ..Default::default()
        };
        plane.update_integration(named, &["display_name"]).await.unwrap();
    }
    let admin = plane.close().await;
    for id in ["a", "b", "c", "d", "e"] {
        let edge = AccessToken { edge: format!("edges/{id}"), ..token(Role::Edge, &[]) };
        let secret = plane.make(&admin, &format!("edge-{id}"), edge).await;
        come_and_go(&plane, &admin, &secret, &format!("edges/{id}")).await;
    }
    (plane, admin)
}

/// Connects an edge, which leaves again, and waits until that is known.
async fn come_and_go(plane: &ControlPlane, admin: &str, secret: &str, edge: &str) {
    let hello = Hello { edge: edge.to_owned(), ..Default::default() };
    let hello = StreamConfigRequest { message: Some(Message::Hello(hello)) };
    let requests = tokio_stream::iter([hello]).chain(tokio_stream::pending());
    let mut client = ConfigServiceClient::new(with(plane.channel(), secret));
    let mut answers = client.stream_config(requests).await.unwrap().into_inner();
    answers.next().await.unwrap().unwrap();
    drop(answers);
    let request = || GetEdgeRequest { name: edge.to_owned() };
    let mut edges = edge_service_client::EdgeServiceClient::new(with(plane.channel(), admin));
    while edges.get_edge(request()).await.unwrap().into_inner().edge.unwrap().connected {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

struct Page {
    items: Vec<Value>,
    next: String,
}

struct Listed<'p> {
    plane: &'p ControlPlane,
    secret: &'p str,
    method: MethodDescriptor,
    request: DynamicMessage,
}

impl Listed<'_> {
    async fn page(&self, size: i32, token: &str, filter: &str) -> Result<Page, Status> {
        let mut request = self.request.clone();
        request.set_field_by_name("page_size", Value::I32(size));
        request.set_field_by_name("page_token", Value::String(token.to_owned()));
        if !filter.is_empty() {
            request.set_field_by_name("filter", Value::String(filter.to_owned()));
        }
        let answer = call(self.plane, self.secret, &request, &self.method).await?;
        let items = self.method.output().fields().find(|field| field.is_list()).unwrap();
        let items = field(&answer, items.name()).as_list().unwrap().to_vec();
        Ok(Page { items, next: text(&answer, "next_page_token") })
    }

    async fn all(&self, size: i32, filter: &str) -> Vec<Value> {
        let (mut items, mut token) = (Vec::new(), String::new());
        loop {
            let page = self.page(size, &token, filter).await.unwrap();
            assert!(page.items.len() <= usize::try_from(size).unwrap());
            items.extend(page.items);
            token = page.next;
            if token.is_empty() {
                return items;
            }
        }
    }
}

#[test]
fn every_rpc_with_pages_is_tried() {
    let paged =
        methods().into_iter().filter(|method| method.input().get_field_by_name("page_token").is_some());
    let mut paged: Vec<_> = paged.map(|method| short_name(&method)).collect();
    let mut tried: Vec<_> = LISTS.iter().map(|list| list.method.to_owned()).collect();
    paged.sort_unstable();
    tried.sort_unstable();
    assert_eq!(paged, tried, "an RPC that answers in pages is tried here");
}

#[tokio::test]
async fn every_list_keeps_the_rules_of_pages() {
    let (plane, admin) = filled().await;
    let listed = |list: &Filled| {
        let method = method(list.method);
        let request = message(method.input(), list.request);
        Listed { plane: &plane, secret: &admin, method, request }
    };
    let mut tokens = Vec::new();
    for list in &LISTS {
        let (name, listed) = (list.method, listed(list));
        let refused = said(listed.page(-1, "", "").await.map(drop));
        assert_eq!((refused.code, refused.fields()), (Code::InvalidArgument, vec!["page_size"]), "{name}");

        let by_default = listed.page(0, "", "").await.unwrap();
        assert!(!by_default.items.is_empty() && by_default.items.len() <= 50, "{name}");
        let largest = listed.page(i32::MAX, "", "").await.unwrap();
        assert!(largest.items.len() <= PAGE_SIZE_MAX, "{name}");
        assert_eq!(!largest.next.is_empty(), list.many, "{name}");

        // Pages are the whole, without gaps and repeats.
        let whole = listed.all(1_000, "").await;
        assert!(whole.len() > if list.many { PAGE_SIZE_MAX } else { 3 }, "{name}: {}", whole.len());
        assert!(listed.all(if list.many { 167 } else { 2 }, "").await == whole, "{name}");
        let first = listed.page(2, "", "").await.unwrap();
        assert_eq!((first.items.len(), first.items == whole[..2]), (2, true), "{name}");
        tokens.push(first.next);

        if let Some(filter) = list.filter {
            let filtered = listed.page(2, "", filter).await.unwrap();
            assert!(!filtered.items.is_empty() && !filtered.next.is_empty(), "{name}");
            for (token, filter) in [(filtered.next.as_str(), ""), (tokens.last().unwrap(), filter)] {
                let refused = said(listed.page(2, token, filter).await.map(drop));
                assert_eq!(refused.reason, "PAGE_TOKEN_INVALID", "{name}: a token of another filter");
            }
            let refused = said(listed.page(2, "", "nonsense = 1").await.map(drop));
            assert_eq!(refused.fields(), ["filter"], "{name}");
        }
    }
    for (index, list) in LISTS.iter().enumerate() {
        let listed = listed(list);
        let foreign = tokens.iter().enumerate().filter(|(other, _)| *other != index);
        let foreign = foreign.map(|(_, token)| token.as_str());
        for token in foreign.chain(["x", "é", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &"A".repeat(10_000)]) {
            let refused = said(listed.page(2, token, "").await.map(drop));
            let said = (refused.code, refused.reason.as_str(), refused.fields());
            assert_eq!(
                said,
                (Code::InvalidArgument, "PAGE_TOKEN_INVALID", vec!["page_token"]),
                "{}",
                list.method
            );
        }
    }
}
