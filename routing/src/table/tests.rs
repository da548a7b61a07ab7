use std::collections::BTreeMap;

use super::*;
use crate::{
    decide::Target,
    deployment::{DeploymentSpec, FlowEndpointSpec},
    directory::Mapped as _,
    integration::{EndpointType, FlowSpec, IntegrationSpec},
    source::ValueSourceSpec,
};

mod model;

fn integration(id: &str, endpoint_type: EndpointType, tokens: &[&str]) -> Entry {
    let constant = ValueSourceSpec { constant: Some("c".to_owned()), ..Default::default() };
    let spec = IntegrationSpec {
        flows: vec![FlowSpec { key: "f".to_owned(), name: String::new() }],
        endpoint_type: Some(endpoint_type),
        external_customer_id: (endpoint_type == EndpointType::Shared).then_some(constant),
        ..Default::default()
    };
    let id = IntegrationId::parse(id).unwrap();
    Entry::Integration(Arc::new(Integration::parse(id, spec).unwrap()), parse_tokens(tokens))
}

fn customer(id: &str, external_id: &str) -> Entry {
    Entry::Customer(Customer::parse(CustomerId::parse(id).unwrap(), external_id).unwrap())
}

fn mapping(name: &str, source_customer_id: &str, customer: &str) -> Entry {
    let customer = format!("customers/{customer}");
    let name = name.replacen('/', "/customerMappings/", 1);
    let name = format!("integrations/{name}").parse().unwrap();
    Entry::CustomerMapping(CustomerMapping::parse(name, source_customer_id, &customer).unwrap())
}

/// A deployment `integration/deployment`, with tokens of its own endpoint and of its flow `f`.
fn deployment(name: &str, customer: &str, paused: bool, tokens: &[&str], flow_tokens: &[&str]) -> Entry {
    let endpoint = FlowEndpointSpec { url: "http://h/".to_owned(), ..Default::default() };
    let spec = DeploymentSpec {
        customer: format!("customers/{customer}"),
        paused,
        flow_endpoints: BTreeMap::from([("f".to_owned(), endpoint)]),
    };
    let deployment = Deployment::parse(deployment_name(name), spec).unwrap();
    let flow_tokens = BTreeMap::from([(FlowKey::parse("f").unwrap(), parse_tokens(flow_tokens))]);
    Entry::Deployment(Arc::new(deployment), parse_tokens(tokens), flow_tokens)
}

fn deployment_name(name: &str) -> DeploymentName {
    format!("integrations/{}", name.replacen('/', "/deployments/", 1)).parse().unwrap()
}

fn parse_tokens(tokens: &[&str]) -> Vec<EndpointToken> {
    tokens.iter().map(|token| EndpointToken::parse(token).unwrap()).collect()
}

fn table(entries: impl IntoIterator<Item = Entry>) -> Table {
    let mut table = Table::new();
    entries.into_iter().for_each(|entry| table.upsert(entry));
    table
}

fn by_external_id(table: &Table, external_id: &str) -> Option<String> {
    let Ok(customer) = table.customer_by_external_id(external_id);
    customer.map(|customer| customer.id.as_str().to_owned())
}

fn by_source_id(table: &Table, integration: &str, source_id: &str) -> Option<String> {
    let Ok(mapping) = table.mapping(&IntegrationId::parse(integration).unwrap(), source_id);
    mapping.map(|mapping| mapping.customer().as_str().to_owned())
}

fn deployment_of(table: &Table, integration: &str, customer: &str) -> Option<String> {
    let integration = IntegrationId::parse(integration).unwrap();
    let Ok(found) = table.deployment_for(&integration, &CustomerId::parse(customer).unwrap());
    found.map(|found| found.name.deployment.as_str().to_owned())
}

