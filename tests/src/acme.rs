//! The tutorial's scenario: Acme ERP posts inventory updates and orders of all customers to one URL.

use serde_json::{Value, json};

/// An inventory update of the customer that Acme ERP calls `A06DFFAC`.
pub const INVENTORY_UPDATE: &str = include_str!("../../examples/payloads/acme-inventory-update.json");
/// An order of the customer that Acme ERP calls `C3E72B0C`.
pub const CREATE_ORDER: &str = include_str!("../../examples/payloads/acme-create-order.json");

/// Acme ERP by references alone: two customers, two flows each, at `flow_base` (as `http://127.0.0.1:9001`).
///
/// The flow endpoints are `{flow_base}/{deployment}/{flow key}`.
#[must_use]
pub fn manifest(flow_base: &str) -> Value {
    json!({
        "integrations": [integration(json!({
            "type": "ENDPOINT_TYPE_SHARED",
            "externalCustomerId": {
                "reference": "results.body.data.customerId",
                "lookup": "LOOKUP_CUSTOMER_MAPPINGS",
            },
            "flowName": {
                "reference": "results.body.data.type",
                "values": { "inventory_update": "Update Inventory", "create_order": "Create Order" },
            },
        }))],
        "customers": customers(),
        "customerMappings": [
            mapping("a06dffac", "A06DFFAC", "bowlers-inc"),
            mapping("c3e72b0c", "C3E72B0C", "pencils-co"),
        ],
        "deployments": deployments(flow_base),
    })
}

/// Acme ERP with a Preprocess service at `address`, which returns `{customerExternalId, flowName}`.
#[must_use]
pub fn manifest_with_preprocess(flow_base: &str, address: &str) -> Value {
    json!({
        "integrations": [integration(json!({
            "type": "ENDPOINT_TYPE_SHARED",
            "preprocess": { "address": address, "metadata": { "x-service-key": "let-me-in" } },
            "externalCustomerId": { "reference": "results.customerExternalId" },
            "flowName": { "reference": "results.flowName" },
        }))],
        "customers": customers(),
        "deployments": deployments(flow_base),
    })
}

/// Acme ERP with this endpoint configuration in place of the tutorial's.
#[must_use]
pub fn manifest_with_endpoint(flow_base: &str, endpoint: Value) -> Value {
    let mut manifest = manifest(flow_base);
    manifest["integrations"] = json!([integration(endpoint)]);
    manifest
}

fn integration(endpoint: Value) -> Value {
    json!({
        "name": "integrations/acme-erp",
        "displayName": "Acme ERP",
        "flows": [
            { "key": "update-inventory", "name": "Update Inventory" },
            { "key": "create-order", "name": "Create Order" },
        ],
        "endpoint": endpoint,
    })
}

fn customers() -> Value {
    json!([
        { "name": "customers/bowlers-inc", "externalId": "progix-1001", "displayName": "Bowlers Inc" },
        { "name": "customers/pencils-co", "externalId": "progix-1002", "displayName": "Pencils & Co" },
    ])
}

fn mapping(id: &str, source: &str, customer: &str) -> Value {
    json!({
        "name": format!("integrations/acme-erp/customerMappings/{id}"),
        "sourceCustomerId": source,
        "customer": format!("customers/{customer}"),
    })
}

fn deployments(flow_base: &str) -> Value {
    let deployment = |customer: &str| {
        json!({
            "name": format!("integrations/acme-erp/deployments/{customer}"),
            "customer": format!("customers/{customer}"),
            "flowEndpoints": {
                "update-inventory": { "url": format!("{flow_base}/{customer}/update-inventory") },
                "create-order": { "url": format!("{flow_base}/{customer}/create-order") },
            },
        })
    };
    json!([deployment("bowlers-inc"), deployment("pencils-co")])
}
