//! Public URLs as fields. Of the token in each no more is seen than a log may hold.

use pointsman_routing::{
    deployment::DeploymentSpec,
    fault::entry_path,
    integration::{EndpointType, IntegrationSpec},
    table::EndpointToken,
};

use super::{Field, Fields};
use crate::domain::Resource;

/// Those of an integration: it has some where its endpoint is shared.
pub(in crate::domain) fn add_integration_urls(resource: &Resource<IntegrationSpec>, fields: &mut Fields) {
    if resource.spec.endpoint_type == Some(EndpointType::Shared) {
        add(["endpoint.url", "endpoint.older_urls"], &resource.tokens, fields);
    }
}

/// Those of a deployment: it has some where the endpoints of its integration are not shared.
pub(in crate::domain) fn add_deployment_urls(resource: &Resource<DeploymentSpec>, fields: &mut Fields) {
    match resource.tokens.endpoint_type {
        Some(EndpointType::InstanceSpecific) => {
            add(["endpoint_url", "older_endpoint_urls"], &resource.tokens.own, fields);
        }
        Some(EndpointType::FlowSpecific) => {
            for (key, tokens) in &resource.tokens.flows {
                let path = entry_path("flow_endpoints", key);
                let paths = [format!("{path}.endpoint_url"), format!("{path}.older_endpoint_urls")];
                add(paths.each_ref().map(String::as_str), tokens, fields);
            }
        }
        Some(EndpointType::Shared) | None => {}
    }
}

fn add([url, older_urls]: [&str; 2], tokens: &[EndpointToken], fields: &mut Fields) {
    let Some((shown, older)) = tokens.split_first() else { return };
    push(url, std::slice::from_ref(shown), fields);
    if !older.is_empty() {
        push(older_urls, older, fields);
    }
}

fn push(path: &str, tokens: &[EndpointToken], fields: &mut Fields) {
    let join = |text: fn(&EndpointToken) -> String| tokens.iter().map(text).collect::<Vec<_>>().join(", ");
    fields.0.push(Field {
        path: path.to_owned(),
        value: join(|token| token.expose().to_owned()),
        shown: Some(join(|token| format!("/hooks/{}…", token.prefix()))),
        reroutes: false,
    });
}
