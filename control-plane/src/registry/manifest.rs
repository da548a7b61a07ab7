//! Many resources at once.

use pointsman_routing::{deployment::DeploymentSpec, integration::IntegrationSpec, name::ResourceName};

use super::Draft;
use crate::domain::{CustomerSpec, MappingSpec};

/// A state, as somebody wants it. What it does not name stays as it is.
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
}

/// What applying a manifest did to one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The resource.
    pub name: ResourceName,
    /// What was done.
    pub action: Action,
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
}
