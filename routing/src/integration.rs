//! Integrations: flows and an endpoint configuration.

use std::collections::HashSet;

use crate::{
    fault::{Fault, Faults, entry_path},
    name::IntegrationId,
    reference::Reference,
    source::{MAX_VALUES, Purpose, ValueSource, ValueSourceSpec},
};

pub use self::{
    flows::{FlowSpec, Flows, MAX_FLOW_NAME_BYTES, MAX_FLOWS},
    preprocess::{
        DEFAULT_PREPROCESS_TIMEOUT, MAX_METADATA, MAX_PREPROCESS_TIMEOUT, Preprocess, PreprocessAddress,
        PreprocessAddressError, PreprocessSpec,
    },
};

mod flows;
mod preprocess;
#[cfg(test)]
mod tests;

/// The body limit of an endpoint that sets none, in bytes.
pub const DEFAULT_MAX_BODY_BYTES: usize = 6 * 1024 * 1024;
/// The highest body limit that an endpoint may set, in bytes.
pub const MAX_MAX_BODY_BYTES: usize = 1024 * 1024 * 1024;

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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Where the flow is found. Read wherever it is there, except on flow-specific endpoints, which say it themselves.
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
        let mut faults = Faults::default();
        if let Some(flow_name) = &spec.flow_name {
            check_flow_names(flow_name, &spec.flows, &mut faults);
        }
        check_sources(&spec, &mut faults);
        let max_body_bytes = parse_max_body_bytes(spec.max_body_bytes, &mut faults);
        let flows = Flows::parse(spec.flows, &mut faults);
        if spec.endpoint_type.is_none() {
            faults.add("endpoint.type", "is missing");
        }

        let mut source = |field: &str, source: Option<ValueSourceSpec>, purpose| {
            let source = ValueSource::parse(source?, purpose);
            faults.keep_within(&format!("endpoint.{field}"), source)
        };
        let external_customer_id =
            source("external_customer_id", spec.external_customer_id, Purpose::Customer);
        let flow_name = source("flow_name", spec.flow_name, Purpose::Flow);
        let external_customer_user_id =
            source("external_customer_user_id", spec.external_customer_user_id, Purpose::CustomerUser);
        let preprocess = spec
            .preprocess
            .and_then(|preprocess| faults.keep_within("endpoint.preprocess", Preprocess::parse(preprocess)));

        faults.finish(spec.endpoint_type.map(|endpoint_type| Self {
            id,
            flows,
            endpoint_type,
            max_body_bytes,
            external_customer_id,
            flow_name,
            external_customer_user_id,
            preprocess,
        }))
    }

    /// Whether a request's body has to be in memory before the decision: a Preprocess service is sent it, or, without a
    /// service, some source reads it.
    #[must_use]
    pub fn needs_body(&self) -> bool {
        match &self.preprocess {
            Some(preprocess) => preprocess.send_body,
            None => {
                let customer = [&self.external_customer_id, &self.external_customer_user_id];
                let sources = customer.into_iter().flatten().chain(self.used_flow_name());
                sources.filter_map(ValueSource::reference).any(Reference::reads_body)
            }
        }
    }

    /// The flow's source, where endpoints do not say the flow themselves.
    pub(crate) fn used_flow_name(&self) -> Option<&ValueSource> {
        self.flow_name.as_ref().filter(|_| self.endpoint_type != EndpointType::FlowSpecific)
    }
}

/// Which sources an endpoint needs, and which it may not have.
fn check_sources(spec: &IntegrationSpec, faults: &mut Faults) {
    match (spec.endpoint_type, &spec.external_customer_id) {
        (Some(EndpointType::Shared), None) => {
            faults.add("endpoint.external_customer_id", "is missing, and a shared endpoint needs it");
        }
        (Some(EndpointType::InstanceSpecific | EndpointType::FlowSpecific), Some(_)) => {
            faults.add(
                "endpoint.external_customer_id",
                "is for shared endpoints only: others name their deployment",
            );
        }
        _ => {}
    }
    let flow_is_known = spec.flows.len() <= 1 || spec.endpoint_type == Some(EndpointType::FlowSpecific);
    if spec.flow_name.is_none() && !flow_is_known {
        faults.add("endpoint.flow_name", "is missing, and an integration with several flows needs it");
    }
}

/// What a flow's source can only ever become has to be a flow, or it could never work.
fn check_flow_names(source: &ValueSourceSpec, flows: &[FlowSpec], faults: &mut Faults) {
    let names: HashSet<&str> =
        flows.iter().flat_map(|flow| [flow.key.as_str(), flow.name.as_str()]).collect();
    let mut check = |field: String, text: &str| {
        if !text.is_empty() && !names.contains(text) {
            faults.add(format!("endpoint.flow_name.{field}"), "names no flow of the integration");
        }
    };
    if let Some(constant) = source.constant.as_deref().filter(|_| source.values.is_empty()) {
        check("constant".to_owned(), constant);
    }
    // A table that is too long has that fault already.
    for (found, flow) in source.values.iter().take(MAX_VALUES) {
        check(entry_path("values", found), flow);
    }
    if let Some(default_value) = &source.default_value {
        check("default_value".to_owned(), default_value);
    }
}

fn parse_max_body_bytes(written: i32, faults: &mut Faults) -> usize {
    match usize::try_from(written) {
        Ok(0) => DEFAULT_MAX_BODY_BYTES,
        Ok(bytes) if bytes <= MAX_MAX_BODY_BYTES => bytes,
        Ok(_) => {
            faults.add("endpoint.max_body_bytes", "is above 1 GiB");
            DEFAULT_MAX_BODY_BYTES
        }
        Err(_) => {
            faults.add("endpoint.max_body_bytes", "is negative");
            DEFAULT_MAX_BODY_BYTES
        }
    }
}
