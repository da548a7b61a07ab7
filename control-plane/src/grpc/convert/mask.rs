//! Update masks: which fields of a request replace those of a resource.
//!
//! A path names a field, or one below it (`endpoint.flow_name`), or an entry of a map
//! (`` flow_endpoints.`create-order`.url ``, without backticks where the key has no `.`). `*` stands for everything.
//! Without a mask, every field that is set in the request replaces the whole field of the resource.

use prost::Message;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};
use prost_types::FieldMask;

use super::Admin;

/// The most paths of a mask: each copies what it names, while other writes wait.
const MAX_PATHS: usize = 1_000;

/// What an update changes.
#[derive(Clone, Debug)]
pub(in crate::grpc) enum Mask {
    /// Every field that is set.
    Set,
    /// All of it.
    All,
    /// These.
    Paths(Vec<Path>),
}

/// A checked path. Never empty.
#[derive(Clone, Debug)]
pub(in crate::grpc) struct Path(Vec<String>);

/// A path of a mask that names nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{path}`: {reason}")]
pub(in crate::grpc) struct MaskError {
    pub(in crate::grpc) index: usize,
    path: String,
    reason: String,
}

impl Mask {
    /// Reads the mask of an update, or says what is wrong with each faulty path.
    pub(in crate::grpc) fn read<K: Admin>(mask: Option<FieldMask>) -> Result<Self, Vec<MaskError>> {
        let paths = match mask {
            Some(mask) if !mask.paths.is_empty() => mask.paths,
            _ => return Ok(Self::Set),
        };
        if paths == ["*"] {
            return Ok(Self::All);
        }
        if let Some(path) = paths.get(MAX_PATHS) {
            let reason = format!("is one too many: at most {MAX_PATHS} paths are allowed");
            return Err(vec![MaskError { index: MAX_PATHS, path: path.clone(), reason }]);
        }
        let message = descriptor::<K>();
        let mut read = Vec::new();
        let mut errors = Vec::new();
        for (index, path) in paths.into_iter().enumerate() {
            match Path::parse(&path).and_then(|parsed| parsed.check(&message).map(|()| parsed)) {
                Ok(parsed) => read.push(parsed),
                Err(reason) => errors.push(MaskError { index, path, reason }),
            }
        }
        if errors.is_empty() { Ok(Self::Paths(read)) } else { Err(errors) }
    }

    /// What the resource `current` becomes.
    pub(in crate::grpc) fn merge<K: Admin>(&self, current: &K::Message, request: &K::Message) -> K::Message {
        let request_message = dynamic::<K>(request);
        let mut merged = dynamic::<K>(current);
        match self {
            Self::All => return request.clone(),
            Self::Set => {
                for (field, value) in request_message.fields() {
                    merged.set_field(&field, value.clone());
                }
            }
            Self::Paths(paths) => {
                paths.iter().for_each(|path| merge_message(&mut merged, Some(&request_message), &path.0));
            }
        }
        merged.transcode_to().expect("the same type of message")
    }
}

impl Path {
    fn parse(path: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut rest = path;
        loop {
            let (segment, behind) = match rest.strip_prefix('`') {
                Some(quoted) => quoted.split_once('`').ok_or("a backtick is not closed")?,
                None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
            };
            if segment.is_empty() {
                return Err("a part of the path is empty".to_owned());
            }
            segments.push(segment.to_owned());
            if behind.is_empty() {
                return Ok(Self(segments));
            }
            rest = behind.strip_prefix('.').ok_or("something other than `.` stands behind a backtick")?;
        }
    }

    /// Whether every step of the path exists in `message`.
    fn check(&self, message: &MessageDescriptor) -> Result<(), String> {
        if self.0 == ["*"] {
            return Err("stands for everything, so it stands alone".to_owned());
        }
        let mut message = message.clone();
        let mut segments = self.0.iter();
        while let Some(segment) = segments.next() {
            let field = message.get_field_by_name(segment).ok_or_else(|| no_field(&message, segment))?;
            let value = if field.is_map() {
                // The next segment is a key.
                match segments.next() {
                    None => return Ok(()),
                    Some(key) if key == "*" => {
                        return Err(format!("`*` is no key: `{segment}` stands for all of its entries"));
                    }
                    Some(_) => {}
                }
                map_value(&field).kind()
            } else {
                field.kind()
            };
            if segments.len() == 0 {
                return Ok(());
            }
            if field.is_list() {
                return Err(format!("`{segment}` is a list, which is only replaced as a whole"));
            }
            match value {
                Kind::Message(below) => message = below,
                _ => return Err(format!("there is nothing below `{segment}`")),
            }
        }
        Ok(())
    }
}

/// A mask is written as the fields are in the protos; who knows them from JSON writes them otherwise.
fn no_field(message: &MessageDescriptor, segment: &str) -> String {
    let meant = message.get_field_by_json_name(segment);
    let meant = meant.map(|field| format!("; it is called `{}`", field.name())).unwrap_or_default();
    format!("{} has no field `{segment}`{meant}", message.name())
}

/// Copies what `path` names from `from` to `to`; what is not set there is cleared.
fn merge_message(to: &mut DynamicMessage, from: Option<&DynamicMessage>, path: &[String]) {
    let Some((segment, below)) = path.split_first() else { return };
    let Some(field) = to.descriptor().get_field_by_name(segment) else { return };
    let from_field = from.filter(|from| from.has_field(&field)).map(|from| from.get_field(&field));
    let from_value = from_field.as_deref();
    if below.is_empty() {
        match from_value {
            Some(value) => to.set_field(&field, value.clone()),
            None => to.clear_field(&field),
        }
    } else if field.is_map() {
        if let Value::Map(entries) = to.get_field_mut(&field) {
            let from_entries = from_value.and_then(Value::as_map);
            merge_entry(entries, from_entries, &map_value(&field), below);
        }
    } else if (from_value.is_some() || to.has_field(&field))
        && let Value::Message(message) = to.get_field_mut(&field)
    {
        merge_message(message, from_value.and_then(Value::as_message), below);
    }
}

fn merge_entry(
    to: &mut std::collections::HashMap<MapKey, Value>,
    from: Option<&std::collections::HashMap<MapKey, Value>>,
    value: &FieldDescriptor,
    path: &[String],
) {
    let Some((key, below)) = path.split_first() else { return };
    let key = MapKey::String(key.clone());
    let from_value = from.and_then(|from| from.get(&key));
    if below.is_empty() {
        match from_value {
            Some(value) => to.insert(key, value.clone()),
            None => to.remove(&key),
        };
    } else if from_value.is_some() || to.contains_key(&key) {
        let entry = to.entry(key).or_insert_with(|| Value::default_value_for_field(value));
        if let Value::Message(message) = entry {
            merge_message(message, from_value.and_then(Value::as_message), below);
        }
    }
}

fn map_value(field: &FieldDescriptor) -> FieldDescriptor {
    match field.kind() {
        Kind::Message(entry) => entry.map_entry_value_field(),
        _ => field.clone(),
    }
}

fn descriptor<K: Admin>() -> MessageDescriptor {
    pointsman_proto::descriptor_pool().get_message_by_name(K::MESSAGE).expect("a message of the admin API")
}

fn dynamic<K: Admin>(message: &K::Message) -> DynamicMessage {
    let bytes = message.encode_to_vec();
    DynamicMessage::decode(descriptor::<K>(), bytes.as_slice()).expect("the same message, encoded")
}

#[cfg(test)]
mod tests;
