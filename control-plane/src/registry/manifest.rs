//! Many resources at once: what somebody wants, and what was done.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pointsman_routing::{
    deployment::DeploymentSpec,
    fault::Fault,
    integration::IntegrationSpec,
    name::{DeploymentName, IntegrationId, ResourceName},
    table::EndpointToken,
};
use sha2::{Digest as _, Sha256};

use super::Draft;
use crate::domain::{CustomerSpec, FieldChange, MappingSpec, Owner};

/// A state, as somebody wants it. What it does not name stays as it is, unless it is to be pruned.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// Integrations.
    pub integrations: Vec<Draft<IntegrationSpec>>,
    /// Customers.
    pub customers: Vec<Draft<CustomerSpec>>,
    /// Customer mappings.
    pub customer_mappings: Vec<Draft<MappingSpec>>,
    /// Deployments.
    pub deployments: Vec<Draft<DeploymentSpec>>,
    /// Tokens of endpoints.
    pub endpoint_tokens: Vec<TokensDraft>,
}

/// The tokens that an endpoint is to have, in a manifest.
#[derive(Clone, Debug)]
pub struct TokensDraft {
    /// Where they stand in the request.
    pub at: String,
    /// What they lead to; none where that is a fault.
    pub endpoint: Option<Endpoint>,
    /// The tokens; those that are none are faults.
    pub tokens: Vec<EndpointToken>,
    /// What is wrong with them, with whole paths.
    pub faults: Vec<Fault>,
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The shared one of an integration.
    Integration(IntegrationId),
    /// That of a deployment.
    Deployment(DeploymentName),
    /// That of a flow of a deployment, by the flow's key.
    Flow(DeploymentName, String),
}

impl Endpoint {
    /// The resource that it belongs to.
    #[must_use]
    pub fn resource(&self) -> ResourceName {
        match self {
            Self::Integration(name) => ResourceName::Integration(name.clone()),
            Self::Deployment(name) | Self::Flow(name, _) => ResourceName::Deployment(name.clone()),
        }
    }

    /// The key of the flow, where it is one's.
    #[must_use]
    pub fn flow(&self) -> Option<&str> {
        match self {
            Self::Flow(_, flow) => Some(flow),
            Self::Integration(_) | Self::Deployment(_) => None,
        }
    }
}

/// How a manifest is applied.
#[derive(Clone, Debug, Default)]
pub struct ApplyOptions {
    /// Whose the resources are.
    pub owner: Owner,
    /// Remove what is the owner's and is not named.
    pub prune: bool,
    /// Take over what is another's.
    pub adopt: bool,
    /// More than half of what the owner has may be removed.
    pub allow_mass_removal: bool,
    /// What is to be done, as it was told before; empty where it does not matter.
    pub expected_plan: String,
}

/// What applying a manifest did to one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The resource.
    pub name: ResourceName,
    /// What was done.
    pub action: Action,
    /// What differs, for one that was updated.
    pub changes: Vec<FieldChange>,
    /// Whose it was, where it was taken over.
    pub adopted_from: Option<Owner>,
}

/// What was done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// There was none.
    Created,
    /// It differed.
    Updated,
    /// It was so already.
    Unchanged,
    /// It was pruned.
    Removed,
}

/// Stands for what is done: the same text for the same changes. Secrets are in it as they are shown, redacted.
pub(super) fn digest(applied: &[Applied]) -> String {
    let mut hash = Sha256::new();
    // With its length, so that no two lists of texts are one.
    let mut add = |text: Option<&str>| match text {
        Some(text) => {
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        }
        None => hash.update(usize::MAX.to_be_bytes()),
    };
    for Applied { name, action, changes, adopted_from } in applied {
        let action = match action {
            Action::Created => "created",
            Action::Updated => "updated",
            Action::Unchanged => continue,
            Action::Removed => "removed",
        };
        add(Some(action));
        add(Some(&name.to_string()));
        add(adopted_from.as_ref().map(Owner::as_str));
        for FieldChange { field, before, after, reroutes: _ } in changes {
            add(Some(field));
            add(before.as_deref());
            add(after.as_deref());
        }
    }
    // It guards against a mistake, not against an attacker.
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..16])
}
