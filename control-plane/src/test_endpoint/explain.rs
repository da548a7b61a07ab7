//! Steps and refusals in words for admins.

use std::time::Duration;

use pointsman_routing::{decide, integration::Preprocess, outcome::Refusal, results::Reply};

/// A step of a test.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which one.
    pub stage: Stage,
    /// What was read: a reference, `constant`, `endpoint`, `customer`, `only flow`, or the address of a service.
    pub source: String,
    /// The value that was found there.
    pub found: Option<String>,
    /// What it became; none where the step failed.
    pub resolved: Option<String>,
    /// What made it so: a mapping's name, or `values`.
    pub through: Option<String>,
    /// A sentence for people.
    pub detail: String,
    /// How long the call of a service took.
    pub duration: Option<Duration>,
    /// What a service returned.
    pub results: Option<Reply>,
}

/// Which step it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The Preprocess service was called.
    Preprocess,
    /// One of the decision's.
    Decision(decide::Stage),
}

/// The call of a service.
pub(super) fn called(service: &Preprocess, called: &Result<Reply, Refusal>, duration: Duration) -> Step {
    let address = service.address.to_string();
    let detail = match called {
        Ok(reply) => {
            let fields = reply.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let fields = if fields.is_empty() { "nothing".to_owned() } else { fields };
            format!("The service at {address} returned {fields}, in {duration:.1?}.")
        }
        Err(refusal) => format!("The service at {address} gave no results, in {duration:.1?}: {refusal}."),
    };
    Step {
        stage: Stage::Preprocess,
        source: address,
        found: None,
        resolved: None,
        through: None,
        detail,
        duration: Some(duration),
        results: called.as_ref().ok().cloned(),
    }
}

/// A step of the decision.
pub(super) fn step(step: decide::Step) -> Step {
    Step {
        detail: sentence(&step),
        stage: Stage::Decision(step.stage),
        source: step.source,
        found: step.found,
        resolved: step.resolved,
        through: step.through,
        duration: None,
        results: None,
    }
}

fn sentence(step: &decide::Step) -> String {
    let source = &step.source;
    let found = match &step.found {
        Some(customer) if step.stage == decide::Stage::Deployment => customer.clone(),
        Some(found) => format!("{source} is {found:?}"),
        None => source.clone(),
    };
    let Some(resolved) = &step.resolved else {
        return match &step.found {
            Some(_) => format!("{found}: {}.", step.detail),
            // A reference is written as it is: there is no `Results`.
            None if step.detail.starts_with(source) => format!("{}.", step.detail),
            None => format!("{}.", capitalised(&step.detail)),
        };
    };
    match (step.stage, source.as_str(), step.through.as_deref()) {
        (decide::Stage::Customer, "endpoint", _) => format!("The endpoint is one of {resolved}."),
        (decide::Stage::Customer, _, None) => format!("{found}, the external ID of {resolved}."),
        (decide::Stage::Customer, _, Some(through)) => format!("{found}, which {through} makes {resolved}."),
        (decide::Stage::CustomerUser, _, None) => format!("{found}, the customer's user."),
        (decide::Stage::CustomerUser, _, Some(through)) => {
            format!("{found}, which {through} makes {resolved:?}, the customer's user.")
        }
        (decide::Stage::Deployment, "endpoint", _) => format!("The endpoint is that of {resolved}."),
        (decide::Stage::Deployment, ..) => format!("{resolved} is the customer's deployment."),
        (decide::Stage::Flow, "endpoint", _) => format!("The endpoint is that of the flow {resolved}."),
        (decide::Stage::Flow, "only flow", _) => format!("The integration has one flow, {resolved}."),
        (decide::Stage::Flow, _, None) => format!("{found}, which names the flow {resolved}."),
        (decide::Stage::Flow, _, Some(through)) => {
            format!("{found}, which {through} makes the flow {resolved}.")
        }
    }
}

fn capitalised(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
