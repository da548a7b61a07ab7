//! Which fields only the control plane writes.

use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};

/// Message and field. The protos say so too, and a test compares.
const OUTPUT_ONLY: &[(&str, &[&str])] = &[
    ("Integration", &["uid", "create_time", "update_time", "etag", "owner"]),
    ("Endpoint", &["url"]),
    ("Customer", &["uid", "create_time", "update_time", "etag", "owner"]),
    ("CustomerMapping", &["uid", "create_time", "update_time", "etag", "owner"]),
    ("Deployment", &["uid", "create_time", "update_time", "etag", "endpoint_url", "owner"]),
    ("FlowEndpoint", &["endpoint_url"]),
];

/// Clears them in a message and in all that it holds.
pub(super) fn clear(message: &mut DynamicMessage) {
    let descriptor = message.descriptor();
    let known = OUTPUT_ONLY.iter().find(|(name, _)| *name == descriptor.name());
    for field in known.map_or(&[][..], |(_, fields)| fields) {
        message.clear_field_by_name(field);
    }
    for (_, value) in message.fields_mut() {
        clear_value(value);
    }
}

fn clear_value(value: &mut Value) {
    match value {
        Value::Message(message) => clear(message),
        Value::List(items) => items.iter_mut().for_each(clear_value),
        Value::Map(entries) => entries.values_mut().for_each(clear_value),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pointsman_proto::descriptor_pool;
    use prost_reflect::{Kind, MessageDescriptor};

    use super::*;

    /// The messages that a manifest is made of.
    fn parts(message: &MessageDescriptor, found: &mut BTreeSet<String>) {
        if found.insert(message.name().to_owned()) {
            for field in message.fields() {
                if let Kind::Message(part) = field.kind() {
                    parts(&part, found);
                }
            }
        }
    }

    /// What the comments in the protos call output only, and what is listed here, are the same.
    #[test]
    fn the_list_is_that_of_the_protos() {
        let manifest = descriptor_pool().get_message_by_name("pointsman.admin.v1.Manifest").expect("it");
        let mut of_manifests = BTreeSet::new();
        parts(&manifest, &mut of_manifests);
        let mut said = Vec::new();
        for file in descriptor_pool().file_descriptor_protos() {
            let comments = file.source_code_info.iter().flat_map(|info| &info.location);
            for location in comments.filter(|found| found.leading_comments().contains("Output only")) {
                // [message_type, index, field, index]
                if let [4, message, 2, field] = location.path[..] {
                    let at = |index: i32| usize::try_from(index).expect("an index");
                    let message = &file.message_type[at(message)];
                    if !of_manifests.contains(message.name()) {
                        continue;
                    }
                    said.push((message.name().to_owned(), message.field[at(field)].name().to_owned()));
                }
            }
        }
        let mut listed: Vec<_> = OUTPUT_ONLY
            .iter()
            .flat_map(|(message, fields)| {
                fields.iter().map(|field| ((*message).to_owned(), (*field).to_owned()))
            })
            .collect();
        said.sort();
        listed.sort();
        assert_eq!(listed, said);
    }
}
