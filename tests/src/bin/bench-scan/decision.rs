//! A whole decision: references, the customer mapping, the customer, the deployment, the flow.

use std::{collections::BTreeMap, hint::black_box, sync::Arc};

use http::Method;
use pointsman_routing::{
    decide::{Route, decide},
    deployment::{Customer, CustomerMapping, Deployment, DeploymentSpec, FlowEndpointSpec},
    headers::Headers,
    integration::{EndpointType, FlowSpec, Integration, IntegrationSpec},
    name::{CustomerId, IntegrationId, MappingId, MappingName},
    results::Results,
    source::ValueSourceSpec,
    table::{Endpoint, EndpointToken, Entry, Table},
    webhook::Webhook,
};

use super::{
    documents::{self, Shape, document},
    fastest,
};

const INTEGRATION: &str = "acme-erp";
const TOKEN: &str = "fQ4rVt0o3qHk1mZp7xYw2s";

/// Measures decisions over a small body, for one customer again and again and for all in turn.
pub(crate) fn measure(deployments: u64, rounds: usize) {
    let table = table(deployments);
    let endpoint = table.endpoint(TOKEN).expect("the endpoint");
    let body = document(Shape::Early, 512);
    println!("a decision over {} bytes of JSON among {deployments} deployments", body.len());

    // Ids have the length of the document's, and take its place.
    let (before, behind) = body.split_once(documents::CUSTOMER).expect("the customer");
    let mut bodies = [0, 0].map(|_| [before, &source(0), behind].concat().into_bytes());
    let place = before.len()..before.len() + source(0).len();
    let [always, changing] = &mut bodies;
    let headers = headers();
    let mut row = 0;
    let mut one = || drop(black_box(route(&table, &endpoint, &headers, always)));
    let mut all = || {
        // A prime: neighbours do not have neighbours.
        row = (row + 7_919) % deployments;
        changing[place.clone()].copy_from_slice(source(row).as_bytes());
        drop(black_box(route(&table, &endpoint, &headers, changing)));
    };
    let mut ids_alone = || drop(black_box(source(black_box(4_711))));
    let best = fastest(rounds, &mut [&mut one, &mut all, &mut ids_alone]);
    println!("  for one customer           {:>8.0} ns", best[0]);
    println!("  for each customer in turn  {:>8.0} ns", best[1] - best[2]);
}

fn route(table: &Table, endpoint: &Endpoint, headers: &Headers, body: &[u8]) -> Route {
    let webhook = Webhook { method: &Method::POST, headers, query: "", path_fragment: "", body };
    decide(&endpoint.integration, &endpoint.target, &Results::Request(webhook), table, &mut ())
        .expect("a route")
}

/// What a small sender sends.
fn headers() -> Headers {
    let fields = [
        ("host", "hooks.example.com"),
        ("user-agent", "acme/7.1"),
        ("accept", "*/*"),
        ("content-length", "512"),
        ("content-type", "application/json; charset=utf-8"),
    ];
    fields.into_iter().collect()
}

/// What the third party calls a customer. An odd factor gives each number once.
fn source(row: u64) -> String {
    format!("{:08X}", row.wrapping_mul(2_654_435_761) & u64::from(u32::MAX))
}

/// A customer, a mapping and a deployment of two flows for each row.
fn table(rows: u64) -> Table {
    let mut table = Table::new();
    let id = IntegrationId::parse(INTEGRATION).expect("an id");
    let reference = |name: &str| ValueSourceSpec {
        reference: Some(format!("results.body.data.{name}")),
        ..Default::default()
    };
    let values = [("inventory_update", "Update Inventory"), ("create_order", "Create Order")];
    let values = values.map(|(from, to)| (from.to_owned(), to.to_owned()));
    let flows = [("update-inventory", "Update Inventory"), ("create-order", "Create Order")];
    let spec = IntegrationSpec {
        flows: flows.map(|(key, name)| FlowSpec { key: key.to_owned(), name: name.to_owned() }).into(),
        endpoint_type: Some(EndpointType::Shared),
        external_customer_id: Some(ValueSourceSpec {
            lookup_customer_mappings: true,
            ..reference("customerId")
        }),
        flow_name: Some(ValueSourceSpec { values: values.into(), ..reference("type") }),
        ..IntegrationSpec::default()
    };
    let integration = Arc::new(Integration::parse(id.clone(), spec).expect("an integration"));
    table.upsert(Entry::Integration(integration, vec![EndpointToken::parse(TOKEN).expect("a token")]));
    for row in 0..rows {
        let customer = format!("customers/customer-{row}");
        let name = MappingName {
            integration: id.clone(),
            mapping: MappingId::parse(&format!("m{row}")).expect("an id"),
        };
        let mapping = CustomerMapping::parse(name, &source(row), &customer).expect("a mapping");
        let endpoints = flows.map(|(key, _)| {
            let url = format!("http://127.0.0.1:9001/customer-{row}/{key}");
            (key.to_owned(), FlowEndpointSpec { url, ..FlowEndpointSpec::default() })
        });
        let spec = DeploymentSpec {
            customer: customer.clone(),
            flow_endpoints: endpoints.into(),
            ..Default::default()
        };
        let name =
            format!("integrations/{INTEGRATION}/deployments/deployment-{row}").parse().expect("a name");
        let deployment = Arc::new(Deployment::parse(name, spec).expect("a deployment"));
        let id: CustomerId = customer.parse().expect("a name");
        table.upsert(Entry::Customer(Customer::parse(id, &format!("progix-{row}")).expect("a customer")));
        table.upsert(Entry::CustomerMapping(mapping));
        table.upsert(Entry::Deployment(deployment, Vec::new(), BTreeMap::new()));
    }
    table
}
