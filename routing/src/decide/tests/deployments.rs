//! The deployment, on every type of endpoint.

use super::*;

const RESULTS: [(&str, &str); 2] = [("customer", "progix-1001"), ("flow", "create-order")];

#[test]
fn a_customer_without_a_deployment_has_nothing_to_run() {
    let mut world = World::new();
    world.table.remove(&"integrations/acme-erp/deployments/bowlers-inc".parse().unwrap());
    let decided = world.decide(&RESULTS);
    assert_eq!(decided.way(), "deployment_not_found");
    assert_eq!(decided.detail(), "the customer has no deployment of the integration");
    assert_eq!(decided.last_step().found.as_deref(), Some("customers/bowlers-inc"));
    assert_eq!(decided.last_step().resolved, None);
}

#[test]
fn a_deployment_of_another_integration_does_not_count() {
    let mut world = World::new();
    world.table.remove(&"integrations/acme-erp/deployments/bowlers-inc".parse().unwrap());
    let mut elsewhere = Deployment::clone(&deployment("bowlers-inc", "bowlers-inc", false));
    elsewhere.name.integration = IntegrationId::parse("other").unwrap();
    put(&mut world.table, Arc::new(elsewhere));
    assert_eq!(world.decide(&RESULTS).way(), "deployment_not_found");
}

#[test]
fn a_paused_deployment_takes_nothing() {
    let mut world = World::new();
    put(&mut world.table, deployment("bowlers-inc", "bowlers-inc", true));
    let decided = world.decide(&RESULTS);
    assert_eq!(decided.way(), "deployment_paused");
    assert_eq!(decided.detail(), "the customer's deployment is paused");
    assert_eq!(decided.last_step().resolved, None);
    assert_eq!(decided.last_step().detail, "integrations/acme-erp/deployments/bowlers-inc is paused");
}

#[test]
fn an_enabled_deployment_stands_beside_paused_ones_but_not_beside_another() {
    let mut world = World::new();
    put(&mut world.table, deployment("a-second", "bowlers-inc", true));
    assert_eq!(world.decide(&RESULTS).way(), "bowlers-inc/create-order");
    put(&mut world.table, deployment("a-second", "bowlers-inc", false));
    assert_eq!(world.decide(&RESULTS).way(), "deployment_not_found");
}

#[test]
fn other_endpoints_name_their_deployment() {
    // A second one of a customer, which a shared endpoint could not tell apart.
    let own = deployment("own", "pencils-ltd", false);
    let world = World::instance_specific(Arc::clone(&own));
    let decided = world.decide(&RESULTS);
    assert_eq!(decided.way(), "own/create-order");
    assert_eq!(&*decided.end.as_ref().unwrap().customer.external_id, "progix-1002");
    let shown: Vec<_> = decided.steps[..2]
        .iter()
        .map(|step| (step.source.as_str(), step.resolved.as_deref().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [("endpoint", "customers/pencils-ltd"), ("endpoint", "integrations/acme-erp/deployments/own")]
    );
    assert_eq!(World::flow_specific(own, "update-inventory").decide(&RESULTS).way(), "own/update-inventory");
}

#[test]
fn other_endpoints_are_paused_with_their_deployment() {
    let own = deployment("own", "pencils-ltd", true);
    assert_eq!(World::instance_specific(Arc::clone(&own)).decide(&RESULTS).way(), "deployment_paused");
    assert_eq!(World::flow_specific(own, "create-order").decide(&RESULTS).way(), "deployment_paused");
}

#[test]
fn an_endpoint_whose_customer_is_gone_leads_to_nobody() {
    let own = deployment("own", "gone", false);
    for world in [World::instance_specific(Arc::clone(&own)), World::flow_specific(own, "create-order")] {
        let decided = world.decide(&RESULTS);
        assert_eq!(decided.way(), "customer_unknown");
        assert_eq!(decided.detail(), "the endpoint's customer is not known");
        assert!(decided.last_step().detail.contains("customers/gone"));
    }
}
