//! Integrations.

use pointsman_proto::admin::v1 as proto;
use pointsman_routing::{
    fault::Fault,
    integration::{EndpointType, FlowSpec, IntegrationSpec, PreprocessSpec},
    name::{IntegrationId, NameError},
    source::ValueSourceSpec,
};
use prost::Message as _;

use super::{Admin, Common, change_message, duration, malformed, read_duration, redacted, unknown_number};
use crate::{
    PublicUrl,
    domain::{REDACTED, Resource, Revision, filter::Field},
    store::IntegrationRevision,
};

impl Admin for IntegrationSpec {
    type Message = proto::Integration;
    const MESSAGE: &'static str = "pointsman.admin.v1.Integration";
    const FIELD: &'static str = "integration";
    const PATTERN: &'static str = "integrations/{integration}";
    const FILTERED: &'static [Field] = Field::OF_INTEGRATIONS;

    fn message(common: Common, resource: Resource<Self>, urls: &PublicUrl) -> proto::Integration {
        let Resource { name, spec, tokens, .. } = resource;
        let token = tokens.first().filter(|_| spec.endpoint_type == Some(EndpointType::Shared));
        let url = token.map(|token| urls.endpoint(token.expose())).unwrap_or_default();
        integration_message(&name, common, spec, url)
    }

    fn read_message(message: proto::Integration) -> (String, Self, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut spec = match message.endpoint {
            Some(endpoint) => read_endpoint(endpoint, &mut faults),
            None => {
                faults.push(Fault::new("endpoint", "is missing"));
                Self::default()
            }
        };
        spec.flows =
            message.flows.into_iter().map(|flow| FlowSpec { key: flow.key, name: flow.name }).collect();
        (message.display_name, spec, faults)
    }

    fn name_and_etag(message: &proto::Integration) -> (&str, &str) {
        (&message.name, &message.etag)
    }

    fn compose(_parent: &str, id: &str) -> Result<IntegrationId, Vec<Fault>> {
        IntegrationId::parse(id).map_err(|error| vec![Fault::new("integration_id", error)])
    }
}

/// A revision of an integration as admins see it.
pub(in crate::grpc) fn revision_message(
    name: &IntegrationId,
    kept: IntegrationRevision,
) -> proto::IntegrationRevision {
    let common = Common { display_name: kept.display_name, ..Common::default() };
    proto::IntegrationRevision {
        revision: kept.revision.number(),
        create_time: Some(kept.create_time.into()),
        caller: kept.caller,
        integration: Some(integration_message(name, common, kept.spec, String::new())),
        changes: kept.changes.into_iter().map(change_message).collect(),
        rolled_back_to: kept.rolled_back_to.map_or(0, Revision::number),
        more_changes: i32::try_from(kept.more_changes).unwrap_or(i32::MAX),
    }
}

/// How long an integration would be as a message, were it what this revision says.
pub(in crate::grpc) fn written_bytes(name: &IntegrationId, kept: &IntegrationRevision) -> usize {
    let common = Common { display_name: kept.display_name.clone(), ..Common::default() };
    let message = integration_message(name, common, kept.spec.clone(), String::new());
    // The message has what stands for them.
    let secrets = kept.spec.preprocess.iter().flat_map(|service| service.metadata.values());
    message.encoded_len() + secrets.map(|secret| secret.len().saturating_sub(REDACTED.len())).sum::<usize>()
}

fn integration_message(
    name: &IntegrationId,
    common: Common,
    spec: IntegrationSpec,
    url: String,
) -> proto::Integration {
    let Common { uid, display_name, create_time, update_time, etag, owner } = common;
    let flow = |FlowSpec { key, name }| proto::Flow { key, name };
    proto::Integration {
        name: name.to_string(),
        uid,
        display_name,
        create_time,
        update_time,
        etag,
        owner,
        flows: spec.flows.iter().cloned().map(flow).collect(),
        endpoint: Some(endpoint_message(spec, url)),
    }
}

/// Composes the name of something that lies in an integration.
pub(super) fn compose_below<I, N>(
    parent: &str,
    id_field: &str,
    id: Result<I, NameError>,
    name: impl FnOnce(IntegrationId, I) -> N,
) -> Result<N, Vec<Fault>> {
    match (parse_parent(parent), id) {
        (Ok(parent), Ok(id)) => Ok(name(parent, id)),
        (parent, id) => {
            Err(parent.err().into_iter().chain(id.err().map(|error| Fault::new(id_field, error))).collect())
        }
    }
}

/// The integration in a request's `parent`.
pub(in crate::grpc) fn parse_parent(parent: &str) -> Result<IntegrationId, Fault> {
    parent.parse().map_err(|error| malformed("parent", parent, IntegrationSpec::PATTERN, &error))
}

