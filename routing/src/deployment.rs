//! Deployments: an integration deployed to one customer. With them, the two small resources that lead to one:
//! customers and customer mappings.

use std::{collections::BTreeMap, fmt, time::Duration};

use http::{HeaderName, HeaderValue};

use crate::{
    fault::Fault,
    name::{CustomerId, DeploymentName, FlowKey, MappingName},
    url::FlowUrl,
};

/// A deployment as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentSpec {
    /// `customers/{customer}`.
    pub customer: String,
    /// It takes no requests.
    pub paused: bool,
    /// Where its flows run, by key.
    pub flow_endpoints: BTreeMap<String, FlowEndpointSpec>,
}

/// A flow endpoint as it was written. `Debug` hides the headers' values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FlowEndpointSpec {
    /// Where requests are forwarded.
    pub url: String,
    /// Set on each forwarded request. The values are secrets.
    pub headers: BTreeMap<String, String>,
    /// How long to wait for the head of the response.
    pub timeout: Option<Duration>,
    /// A request of any method may be sent again after a reset of a reused connection.
    pub retry_on_reset: bool,
}

/// A deployment that can be used.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Which one.
    pub name: DeploymentName,
    /// Whose.
    pub customer: CustomerId,
    /// It takes no requests.
    pub paused: bool,
    /// Where its flows run.
    pub flow_endpoints: BTreeMap<FlowKey, FlowEndpoint>,
}

/// Where a flow runs.
#[derive(Clone, Debug)]
pub struct FlowEndpoint {
    /// Where requests are forwarded.
    pub url: FlowUrl,
    /// Set on each forwarded request; the values are marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How long to wait for the head of the response; the edge's default where it is none.
    pub timeout: Option<Duration>,
    /// A request of any method may be sent again after a reset of a reused connection.
    pub retry_on_reset: bool,
}

impl Deployment {
    /// Parses `spec`. Faults use the admin API's field names: `customer`, `flow_endpoints["create-order"].url`,
    /// `flow_endpoints["create-order"].headers["host"]`, …
    pub fn parse(name: DeploymentName, spec: DeploymentSpec) -> Result<Self, Vec<Fault>> {
        todo!("{name} {spec:?}")
    }
}

impl fmt::Debug for FlowEndpointSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowEndpointSpec")
            .field("url", &self.url)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Which one.
    pub id: CustomerId,
    /// The vendor's own id for it: any text of 1 to 255 bytes.
    pub external_id: Box<str>,
}

impl Customer {
    /// Parses a customer; faults name `external_id`.
    pub fn parse(id: CustomerId, external_id: &str) -> Result<Self, Vec<Fault>> {
        todo!("{id} {external_id}")
    }
}

/// What a third party calls a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerMapping {
    /// Which mapping.
    pub name: MappingName,
    /// The third party's id: any text of 1 to 255 bytes.
    pub source_customer_id: Box<str>,
    /// The customer.
    pub customer: CustomerId,
}

impl CustomerMapping {
    /// Parses a mapping; faults name `source_customer_id` and `customer`.
    pub fn parse(name: MappingName, source_customer_id: &str, customer: &str) -> Result<Self, Vec<Fault>> {
        todo!("{name} {source_customer_id} {customer}")
    }
}
