//! The decision: customer, customer user, deployment, flow; the first failure answers.

use std::sync::Arc;

use crate::{
    deployment::{Customer, Deployment, FlowEndpoint},
    directory::Directory,
    integration::Integration,
    name::FlowKey,
    outcome::Refusal,
    results::Results,
};

/// What a called endpoint stands for.
#[derive(Clone, Debug)]
pub enum Target {
    /// All deployments of the integration.
    Shared,
    /// One deployment.
    Deployment(Arc<Deployment>),
    /// One flow of one deployment.
    Flow(Arc<Deployment>, FlowKey),
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub struct Route {
    /// The customer.
    pub customer: Customer,
    /// The customer's user, where the integration has a source for it.
    pub customer_user: Option<String>,
    /// The deployment.
    pub deployment: Arc<Deployment>,
    /// The flow, which the deployment has an endpoint for.
    pub flow: FlowKey,
}

impl Route {
    /// Where the flow runs.
    #[must_use]
    pub fn flow_endpoint(&self) -> &FlowEndpoint {
        &self.deployment.flow_endpoints[&self.flow]
    }
}

/// A step of a decision, for those who want to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which one.
    pub stage: Stage,
    /// What was read: a reference, `constant`, or `endpoint`.
    pub source: String,
    /// The value that was found there.
    pub found: Option<String>,
    /// What it became: a resource's name, a flow key; none where the step failed.
    pub resolved: Option<String>,
    /// What made it so: a mapping's name, or `values`.
    pub through: Option<String>,
}

/// The steps in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Whose request it is.
    Customer,
    /// Which of the customer's users.
    CustomerUser,
    /// Which deployment.
    Deployment,
    /// Which flow.
    Flow,
}

/// Sees the steps of a decision. `()` sees nothing and costs nothing.
pub trait Trace {
    /// A step was taken or failed.
    fn step(&mut self, step: impl FnOnce() -> Step);
}

impl Trace for () {
    fn step(&mut self, _step: impl FnOnce() -> Step) {}
}

/// Why there is no route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRoute<E> {
    /// The request is refused.
    Refused(Refusal),
    /// The directory failed.
    Directory(E),
}

/// Decides where a request goes.
pub fn decide<D: Directory>(
    integration: &Integration,
    target: &Target,
    results: &Results<'_>,
    directory: &D,
    trace: &mut impl Trace,
) -> Result<Route, NoRoute<D::Error>> {
    let _ = (integration, target, results, directory, trace);
    todo!()
}
