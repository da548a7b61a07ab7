//! Where the secrets are in what admins write, where they are sent, and what stands for them.

use std::{collections::BTreeMap, fmt};

use pointsman_routing::{
    deployment::DeploymentSpec,
    fault::entry_path,
    integration::{IntegrationSpec, PreprocessAddress},
    url::FlowUrl,
};

use super::{Kind, REDACTED};

/// Secrets that are sent to one place: `values` maps names to them, and `Debug` hides them.
pub struct Secrets<'s, V> {
    /// The field that holds them, as `flow_endpoints["create-order"].headers`.
    pub path: String,
    /// Where they are sent.
    pub destination: Destination<'s>,
    /// The values.
    pub values: V,
}

/// Where secrets are sent, as it was written.
#[derive(Clone, Copy)]
pub enum Destination<'s> {
    /// The URL of a flow.
    Flow(&'s str),
    /// The address of a Preprocess service.
    Service(&'s str),
}

impl Destination<'_> {
    /// Scheme, host and port, or the path of a socket, however they are written; none for what does not parse.
    #[must_use]
    pub fn origin(self) -> Option<PreprocessAddress> {
        match self {
            Self::Flow(url) => {
                let url = FlowUrl::parse(url).ok()?;
                Some(PreprocessAddress::Tcp {
                    tls: url.is_https(),
                    host: url.host().into(),
                    port: url.port(),
                })
            }
            Self::Service(address) => PreprocessAddress::parse(address).ok(),
        }
    }
}

impl<V> fmt::Debug for Secrets<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Puts what stands for them in the place of all secrets.
pub fn redact<K: Kind>(spec: &mut K) {
    spec.secrets_mut().into_iter().for_each(|secrets| hide(secrets.values));
}

/// The same for the secrets of one field.
pub fn hide(values: &mut BTreeMap<String, String>) {
    values.values_mut().for_each(|value| REDACTED.clone_into(value));
}

impl<'s, V> Secrets<'s, V> {
    fn of_service(address: &'s str, values: V) -> Self {
        let path = "endpoint.preprocess.metadata".to_owned();
        Self { path, destination: Destination::Service(address), values }
    }

    fn of_flow(key: &str, url: &'s str, values: V) -> Self {
        let path = format!("{}.headers", entry_path("flow_endpoints", key));
        Self { path, destination: Destination::Flow(url), values }
    }
}

type Values = BTreeMap<String, String>;

pub(super) fn of_integration(spec: &IntegrationSpec) -> Vec<Secrets<'_, &Values>> {
    let service = spec.preprocess.iter();
    service.map(|service| Secrets::of_service(&service.address, &service.metadata)).collect()
}

pub(super) fn of_integration_mut(spec: &mut IntegrationSpec) -> Vec<Secrets<'_, &mut Values>> {
    let service = spec.preprocess.iter_mut();
    service.map(|service| Secrets::of_service(&service.address, &mut service.metadata)).collect()
}

pub(super) fn of_deployment(spec: &DeploymentSpec) -> Vec<Secrets<'_, &Values>> {
    let flows = spec.flow_endpoints.iter();
    flows.map(|(key, endpoint)| Secrets::of_flow(key, &endpoint.url, &endpoint.headers)).collect()
}

pub(super) fn of_deployment_mut(spec: &mut DeploymentSpec) -> Vec<Secrets<'_, &mut Values>> {
    let flows = spec.flow_endpoints.iter_mut();
    flows.map(|(key, endpoint)| Secrets::of_flow(key, &endpoint.url, &mut endpoint.headers)).collect()
}
