//! Whether a document has the shape of a message. Finds all faults at once, each with its path and line.

use std::{collections::BTreeMap, fmt};

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};

use super::{Node, Value};
use crate::nearest::nearest;

/// The faults that are named; a document with more is hardly a manifest at all.
pub(super) const FAULTS_MAX: usize = 50;

/// One fault of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    line: u64,
    path: String,
    reason: String,
}

impl Fault {
    /// A fault whose place is not known.
    pub(super) fn of_document(reason: &dyn fmt::Display) -> Self {
        Self { line: 0, path: String::new(), reason: reason.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.reason)
    }
}

/// The faults of `node` as a message.
pub(super) fn check(node: &Node, message: &MessageDescriptor) -> Vec<Fault> {
    let mut checker = Checker { path: Vec::new(), faults: Vec::new() };
    checker.message(node, message);
    checker.faults.truncate(FAULTS_MAX);
    checker.faults
}

/// The faults of `node` as an item of a message's list, at `index`.
pub(super) fn check_item(node: &Node, list: &FieldDescriptor, index: usize) -> Vec<Fault> {
    let mut checker = Checker { path: vec![list.json_name().to_owned()], faults: Vec::new() };
    checker.item(node, list, index);
    checker.faults
}

/// The same faults in the order of their lines, and no more of them than are named.
pub(super) fn in_order(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(|fault| fault.line);
    faults.truncate(FAULTS_MAX);
    faults
}

struct Checker {
    path: Vec<String>,
    faults: Vec<Fault>,
}

impl Checker {
    fn message(&mut self, node: &Node, message: &MessageDescriptor) {
        let entries = match &node.value {
            Value::Map(entries) => entries,
            // As in canonical JSON, nothing stands for an empty message.
            Value::Null => return,
            other => return self.fault(node, format!("it must be an object, not {}", kind_of(other))),
        };
        let mut seen: BTreeMap<u32, &str> = BTreeMap::new();
        let mut oneofs: BTreeMap<String, &str> = BTreeMap::new();
        for (key, value) in entries {
            let Some(field) = field(message, key) else {
                self.fault(value, unknown(key, message));
                continue;
            };
            if let Some(earlier) = seen.insert(field.number(), key) {
                self.fault(value, format!("`{key}` and `{earlier}` are the same field"));
            }
            if let Some(oneof) = field.containing_oneof().filter(|_| !matches!(value.value, Value::Null))
                && let Some(earlier) = oneofs.insert(oneof.name().to_owned(), key)
            {
                self.fault(value, format!("only one of `{earlier}` and `{key}` can be set"));
            }
            self.path.push(separated(&self.path, field.json_name()));
            self.field(value, &field);
            self.path.pop();
        }
    }

    fn field(&mut self, node: &Node, field: &FieldDescriptor) {
        if matches!(node.value, Value::Null) {
            return;
        }
        if field.is_map() {
            self.map(node, field);
        } else if field.is_list() {
            self.list(node, field);
        } else {
            self.single(node, field, |value| value);
        }
    }

    fn list(&mut self, node: &Node, field: &FieldDescriptor) {
        let Value::List(items) = &node.value else {
            return self.fault(node, format!("it must be a list, not {}", kind_of(&node.value)));
        };
        for (index, item) in items.iter().enumerate() {
            self.item(item, field, index);
        }
    }

    fn item(&mut self, item: &Node, list: &FieldDescriptor, index: usize) {
        self.path.push(format!("[{index}]"));
        match item.value {
            Value::Null => self.fault(item, "an item of the list is missing".to_owned()),
            _ => self.single(item, list, |value| serde_json::Value::Array(vec![value])),
        }
        self.path.pop();
    }

