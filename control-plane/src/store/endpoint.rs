//! The column that holds an integration's endpoint configuration.
//!
//! It is one JSON document and not a set of tables: nothing across resources asks for what is inside (the one thing
//! that does, the endpoint type, is a column), it is always read and written whole, people can read it with `sqlite3`,
//! and later migrations can change it with SQLite's own JSON functions. It is canonical: fields in a fixed order, maps
//! in the order of their keys. A field that this version does not know is damage, not something to skip.

use std::{collections::BTreeMap, time::Duration};

use pointsman_routing::{
    integration::{EndpointType, IntegrationSpec, PreprocessSpec},
    source::ValueSourceSpec,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Everything of `spec` but its flows and its endpoint type, which have columns.
pub(super) fn to_json(spec: &IntegrationSpec) -> String {
    let document = Document {
        max_body_bytes: spec.max_body_bytes,
        external_customer_id: spec.external_customer_id.clone().map(Source::from),
        flow_name: spec.flow_name.clone().map(Source::from),
        external_customer_user_id: spec.external_customer_user_id.clone().map(Source::from),
        preprocess: spec.preprocess.clone().map(Service::from),
    };
    serde_json::to_string(&document).expect("strings, numbers and maps of strings are JSON")
}

/// The inverse of [`to_json`].
pub(super) fn from_json(json: &str) -> Result<IntegrationSpec, String> {
    let document: Document = read_json(json)?;
    Ok(IntegrationSpec {
        max_body_bytes: document.max_body_bytes,
        external_customer_id: document.external_customer_id.map(ValueSourceSpec::from),
        flow_name: document.flow_name.map(ValueSourceSpec::from),
        external_customer_user_id: document.external_customer_user_id.map(ValueSourceSpec::from),
        preprocess: document.preprocess.map(PreprocessSpec::from),
        ..IntegrationSpec::default()
    })
}

/// Reads a column that holds JSON. The error is for logs and, unlike serde's own, quotes nothing: there are secrets.
pub(super) fn read_json<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| {
        format!(
            "{:?} error in its JSON at line {}, column {}",
            error.classify(),
            error.line(),
            error.column()
        )
    })
}

/// How the column `endpoint_type` names a type.
pub(super) fn type_to_text(endpoint_type: Option<EndpointType>) -> &'static str {
    match endpoint_type {
        // Never committed: the registry refuses it, after it has looked at everything else.
        None => "",
        Some(EndpointType::Shared) => "shared",
        Some(EndpointType::InstanceSpecific) => "instance_specific",
        Some(EndpointType::FlowSpecific) => "flow_specific",
    }
}

/// The inverse of [`type_to_text`].
pub(super) fn type_from_text(text: &str) -> Result<Option<EndpointType>, String> {
    match text {
        "" => Ok(None),
        "shared" => Ok(Some(EndpointType::Shared)),
        "instance_specific" => Ok(Some(EndpointType::InstanceSpecific)),
        "flow_specific" => Ok(Some(EndpointType::FlowSpecific)),
        other => Err(format!("endpoint type {other:?}")),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, skip_serializing_if = "is_default")]
    max_body_bytes: i32,
    #[serde(default, skip_serializing_if = "is_default")]
    external_customer_id: Option<Source>,
    #[serde(default, skip_serializing_if = "is_default")]
    flow_name: Option<Source>,
    #[serde(default, skip_serializing_if = "is_default")]
    external_customer_user_id: Option<Source>,
    #[serde(default, skip_serializing_if = "is_default")]
    preprocess: Option<Service>,
}

#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    #[serde(default, skip_serializing_if = "is_default")]
    reference: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    constant: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    values: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "is_default")]
    default_value: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    lookup_customer_mappings: bool,
}

#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    #[serde(default, skip_serializing_if = "is_default")]
    address: String,
    #[serde(default, skip_serializing_if = "is_default")]
    timeout: Option<Duration>,
    #[serde(default, skip_serializing_if = "is_default")]
    metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "is_default")]
    omit_body: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl From<ValueSourceSpec> for Source {
    fn from(spec: ValueSourceSpec) -> Self {
        let ValueSourceSpec { reference, constant, values, default_value, lookup_customer_mappings } = spec;
        Self { reference, constant, values, default_value, lookup_customer_mappings }
    }
}

impl From<Source> for ValueSourceSpec {
    fn from(source: Source) -> Self {
        let Source { reference, constant, values, default_value, lookup_customer_mappings } = source;
        Self { reference, constant, values, default_value, lookup_customer_mappings }
    }
}

impl From<PreprocessSpec> for Service {
    fn from(spec: PreprocessSpec) -> Self {
        let PreprocessSpec { address, timeout, metadata, omit_body } = spec;
        Self { address, timeout, metadata, omit_body }
    }
}

impl From<Service> for PreprocessSpec {
    fn from(service: Service) -> Self {
        let Service { address, timeout, metadata, omit_body } = service;
        Self { address, timeout, metadata, omit_body }
    }
}

#[cfg(test)]
mod tests;
