//! The fields of a resource as admins know them, and what differs between two states of it: for the audit, for
//! revisions, and for whoever wants to see a change before it is made.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    time::Duration,
};

use pointsman_routing::{
    deployment::{DeploymentSpec, FlowEndpointSpec},
    fault::entry_path,
    integration::{EndpointType, IntegrationSpec, PreprocessSpec},
    source::ValueSourceSpec,
};

use super::{CustomerSpec, Kind, MappingSpec, Owner, Resource};

mod urls;

pub(super) use urls::{add_deployment_urls, add_integration_urls};

/// What stands for a secret where it is not to be seen; written back, it means the secret that is kept.
pub const REDACTED: &str = "<redacted>";

/// One field that differs between two states. Secrets are redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// Its path in the admin API's names, as `flow_endpoints["create-order"].url`.
    pub field: String,
    /// What it was, where it was there.
    pub before: Option<String>,
    /// What it is, where it is there.
    pub after: Option<String>,
    /// Webhooks can go elsewhere because of it.
    pub reroutes: bool,
}

impl FieldChange {
    /// A field that was not there before. Not for secrets.
    #[must_use]
    pub fn added(field: &str, after: String) -> Self {
        Self { field: field.to_owned(), before: None, after: Some(after), reroutes: false }
    }

    /// A field that is there no more. Not for secrets.
    #[must_use]
    pub fn removed(field: &str, before: String) -> Self {
        Self { field: field.to_owned(), before: Some(before), after: None, reroutes: false }
    }
}

/// The fields of a resource that an admin writes and that are set, in the order of its message.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<Field>);

#[derive(Clone)]
struct Field {
    path: String,
    value: String,
    /// What is seen in place of the value.
    shown: Option<String>,
    reroutes: bool,
}

impl Fields {
    /// Of a resource.
    #[must_use]
    pub fn of<K: Kind>(resource: &Resource<K>) -> Self {
        Self::written(&resource.meta.owner, &resource.meta.display_name, &resource.spec)
    }

    /// Of a resource that is written so.
    #[must_use]
    pub fn written<K: Kind>(owner: &Owner, display_name: &str, spec: &K) -> Self {
        let mut fields = Self::default();
        fields.add("owner", owner);
        fields.add("display_name", display_name);
        spec.add_fields(&mut fields);
        fields
    }

    /// The public URLs of a resource that work, as far as a log may tell them. Nobody writes them, and so they are no
    /// part of [`Self::of`].
    #[must_use]
    pub fn urls_of<K: Kind>(resource: &Resource<K>) -> Self {
        let mut fields = Self::default();
        K::add_urls(resource, &mut fields);
        fields
    }

    /// What differs between two states of a resource; none stands for one that is not there. In the order of `after`, then
    /// what is only in `before`. A resource that was not there led no webhooks anywhere, so its fields re-route none.
    #[must_use]
    pub fn diff(before: Option<&Self>, after: Option<&Self>) -> Vec<FieldChange> {
        let is_new = before.is_none();
        let (before, after) =
            (before.map_or(&[][..], |fields| &fields.0), after.map_or(&[][..], |fields| &fields.0));
        let old: HashMap<&str, &Field> = before.iter().map(|field| (field.path.as_str(), field)).collect();
        let kept: HashSet<&str> = after.iter().map(|field| field.path.as_str()).collect();
        let changed = after.iter().filter_map(|field| {
            let old = old.get(field.path.as_str()).copied();
            (old.map(|old| &old.value) != Some(&field.value)).then(|| FieldChange {
                field: field.path.clone(),
                before: old.map(Field::shown),
                after: Some(field.shown()),
                reroutes: field.reroutes && !is_new,
            })
        });
        let gone = before.iter().filter(|field| !kept.contains(field.path.as_str()));
        let gone = gone.map(|field| FieldChange {
            field: field.path.clone(),
            before: Some(field.shown()),
            after: None,
            reroutes: field.reroutes,
        });
        without_needless_order(changed.chain(gone).collect())
    }

    /// A field that is not there where it is empty.
    fn add(&mut self, path: impl Into<String>, value: impl fmt::Display) {
        self.push(path.into(), value.to_string(), false, false);
    }

    /// The same, for one that says where webhooks go.
    fn add_route(&mut self, path: impl Into<String>, value: impl fmt::Display) {
        self.push(path.into(), value.to_string(), false, true);
    }

    fn add_secrets(&mut self, path: &str, values: &BTreeMap<String, String>) {
        for (name, value) in values {
            self.push_even_empty(entry_path(path, name), value.clone(), true, false);
        }
    }

    fn push(&mut self, path: String, value: String, secret: bool, reroutes: bool) {
        if !value.is_empty() {
            self.push_even_empty(path, value, secret, reroutes);
        }
    }

    fn push_even_empty(&mut self, path: String, value: String, secret: bool, reroutes: bool) {
        let shown = secret.then(|| REDACTED.to_owned());
        self.0.push(Field { path, value, shown, reroutes });
    }
}

impl Field {
    fn shown(&self) -> String {
        self.shown.as_ref().unwrap_or(&self.value).clone()
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.path, self.shown())
    }
}

/// The flows' keys, in their order.
const FLOWS: &str = "flows";

