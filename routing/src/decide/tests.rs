use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

use http::Method;

use super::*;
use crate::{
    deployment::{CustomerMapping, DeploymentSpec, FlowEndpointSpec},
    headers::Headers,
    integration::{EndpointType, FlowSpec, IntegrationSpec},
    name::{CustomerId, IntegrationId},
    results::{Reply, ReplyValue},
    source::ValueSourceSpec,
    table::{Entry, FoundMapping, Table},
    webhook::Webhook,
};

mod customers;
mod deployments;
mod flows;
mod order;
mod tutorial;

/// What a decision is made of, with the tutorial's customers and deployments.
struct World {
    table: Table,
    spec: IntegrationSpec,
    target: Target,
}

impl World {
    /// A shared endpoint, with everything in the results of a service: `customer`, `user` and `flow`.
    fn new() -> Self {
        let mut table = Table::new();
        for (id, external_id, source_id) in
            [("bowlers-inc", "progix-1001", "A06DFFAC"), ("pencils-ltd", "progix-1002", "C3E72B0C")]
        {
            table.upsert(customer(id, external_id));
            table.upsert(mapping(&source_id.to_lowercase(), source_id, id));
            table.upsert(Entry::Deployment(deployment(id, id, false), Vec::new(), BTreeMap::new()));
        }
        Self {
            table,
            spec: IntegrationSpec {
                flows: vec![
                    FlowSpec { key: "update-inventory".to_owned(), name: "Update Inventory".to_owned() },
                    FlowSpec { key: "create-order".to_owned(), name: "Create Order".to_owned() },
                    FlowSpec { key: "not-deployed".to_owned(), name: String::new() },
                ],
                endpoint_type: Some(EndpointType::Shared),
                external_customer_id: Some(reference("results.customer")),
                flow_name: Some(reference("results.flow")),
                ..Default::default()
            },
            target: Target::Shared,
        }
    }

    /// The endpoint of a deployment, which is not taken from the table.
    fn instance_specific(deployment: Arc<Deployment>) -> Self {
        let mut world = Self::new();
        world.spec.endpoint_type = Some(EndpointType::InstanceSpecific);
        world.spec.external_customer_id = None;
        world.target = Target::Deployment(deployment);
        world
    }

    /// The endpoint of a deployment's flow.
    fn flow_specific(deployment: Arc<Deployment>, flow: &str) -> Self {
        let mut world = Self::instance_specific(Arc::clone(&deployment));
        world.spec.endpoint_type = Some(EndpointType::FlowSpecific);
        world.target = Target::Flow(deployment, FlowKey::parse(flow).unwrap());
        world
    }

    fn integration(&self) -> Integration {
        let id = IntegrationId::parse("acme-erp").unwrap();
        Integration::parse(id, self.spec.clone()).unwrap()
    }

    /// Decides with a service's reply.
    fn decide(&self, reply: &[(&str, &str)]) -> Decided {
        let value = |value: &str| ReplyValue::String(value.to_owned());
        let reply = reply.iter().map(|&(name, text)| (name.to_owned(), value(text))).collect();
        self.decide_results(&Results::Reply(Reply(reply)))
    }

    fn decide_results(&self, results: &Results<'_>) -> Decided {
        let integration = self.integration();
        let mut steps = Vec::new();
        let traced = decide(&integration, &self.target, results, &self.table, &mut steps);
        let untraced = decide(&integration, &self.target, results, &self.table, &mut ());
        assert_eq!(traced, untraced, "who watches changes nothing");
        let end = traced.map_err(|no_route| match no_route {
            NoRoute::Refused(refusal) => refusal,
            NoRoute::Directory(never) => match never {},
        });
        Decided { end, steps }
    }
}

/// How a decision ended, and its steps.
struct Decided {
    end: Result<Route, Refusal>,
    steps: Vec<Step>,
}

impl Decided {
    /// `deployment/flow`, or the outcome's code.
    fn way(&self) -> String {
        match &self.end {
            Ok(route) => format!("{}/{}", route.deployment.name.deployment.as_str(), route.flow),
            Err(refusal) => refusal.outcome.code().to_owned(),
        }
    }

    fn last_step(&self) -> &Step {
        self.steps.last().expect("every decision has a step")
    }

    fn detail(&self) -> &str {
        &self.end.as_ref().expect_err("is refused").detail
    }
}

fn reference(reference: &str) -> ValueSourceSpec {
    ValueSourceSpec { reference: Some(reference.to_owned()), ..Default::default() }
}

fn constant(constant: &str) -> ValueSourceSpec {
    ValueSourceSpec { constant: Some(constant.to_owned()), ..Default::default() }
}

fn values(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    values.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn customer(id: &str, external_id: &str) -> Entry {
    Entry::Customer(Customer::parse(CustomerId::parse(id).unwrap(), external_id).unwrap())
}

fn mapping(id: &str, source_id: &str, customer: &str) -> Entry {
    let name = format!("integrations/acme-erp/customerMappings/{id}").parse().unwrap();
    let customer = format!("customers/{customer}");
    Entry::CustomerMapping(CustomerMapping::parse(name, source_id, &customer).unwrap())
}

/// A deployment with URLs for the tutorial's two flows, and none for `not-deployed`.
fn deployment(id: &str, customer: &str, paused: bool) -> Arc<Deployment> {
    let endpoint =
        |flow: &str| FlowEndpointSpec { url: format!("http://h/{id}/{flow}"), ..Default::default() };
    let spec = DeploymentSpec {
        customer: format!("customers/{customer}"),
        paused,
        flow_endpoints: ["update-inventory", "create-order", "gone"]
            .map(|flow| (flow.to_owned(), endpoint(flow)))
            .into(),
    };
    let name = format!("integrations/acme-erp/deployments/{id}").parse().unwrap();
    Arc::new(Deployment::parse(name, spec).unwrap())
}

fn put(table: &mut Table, deployment: Arc<Deployment>) {
    table.upsert(Entry::Deployment(deployment, Vec::new(), BTreeMap::new()));
}
