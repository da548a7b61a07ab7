//! What edges get of each resource.

use std::{collections::BTreeMap, time::Duration};

use bytes::{Bytes, BytesMut};
use pointsman_proto::edge::v1 as proto;
use pointsman_routing::{
    deployment::{DeploymentSpec, FlowEndpointSpec},
    integration::{EndpointType, FlowSpec, IntegrationSpec, PreprocessSpec},
    source::ValueSourceSpec,
    table::EndpointToken,
};
use prost::Message as _;

use crate::{
    domain::{AnyResource, DeploymentTokens, Resource},
    store::MappingRow,
};

/// So much memory is shared by bodies: about as much as a chunk of them, with which it goes.
const SHARED_BYTES: usize = 32 * 1024;

/// The resource as edges get it. The same resource at the same revision is always the same bytes.
#[must_use]
pub fn resource(resource: &AnyResource) -> proto::Resource {
    let body = match resource {
        AnyResource::Integration(resource) => integration(resource).encode_to_vec(),
        AnyResource::Customer(resource) => {
            proto::Customer { external_id: resource.spec.external_id.clone() }.encode_to_vec()
        }
        AnyResource::CustomerMapping(resource) => {
            let row = MappingRow {
                name: &resource.name.to_string(),
                revision: resource.meta.revision,
                source_customer_id: &resource.spec.source_customer_id,
                customer: &resource.spec.customer,
            };
            return customer_mapping(row, &mut BytesMut::new());
        }
        AnyResource::Deployment(resource) => deployment(resource).encode_to_vec(),
    };
    proto::Resource {
        name: resource.name().to_string(),
        revision: resource.revision().number(),
        body: Bytes::from(body),
    }
}

/// As [`resource`], of a row: there can be a million of these, and nothing but this is asked of most. Bodies that are
/// written to the same `bodies` share memory, so that none is allocated by itself, here or where it is cloned.
#[must_use]
pub fn customer_mapping(row: MappingRow<'_>, bodies: &mut BytesMut) -> proto::Resource {
    let MappingRow { name, revision, source_customer_id, customer } = row;
    let body = proto::CustomerMapping {
        source_customer_id: source_customer_id.to_owned(),
        customer: customer.to_owned(),
    };
    let len = body.encoded_len();
    if bodies.capacity() < len {
        *bodies = BytesMut::with_capacity(len.max(SHARED_BYTES));
    }
    body.encode(bodies).expect("memory grows");
    proto::Resource { name: name.to_owned(), revision: revision.number(), body: bodies.split().freeze() }
}

fn integration(resource: &Resource<IntegrationSpec>) -> proto::Integration {
    let spec = &resource.spec;
    proto::Integration {
        flows: spec.flows.iter().map(flow).collect(),
        endpoint_type: endpoint_type(spec.endpoint_type).into(),
        endpoint_tokens: exposed(&resource.tokens),
        max_body_bytes: spec.max_body_bytes,
        external_customer_id: spec.external_customer_id.as_ref().map(value_source),
        flow_name: spec.flow_name.as_ref().map(value_source),
        external_customer_user_id: spec.external_customer_user_id.as_ref().map(value_source),
        preprocess: spec.preprocess.as_ref().map(preprocess),
    }
}

fn flow(spec: &FlowSpec) -> proto::Flow {
    proto::Flow { key: spec.key.clone(), name: spec.name.clone() }
}

fn endpoint_type(endpoint_type: Option<EndpointType>) -> proto::EndpointType {
    match endpoint_type {
        None => proto::EndpointType::Unspecified,
        Some(EndpointType::Shared) => proto::EndpointType::Shared,
        Some(EndpointType::InstanceSpecific) => proto::EndpointType::InstanceSpecific,
        Some(EndpointType::FlowSpecific) => proto::EndpointType::FlowSpecific,
    }
}

fn value_source(spec: &ValueSourceSpec) -> proto::ValueSource {
    use proto::value_source::Source;
    let source = match (&spec.reference, &spec.constant) {
        (Some(reference), _) => Some(Source::Reference(reference.clone())),
        (None, Some(constant)) => Some(Source::Constant(constant.clone())),
        (None, None) => None,
    };
    proto::ValueSource {
        source,
        values: spec.values.clone(),
        default_value: spec.default_value.clone(),
        lookup_customer_mappings: spec.lookup_customer_mappings,
    }
}

fn preprocess(spec: &PreprocessSpec) -> proto::Preprocess {
    proto::Preprocess {
        address: spec.address.clone(),
        timeout: spec.timeout.and_then(duration),
        metadata: spec.metadata.clone(),
        omit_body: spec.omit_body,
    }
}

fn deployment(resource: &Resource<DeploymentSpec>) -> proto::Deployment {
    let spec = &resource.spec;
    let flow_endpoint = |(key, spec)| (String::clone(key), flow_endpoint(key, spec, &resource.tokens));
    proto::Deployment {
        customer: spec.customer.clone(),
        paused: spec.paused,
        endpoint_tokens: exposed(&resource.tokens.own),
        flow_endpoints: spec.flow_endpoints.iter().map(flow_endpoint).collect::<BTreeMap<_, _>>(),
    }
}

fn flow_endpoint(key: &str, spec: &FlowEndpointSpec, tokens: &DeploymentTokens) -> proto::FlowEndpoint {
    proto::FlowEndpoint {
        url: spec.url.clone(),
        headers: spec.headers.clone(),
        timeout: spec.timeout.and_then(duration),
        retry_on_reset: spec.retry_on_reset,
        endpoint_tokens: tokens.flows.get(key).map(|tokens| exposed(tokens)).unwrap_or_default(),
    }
}

fn exposed(tokens: &[EndpointToken]) -> Vec<String> {
    tokens.iter().map(|token| token.expose().to_owned()).collect()
}

/// None for what a `google.protobuf.Duration` cannot hold, which no resource has: validation bounds it.
fn duration(duration: Duration) -> Option<prost_types::Duration> {
    duration.try_into().ok()
}

#[cfg(test)]
mod tests;