    fn map(&mut self, node: &Node, field: &FieldDescriptor) {
        let Value::Map(entries) = &node.value else {
            return self.fault(node, format!("it must be an object, not {}", kind_of(&node.value)));
        };
        let Kind::Message(entry) = field.kind() else { return };
        let value_field = entry.map_entry_value_field();
        for (key, value) in entries {
            self.path.push(format!("[{key:?}]"));
            match value.value {
                Value::Null if !matches!(value_field.kind(), Kind::Message(_)) => {
                    self.fault(value, "its value is missing".to_owned());
                }
                _ => self.single(value, &value_field, |value| value),
            }
            self.path.pop();
        }
    }

    /// A value that is neither a list nor a map. Where nothing better is known, the reader of canonical JSON judges it,
    /// alone in its field, so that its words can be given a place.
    fn single(
        &mut self,
        node: &Node,
        field: &FieldDescriptor,
        in_field: impl FnOnce(serde_json::Value) -> serde_json::Value,
    ) {
        match (field.kind(), &node.value) {
            (Kind::Message(message), _) if !message.full_name().starts_with("google.protobuf.") => {
                return self.message(node, &message);
            }
            (Kind::String, Value::String(_)) => return,
            (Kind::String, other @ (Value::Number(_) | Value::Bool(_))) => {
                let reason = format!("it must be a text, not {}: write it in quotes", shown(other));
                return self.fault(node, reason);
            }
            (Kind::String, other) => {
                return self.fault(node, format!("it must be a text, not {}", kind_of(other)));
            }
            (Kind::Enum(values), Value::String(name)) if values.get_value_by_name(name).is_none() => {
                let known: Vec<_> = values.values().map(|value| value.name().to_owned()).collect();
                let reason = match nearest(name, known.iter().map(String::as_str)) {
                    Some(near) => format!("there is no {name}; did you mean {near}?"),
                    None => format!("there is no {name}; it can be {}", settable(&known).join(", ")),
                };
                return self.fault(node, reason);
            }
            _ => {}
        }
        let alone = serde_json::json!({ field.json_name(): in_field(node.to_json()) });
        if let Err(error) = DynamicMessage::deserialize(field.parent_message().clone(), alone) {
            let reason = match expected(&field.kind()) {
                Some(expected) => format!("it must be {expected}, not {}", shown(&node.value)),
                None => error.to_string(),
            };
            self.fault(node, reason);
        }
    }

    fn fault(&mut self, node: &Node, reason: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { line: node.line, path: self.path.concat(), reason });
        }
    }
}

fn separated(path: &[String], name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!(".{name}") }
}

pub(super) fn field(message: &MessageDescriptor, key: &str) -> Option<FieldDescriptor> {
    message.get_field_by_json_name(key).or_else(|| message.get_field_by_name(key))
}

fn unknown(key: &str, message: &MessageDescriptor) -> String {
    let names: Vec<_> = message.fields().map(|field| field.json_name().to_owned()).collect();
    match nearest(key, names.iter().map(String::as_str)) {
        Some(near) => format!("unknown field `{key}`; did you mean `{near}`?"),
        None => format!("unknown field `{key}`; there are {}", names.join(", ")),
    }
}

fn settable(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).filter(|name| !name.ends_with("_UNSPECIFIED")).collect()
}

/// What is expected of a field of this kind, where it can be said in a few words.
fn expected(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Bool => Some("true or false"),
        Kind::Int32 => Some("a whole number below 2147483648"),
        Kind::Message(message) if message.full_name() == "google.protobuf.Duration" => {
            Some("a duration as `10s` or `0.5s`")
        }
        _ => None,
    }
}

/// A value in the words of a fault.
fn shown(value: &Value) -> String {
    /// Of a text.
    const CHARS_MAX: usize = 40;
    match value {
        Value::Bool(value) => format!("the boolean {value}"),
        // What is read of others is not always what was written: `00123` is 123.0.
        Value::Number(number) if !number.is_f64() => format!("the number {number}"),
        Value::String(text) if text.chars().nth(CHARS_MAX).is_none() => format!("the text {text:?}"),
        other => kind_of(other).to_owned(),
    }
}

pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::List(_) => "a list",
        Value::Map(_) => "an object",
    }
}
