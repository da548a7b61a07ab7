//! Resources as people may see them.

use std::collections::BTreeMap;

use pointsman_routing::table::EndpointToken;

use crate::domain::AnyResource;

/// What stands for a secret where it is not to be seen.
const REDACTED: &str = "[redacted]";

/// The resource without the values of headers and metadata, and with no more of its tokens than a log may hold.
pub(super) fn redacted(mut resource: AnyResource) -> AnyResource {
    match &mut resource {
        AnyResource::Integration(integration) => {
            cut(&mut integration.tokens);
            if let Some(service) = &mut integration.spec.preprocess {
                hide(&mut service.metadata);
            }
        }
        AnyResource::Deployment(deployment) => {
            cut(&mut deployment.tokens.own);
            deployment.tokens.flows.values_mut().for_each(cut);
            for endpoint in deployment.spec.flow_endpoints.values_mut() {
                hide(&mut endpoint.headers);
            }
        }
        AnyResource::Customer(_) | AnyResource::CustomerMapping(_) => {}
    }
    resource
}

fn hide(values: &mut BTreeMap<String, String>) {
    values.values_mut().for_each(|value| REDACTED.clone_into(value));
}

fn cut(tokens: &mut Vec<EndpointToken>) {
    *tokens = tokens.iter().filter_map(|token| EndpointToken::parse(token.prefix())).collect();
}
