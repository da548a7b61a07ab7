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

use self::stages::{Reading, Stages};
pub use self::trace::{MAX_TRACED_BYTES, Stage, Step, Trace};

mod stages;
#[cfg(test)]
mod tests;
mod trace;

/// The longest customer user that is forwarded, in bytes; a longer one is not resolved.
pub const MAX_CUSTOMER_USER_BYTES: usize = 1_024;

/// What a called endpoint stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All deployments of the integration.
    Shared,
    /// One deployment.
    Deployment(Arc<Deployment>),
    /// One flow of one deployment.
    Flow(Arc<Deployment>, FlowKey),
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Why there is no route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRoute<E> {
    /// The request is refused.
    Refused(Refusal),
    /// The directory failed.
    Directory(E),
}

/// Decides where a request goes. `target` is an endpoint of `integration`, as a [`Table`](crate::table::Table) finds
/// them together.
///
/// A refusal's detail is for the sender: it says what was looked for and where, never what was found, nor any
/// resource's name. Those are in the steps.
pub fn decide<D: Directory>(
    integration: &Integration,
    target: &Target,
    results: &Results<'_>,
    directory: &D,
    trace: &mut impl Trace,
) -> Result<Route, NoRoute<D::Error>> {
    let is_shared = matches!(target, Target::Shared);
    let names_flow = matches!(target, Target::Flow(..));
    // What the endpoint says itself is not read, so that nothing in a request can stand against it.
    let sources = [
        integration.external_customer_id.as_ref().filter(|_| is_shared),
        integration.external_customer_user_id.as_ref(),
        integration.flow_name.as_ref().filter(|_| !names_flow),
    ];
    // One pass over the body for all three; what is wrong with one of them counts only when its turn comes.
    let [customer, user, flow] = results.read(sources.map(|source| source?.reference()));
    let [customer_source, user_source, flow_source] = sources;
    let reading = |source, found| Some(Reading { source: source?, found });
    let customer = reading(customer_source, customer);
    let user = reading(user_source, user);
    let flow = reading(flow_source, flow);

    let mut stages = Stages { integration, target, directory, trace };
    let customer = stages.customer(customer)?;
    let customer_user = user.map(|user| stages.customer_user(user)).transpose()?;
    let deployment = stages.deployment(&customer)?;
    let flow = stages.flow(flow, &deployment)?;
    Ok(Route { customer, customer_user, deployment, flow })
}
