//! Resources for people: a collection is a table, a single one a list of its fields.

use std::time::{Duration, SystemTime};

use pointsman_proto::admin::v1::{
    Customer, CustomerMapping, Deployment, Edge, EndpointType, Integration, ValueSource, deployment::State,
    value_source::Source,
};

use super::table::Table;

/// What a cell says that has nothing to say.
pub(super) const NOTHING: &str = "-";

pub(crate) fn integrations(all: &[Integration]) -> String {
    let mut table = Table::with_head(["name", "endpoint", "flows", "preprocess", "url"]);
    for one in all {
        let endpoint = one.endpoint.clone().unwrap_or_default();
        let preprocess = endpoint.preprocess.as_ref().map_or(NOTHING, |service| service.address.as_str());
        table.row([
            one.name.as_str(),
            endpoint_type(endpoint.r#type()),
            &one.flows.iter().map(|flow| flow.key.as_str()).collect::<Vec<_>>().join(", "),
            preprocess,
            or_nothing(&endpoint.url),
        ]);
    }
    counted(&table, all.len())
}

pub(crate) fn integration(one: &Integration) -> String {
    let endpoint = one.endpoint.clone().unwrap_or_default();
    let mut table = named(&one.name, &one.display_name);
    table.row(["endpoint", endpoint_type(endpoint.r#type())]);
    if !endpoint.url.is_empty() {
        table.row(["url", &endpoint.url]);
    }
    if let Some(service) = &endpoint.preprocess {
        table.row(["preprocess", &service.address]);
    }
    for (label, source) in [
        ("customer", &endpoint.external_customer_id),
        ("flow", &endpoint.flow_name),
        ("customer user", &endpoint.external_customer_user_id),
    ] {
        if let Some(source) = source {
            table.row([label, &value_source(source)]);
        }
    }
    let mut flows = Table::with_head(["flow", "name"]).indented(2);
    for flow in &one.flows {
        flows.row([flow.key.as_str(), or_nothing(&flow.name)]);
    }
    format!("{table}\n{flows}")
}

pub(crate) fn customers(all: &[Customer]) -> String {
    let mut table = Table::with_head(["name", "external id", "display name"]);
    for one in all {
        table.row([one.name.as_str(), &one.external_id, or_nothing(&one.display_name)]);
    }
    counted(&table, all.len())
}

pub(crate) fn customer(one: &Customer) -> String {
    let mut table = named(&one.name, &one.display_name);
    table.row(["external id", &one.external_id]);
    table.to_string()
}

pub(crate) fn customer_mappings(all: &[CustomerMapping]) -> String {
    let mut table = Table::with_head(["name", "source customer id", "customer"]);
    for one in all {
        table.row([one.name.as_str(), &one.source_customer_id, &one.customer]);
    }
    counted(&table, all.len())
}

pub(crate) fn customer_mapping(one: &CustomerMapping) -> String {
    let mut table = named(&one.name, &one.display_name);
    table.row(["source customer id", &one.source_customer_id]);
    table.row(["customer", &one.customer]);
    table.to_string()
}

pub(crate) fn deployments(all: &[Deployment]) -> String {
    let mut table = Table::with_head(["name", "customer", "state", "flows"]);
    for one in all {
        let flows: Vec<_> = one.flow_endpoints.keys().map(String::as_str).collect();
        table.row([one.name.as_str(), &one.customer, state(one.state()), or_nothing(&flows.join(", "))]);
    }
    counted(&table, all.len())
}

pub(crate) fn deployment(one: &Deployment) -> String {
    let mut table = named(&one.name, &one.display_name);
    table.row(["customer", &one.customer]);
    table.row(["state", state(one.state())]);
    if !one.endpoint_url.is_empty() {
        table.row(["url", &one.endpoint_url]);
    }
    let mut flows = Table::with_head(["flow", "goes to", "webhook url"]).indented(2);
    for (key, flow) in &one.flow_endpoints {
        flows.row([key.as_str(), &flow.url, or_nothing(&flow.endpoint_url)]);
    }
    format!("{table}\n{flows}")
}

pub(crate) fn edges(all: &[Edge]) -> String {
    let mut table = Table::with_head(["name", "connected", "revision", "rejected", "last seen", "version"]);
    for one in all {
        table.row([
            one.name.as_str(),
            yes_no(one.connected),
            &one.revision.to_string(),
            &one.rejections.len().to_string(),
            &last_seen(one),
            or_nothing(&one.version),
        ]);
    }
    counted(&table, all.len()) + &rejections(all)
}

pub(crate) fn edge(one: &Edge) -> String {
    let mut table = Table::plain();
    table.row(["name", &one.name]);
    table.row(["connected", yes_no(one.connected)]);
    table.row(["revision", &one.revision.to_string()]);
    table.row(["last seen", &last_seen(one)]);
    table.row(["version", or_nothing(&one.version)]);
    table.to_string() + &rejections(std::slice::from_ref(one))
}

/// What edges cannot use, and why.
fn rejections(edges: &[Edge]) -> String {
    if edges.iter().all(|edge| edge.rejections.is_empty()) {
        return String::new();
    }
    let mut table = Table::with_head(["edge", "rejects", "of revision", "serves", "because"]);
    for (edge, rejected) in edges.iter().flat_map(|edge| edge.rejections.iter().map(move |one| (edge, one))) {
        table.row([
            edge.name.as_str(),
            &rejected.name,
            &rejected.revision.to_string(),
            if rejected.serving_previous { "the last good form" } else { "nothing" },
            &rejected.reason,
        ]);
    }
    format!("\n{table}")
}

fn named(name: &str, display_name: &str) -> Table {
    let mut table = Table::plain();
    table.row(["name", name]);
    if !display_name.is_empty() {
        table.row(["display name", display_name]);
    }
    table
}

pub(super) fn counted(table: &Table, count: usize) -> String {
    if count == 0 { "there is none\n".to_owned() } else { table.to_string() }
}

fn or_nothing(text: &str) -> &str {
    if text.is_empty() { NOTHING } else { text }
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn endpoint_type(kind: EndpointType) -> &'static str {
    match kind {
        EndpointType::Shared => "shared",
        EndpointType::InstanceSpecific => "instance-specific",
        EndpointType::FlowSpecific => "flow-specific",
        EndpointType::Unspecified => NOTHING,
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Enabled | State::Unspecified => "enabled",
        State::Paused => "paused",
    }
}

fn value_source(source: &ValueSource) -> String {
    let mut said = match &source.source {
        Some(Source::Reference(reference)) => reference.clone(),
        Some(Source::Constant(constant)) => format!("always {constant:?}"),
        None => NOTHING.to_owned(),
    };
    if !source.values.is_empty() {
        let values: Vec<_> = source.values.iter().map(|(from, to)| format!("{from} = {to}")).collect();
        said.push_str(&format!(" ({})", values.join(", ")));
    }
    if source.lookup == pointsman_proto::admin::v1::Lookup::CustomerMappings as i32 {
        said.push_str(", through customer mappings");
    }
    said
}

fn last_seen(edge: &Edge) -> String {
    let Some(seen) = edge.last_seen_time else { return NOTHING.to_owned() };
    let Ok(seen) = SystemTime::try_from(seen) else { return NOTHING.to_owned() };
    ago(SystemTime::now().duration_since(seen).unwrap_or_default())
}

fn ago(duration: Duration) -> String {
    match duration.as_secs() {
        0 => "now".to_owned(),
        seconds @ 1..120 => format!("{seconds} s ago"),
        seconds @ 120..7_200 => format!("{} min ago", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded() {
        for (seconds, text) in [
            (0, "now"),
            (1, "1 s ago"),
            (119, "119 s ago"),
            (120, "2 min ago"),
            (7_200, "2 h ago"),
            (172_800, "2 days ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn an_empty_collection_says_so() {
        assert_eq!(customers(&[]), "there is none\n");
    }

    #[test]
    fn a_rejection_is_named() {
        use pointsman_proto::admin::v1::EdgeRejection;
        let edge = Edge {
            name: "edges/a".into(),
            rejections: vec![EdgeRejection {
                name: "integrations/x".into(),
                revision: 7,
                reason: "no".into(),
                serving_previous: true,
            }],
            ..Edge::default()
        };
        let said = edges(&[edge]);
        assert!(said.contains("edges/a   integrations/x   7             the last good form   no"), "{said}");
    }
}
