//! Deployments: an integration deployed to one customer. With them, the two small resources that lead to one:
//! customers and customer mappings.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue};

use crate::{
    fault::{Fault, Faults, entry_path},
    header::parse_flow_header,
    name::{CustomerId, DeploymentName, FlowKey, MappingName},
    url::FlowUrl,
};

pub use self::by_flow::ByFlow;

mod by_flow;

/// The most flow endpoints of a deployment.
pub const MAX_FLOW_ENDPOINTS: usize = 1_000;
/// The most headers that a flow endpoint may set.
pub const MAX_FLOW_HEADERS: usize = 100;
/// The longest wait for a response's head that a flow endpoint may set.
pub const MAX_FLOW_TIMEOUT: Duration = Duration::from_secs(300);
/// The longest external ID and source customer id, in bytes.
pub const MAX_EXTERNAL_ID_BYTES: usize = 255;

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

/// A flow endpoint as it was written. `Debug` hides the headers' values, and the URL's query, which can hold a key.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Which one.
    pub name: DeploymentName,
    /// Whose.
    pub customer: CustomerId,
    /// It takes no requests.
    pub paused: bool,
    /// Where its flows run. Flows that are not here are not deployed; there may be none at all.
    pub flow_endpoints: ByFlow<FlowEndpoint>,
}

/// Where a flow runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowEndpoint {
    /// Where requests are forwarded.
    pub url: FlowUrl,
    /// Set on each forwarded request, each name once; the values are marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How long to wait for the head of the response; the edge's default where it is none.
    pub timeout: Option<Duration>,
    /// A request of any method may be sent again after a reset of a reused connection.
    pub retry_on_reset: bool,
}

impl Deployment {
    /// Parses `spec`. Faults use the admin API's field names: `customer`, `flow_endpoints["create-order"].url`,
    /// `flow_endpoints["create-order"].headers["host"]`, … Whether the integration has the flows is not asked here.
    pub fn parse(name: DeploymentName, spec: DeploymentSpec) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let customer = faults.keep("customer", spec.customer.parse::<CustomerId>());
        if spec.flow_endpoints.len() > MAX_FLOW_ENDPOINTS {
            faults.add("flow_endpoints", "holds more than 1,000 entries");
            return faults.finish(None);
        }
        let mut flow_endpoints = Vec::with_capacity(spec.flow_endpoints.len());
        for (key, endpoint) in spec.flow_endpoints {
            let path = entry_path("flow_endpoints", &key);
            let key = faults.keep(path.as_str(), FlowKey::parse(&key));
            let endpoint = faults.keep_within(&path, FlowEndpoint::parse(endpoint));
            flow_endpoints.extend(key.zip(endpoint));
        }
        let flow_endpoints = flow_endpoints.into_iter().collect();
        faults.finish(customer.map(|customer| Self { name, customer, paused: spec.paused, flow_endpoints }))
    }
}

impl FlowEndpoint {
    fn parse(spec: FlowEndpointSpec) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let url = faults.keep("url", FlowUrl::parse(&spec.url));
        if spec.timeout.is_some_and(|timeout| timeout.is_zero() || timeout > MAX_FLOW_TIMEOUT) {
            faults.add("timeout", "must be above 0 s and at most 300 s");
        }
        if spec.headers.len() > MAX_FLOW_HEADERS {
            faults.add("headers", "holds more than 100 entries");
            return faults.finish(None);
        }
        let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::with_capacity(spec.headers.len());
        for (name, value) in &spec.headers {
            let path = entry_path("headers", name);
            match faults.keep(path.as_str(), parse_flow_header(name, value)) {
                Some((name, _)) if headers.iter().any(|(earlier, _)| *earlier == name) => {
                    faults.add(path, "is there twice, in two spellings of upper and lower case");
                }
                header => headers.extend(header),
            }
        }
        let (timeout, retry_on_reset) = (spec.timeout, spec.retry_on_reset);
        faults.finish(url.map(|url| Self { url, headers, timeout, retry_on_reset }))
    }
}

impl fmt::Debug for FlowEndpointSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match self.url.split_once('?') {
            Some((start, _)) => format!("{start}?…"),
            None => self.url.clone(),
        };
        f.debug_struct("FlowEndpointSpec")
            .field("url", &url)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Which one.
    pub id: CustomerId,
    /// The vendor's own id for it: any text of 1 to 255 bytes without NUL.
    pub external_id: Arc<str>,
}

impl Customer {
    /// Parses a customer; faults name `external_id`.
    pub fn parse(id: CustomerId, external_id: &str) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        check_external_id("external_id", external_id, &mut faults);
        faults.finish(Some(Self { id, external_id: external_id.into() }))
    }
}

/// What a third party calls a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerMapping {
    /// Which mapping.
    pub name: MappingName,
    /// The third party's id: any text of 1 to 255 bytes without NUL.
    pub source_customer_id: Box<str>,
    /// The customer.
    pub customer: CustomerId,
}

impl CustomerMapping {
    /// Parses a mapping; faults name `source_customer_id` and `customer`.
    pub fn parse(name: MappingName, source_customer_id: &str, customer: &str) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        check_external_id("source_customer_id", source_customer_id, &mut faults);
        let customer = faults.keep("customer", customer.parse::<CustomerId>());
        faults.finish(customer.map(|customer| Self {
            name,
            source_customer_id: source_customer_id.into(),
            customer,
        }))
    }
}

/// Any text goes, also control characters: headers carry it encoded. But NUL ends a text for SQL functions and many
/// other readers, who would then see two ids as one.
fn check_external_id(field: &str, id: &str, faults: &mut Faults) {
    match id.len() {
        0 => faults.add(field, "is empty"),
        1..=MAX_EXTERNAL_ID_BYTES => {}
        _ => faults.add(field, "is longer than 255 bytes"),
    }
    if id.contains('\0') {
        faults.add(field, "holds a NUL character");
    }
}

#[cfg(test)]
mod tests;
