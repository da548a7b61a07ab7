//! What an admin can write is what the audit, manifests and revisions tell of a change.

use std::collections::BTreeMap;

use pointsman_routing::{deployment::DeploymentSpec, integration::IntegrationSpec};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

use super::*;
use crate::domain::{CustomerSpec, Fields, MappingSpec, Owner};

/// A field whose values all mean the same: the only other mode comes later.
const MEANS_NOTHING_YET: &str = "endpoint.mode";
const DURATION: &str = "google.protobuf.Duration";

#[test]
fn every_field_that_can_be_written_is_told_when_it_changes() {
    let told = [
        every_field::<IntegrationSpec>(),
        every_field::<CustomerSpec>(),
        every_field::<MappingSpec>(),
        every_field::<DeploymentSpec>(),
    ];
    // Enough of them are looked at: the walk goes down.
    assert!(told.iter().flatten().any(|path| path == "flow_endpoints[k].headers[k]"), "{told:?}");
    assert!(told.iter().flatten().any(|path| path == "endpoint.external_customer_id.constant"), "{told:?}");
    assert!(told.iter().flatten().any(|path| path == "endpoint.preprocess.timeout"), "{told:?}");
}

/// The paths of what was changed, each of which was told.
fn every_field<K: Admin>() -> Vec<String> {
    let descriptor = pointsman_proto::descriptor_pool().get_message_by_name(K::MESSAGE).unwrap();
    let before = fields::<K>(&base(&descriptor));
    let mut told = BTreeMap::<String, bool>::new();
    for (path, changed) in variants(&descriptor) {
        let changes = Fields::diff(Some(&before), Some(&fields::<K>(&changed)));
        let top = path.split(['.', '[']).next().unwrap();
        let is_told = changes.iter().any(|change| change.field.starts_with(top));
        *told.entry(path).or_default() |= is_told;
    }
    told.remove(MEANS_NOTHING_YET);
    for (path, is_told) in &told {
        assert!(is_told, "a change of {path} of {} is not told: see domain/fields.rs", K::MESSAGE);
    }
    told.into_keys().collect()
}

fn fields<K: Admin>(message: &DynamicMessage) -> Fields {
    let (display_name, spec, _) = K::read_message(message.transcode_to().unwrap());
    Fields::written(&Owner::default(), &display_name, &spec)
}

/// A message with every field set that an admin writes.
fn base(descriptor: &MessageDescriptor) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in written(descriptor) {
        message.set_field(&field, whole(&field, first(&field)));
    }
    message
}

/// The same message with one field changed, in every way that there is, with the path of that field.
fn variants(descriptor: &MessageDescriptor) -> Vec<(String, DynamicMessage)> {
    let base = base(descriptor);
    let mut variants = Vec::new();
    for field in written(descriptor) {
        let path = |below: &str| {
            let entry = if field.is_map() { "[k]" } else { "" };
            format!("{}{entry}{below}", field.name())
        };
        for (below, value) in others(&field) {
            let mut changed = base.clone();
            changed.set_field(&field, whole(&field, value));
            variants.push((path(&below), changed));
        }
        let mut without = base.clone();
        without.clear_field(&field);
        variants.push((field.name().to_owned(), without));
    }
    variants
}

/// The fields that are not output only.
fn written(descriptor: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let file = descriptor.parent_file();
    let locations = file.file_descriptor_proto().source_code_info.clone().unwrap().location;
    let output_only = |field: &FieldDescriptor| {
        let location = locations.iter().find(|location| location.path == field.path()).unwrap();
        location.leading_comments().trim_start().starts_with("Output only")
    };
    // A name, of what has an etag too, says which resource it is.
    let is_resource = descriptor.get_field_by_name("etag").is_some();
    let name = |field: &FieldDescriptor| is_resource && field.name() == "name";
    descriptor.fields().filter(|field| !name(field) && !output_only(field)).collect()
}

/// A list or a map of one value, where the field is one.
fn whole(field: &FieldDescriptor, value: Value) -> Value {
    if field.is_map() {
        Value::Map([(MapKey::String("k".to_owned()), value)].into())
    } else if field.is_list() {
        Value::List(vec![value])
    } else {
        value
    }
}

/// The kind of a field, or of its entries.
fn kind(field: &FieldDescriptor) -> Kind {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    }
}

fn first(field: &FieldDescriptor) -> Value {
    match kind(field) {
        Kind::String => Value::String("a".to_owned()),
        Kind::Bool => Value::Bool(false),
        Kind::Int32 => Value::I32(1),
        Kind::Enum(_) => Value::EnumNumber(1),
        Kind::Message(below) if below.full_name() == DURATION => seconds(&below, 1),
        Kind::Message(below) => Value::Message(base(&below)),
        kind => panic!("{}: a {kind:?} is not known here", field.full_name()),
    }
}

/// Other values than [`first`], with the path of what differs below.
fn others(field: &FieldDescriptor) -> Vec<(String, Value)> {
    let one = |value| vec![(String::new(), value)];
    match kind(field) {
        Kind::String => one(Value::String("b".to_owned())),
        Kind::Bool => one(Value::Bool(true)),
        Kind::Int32 => one(Value::I32(2)),
        Kind::Enum(values) => {
            let numbers = values.values().map(|value| value.number()).filter(|number| *number != 1);
            numbers.map(|number| (String::new(), Value::EnumNumber(number))).collect()
        }
        Kind::Message(below) if below.full_name() == DURATION => one(seconds(&below, 2)),
        Kind::Message(below) => {
            let below = variants(&below).into_iter();
            below.map(|(path, message)| (format!(".{path}"), Value::Message(message))).collect()
        }
        kind => panic!("{}: a {kind:?} is not known here", field.full_name()),
    }
}

fn seconds(duration: &MessageDescriptor, seconds: i64) -> Value {
    let mut message = DynamicMessage::new(duration.clone());
    message.set_field_by_name("seconds", Value::I64(seconds));
    Value::Message(message)
}
