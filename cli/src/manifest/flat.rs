//! A resource as a list of its fields, for whoever compares two states of it.

use pointsman_routing::fault::entry_path;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _};
use serde::Serialize as _;
use serde_json::Value as Json;

use super::{Document, ManifestError, output_only, to_dynamic, write_error};

/// The fields that an admin can change and that are set, in the order of their numbers: paths as the control plane tells
/// them, as `endpoint.flow_name.values["create_order"]`, and values in their canonical form.
pub(crate) fn flat<T: Document>(message: &T) -> Result<Vec<(String, String)>, ManifestError> {
    let mut dynamic = to_dynamic(message)?;
    output_only::clear(&mut dynamic);
    dynamic.clear_field_by_name("name");
    let json = dynamic.serialize(serde_json::value::Serializer).map_err(write_error::<T>)?;
    let mut fields = Vec::new();
    add_message(&json, &dynamic.descriptor(), "", &mut fields);
    Ok(fields)
}

type Fields = Vec<(String, String)>;

fn add_message(json: &Json, message: &MessageDescriptor, at: &str, fields: &mut Fields) {
    for field in message.fields() {
        let Some(value) = json.get(field.json_name()) else { continue };
        let path = if at.is_empty() { field.name().to_owned() } else { format!("{at}.{}", field.name()) };
        match value {
            Json::Object(entries) if field.is_map() => {
                let kind = entry_kind(&field);
                for (key, entry) in entries {
                    add_value(entry, &kind, &entry_path(&path, key), fields);
                }
            }
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    add_item(item, &field.kind(), &path, index, fields);
                }
            }
            value => add_value(value, &field.kind(), &path, fields),
        }
    }
}

/// Flows have keys, and what else there is of them is their name.
fn add_item(item: &Json, kind: &Kind, list: &str, index: usize, fields: &mut Fields) {
    match item.get("key").and_then(Json::as_str) {
        Some(key) => {
            let name = item.get("name").and_then(Json::as_str).unwrap_or_default();
            fields.push((entry_path(list, key), name.to_owned()));
        }
        None => add_value(item, kind, &format!("{list}[{index}]"), fields),
    }
}

fn add_value(value: &Json, kind: &Kind, path: &str, fields: &mut Fields) {
    match (value, kind) {
        (Json::Object(_), Kind::Message(message)) => add_message(value, message, path, fields),
        (Json::String(text), _) => fields.push((path.to_owned(), text.clone())),
        (other, _) => fields.push((path.to_owned(), other.to_string())),
    }
}

fn entry_kind(map: &FieldDescriptor) -> Kind {
    match map.kind() {
        Kind::Message(entry) => entry.map_entry_value_field().kind(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use pointsman_proto::admin::v1::*;

    use super::*;

    #[test]
    fn each_field_that_is_set_has_its_path_and_its_canonical_value() {
        let integration = Integration {
            name: "integrations/x".to_owned(),
            etag: "e".to_owned(),
            display_name: "X".to_owned(),
            flows: vec![Flow { key: "a.b".to_owned(), name: "A".to_owned() }],
            endpoint: Some(Endpoint {
                r#type: EndpointType::Shared.into(),
                url: "http://x/hooks/secret".to_owned(),
                flow_name: Some(ValueSource {
                    values: [("one \"1\"".to_owned(), "A".to_owned())].into(),
                    default_value: Some(String::new()),
                    ..ValueSource::default()
                }),
                preprocess: Some(Preprocess {
                    timeout: Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }),
                    ..Preprocess::default()
                }),
                max_body_bytes: 7,
                ..Endpoint::default()
            }),
            ..Integration::default()
        };
        let fields = flat(&integration).expect("fields");
        let fields: Vec<_> = fields.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
        assert_eq!(
            fields,
            [
                ("display_name", "X"),
                ("flows[\"a.b\"]", "A"),
                ("endpoint.type", "ENDPOINT_TYPE_SHARED"),
                ("endpoint.max_body_bytes", "7"),
                ("endpoint.flow_name.values[\"one \\\"1\\\"\"]", "A"),
                ("endpoint.flow_name.default_value", ""),
                ("endpoint.preprocess.timeout", "1.500s"),
            ]
        );
    }

    #[test]
    fn maps_of_messages_are_gone_into() {
        let endpoint = FlowEndpoint { url: "http://x/".to_owned(), ..FlowEndpoint::default() };
        let deployment =
            Deployment { flow_endpoints: [("in".to_owned(), endpoint)].into(), ..Deployment::default() };
        assert_eq!(
            flat(&deployment).expect("fields"),
            [("flow_endpoints[\"in\"].url".to_owned(), "http://x/".to_owned())]
        );
    }
}
