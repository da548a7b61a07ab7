//! The flow.

use super::*;

fn results(flow: &str) -> [(&str, &str); 2] {
    [("customer", "progix-1001"), ("flow", flow)]
}

#[test]
fn a_flow_is_named_by_name_or_key_exactly() {
    let world = World::new();
    assert_eq!(world.decide(&results("create-order")).way(), "bowlers-inc/create-order");
    assert_eq!(world.decide(&results("Create Order")).way(), "bowlers-inc/create-order");
    for unknown in ["create order", "CREATE-ORDER", "create-order ", "gone", "create_order"] {
        let decided = world.decide(&results(unknown));
        assert_eq!(decided.way(), "flow_unknown", "{unknown}");
        assert_eq!(decided.detail(), "the value at results.flow names no flow");
        assert_eq!(decided.last_step().found.as_deref(), Some(unknown));
    }
}

#[test]
fn a_missing_value_is_not_resolved() {
    let decided = World::new().decide(&[("customer", "progix-1001")]);
    assert_eq!(decided.way(), "flow_not_resolved");
    assert_eq!(decided.detail(), "there is no value at results.flow");
}

#[test]
fn a_flow_without_a_url_is_not_deployed() {
    let decided = World::new().decide(&results("not-deployed"));
    assert_eq!(decided.way(), "flow_not_deployed");
    assert_eq!(decided.last_step().resolved, None);
    assert_eq!(decided.last_step().detail, "the customer's deployment has no URL for the flow");
}

#[test]
fn the_default_stands_in_for_an_unknown_value_and_never_for_a_missing_one() {
    let mut world = World::new();
    let source = world.spec.flow_name.as_mut().unwrap();
    source.values = values(&[("inventory_update", "Update Inventory")]);
    assert_eq!(world.decide(&results("else")).way(), "flow_unknown");
    assert_eq!(world.decide(&results("create-order")).way(), "flow_unknown", "the table does not hold it");

    world.spec.flow_name.as_mut().unwrap().default_value = Some("Create Order".to_owned());
    assert_eq!(world.decide(&results("inventory_update")).way(), "bowlers-inc/update-inventory");
    assert_eq!(world.decide(&results("else")).way(), "bowlers-inc/create-order");
    assert_eq!(world.decide(&[("customer", "progix-1001")]).way(), "flow_not_resolved");
}

#[test]
fn the_only_flow_needs_no_source() {
    let mut world = World::new();
    world.spec.flows.drain(..1);
    world.spec.flows.truncate(1);
    world.spec.flow_name = None;
    let decided = world.decide(&[("customer", "progix-1001")]);
    assert_eq!(decided.way(), "bowlers-inc/create-order");
    let step = decided.last_step();
    assert_eq!((step.source.as_str(), step.resolved.as_deref()), ("only flow", Some("create-order")));
    // But where there is one, it says whether this request is for the flow.
    world.spec.flow_name = Some(reference("results.flow"));
    assert_eq!(world.decide(&results("create-order")).way(), "bowlers-inc/create-order");
    assert_eq!(world.decide(&results("something-else")).way(), "flow_unknown");
}

#[test]
fn a_constant_flow_is_taken_on_shared_and_instance_specific_endpoints() {
    let mut world = World::instance_specific(deployment("own", "bowlers-inc", false));
    world.spec.flow_name = Some(constant("Create Order"));
    assert_eq!(world.decide(&[]).way(), "own/create-order");
}

#[test]
fn a_flow_specific_endpoint_says_its_flow_itself() {
    let own = deployment("own", "bowlers-inc", false);
    let world = World::flow_specific(Arc::clone(&own), "update-inventory");
    let decided = world.decide(&results("create-order"));
    assert_eq!(decided.way(), "own/update-inventory", "its source is not read");
    let step = decided.last_step();
    assert_eq!((step.source.as_str(), step.found.as_deref()), ("endpoint", Some("update-inventory")));

    let gone = World::flow_specific(Arc::clone(&own), "gone").decide(&[]);
    assert_eq!(
        (gone.way().as_str(), gone.detail()),
        ("flow_unknown", "the endpoint's flow is no longer there")
    );
    assert_eq!(World::flow_specific(own, "not-deployed").decide(&[]).way(), "flow_not_deployed");
}

#[test]
fn a_flow_specific_endpoint_is_named_by_key_and_never_by_another_flows_name() {
    let mut world = World::flow_specific(deployment("own", "bowlers-inc", false), "gone");
    world.spec.flows[1].name = "gone".to_owned();
    assert_eq!(world.decide(&[]).way(), "flow_unknown");
}