fn endpoint_message(spec: IntegrationSpec, url: String) -> proto::Endpoint {
    let endpoint_type = match spec.endpoint_type {
        None => proto::EndpointType::Unspecified,
        Some(EndpointType::Shared) => proto::EndpointType::Shared,
        Some(EndpointType::InstanceSpecific) => proto::EndpointType::InstanceSpecific,
        Some(EndpointType::FlowSpecific) => proto::EndpointType::FlowSpecific,
    };
    proto::Endpoint {
        r#type: endpoint_type.into(),
        // The only one there is.
        mode: proto::DeliveryMode::Sync.into(),
        max_body_bytes: spec.max_body_bytes,
        external_customer_id: spec.external_customer_id.map(value_source_message),
        flow_name: spec.flow_name.map(value_source_message),
        external_customer_user_id: spec.external_customer_user_id.map(value_source_message),
        preprocess: spec.preprocess.map(preprocess_message),
        url,
    }
}

fn value_source_message(spec: ValueSourceSpec) -> proto::ValueSource {
    use proto::value_source::Source;
    let reference = spec.reference.map(Source::Reference);
    let lookup = if spec.lookup_customer_mappings {
        proto::Lookup::CustomerMappings
    } else {
        proto::Lookup::Unspecified
    };
    proto::ValueSource {
        source: reference.or(spec.constant.map(Source::Constant)),
        values: spec.values,
        default_value: spec.default_value,
        lookup: lookup.into(),
    }
}

fn preprocess_message(spec: PreprocessSpec) -> proto::Preprocess {
    let body = if spec.omit_body { proto::PreprocessBody::None } else { proto::PreprocessBody::Full };
    proto::Preprocess {
        address: spec.address,
        timeout: spec.timeout.and_then(duration),
        metadata: redacted(spec.metadata),
        body: body.into(),
    }
}

fn read_endpoint(endpoint: proto::Endpoint, faults: &mut Vec<Fault>) -> IntegrationSpec {
    let endpoint_type = match proto::EndpointType::try_from(endpoint.r#type) {
        Ok(proto::EndpointType::Shared) => Some(EndpointType::Shared),
        Ok(proto::EndpointType::InstanceSpecific) => Some(EndpointType::InstanceSpecific),
        Ok(proto::EndpointType::FlowSpecific) => Some(EndpointType::FlowSpecific),
        // The parser says what is missing.
        Ok(proto::EndpointType::Unspecified) => None,
        Err(_) => {
            faults.push(unknown_number("endpoint.type", endpoint.r#type));
            None
        }
    };
    if proto::DeliveryMode::try_from(endpoint.mode).is_err() {
        faults.push(unknown_number("endpoint.mode", endpoint.mode));
    }
    let mut source = |source: Option<proto::ValueSource>, field: &str| {
        source.map(|source| read_value_source(source, &format!("endpoint.{field}"), faults))
    };
    IntegrationSpec {
        flows: Vec::new(),
        endpoint_type,
        max_body_bytes: endpoint.max_body_bytes,
        external_customer_id: source(endpoint.external_customer_id, "external_customer_id"),
        flow_name: source(endpoint.flow_name, "flow_name"),
        external_customer_user_id: source(endpoint.external_customer_user_id, "external_customer_user_id"),
        preprocess: endpoint.preprocess.map(|preprocess| read_preprocess(preprocess, faults)),
    }
}

fn read_value_source(source: proto::ValueSource, at: &str, faults: &mut Vec<Fault>) -> ValueSourceSpec {
    use proto::value_source::Source;
    let lookup = proto::Lookup::try_from(source.lookup);
    if lookup.is_err() {
        faults.push(unknown_number(&format!("{at}.lookup"), source.lookup));
    }
    let (reference, constant) = match source.source {
        Some(Source::Reference(reference)) => (Some(reference), None),
        Some(Source::Constant(constant)) => (None, Some(constant)),
        None => (None, None),
    };
    ValueSourceSpec {
        reference,
        constant,
        values: source.values,
        default_value: source.default_value,
        lookup_customer_mappings: lookup == Ok(proto::Lookup::CustomerMappings),
    }
}

fn read_preprocess(preprocess: proto::Preprocess, faults: &mut Vec<Fault>) -> PreprocessSpec {
    let body = proto::PreprocessBody::try_from(preprocess.body);
    if body.is_err() {
        faults.push(unknown_number("endpoint.preprocess.body", preprocess.body));
    }
    PreprocessSpec {
        address: preprocess.address,
        timeout: read_duration(preprocess.timeout, "endpoint.preprocess.timeout", faults),
        metadata: preprocess.metadata,
        omit_body: body == Ok(proto::PreprocessBody::None),
    }
}

/// The integration that an admin proposes for a test: what of it counts, and what is wrong with it.
pub(crate) fn read_proposed(message: proto::Integration) -> (IntegrationSpec, Vec<Fault>) {
    let (_, spec, faults) = IntegrationSpec::read_message(message);
    (spec, faults)
}
