//! The customer and its user.

use super::*;

const FLOW: (&str, &str) = ("flow", "create-order");

fn looked_up() -> World {
    let mut world = World::new();
    world.spec.external_customer_id =
        Some(ValueSourceSpec { lookup_customer_mappings: true, ..reference("results.customer") });
    world
}

fn with_user(user: ValueSourceSpec) -> World {
    let mut world = World::new();
    world.spec.external_customer_user_id = Some(user);
    world
}

#[test]
fn the_value_is_the_external_id_itself() {
    let world = World::new();
    let decided = world.decide(&[("customer", "progix-1002"), FLOW]);
    assert_eq!(decided.way(), "pencils-ltd/create-order");
    assert_eq!(decided.steps[0].resolved.as_deref(), Some("customers/pencils-ltd"));
    assert_eq!(decided.steps[0].through, None);
    for unknown in ["A06DFFAC", "bowlers-inc", "customers/bowlers-inc", "PROGIX-1001", "progix-1001 "] {
        assert_eq!(world.decide(&[("customer", unknown), FLOW]).way(), "customer_unknown", "{unknown}");
    }
}

#[test]
fn with_a_lookup_it_is_the_third_partys_id() {
    let world = looked_up();
    assert_eq!(world.decide(&[("customer", "A06DFFAC"), FLOW]).way(), "bowlers-inc/create-order");
    for unknown in ["progix-1001", "a06dffac", "A06DFFAC "] {
        let decided = world.decide(&[("customer", unknown), FLOW]);
        assert_eq!(decided.way(), "customer_unknown", "{unknown}");
        assert_eq!(decided.last_step().found.as_deref(), Some(unknown));
        assert!(decided.last_step().detail.contains("no customer mapping"));
    }
}

#[test]
fn a_mapping_to_a_customer_that_is_gone_leads_to_nobody() {
    let mut world = looked_up();
    world.table.remove(&customer("bowlers-inc", "x").name());
    let decided = world.decide(&[("customer", "A06DFFAC"), FLOW]);
    assert_eq!(decided.way(), "customer_unknown");
    let step = decided.last_step();
    assert_eq!(
        (step.resolved.as_deref(), step.detail.as_str()),
        (
            None,
            "integrations/acme-erp/customerMappings/a06dffac names customers/bowlers-inc, which is not there"
        )
    );
}

#[test]
fn two_customers_or_mappings_of_one_id_are_nobody() {
    let mut world = World::new();
    world.table.upsert(customer("other", "progix-1001"));
    assert_eq!(world.decide(&[("customer", "progix-1001"), FLOW]).way(), "customer_unknown");
    let mut world = looked_up();
    world.table.upsert(mapping("other", "A06DFFAC", "pencils-ltd"));
    assert_eq!(world.decide(&[("customer", "A06DFFAC"), FLOW]).way(), "customer_unknown");
}

#[test]
fn a_missing_value_is_not_resolved() {
    for world in [World::new(), looked_up()] {
        let decided = world.decide(&[FLOW]);
        assert_eq!(decided.way(), "customer_not_resolved");
        assert_eq!(decided.detail(), "there is no value at results.customer");
        assert_eq!(decided.last_step().found, None);
    }
}

#[test]
fn a_table_comes_before_the_lookup_and_has_no_default() {
    let mut world = looked_up();
    let source = world.spec.external_customer_id.as_mut().unwrap();
    source.values = values(&[("bowlers", "A06DFFAC"), ("nobody", "unmapped")]);
    let decided = world.decide(&[("customer", "bowlers"), FLOW]);
    assert_eq!(decided.way(), "bowlers-inc/create-order");
    assert_eq!(decided.steps[0].found.as_deref(), Some("bowlers"));
    for unknown in ["nobody", "A06DFFAC", "else"] {
        assert_eq!(world.decide(&[("customer", unknown), FLOW]).way(), "customer_unknown", "{unknown}");
    }
    let mut world = World::new();
    world.spec.external_customer_id.as_mut().unwrap().values = values(&[("bowlers", "progix-1001")]);
    let decided = world.decide(&[("customer", "bowlers"), FLOW]);
    assert_eq!(
        (decided.way().as_str(), decided.steps[0].through.as_deref()),
        ("bowlers-inc/create-order", Some("values"))
    );
    let missed = world.decide(&[("customer", "progix-1001"), FLOW]);
    assert_eq!(
        (missed.way().as_str(), missed.last_step().detail.as_str()),
        ("customer_unknown", "values does not hold the value")
    );
}

