//! Endpoint tokens of a manifest, both ways.

use pointsman_proto::admin::v1::EndpointTokens;
use pointsman_routing::{
    fault::Fault,
    name::{NameError, ResourceName},
    table::EndpointToken,
};

use crate::{
    domain::AnyResource,
    registry::{Endpoint, TokensDraft},
};

/// What an endpoint's field looks like.
const PATTERNS: &str =
    "`integrations/{integration}` or `integrations/{integration}/deployments/{deployment}`";
/// 128 bits in base64url: nobody finds one by trying.
const TOKEN_BYTES_MIN: usize = 22;

/// Reads the tokens of a request.
pub(super) fn read(messages: Vec<EndpointTokens>) -> Vec<TokensDraft> {
    messages.into_iter().enumerate().map(|(index, message)| draft(index, message)).collect()
}

fn draft(index: usize, EndpointTokens { endpoint, flow, tokens }: EndpointTokens) -> TokensDraft {
    let at = format!("manifest.endpoint_tokens[{index}]");
    let mut faults = Vec::new();
    let endpoint = parse_endpoint(&endpoint, flow, &at).map_err(|fault| faults.push(fault)).ok();
    if tokens.is_empty() {
        faults.push(Fault::new(format!("{at}.tokens"), "is empty: an endpoint has at least one token"));
    }
    let mut parsed = Vec::with_capacity(tokens.len());
    for (position, token) in tokens.iter().enumerate() {
        // The reasons quote nothing: it may be a secret with a typing error.
        match EndpointToken::parse(token) {
            Some(token) if token.expose().len() >= TOKEN_BYTES_MIN => parsed.push(token),
            Some(_) => faults.push(Fault::new(
                format!("{at}.tokens[{position}]"),
                format!("is too easy to guess: a token has at least {TOKEN_BYTES_MIN} characters"),
            )),
            None => faults.push(Fault::new(
                format!("{at}.tokens[{position}]"),
                "is no token: it has 22 to 128 characters of [A-Za-z0-9_-]",
            )),
        }
    }
    TokensDraft { at, endpoint, tokens: parsed, faults }
}

fn parse_endpoint(name: &str, flow: String, at: &str) -> Result<Endpoint, Fault> {
    let fault =
        |reason: &str| Fault::new(format!("{at}.endpoint"), format!("{reason}; it looks like {PATTERNS}"));
    if name.is_empty() {
        return Err(fault("is missing"));
    }
    let name: ResourceName = name.parse().map_err(|error: NameError| fault(&error.to_string()))?;
    match (name, flow) {
        (ResourceName::Integration(name), flow) if flow.is_empty() => Ok(Endpoint::Integration(name)),
        (ResourceName::Integration(_), _) => {
            Err(Fault::new(format!("{at}.flow"), "flows have endpoints at deployments, not at integrations"))
        }
        (ResourceName::Deployment(name), flow) if flow.is_empty() => Ok(Endpoint::Deployment(name)),
        (ResourceName::Deployment(name), flow) => Ok(Endpoint::Flow(name, flow)),
        (ResourceName::Customer(_) | ResourceName::CustomerMapping(_), _) => Err(fault("has no endpoint")),
    }
}

/// Adds the tokens of all endpoints of a resource; also of those that do not count for the type of endpoints that its
/// integration has now, so that a change of type and back goes on keeping URLs.
pub(super) fn add(messages: &mut Vec<EndpointTokens>, resource: &AnyResource) {
    let endpoint = resource.name().to_string();
    let mut push = |flow: &str, tokens: &[EndpointToken]| {
        if !tokens.is_empty() {
            messages.push(EndpointTokens {
                endpoint: endpoint.clone(),
                flow: flow.to_owned(),
                tokens: tokens.iter().map(|token| token.expose().to_owned()).collect(),
            });
        }
    };
    match resource {
        AnyResource::Integration(resource) => push("", &resource.tokens),
        AnyResource::Deployment(resource) => {
            push("", &resource.tokens.own);
            resource.tokens.flows.iter().for_each(|(flow, tokens)| push(flow, tokens));
        }
        AnyResource::Customer(_) | AnyResource::CustomerMapping(_) => {}
    }
}
