//! Each stage of a decision.

use std::{borrow::Cow, sync::Arc};

use super::{MAX_CUSTOMER_USER_BYTES, NoRoute, Stage, Step, Target, Trace};
use crate::{
    deployment::{Customer, Deployment},
    directory::{Directory, Mapped},
    fault::cut,
    integration::Integration,
    name::FlowKey,
    outcome::{Outcome, Refusal},
    source::{Origin, ValueSource},
};

/// A source, and what was found where its reference points.
pub(super) struct Reading<'a> {
    pub(super) source: &'a ValueSource,
    pub(super) found: Result<Option<Cow<'a, str>>, Refusal>,
}

/// What the stages have in common.
pub(super) struct Stages<'a, D, T> {
    pub(super) integration: &'a Integration,
    pub(super) target: &'a Target,
    pub(super) directory: &'a D,
    pub(super) trace: &'a mut T,
}

impl<D: Directory, T: Trace> Stages<'_, D, T> {
    pub(super) fn customer(&mut self, reading: Option<Reading<'_>>) -> Result<Customer, NoRoute<D::Error>> {
        match (self.target, reading) {
            (Target::Deployment(deployment) | Target::Flow(deployment, _), _) => {
                self.customer_of_deployment(deployment)
            }
            (Target::Shared, Some(reading)) => self.customer_of_request(reading),
            (Target::Shared, None) => {
                let missing = Refusal::new(
                    Outcome::CustomerNotResolved,
                    "the endpoint does not say whose a request is",
                );
                self.conclude(Err(missing), |_| Step::new(Stage::Customer, "endpoint", None))
            }
        }
    }

    fn customer_of_deployment(&mut self, deployment: &Deployment) -> Result<Customer, NoRoute<D::Error>> {
        let customer = self.directory.customer(&deployment.customer).map_err(NoRoute::Directory)?;
        let customer = customer
            .ok_or_else(|| Refusal::new(Outcome::CustomerUnknown, "the endpoint's customer is not known"));
        self.conclude(customer, |customer| Step {
            resolved: customer.map(|customer| customer.id.to_string()),
            detail: match customer {
                Some(_) => String::new(),
                None => format!("{} is {}'s, which is not there", deployment.name, deployment.customer),
            },
            ..Step::new(Stage::Customer, "endpoint", Some(&deployment.name.to_string()))
        })
    }

    fn customer_of_request(&mut self, reading: Reading<'_>) -> Result<Customer, NoRoute<D::Error>> {
        let outcomes = (Outcome::CustomerNotResolved, Outcome::CustomerUnknown);
        let value = self.value(Stage::Customer, &reading, outcomes)?;
        let is_looked_up = value.source.lookup_customer_mappings;
        let mapping = match is_looked_up {
            true => self.directory.mapping(&self.integration.id, value.text).map_err(NoRoute::Directory)?,
            false => None,
        };
        let customer = match (is_looked_up, &mapping) {
            (true, Some(mapping)) => self.directory.customer(mapping.customer()),
            (true, None) => Ok(None),
            (false, _) => self.directory.customer_by_external_id(value.text),
        };
        let unknown = || Refusal::new(Outcome::CustomerUnknown, value.names_no("customer"));
        let customer = customer.map_err(NoRoute::Directory)?.ok_or_else(unknown);
        self.conclude(customer, |customer| {
            let step = value.step(Stage::Customer);
            Step {
                resolved: customer.map(|customer| customer.id.to_string()),
                detail: match customer {
                    Some(_) => String::new(),
                    None => why_no_customer(is_looked_up, mapping.as_ref()),
                },
                through: mapping.map(|mapping| mapping.name().to_string()).or(step.through),
                ..step
            }
        })
    }

    pub(super) fn customer_user(&mut self, reading: Reading<'_>) -> Result<String, NoRoute<D::Error>> {
        const MISSED: Outcome = Outcome::CustomerUserNotResolved;
        let value = self.value(Stage::CustomerUser, &reading, (MISSED, MISSED))?;
        let user = match value.text.len() {
            0..=MAX_CUSTOMER_USER_BYTES => Ok(value.text.to_owned()),
            _ => Err(Refusal::new(MISSED, "the customer's user is longer than 1,024 bytes")),
        };
        self.conclude(user, |user| Step { resolved: user.cloned(), ..value.step(Stage::CustomerUser) })
    }

    pub(super) fn deployment(&mut self, customer: &Customer) -> Result<Arc<Deployment>, NoRoute<D::Error>> {
        let deployment = match self.target {
            Target::Deployment(deployment) | Target::Flow(deployment, _) => Some(Arc::clone(deployment)),
            Target::Shared => self
                .directory
                .deployment_for(&self.integration.id, &customer.id)
                .map_err(NoRoute::Directory)?,
        };
        let paused = deployment.as_ref().filter(|found| found.paused).map(|found| found.name.clone());
        let deployment = match deployment {
            Some(deployment) if !deployment.paused => Ok(deployment),
            Some(_) => Err(Refusal::new(Outcome::DeploymentPaused, "the customer's deployment is paused")),
            None => Err(Refusal::new(
                Outcome::DeploymentNotFound,
                "the customer has no deployment of the integration",
            )),
        };
        let source = if matches!(self.target, Target::Shared) { "customer" } else { "endpoint" };
        self.conclude(deployment, |deployment| Step {
            resolved: deployment.map(|deployment| deployment.name.to_string()),
            detail: paused.map(|name| format!("{name} is paused")).unwrap_or_default(),
            ..Step::new(Stage::Deployment, source, Some(&customer.id.to_string()))
        })
    }

    pub(super) fn flow(
        &mut self,
        reading: Option<Reading<'_>>,
        deployment: &Deployment,
    ) -> Result<FlowKey, NoRoute<D::Error>> {
        let flows = &self.integration.flows;
        match (self.target, reading) {
            (Target::Flow(_, key), _) => {
                let flow = flows.find_key(key.as_str()).ok_or_else(|| {
                    Refusal::new(Outcome::FlowUnknown, "the endpoint's flow is no longer there")
                });
                self.conclude_flow(flow, deployment, || {
                    Step::new(Stage::Flow, "endpoint", Some(key.as_str()))
                })
            }
            (_, Some(reading)) => {
                let outcomes = (Outcome::FlowNotResolved, Outcome::FlowUnknown);
                let value = self.value(Stage::Flow, &reading, outcomes)?;
                let flow = flows
                    .find(value.text)
                    .ok_or_else(|| Refusal::new(Outcome::FlowUnknown, value.names_no("flow")));
                self.conclude_flow(flow, deployment, || value.step(Stage::Flow))
            }
            (_, None) => {
                let flow = match flows.keys() {
                    [only] => Ok(only),
                    _ => Err(Refusal::new(
                        Outcome::FlowNotResolved,
                        "the endpoint does not say which flow runs",
                    )),
                };
                self.conclude_flow(flow, deployment, || Step::new(Stage::Flow, "only flow", None))
            }
        }
    }

    fn conclude_flow(
        &mut self,
        flow: Result<&FlowKey, Refusal>,
        deployment: &Deployment,
        step: impl FnOnce() -> Step,
    ) -> Result<FlowKey, NoRoute<D::Error>> {
        let flow = flow.and_then(|flow| match deployment.flow_endpoints.contains_key(flow) {
            true => Ok(flow.clone()),
            false => Err(Refusal::new(
                Outcome::FlowNotDeployed,
                "the customer's deployment has no URL for the flow",
            )),
        });
        self.conclude(flow, |flow| Step { resolved: flow.map(ToString::to_string), ..step() })
    }

    /// What a source's value stands for; `outcomes` are the ones for no value, and for one that its table does not hold.
    fn value<'r>(
        &mut self,
        stage: Stage,
        Reading { source, found }: &'r Reading<'_>,
        (not_resolved, unmatched): (Outcome, Outcome),
    ) -> Result<Value<'r>, NoRoute<D::Error>> {
        let found = match (&source.origin, found) {
            (Origin::Constant(constant), _) => Ok(&**constant),
            (Origin::Reference(_), Ok(Some(found))) => Ok(&**found),
            (Origin::Reference(reference), Ok(None)) => {
                Err(Refusal::new(not_resolved, format!("there is no value at {}", cut(reference.as_str()))))
            }
            (Origin::Reference(_), Err(refusal)) => Err(refusal.clone()),
        };
        let found = match found {
            Ok(found) => found,
            Err(refusal) => return self.conclude(Err(refusal), |_| Step::new(stage, &source.origin, None)),
        };
        match source.translate(found) {
            Some(text) => Ok(Value { source, found, text }),
            None => {
                let place = place(source);
                let refusal =
                    Refusal::new(unmatched, format!("the value at {place} is none that is configured"));
                self.conclude(Err(refusal), |_| Step {
                    detail: "values does not hold the value".to_owned(),
                    ..Step::new(stage, &source.origin, Some(found))
                })
            }
        }
    }

    /// Traces a stage and ends it. A failed one is explained by its refusal, where the step knows nothing better.
    fn conclude<V>(
        &mut self,
        outcome: Result<V, Refusal>,
        step: impl FnOnce(Option<&V>) -> Step,
    ) -> Result<V, NoRoute<D::Error>> {
        self.trace.step(|| {
            let step = step(outcome.as_ref().ok());
            match &outcome {
                Err(refusal) if step.detail.is_empty() => Step { detail: refusal.detail.to_string(), ..step },
                _ => step,
            }
        });
        outcome.map_err(NoRoute::Refused)
    }
}

/// A value that was found, and what it stands for.
struct Value<'a> {
    source: &'a ValueSource,
    found: &'a str,
    text: &'a str,
}

impl Value<'_> {
    fn step(&self, stage: Stage) -> Step {
        Step {
            through: (!self.source.values.is_empty()).then(|| "values".to_owned()),
            ..Step::new(stage, &self.source.origin, Some(self.found))
        }
    }

    fn names_no(&self, what: &str) -> String {
        format!("the value at {} names no {what}", place(self.source))
    }
}

/// Where a sender can look for the value: never the value itself, which can be a secret of theirs.
fn place(source: &ValueSource) -> Cow<'_, str> {
    match &source.origin {
        Origin::Reference(reference) => cut(reference.as_str()),
        Origin::Constant(_) => "constant".into(),
    }
}

fn why_no_customer(is_looked_up: bool, mapping: Option<&impl Mapped>) -> String {
    match (is_looked_up, mapping) {
        (true, Some(mapping)) => {
            format!("{} names {}, which is not there", mapping.name(), mapping.customer())
        }
        (true, None) => "no customer mapping of the integration has this source customer id".to_owned(),
        (false, _) => "no customer has this external ID".to_owned(),
    }
}
