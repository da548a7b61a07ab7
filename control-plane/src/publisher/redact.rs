//! Resources as people may see them.

use pointsman_routing::table::EndpointToken;

use crate::domain::{AnyResource, REDACTED, redact};

/// The resource without the values of headers and metadata, without the queries of URLs, which can hold a key, and with
/// no more of its tokens than a log may hold.
pub(super) fn redacted(mut resource: AnyResource) -> AnyResource {
    match &mut resource {
        AnyResource::Integration(integration) => {
            cut(&mut integration.tokens);
            redact(&mut integration.spec);
        }
        AnyResource::Deployment(deployment) => {
            cut(&mut deployment.tokens.own);
            deployment.tokens.flows.values_mut().for_each(cut);
            redact(&mut deployment.spec);
            for endpoint in deployment.spec.flow_endpoints.values_mut() {
                hide_query(&mut endpoint.url);
            }
        }
        AnyResource::Customer(_) | AnyResource::CustomerMapping(_) => {}
    }
    resource
}

fn hide_query(url: &mut String) {
    if let Some((start, _)) = url.split_once('?') {
        *url = format!("{start}?{REDACTED}");
    }
}

fn cut(tokens: &mut Vec<EndpointToken>) {
    *tokens = tokens.iter().filter_map(|token| EndpointToken::parse(token.prefix())).collect();
}
