//! Integrations.

use pointsman_proto::edge::v1;
use pointsman_routing::{
    fault::Fault,
    integration::{EndpointType, FlowSpec, Integration, IntegrationSpec, PreprocessSpec},
    name::IntegrationId,
    source::ValueSourceSpec,
    table::Entry,
};

use super::{duration, tokens};
use crate::sync::claims::Claims;

pub(super) fn entry(id: &IntegrationId, wire: v1::Integration) -> Result<Entry, Vec<Fault>> {
    let tokens = tokens("endpoint_tokens", &wire.endpoint_tokens);
    let timeout = timeout_fault(&wire);
    let integration = Integration::parse(id.clone(), spec(wire));
    match (integration, tokens, timeout) {
        (Ok(integration), Ok(tokens), None) => Ok(Entry::Integration(integration.into(), tokens)),
        (integration, tokens, timeout) => {
            let faults = integration.err().unwrap_or_default();
            Err(faults.into_iter().chain(tokens.err()).chain(timeout).collect())
        }
    }
}

/// What the update says of whose requests these are, read apart from all that does not matter to that.
pub(super) fn claims(id: &IntegrationId, wire: v1::Integration) -> Option<Claims> {
    let tokens = tokens("", &wire.endpoint_tokens).ok()?;
    let mut spec = spec(wire);
    spec.flows = vec![FlowSpec { key: "any".to_owned(), name: String::new() }];
    spec.flow_name = None;
    spec.max_body_bytes = 0;
    if let Some(preprocess) = &mut spec.preprocess {
        preprocess.timeout = None;
    }
    let integration = Integration::parse(id.clone(), spec).ok()?;
    Some(Claims::of_integration(&integration, tokens))
}

fn spec(wire: v1::Integration) -> IntegrationSpec {
    IntegrationSpec {
        endpoint_type: endpoint_type(wire.endpoint_type()),
        flows: wire.flows.into_iter().map(|flow| FlowSpec { key: flow.key, name: flow.name }).collect(),
        max_body_bytes: wire.max_body_bytes,
        external_customer_id: wire.external_customer_id.map(source),
        flow_name: wire.flow_name.map(source),
        external_customer_user_id: wire.external_customer_user_id.map(source),
        preprocess: wire.preprocess.map(preprocess),
    }
}

fn endpoint_type(wire: v1::EndpointType) -> Option<EndpointType> {
    match wire {
        v1::EndpointType::Unspecified => None,
        v1::EndpointType::Shared => Some(EndpointType::Shared),
        v1::EndpointType::InstanceSpecific => Some(EndpointType::InstanceSpecific),
        v1::EndpointType::FlowSpecific => Some(EndpointType::FlowSpecific),
    }
}

fn source(wire: v1::ValueSource) -> ValueSourceSpec {
    let (reference, constant) = match wire.source {
        None => (None, None),
        Some(v1::value_source::Source::Reference(reference)) => (Some(reference), None),
        Some(v1::value_source::Source::Constant(constant)) => (None, Some(constant)),
    };
    ValueSourceSpec {
        reference,
        constant,
        values: wire.values,
        default_value: wire.default_value,
        lookup_customer_mappings: wire.lookup_customer_mappings,
    }
}

/// A timeout that is no duration is left out here and reported by [`timeout_fault`].
fn preprocess(wire: v1::Preprocess) -> PreprocessSpec {
    PreprocessSpec {
        address: wire.address,
        timeout: duration("", wire.timeout).unwrap_or_default(),
        metadata: wire.metadata,
        omit_body: wire.omit_body,
    }
}

fn timeout_fault(wire: &v1::Integration) -> Option<Fault> {
    duration("endpoint.preprocess.timeout", wire.preprocess.as_ref()?.timeout).err()
}
