//! A document as a tree, with the line of each part. One reader for YAML and JSON, which is a subset of it: a duplicate
//! key is refused in both.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_json::Number;
use serde_saphyr::Spanned;

use crate::output::Format;

/// How deep a document may be nested. Manifests have 7 levels.
const DEPTH_MAX: usize = 16;

/// A part of a document.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it stands; 0 where that is not known.
    pub(crate) line: u64,
    /// What it is.
    pub(crate) value: Value,
}

/// What a part of a document is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Default for Node {
    fn default() -> Self {
        Self::new(Value::Null)
    }
}

impl Node {
    /// A part of a document that was not read.
    pub(crate) fn new(value: Value) -> Self {
        Self { line: 0, value }
    }

    /// Reads YAML or JSON; says what is wrong with it, and in which line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Ok(parse_document::<Self>(text)?.map_or(Self::new(Value::Null), located))
    }

    /// Whether it is a map with this key.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        matches!(&self.value, Value::Map(entries) if entries.iter().any(|(name, _)| name == key))
    }

    /// The same as a JSON value.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(number) => Json::Number(number.clone()),
            Value::String(text) => Json::String(text.clone()),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries.iter().map(|(key, node)| (key.clone(), node.to_json())).collect(),
        }
    }

    /// Writes a text that reads back as the same.
    pub(crate) fn write(&self, format: Format) -> Result<String, String> {
        match format {
            Format::Json => {
                serde_json::to_string_pretty(self).map(|text| text + "\n").map_err(|error| error.to_string())
            }
            Format::Yaml => self.to_yaml().map_err(|error| error.to_string()),
        }
    }

    /// Writes YAML that reads back as the same.
    pub(crate) fn to_yaml(&self) -> Result<String, serde_saphyr::SerializeError> {
        serde_saphyr::to_string_with_options(self, serde_saphyr::ser_options! { prefer_block_scalars: false })
    }
}

/// Reads the one document of a text, if there is one; says what is wrong with it, and in which line.
pub(super) fn parse_document<T: DeserializeOwned>(text: &str) -> Result<Option<Spanned<T>>, String> {
    let options = serde_saphyr::options! {
        // YAML 1.2: `no` is a text, not `false`.
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
        },
        budget: serde_saphyr::budget! {
            max_events: 20_000_000,
            max_nodes: 10_000_000,
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
        },
    };
    let document = escaped(text.strip_prefix('\u{feff}').unwrap_or(text));
    match serde_saphyr::from_multiple_with_options::<Spanned<T>>(&document, options) {
        Ok(mut documents) if documents.len() <= 1 => Ok(documents.pop()),
        Ok(documents) => Err(format!(
            "line {}: a second document begins; put all resources into one, or give -f more than once",
            documents[1].referenced.line()
        )),
        Err(error) => Err(explain(&error)),
    }
}

/// JSON with the characters escaped that its strings may hold as they are, but those of YAML may not. Outside strings
/// they are faults in both.
fn escaped(text: &str) -> Cow<'_, str> {
    let in_json_only = |c: char| {
        matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if !text.trim_start().starts_with('{') || !text.contains(in_json_only) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if in_json_only(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

pub(super) fn located(spanned: Spanned<Node>) -> Node {
    Node { line: spanned.referenced.line(), value: spanned.value.value }
}

/// The parser's message and where the fault is.
fn explain(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let mut cause = error;
    while let Error::AliasError { error, .. } = cause {
        cause = error;
    }
    let message = match cause {
        // The parser's own words for these are those of its settings.
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{key}` is there twice"),
        Error::DuplicateMappingKey { key: None, .. } => "a key is there twice".to_owned(),
        Error::AliasReplayLimitExceeded { .. } => "aliases (`*name`) make the document too large".to_owned(),
        _ => error.to_string(),
    };
    match error.location() {
        // The parser's own words end with the place; ours begin with it.
        Some(place) => {
            let end = format!(" at line {}, column {}", place.line(), place.column());
            let message = message.strip_suffix(&end).unwrap_or(&message);
            format!("line {}, column {}: {message}", place.line(), place.column())
        }
        None => message,
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor).map(Self::new)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Spanned<Node>>()? {
            items.push(located(item));
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let mut node = located(map.next_value::<Spanned<Node>>()?);
            // A field stands where its name stands, also where its value is a block below.
            node.line = key.referenced.line();
            entries.push((key.value, node));
        }
        Ok(Value::Map(entries))
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => number.serialize(serializer),
            Value::String(text) => serializer.serialize_str(text),
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, node)| map.serialize_entry(key, node))?;
                map.end()
            }
        }
    }
}