/// The order of flows goes without saying where flows come or go.
fn without_needless_order(mut changes: Vec<FieldChange>) -> Vec<FieldChange> {
    let comes_or_goes = |FieldChange { field, before, after, .. }: &FieldChange| {
        let of_a_flow = field.strip_prefix(FLOWS).is_some_and(|entry| entry.starts_with('['));
        of_a_flow && (before.is_none() || after.is_none())
    };
    if changes.iter().any(comes_or_goes) {
        changes.retain(|change| change.field != FLOWS);
    }
    changes
}

/// A duration in the canonical JSON of protobuf, as manifests have it.
fn seconds(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    match nanos {
        0 => format!("{seconds}s"),
        _ if nanos % 1_000_000 == 0 => format!("{seconds}.{:03}s", nanos / 1_000_000),
        _ if nanos % 1_000 == 0 => format!("{seconds}.{:06}s", nanos / 1_000),
        _ => format!("{seconds}.{nanos:09}s"),
    }
}

/// The fields of an integration.
pub(super) fn add_integration(spec: &IntegrationSpec, fields: &mut Fields) {
    let IntegrationSpec {
        flows,
        endpoint_type,
        max_body_bytes,
        external_customer_id,
        flow_name,
        external_customer_user_id,
        preprocess,
    } = spec;
    for flow in flows {
        fields.push_even_empty(entry_path(FLOWS, &flow.key), flow.name.clone(), false, true);
    }
    let order: Vec<_> = flows.iter().map(|flow| flow.key.as_str()).collect();
    fields.add(FLOWS, order.join(", "));
    fields.add_route("endpoint.type", endpoint_type.map(type_label).unwrap_or_default());
    if *max_body_bytes != 0 {
        fields.add("endpoint.max_body_bytes", max_body_bytes);
    }
    let sources = [
        ("endpoint.external_customer_id", external_customer_id),
        ("endpoint.flow_name", flow_name),
        ("endpoint.external_customer_user_id", external_customer_user_id),
    ];
    for (path, source) in sources {
        if let Some(source) = source {
            add_source(path, source, fields);
        }
    }
    if let Some(PreprocessSpec { address, timeout, metadata, omit_body }) = preprocess {
        fields.add_route("endpoint.preprocess.address", address);
        if let Some(timeout) = timeout {
            fields.add("endpoint.preprocess.timeout", seconds(*timeout));
        }
        fields.add_secrets("endpoint.preprocess.metadata", metadata);
        if *omit_body {
            fields.add("endpoint.preprocess.body", "PREPROCESS_BODY_NONE");
        }
    }
}

fn add_source(path: &str, source: &ValueSourceSpec, fields: &mut Fields) {
    let ValueSourceSpec { reference, constant, values, default_value, lookup_customer_mappings } = source;
    let one = |name: &str, value: &Option<String>, fields: &mut Fields| {
        if let Some(value) = value {
            fields.push_even_empty(format!("{path}.{name}"), value.clone(), false, true);
        }
    };
    one("reference", reference, fields);
    one("constant", constant, fields);
    for (found, meant) in values {
        fields.push_even_empty(entry_path(&format!("{path}.values"), found), meant.clone(), false, true);
    }
    one("default_value", default_value, fields);
    if *lookup_customer_mappings {
        fields.add_route(format!("{path}.lookup"), "LOOKUP_CUSTOMER_MAPPINGS");
    }
}

const fn type_label(endpoint_type: EndpointType) -> &'static str {
    match endpoint_type {
        EndpointType::Shared => "ENDPOINT_TYPE_SHARED",
        EndpointType::InstanceSpecific => "ENDPOINT_TYPE_INSTANCE_SPECIFIC",
        EndpointType::FlowSpecific => "ENDPOINT_TYPE_FLOW_SPECIFIC",
    }
}

/// The fields of a customer. Everything that is routed by its external ID goes elsewhere where that changes.
pub(super) fn add_customer(CustomerSpec { external_id }: &CustomerSpec, fields: &mut Fields) {
    fields.add_route("external_id", external_id);
}

/// The fields of a customer mapping.
pub(super) fn add_mapping(MappingSpec { source_customer_id, customer }: &MappingSpec, fields: &mut Fields) {
    fields.add_route("source_customer_id", source_customer_id);
    fields.add_route("customer", customer);
}

/// The fields of a deployment.
pub(super) fn add_deployment(
    DeploymentSpec { customer, paused, flow_endpoints }: &DeploymentSpec,
    fields: &mut Fields,
) {
    fields.add_route("customer", customer);
    for (key, endpoint) in flow_endpoints {
        let FlowEndpointSpec { url, headers, timeout, retry_on_reset } = endpoint;
        let path = entry_path("flow_endpoints", key);
        fields.push_even_empty(format!("{path}.url"), url.clone(), false, true);
        fields.add_secrets(&format!("{path}.headers"), headers);
        if let Some(timeout) = timeout {
            fields.add(format!("{path}.timeout"), seconds(*timeout));
        }
        if *retry_on_reset {
            fields.add(format!("{path}.retry_on_reset"), true);
        }
    }
    fields.add_route("state", if *paused { "STATE_PAUSED" } else { "STATE_ENABLED" });
}