/// Where a token leads: an integration, with a deployment and a flow behind it where the target has them.
fn leads_to(table: &Table, token: &str) -> Option<String> {
    let endpoint = table.endpoint(token)?;
    let integration = endpoint.integration.id.as_str();
    Some(match endpoint.target {
        Target::Shared => integration.to_owned(),
        Target::Deployment(deployment) => format!("{integration}/{}", deployment.name.deployment.as_str()),
        Target::Flow(deployment, flow) => {
            format!("{integration}/{}/{flow}", deployment.name.deployment.as_str())
        }
    })
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn entries_are_held_by_name() {
    let entries = [
        integration("i", EndpointType::Shared, &["t"]),
        customer("c", "x"),
        mapping("i/m", "s", "c"),
        deployment("i/d", "c", false, &["t1"], &["t2"]),
    ];
    let mut table = table(entries.clone());
    assert_eq!(table.len(), 4);
    for entry in &entries {
        assert_eq!(table.get(&entry.name()).as_ref(), Some(entry));
    }
    table.upsert(entries[0].clone());
    assert_eq!(table.len(), 4);
    for (removed, entry) in (1..).zip(&entries) {
        table.remove(&entry.name());
        table.remove(&entry.name());
        assert_eq!((table.get(&entry.name()), table.len()), (None, 4 - removed));
    }
    assert!(table.is_empty());
}

#[test]
fn all_tokens_and_deployments_are_listed() {
    let table = table([
        integration("i", EndpointType::Shared, &["t"]),
        customer("c", "x"),
        deployment("i/d", "c", false, &["t1"], &["t2", "t3"]),
        deployment("i/e", "c", true, &[], &[]),
    ]);
    let mut tokens: Vec<_> = table.tokens().map(EndpointToken::expose).collect();
    tokens.sort_unstable();
    assert_eq!(tokens, ["t", "t1", "t2", "t3"]);
    let mut deployments: Vec<_> = table.deployments().map(ToString::to_string).collect();
    deployments.sort_unstable();
    assert_eq!(deployments, ["integrations/i/deployments/d", "integrations/i/deployments/e"]);
}

#[test]
fn a_changed_entry_leaves_no_old_way_to_it() {
    let mut table = table([
        integration("i", EndpointType::InstanceSpecific, &[]),
        customer("c", "old"),
        mapping("i/m", "old", "c"),
        deployment("i/d", "c", false, &["old", "kept"], &[]),
    ]);
    table.upsert(customer("c", "new"));
    table.upsert(mapping("i/m", "new", "c"));
    table.upsert(deployment("i/d", "other", false, &["kept", "new"], &[]));
    assert_eq!((by_external_id(&table, "old"), by_external_id(&table, "new")), (None, some("c")));
    assert_eq!((by_source_id(&table, "i", "old"), by_source_id(&table, "i", "new")), (None, some("c")));
    assert_eq!((deployment_of(&table, "i", "c"), deployment_of(&table, "i", "other")), (None, some("d")));
    assert_eq!(leads_to(&table, "old"), None);
    assert_eq!((leads_to(&table, "kept"), leads_to(&table, "new")), (some("i/d"), some("i/d")));
}

#[test]
fn an_external_id_passes_from_one_customer_to_another_in_any_order() {
    let before = table([customer("a", "x"), customer("b", "y")]);
    let changes = [customer("a", "z"), customer("b", "x")];
    for order in [[0, 1], [1, 0]] {
        let mut after = before.clone();
        order.into_iter().for_each(|change| after.upsert(changes[change].clone()));
        assert_eq!((by_external_id(&after, "x"), by_external_id(&after, "z")), (some("b"), some("a")));
        assert_eq!(by_external_id(&after, "y"), None);
    }
    assert_eq!(by_external_id(&before, "x"), some("a"), "a clone's change shows nowhere else");
}

#[test]
fn what_two_entries_claim_leads_nowhere_until_one_goes() {
    let shared = || integration("i", EndpointType::Shared, &[]);
    let mut table = table([shared(), customer("a", "x"), customer("b", "x")]);
    assert_eq!(by_external_id(&table, "x"), None);
    table.remove(&customer("a", "x").name());
    assert_eq!(by_external_id(&table, "x"), some("b"));

    table.upsert(mapping("i/m", "s", "a"));
    table.upsert(mapping("i/n", "s", "b"));
    table.upsert(mapping("j/m", "s", "c"));
    assert_eq!((by_source_id(&table, "i", "s"), by_source_id(&table, "j", "s")), (None, some("c")));
    table.upsert(mapping("i/m", "other", "a"));
    assert_eq!(by_source_id(&table, "i", "s"), some("b"));

    table.upsert(integration("i", EndpointType::Shared, &["t"]));
    table.upsert(integration("j", EndpointType::Shared, &["t"]));
    assert_eq!(leads_to(&table, "t"), None);
    table.upsert(integration("j", EndpointType::Shared, &[]));
    assert_eq!(leads_to(&table, "t"), some("i"));
}

#[test]
fn two_enabled_deployments_of_a_customer_are_none() {
    let mut table = table([
        deployment("i/d1", "c", false, &[], &[]),
        deployment("i/d2", "c", true, &[], &[]),
        deployment("j/d3", "c", false, &[], &[]),
    ]);
    assert_eq!(deployment_of(&table, "i", "c"), some("d1"), "the enabled one, not the paused one");
    table.upsert(deployment("i/d2", "c", false, &[], &[]));
    assert_eq!(deployment_of(&table, "i", "c"), None);
    table.upsert(deployment("i/d1", "c", true, &[], &[]));
    assert_eq!(deployment_of(&table, "i", "c"), some("d2"));
    table.upsert(deployment("i/d2", "c", true, &[], &[]));
    assert_eq!(deployment_of(&table, "i", "c"), some("d1"), "both are paused: one that says so");
}

#[test]
fn a_token_counts_for_the_type_of_now_only() {
    let mut table = table([deployment("i/d", "c", false, &["own"], &["flow"])]);
    let answers = |table: &Table| ["shared", "own", "flow"].map(|token| leads_to(table, token));
    assert_eq!(answers(&table), [None, None, None], "the integration is not there yet");
    for (endpoint_type, expected) in [
        (EndpointType::Shared, [some("i"), None, None]),
        (EndpointType::InstanceSpecific, [None, some("i/d"), None]),
        (EndpointType::FlowSpecific, [None, None, some("i/d/f")]),
    ] {
        table.upsert(integration("i", endpoint_type, &["shared"]));
        assert_eq!(answers(&table), expected);
    }
    table.remove(&integration("i", EndpointType::Shared, &[]).name());
    assert_eq!(answers(&table), [None, None, None]);
}

#[test]
fn a_token_given_twice_is_one_and_all_tokens_of_a_rotation_count() {
    let mut table = table([integration("i", EndpointType::Shared, &["new", "old", "new"])]);
    assert_eq!((leads_to(&table, "new"), leads_to(&table, "old")), (some("i"), some("i")));
    table.upsert(integration("i", EndpointType::Shared, &["new"]));
    assert_eq!((leads_to(&table, "new"), leads_to(&table, "old")), (some("i"), None));
}

#[test]
fn no_other_text_is_a_token() {
    let table = table([integration("i", EndpointType::Shared, &["tok"])]);
    for text in ["", "to", "TOK", "tok ", "tok/", "tok\0", "%74ok", &"t".repeat(100_000)] {
        assert_eq!(leads_to(&table, text), None);
    }
}

#[test]
fn an_endpoint_has_the_entries_of_now() {
    let mut table = table([
        integration("i", EndpointType::InstanceSpecific, &[]),
        deployment("i/d", "c", false, &["t"], &[]),
    ]);
    let is_paused = |table: &Table| match table.endpoint("t").unwrap().target {
        Target::Deployment(deployment) => deployment.paused,
        other => panic!("{other:?}"),
    };
    assert!(!is_paused(&table));
    table.upsert(deployment("i/d", "c", true, &["t"], &[]));
    assert!(is_paused(&table));
}

#[test]
fn mappings_share_the_ids_that_they_name() {
    let table =
        table([integration("i", EndpointType::Shared, &[]), customer("c", "x"), mapping("i/m", "s", "c")]);
    let Ok(Some(mapping)) = table.mapping(&IntegrationId::parse("i").unwrap(), "s") else {
        panic!("is there")
    };
    let Ok(Some(customer)) = table.customer(mapping.customer()) else { panic!("is there") };
    assert!(std::ptr::eq(mapping.customer().as_str(), customer.id.as_str()));
}
