//! The order of fields in what is written: that of their numbers, so that `name` comes first and maps are sorted.

use prost_reflect::{Kind, MessageDescriptor};
use serde_json::Value as Json;

use super::{Node, Value};

/// Canonical JSON of `message` in the order of its fields.
pub(super) fn ordered(json: Json, message: &MessageDescriptor) -> Node {
    let mut object = match json {
        Json::Object(object) if !message.full_name().starts_with("google.protobuf.") => object,
        other => return plain(other),
    };
    let mut fields: Vec<_> = message.fields().collect();
    fields.sort_by_key(prost_reflect::FieldDescriptor::number);
    let entries = fields.iter().filter_map(|field| {
        let value = object.remove(field.json_name())?;
        let node = match (field.kind(), value) {
            (Kind::Message(entry), Json::Object(values)) if field.is_map() => {
                let kind = entry.map_entry_value_field().kind();
                let entries = values.into_iter().map(|(key, value)| (key, of_kind(value, &kind)));
                Node::new(Value::Map(entries.collect()))
            }
            (kind, Json::Array(items)) if field.is_list() => {
                Node::new(Value::List(items.into_iter().map(|item| of_kind(item, &kind)).collect()))
            }
            (kind, value) => of_kind(value, &kind),
        };
        Some((field.json_name().to_owned(), node))
    });
    Node::new(Value::Map(entries.collect()))
}

fn of_kind(json: Json, kind: &Kind) -> Node {
    match kind {
        Kind::Message(message) => ordered(json, message),
        _ => plain(json),
    }
}

fn plain(json: Json) -> Node {
    Node::new(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => Value::Number(number),
        Json::String(text) => Value::String(text),
        Json::Array(items) => Value::List(items.into_iter().map(plain).collect()),
        Json::Object(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (key, plain(value))).collect())
        }
    })
}