#[test]
fn a_constant_is_a_value_too() {
    let mut world = World::new();
    world.spec.external_customer_id = Some(constant("progix-1001"));
    let decided = world.decide(&[FLOW]);
    assert_eq!(decided.way(), "bowlers-inc/create-order");
    assert_eq!(
        (decided.steps[0].source.as_str(), decided.steps[0].found.as_deref()),
        ("constant", Some("progix-1001"))
    );
}

#[test]
fn the_user_is_forwarded_where_it_is_configured() {
    let results = [("customer", "progix-1001"), ("user", "ü 1"), FLOW];
    assert_eq!(World::new().decide(&results).end.unwrap().customer_user, None);
    let decided = with_user(reference("results.user")).decide(&results);
    assert_eq!(decided.steps[1].stage, Stage::CustomerUser);
    assert_eq!(decided.steps[1].resolved.as_deref(), Some("ü 1"));
    assert_eq!(decided.end.unwrap().customer_user.as_deref(), Some("ü 1"));
    let decided = with_user(constant("robot")).decide(&results);
    assert_eq!(decided.end.unwrap().customer_user.as_deref(), Some("robot"));
}

#[test]
fn the_user_must_resolve_where_it_is_configured() {
    let results = |user| [("customer", "progix-1001"), ("user", user), FLOW];
    let decided = with_user(reference("results.missing")).decide(&results("u"));
    assert_eq!(decided.way(), "customer_user_not_resolved");

    let table =
        || with_user(ValueSourceSpec { values: values(&[("u", "User")]), ..reference("results.user") });
    assert_eq!(table().decide(&results("u")).end.unwrap().customer_user.as_deref(), Some("User"));
    assert_eq!(table().decide(&results("v")).way(), "customer_user_not_resolved");

    let longest = "x".repeat(MAX_CUSTOMER_USER_BYTES);
    assert!(with_user(reference("results.user")).decide(&results(&longest)).end.is_ok());
    let too_long = with_user(reference("results.user")).decide(&results(&format!("{longest}x")));
    assert_eq!(too_long.way(), "customer_user_not_resolved");
}

#[test]
fn a_user_is_forwarded_from_every_type_of_endpoint() {
    let own = deployment("own", "bowlers-inc", false);
    for mut world in [World::instance_specific(Arc::clone(&own)), World::flow_specific(own, "create-order")] {
        world.spec.external_customer_user_id = Some(reference("results.user"));
        let decided = world.decide(&[("user", "u"), FLOW]);
        assert_eq!(decided.end.unwrap().customer_user.as_deref(), Some("u"));
        assert_eq!(world.decide(&[FLOW]).way(), "customer_user_not_resolved");
    }
}

#[test]
fn a_sender_reads_no_value_and_no_name() {
    let mut world = looked_up();
    world.table.upsert(mapping("dangling", "s3cret", "gone"));
    for value in ["s3cret", "s3cret-unknown"] {
        let decided = world.decide(&[("customer", value), FLOW]);
        for hidden in ["s3cret", "customers/", "integrations/", "gone"] {
            assert!(!decided.detail().contains(hidden), "{}", decided.detail());
        }
        assert_eq!(decided.detail(), "the value at results.customer names no customer");
    }
}

#[test]
fn a_step_shows_a_long_value_in_part() {
    let long = "é".repeat(100_000);
    let decided = World::new().decide(&[("customer", &long), FLOW]);
    assert_eq!(decided.way(), "customer_unknown");
    let found = decided.last_step().found.as_deref().unwrap();
    assert_eq!(found, format!("{}…", &long[..MAX_TRACED_BYTES]));
}
