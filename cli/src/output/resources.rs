//! Resources for people: a collection is a table, a single one a list of its fields.

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
    super::edges::edges(all)
}

pub(crate) fn edge(one: &Edge) -> String {
    super::edges::edge(one)
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

pub(super) fn or_nothing(text: &str) -> &str {
    if text.is_empty() { NOTHING } else { text }
}

pub(super) fn yes_no(yes: bool) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_collection_says_so() {
        assert_eq!(customers(&[]), "there is none\n");
    }
}
