//! Deployments.

use pointsman_proto::admin::v1 as proto;
use pointsman_routing::{
    deployment::{DeploymentSpec, FlowEndpointSpec},
    fault::{Fault, entry_path},
    integration::EndpointType,
    name::{DeploymentId, DeploymentName, IntegrationId},
};

use super::{Admin, Common, duration, integration::compose_below, read_duration, redacted, unknown_number};
use crate::{
    PublicUrl,
    domain::{DeploymentTokens, Resource, filter::Field},
};

impl Admin for DeploymentSpec {
    type Message = proto::Deployment;
    const MESSAGE: &'static str = "pointsman.admin.v1.Deployment";
    const FIELD: &'static str = "deployment";
    const PATTERN: &'static str = "integrations/{integration}/deployments/{deployment}";
    const FILTERED: &'static [Field] = Field::OF_DEPLOYMENTS;

    fn message(common: Common, resource: Resource<Self>, urls: &PublicUrl) -> proto::Deployment {
        let Common { uid, display_name, create_time, update_time, etag, owner } = common;
        let Resource { name, spec, tokens, .. } = resource;
        let state =
            if spec.paused { proto::deployment::State::Paused } else { proto::deployment::State::Enabled };
        let own = tokens.own.first().filter(|_| tokens.endpoint_type == Some(EndpointType::InstanceSpecific));
        let flow_endpoint = |(key, spec): (String, FlowEndpointSpec)| {
            let endpoint = flow_endpoint_message(&key, spec, &tokens, urls);
            (key, endpoint)
        };
        proto::Deployment {
            name: name.to_string(),
            uid,
            display_name,
            create_time,
            update_time,
            etag,
            owner,
            customer: spec.customer,
            flow_endpoints: spec.flow_endpoints.into_iter().map(flow_endpoint).collect(),
            state: state.into(),
            endpoint_url: own.map(|token| urls.endpoint(token.expose())).unwrap_or_default(),
        }
    }

    fn read_message(message: proto::Deployment) -> (String, Self, Vec<Fault>) {
        let mut faults = Vec::new();
        let paused = match proto::deployment::State::try_from(message.state) {
            Ok(proto::deployment::State::Paused) => true,
            Ok(proto::deployment::State::Enabled | proto::deployment::State::Unspecified) => false,
            Err(_) => {
                faults.push(unknown_number("state", message.state));
                false
            }
        };
        let flow_endpoints = message.flow_endpoints.into_iter().map(|(key, endpoint)| {
            let spec = read_flow_endpoint(&key, endpoint, &mut faults);
            (key, spec)
        });
        let flow_endpoints = flow_endpoints.collect();
        (message.display_name, Self { customer: message.customer, paused, flow_endpoints }, faults)
    }

    fn name_and_etag(message: &proto::Deployment) -> (&str, &str) {
        (&message.name, &message.etag)
    }

    fn compose(parent: &str, id: &str) -> Result<DeploymentName, Vec<Fault>> {
        let name = |integration: IntegrationId, deployment| DeploymentName { integration, deployment };
        compose_below(parent, "deployment_id", DeploymentId::parse(id), name)
    }
}

fn flow_endpoint_message(
    key: &str,
    spec: FlowEndpointSpec,
    tokens: &DeploymentTokens,
    urls: &PublicUrl,
) -> proto::FlowEndpoint {
    let counts = tokens.endpoint_type == Some(EndpointType::FlowSpecific);
    let token = tokens.flows.get(key).and_then(|tokens| tokens.first()).filter(|_| counts);
    proto::FlowEndpoint {
        url: spec.url,
        headers: redacted(spec.headers),
        timeout: spec.timeout.and_then(duration),
        retry_on_reset: spec.retry_on_reset,
        endpoint_url: token.map(|token| urls.endpoint(token.expose())).unwrap_or_default(),
    }
}

fn read_flow_endpoint(key: &str, message: proto::FlowEndpoint, faults: &mut Vec<Fault>) -> FlowEndpointSpec {
    let timeout = format!("{}.timeout", entry_path("flow_endpoints", key));
    FlowEndpointSpec {
        url: message.url,
        headers: message.headers,
        timeout: read_duration(message.timeout, &timeout, faults),
        retry_on_reset: message.retry_on_reset,
    }
}
