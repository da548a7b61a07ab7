//! The tutorial's Acme ERP, in both of its forms.

use super::*;

const INVENTORY: &str = r#"{"customerId": "A06DFFAC", "type": "inventory_update", "data": [
    {"txid": "E865298B-A3EC-4D17-B410-5FDFC8861BA7", "item": "bowler hat", "quantity": 5, "state": "removed"},
    {"txid": "4A38DE96-EA6B-4AB9-B9E2-3B033CA997CC", "item": "pencils", "quantity": 20, "state": "added"}]}"#;
const ORDER: &str = r#"{"customerId": "C3E72B0C", "type": "create_order", "data":
    {"orderid": "75F5AEC5-D482-4386-8878-219F92185DEC", "shipped": false, "total": 122.57, "paid": true}}"#;

fn without_a_service() -> World {
    let mut world = World::new();
    world.spec.external_customer_id =
        Some(ValueSourceSpec { lookup_customer_mappings: true, ..reference("results.body.data.customerId") });
    world.spec.flow_name = Some(ValueSourceSpec {
        values: values(&[("inventory_update", "Update Inventory"), ("create_order", "Create Order")]),
        ..reference("results.body.data.type")
    });
    world
}

fn decide_body(world: &World, body: &str) -> Decided {
    let webhook = Webhook {
        method: &Method::POST,
        headers: &Headers::default(),
        query: "",
        path_fragment: "",
        body: body.as_bytes(),
    };
    world.decide_results(&Results::Request(webhook))
}

#[test]
fn references_the_mapping_table_and_a_value_table_route_it() {
    let world = without_a_service();
    let inventory = decide_body(&world, INVENTORY);
    assert_eq!(inventory.way(), "bowlers-inc/update-inventory");
    let route = inventory.end.unwrap();
    assert_eq!((&*route.customer.external_id, route.customer_user.as_deref()), ("progix-1001", None));
    assert_eq!(route.flow_endpoint().url.as_str(), "http://h/bowlers-inc/update-inventory");
    assert_eq!(decide_body(&world, ORDER).way(), "pencils-ltd/create-order");
}

#[test]
fn a_services_reply_routes_it() {
    let mut world = World::new();
    world.spec.external_customer_id = Some(reference("results.customerExternalId"));
    world.spec.flow_name = Some(reference("results.flowName"));
    let inventory = [("customerExternalId", "progix-1001"), ("flowName", "Update Inventory")];
    assert_eq!(world.decide(&inventory).way(), "bowlers-inc/update-inventory");
    let order = [("customerExternalId", "progix-1002"), ("flowName", "Create Order")];
    assert_eq!(world.decide(&order).way(), "pencils-ltd/create-order");
}

#[test]
fn every_step_shows_what_was_read_and_what_it_became() {
    let shown: Vec<_> = decide_body(&without_a_service(), INVENTORY)
        .steps
        .into_iter()
        .map(|step| (step.stage, step.source, step.found, step.resolved, step.through, step.detail))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    let expected = [
        (
            Stage::Customer,
            "results.body.data.customerId".to_owned(),
            some("A06DFFAC"),
            some("customers/bowlers-inc"),
            some("integrations/acme-erp/customerMappings/a06dffac"),
            String::new(),
        ),
        (
            Stage::Deployment,
            "customer".to_owned(),
            some("customers/bowlers-inc"),
            some("integrations/acme-erp/deployments/bowlers-inc"),
            None,
            String::new(),
        ),
        (
            Stage::Flow,
            "results.body.data.type".to_owned(),
            some("inventory_update"),
            some("update-inventory"),
            some("values"),
            String::new(),
        ),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_body_that_is_none_or_ambiguous_is_malformed_for_the_stage_that_reads_it() {
    let world = without_a_service();
    for body in [r#"{"customerId": "A06DFFAC""#, r#"{"customerId": "A06DFFAC", "customerId": "C3E72B0C"}"#] {
        let decided = decide_body(&world, body);
        assert_eq!(decided.way(), "body_malformed", "{body}");
        assert_eq!(decided.steps.len(), 1);
        let step = decided.last_step();
        assert_eq!((step.stage, &step.found, &step.resolved), (Stage::Customer, &None, &None));
        assert_eq!(step.detail, decided.detail(), "the admin reads at least what the sender does");
    }
}
