//! Between the APIs' messages and the domain's types; the only place that knows both.
//!
//! On the way in nothing is lost: what the domain's types cannot hold (an enum number that nobody knows, a duration
//! below zero) becomes a fault of its field, beside those that the parsers of `pointsman_routing` find.

use std::{collections::BTreeMap, time::Duration};

use pointsman_proto::admin::v1 as proto;
use pointsman_routing::{fault::Fault, name::NameError};
use prost::Message;

use crate::{
    PublicUrl,
    domain::{FieldChange, Meta, Resource, filter::Field, hide},
    registry::{Draft, Rules},
};

pub mod edge;

mod customer;
mod customer_mapping;
mod deployment;
pub(super) mod integration;
pub(super) mod mask;

/// The longest resource, as a message. Everything that carries one (a page, a chunk for an edge) can rely on it.
pub(super) const RESOURCE_BYTES_MAX: usize = 1024 * 1024;

/// A kind of resource that admins see.
pub(crate) trait Admin: Rules {
    /// Its message.
    type Message: Message + Default + Clone + 'static;
    /// The message's full name.
    const MESSAGE: &'static str;
    /// What requests call the resource, as `customer_mapping`.
    const FIELD: &'static str;
    /// What its names look like.
    const PATTERN: &'static str;
    /// What lists of it can be filtered by.
    const FILTERED: &'static [Field];

    /// The message of a resource, with `common` as what every resource has.
    fn message(common: Common, resource: Resource<Self>, urls: &PublicUrl) -> Self::Message;

    /// What an admin wrote: display name, spec, and what the spec cannot hold.
    fn read_message(message: Self::Message) -> (String, Self, Vec<Fault>);

    /// The message's name and etag.
    fn name_and_etag(message: &Self::Message) -> (&str, &str);

    /// The name of the resource with this id below this parent, or what is wrong with either.
    fn compose(parent: &str, id: &str) -> Result<Self::Name, Vec<Fault>>;
}

/// A resource as admins see it.
pub(super) fn message<K: Admin>(resource: Resource<K>, urls: &PublicUrl) -> K::Message {
    K::message(Common::of(&resource), resource, urls)
}

/// A resource as an admin would write it, and nothing that is output only.
pub(super) fn written<K: Admin>(resource: Resource<K>) -> K::Message {
    let common = Common { display_name: resource.meta.display_name.clone(), ..Common::default() };
    // Without tokens there are no URLs.
    let resource = Resource { tokens: K::Tokens::default(), ..resource };
    K::message(common, resource, &PublicUrl::default())
}

/// What differs, as admins see it.
pub(super) fn change_message(change: FieldChange) -> proto::FieldChange {
    let FieldChange { field, before, after, reroutes } = change;
    proto::FieldChange { field, before, after, reroutes }
}

/// The draft of a message that stands `at` a place of the request.
pub(super) fn draft<K: Admin>(
    at: String,
    name: Result<K::Name, Vec<Fault>>,
    message: K::Message,
) -> Draft<K> {
    let bytes = message.encoded_len();
    let (display_name, spec, faults) = K::read_message(message);
    Draft::new(at, name, display_name, spec, faults).measured(bytes, RESOURCE_BYTES_MAX)
}

/// The name in a message, or the fault of `field`.
pub(super) fn parse_name<K: Admin>(field: &str, name: &str) -> Result<K::Name, Fault> {
    name.parse().map_err(|error| malformed(field, name, K::PATTERN, &error))
}

/// A fault of a field that should hold a name.
pub(super) fn malformed(field: &str, name: &str, pattern: &str, error: &NameError) -> Fault {
    if name.is_empty() {
        return Fault::new(field, format!("is missing; it looks like `{pattern}`"));
    }
    Fault::new(field, format!("{error}; it looks like `{pattern}`"))
}

/// What the control plane knows of every resource, as messages say it.
#[derive(Default)]
pub(crate) struct Common {
    uid: String,
    display_name: String,
    create_time: Option<prost_types::Timestamp>,
    update_time: Option<prost_types::Timestamp>,
    etag: String,
    owner: String,
}

impl Common {
    fn of<K: Rules>(resource: &Resource<K>) -> Self {
        let Meta { uid, display_name, create_time, update_time, owner, .. } = &resource.meta;
        Self {
            uid: uid.to_string(),
            display_name: display_name.clone(),
            create_time: Some((*create_time).into()),
            update_time: Some((*update_time).into()),
            etag: resource.etag().as_str().to_owned(),
            owner: owner.to_string(),
        }
    }
}

/// Values as anybody may see them: they are secrets.
fn redacted(mut values: BTreeMap<String, String>) -> BTreeMap<String, String> {
    hide(&mut values);
    values
}

/// None for what a message cannot hold, which no resource has.
fn duration(duration: Duration) -> Option<prost_types::Duration> {
    duration.try_into().ok()
}

/// A duration that an admin wrote in `field`.
fn read_duration(
    duration: Option<prost_types::Duration>,
    field: &str,
    faults: &mut Vec<Fault>,
) -> Option<Duration> {
    let read = pointsman_proto::duration::read(duration?);
    if read.is_none() {
        faults.push(Fault::new(field, "is below zero, or no duration at all"));
    }
    read
}

/// A fault of an enum number that this version does not know.
pub(super) fn unknown_number(field: &str, number: i32) -> Fault {
    Fault::new(field, format!("{number} is none of its values"))
}

#[cfg(test)]
mod tests;
