//! The endpoint that a sample is sent to.

use std::sync::Arc;

use pointsman_routing::{
    decide::Target,
    deployment::{Customer, Deployment, DeploymentSpec},
    directory::Directory as _,
    fault::Fault,
    integration::{EndpointType, FlowSpec, Integration, IntegrationSpec},
    name::{DeploymentName, FlowKey, ResourceName},
};

use super::{Sample, TestError};
use crate::{
    registry::keep_secrets,
    store::{LookupError, Snapshot},
};

/// An endpoint with all that a test needs of it.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) integration: Integration,
    /// Its flows as they were written, for hints.
    pub(super) flows: Vec<FlowSpec>,
    pub(super) target: Target,
    /// The customer of the target's deployment.
    pub(super) customer: Option<Customer>,
}

impl Endpoint {
    /// What may stand for each of its flows: names and keys.
    pub(super) fn flow_names(&self) -> impl Iterator<Item = &str> {
        let both = self.flows.iter().flat_map(|flow| [flow.name.as_str(), flow.key.as_str()]);
        both.filter(|name| !name.is_empty())
    }

    /// Finds it, or all that is wrong with how it was asked for.
    pub(super) fn find(
        view: &Snapshot<'_>,
        sample: &Sample,
        mut faults: Vec<Fault>,
    ) -> Result<Self, TestError> {
        let id = &sample.integration;
        let stored = view.get::<IntegrationSpec>(id)?;
        let stored = stored.ok_or_else(|| TestError::NotFound(ResourceName::Integration(id.clone())))?;
        let spec = match &sample.proposed {
            Some(proposed) => {
                let kept = keep_secrets(proposed, Some(&stored.spec));
                faults.extend(kept.refused.iter().map(|secret| secret.fault("proposed")));
                kept.spec.unwrap_or_else(|| proposed.clone())
            }
            None => stored.spec,
        };
        let flows = spec.flows.clone();

        let called = Called::parse(spec.endpoint_type, sample, &mut faults);
        let integration = match Integration::parse(id.clone(), spec) {
            Ok(integration) => Some(integration),
            Err(found) if sample.proposed.is_some() => {
                for fault in found.into_iter().map(|fault| fault.within("proposed")) {
                    // What could not even be read has its fault already.
                    if !faults.iter().any(|known| known.field == fault.field) {
                        faults.push(fault);
                    }
                }
                None
            }
            Err(found) => return Err(LookupError::Unusable { name: id.to_string(), faults: found }.into()),
        };
        let (Some(integration), Some(called), true) = (integration, called, faults.is_empty()) else {
            return Err(TestError::Faulty(faults));
        };
        let (target, customer) = called.find(view)?;
        Ok(Self { integration, flows, target, customer })
    }
}

/// Which of the integration's endpoints.
enum Called {
    Shared,
    Deployment(DeploymentName),
    Flow(DeploymentName, FlowKey),
}

impl Called {
    /// None where there are faults; also where `endpoint_type` is, which is a fault of its own.
    fn parse(endpoint_type: Option<EndpointType>, sample: &Sample, faults: &mut Vec<Fault>) -> Option<Self> {
        let kind = match endpoint_type? {
            EndpointType::Shared => "shared",
            EndpointType::InstanceSpecific => "instance-specific",
            EndpointType::FlowSpecific => "flow-specific",
        };
        let takes = [
            ("deployment", sample.deployment.is_some(), endpoint_type != Some(EndpointType::Shared)),
            ("flow", sample.flow.is_some(), endpoint_type == Some(EndpointType::FlowSpecific)),
        ];
        for (field, is_given, is_needed) in takes {
            // One that was given and is malformed has its fault already.
            if faults.iter().any(|fault| fault.field == field) {
                continue;
            }
            match (is_given, is_needed) {
                (false, true) => {
                    faults.push(Fault::new(field, format_args!("is needed: the endpoint is {kind}")))
                }
                (true, false) => {
                    faults.push(Fault::new(field, format_args!("must be left out: the endpoint is {kind}")));
                }
                (true, true) | (false, false) => {}
            }
        }
        if let Some(deployment) = &sample.deployment
            && deployment.integration != sample.integration
        {
            faults.push(Fault::new("deployment", format_args!("is none of {}", sample.integration)));
        }
        match (sample.deployment.clone(), sample.flow.clone()) {
            (None, None) => Some(Self::Shared),
            (Some(deployment), None) => Some(Self::Deployment(deployment)),
            (Some(deployment), Some(flow)) => Some(Self::Flow(deployment, flow)),
            (None, Some(_)) => None,
        }
    }

    fn find(self, view: &Snapshot<'_>) -> Result<(Target, Option<Customer>), TestError> {
        let (name, flow) = match self {
            Self::Shared => return Ok((Target::Shared, None)),
            Self::Deployment(name) => (name, None),
            Self::Flow(name, flow) => (name, Some(flow)),
        };
        let stored = view.get::<DeploymentSpec>(&name)?;
        let stored = stored.ok_or_else(|| TestError::NotFound(ResourceName::Deployment(name.clone())))?;
        let unusable = |faults| LookupError::Unusable { name: name.to_string(), faults };
        let deployment = Arc::new(Deployment::parse(stored.name, stored.spec).map_err(unusable)?);
        let customer = view.customer(&deployment.customer)?;
        let target = match flow {
            None => Target::Deployment(deployment),
            Some(flow) if deployment.flow_endpoints.contains_key(&flow) => Target::Flow(deployment, flow),
            Some(_) => {
                let known =
                    deployment.flow_endpoints.keys().map(|key| key.as_str()).collect::<Vec<_>>().join(", ");
                let reason =
                    format_args!("{name} has no URL for it, and so no endpoint; it has URLs for {known}");
                let fault = Fault::new("flow", reason);
                return Err(TestError::Faulty(vec![fault]));
            }
        };
        Ok((target, customer))
    }
}
