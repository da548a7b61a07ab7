//! Deployments.

use std::collections::BTreeMap;

use pointsman_proto::edge::v1;
use pointsman_routing::{
    deployment::{Deployment, DeploymentSpec, FlowEndpointSpec},
    fault::{Fault, entry_path},
    name::{DeploymentName, FlowKey},
    table::{EndpointToken, Entry},
};

use super::{duration, tokens};
use crate::sync::claims::Claims;

type FlowTokens = BTreeMap<FlowKey, Vec<EndpointToken>>;

pub(super) fn entry(name: &DeploymentName, wire: v1::Deployment) -> Result<Entry, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut keep = |fault: Fault| faults.push(fault);
    let tokens = tokens("endpoint_tokens", &wire.endpoint_tokens).map_err(&mut keep).unwrap_or_default();
    let mut flow_tokens = FlowTokens::new();
    let mut flow_endpoints = BTreeMap::new();
    for (key, endpoint) in wire.flow_endpoints {
        let within = entry_path("flow_endpoints", &key);
        // A malformed key is a fault of the deployment's own, below.
        if let Ok(key) = FlowKey::parse(&key) {
            let field = format!("{within}.endpoint_tokens");
            let tokens = super::tokens(&field, &endpoint.endpoint_tokens);
            flow_tokens.insert(key, tokens.map_err(&mut keep).unwrap_or_default());
        }
        let timeout = duration(&format!("{within}.timeout"), endpoint.timeout).map_err(&mut keep);
        let spec = FlowEndpointSpec {
            url: endpoint.url,
            headers: endpoint.headers,
            timeout: timeout.unwrap_or_default(),
            retry_on_reset: endpoint.retry_on_reset,
        };
        flow_endpoints.insert(key, spec);
    }
    let spec = DeploymentSpec { customer: wire.customer, paused: wire.paused, flow_endpoints };
    match Deployment::parse(name.clone(), spec) {
        Ok(deployment) if faults.is_empty() => Ok(Entry::Deployment(deployment.into(), tokens, flow_tokens)),
        Ok(_) => Err(faults),
        Err(others) => Err(others.into_iter().chain(faults).collect()),
    }
}

/// What the update says of whose requests these are, read apart from all that does not matter to that.
pub(super) fn claims(name: &DeploymentName, wire: &v1::Deployment) -> Option<Claims> {
    let bare = DeploymentSpec {
        customer: wire.customer.clone(),
        paused: wire.paused,
        flow_endpoints: BTreeMap::new(),
    };
    let deployment = Deployment::parse(name.clone(), bare).ok()?;
    let tokens = tokens("", &wire.endpoint_tokens).ok()?;
    let of_flow = |(key, endpoint): (&String, &v1::FlowEndpoint)| {
        Some((FlowKey::parse(key).ok()?, super::tokens("", &endpoint.endpoint_tokens).ok()?))
    };
    // The key of a flow without tokens says nothing about endpoints, malformed or not.
    let with_tokens = wire.flow_endpoints.iter().filter(|(_, endpoint)| !endpoint.endpoint_tokens.is_empty());
    let flow_tokens = with_tokens.map(of_flow).collect::<Option<FlowTokens>>()?;
    Some(Claims::of_deployment(&deployment, tokens, flow_tokens))
}
