//! Integrations: flows and an endpoint configuration.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{
    fault::Fault,
    name::{FlowKey, IntegrationId},
    source::{ValueSource, ValueSourceSpec},
};

/// The body limit of an endpoint that sets none, in bytes.
pub const DEFAULT_MAX_BODY_BYTES: usize = 6 * 1024 * 1024;
/// The deadline of a Preprocess call where none is set.
pub const DEFAULT_PREPROCESS_TIMEOUT: Duration = Duration::from_secs(5);

/// An integration as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntegrationSpec {
    /// Its flows.
    pub flows: Vec<FlowSpec>,
    /// What its endpoints stand for.
    pub endpoint_type: Option<EndpointType>,
    /// Bytes; 0 stands for the default.
    pub max_body_bytes: i32,
    /// Where the customer is found.
    pub external_customer_id: Option<ValueSourceSpec>,
    /// Where the flow is found.
    pub flow_name: Option<ValueSourceSpec>,
    /// Where the customer's user is found.
    pub external_customer_user_id: Option<ValueSourceSpec>,
    /// The service to call first.
    pub preprocess: Option<PreprocessSpec>,
}

/// A flow as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowSpec {
    /// Its key.
    pub key: String,
    /// Its name; the key where it is empty.
    pub name: String,
}

/// A Preprocess service as it was written. `Debug` hides the metadata's values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PreprocessSpec {
    /// `http://host:port`, `https://host:port` or `unix:/path`.
    pub address: String,
    /// The deadline of a call.
    pub timeout: Option<Duration>,
    /// Sent with each call. The values are secrets.
    pub metadata: BTreeMap<String, String>,
    /// The request's body is not sent along.
    pub omit_body: bool,
}

/// What an endpoint stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointType {
    /// One endpoint for all customers.
    Shared,
    /// One for each deployment.
    InstanceSpecific,
    /// One for each flow of each deployment.
    FlowSpecific,
}

/// An integration that can be used.
#[derive(Clone, Debug)]
pub struct Integration {
    /// Which one.
    pub id: IntegrationId,
    /// Its flows, at least one.
    pub flows: Flows,
    /// What its endpoints stand for.
    pub endpoint_type: EndpointType,
    /// Bytes.
    pub max_body_bytes: usize,
    /// Where the customer is found; always there on shared endpoints, never on others.
    pub external_customer_id: Option<ValueSource>,
    /// Where the flow is found.
    pub flow_name: Option<ValueSource>,
    /// Where the customer's user is found.
    pub external_customer_user_id: Option<ValueSource>,
    /// The service to call first.
    pub preprocess: Option<Preprocess>,
}

impl Integration {
    /// Parses `spec`. Faults use the admin API's field names: `flows[1].key`, `endpoint.type`,
    /// `endpoint.external_customer_id.reference`, `endpoint.preprocess.metadata["x"]`, …
    pub fn parse(id: IntegrationId, spec: IntegrationSpec) -> Result<Self, Vec<Fault>> {
        todo!("{id} {spec:?}")
    }

    /// Whether a request's body has to be in memory before the decision.
    #[must_use]
    pub fn needs_body(&self) -> bool {
        todo!()
    }
}

/// An integration's flows; names and keys are unique together.
#[derive(Clone, Debug)]
pub struct Flows {
    by_key_or_name: BTreeMap<Box<str>, FlowKey>,
    keys: Vec<FlowKey>,
}

impl Flows {
    /// The flow with this key or name.
    #[must_use]
    pub fn find(&self, key_or_name: &str) -> Option<&FlowKey> {
        self.by_key_or_name.get(key_or_name)
    }

    /// All keys in the order in which they were written.
    #[must_use]
    pub fn keys(&self) -> &[FlowKey] {
        &self.keys
    }
}

/// A Preprocess service. `Debug` hides the metadata's values.
#[derive(Clone, PartialEq, Eq)]
pub struct Preprocess {
    /// Where it listens.
    pub address: PreprocessAddress,
    /// The deadline of a call.
    pub timeout: Duration,
    /// Sent with each call: names in lower case that gRPC allows, values of visible ASCII.
    pub metadata: Vec<(http::HeaderName, http::HeaderValue)>,
    /// The request's body is sent along.
    pub send_body: bool,
}

/// Where a Preprocess service listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PreprocessAddress {
    /// `http://` or `https://`.
    Tcp {
        /// Whether it is https.
        tls: bool,
        /// A name, or an IP address (v6 without brackets).
        host: Box<str>,
        /// The port.
        port: u16,
    },
    /// `unix:`, an absolute path without dot segments.
    Unix(Box<std::path::Path>),
}

impl fmt::Debug for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preprocess")
            .field("address", &self.address)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PreprocessSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreprocessSpec")
            .field("address", &self.address)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
