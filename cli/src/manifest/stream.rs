//! Manifests of any length: read and written a resource at a time, so that what a text takes as a tree is not held for
//! all of it at once.

use std::{
    fmt,
    io::{self, Write},
};

use pointsman_proto::admin::v1::Manifest;
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;

use super::{
    Document, Fault, ManifestError, Node, Source, Value, descriptor, fields,
    node::{located, parse_document},
    output_only, shape,
};
use crate::output::Format;

/// Reads a manifest.
pub(crate) fn read_manifest(text: &str, source: &Source) -> Result<Manifest, ManifestError> {
    let parsed = parse_document::<Streamed>(text);
    let streamed = parsed.map_err(|reason| ManifestError::Syntax { file: source.to_string(), reason })?;
    let Some(Spanned { value: Streamed { manifest, mut faults, rest }, .. }) = streamed else {
        return Ok(Manifest::default());
    };
    // What is no list of resources: fields that are not known, or not lists.
    faults.extend(shape::check(&rest, &descriptor::<Manifest>()?));
    if faults.is_empty() {
        return Ok(manifest);
    }
    Err(ManifestError::Shape { file: source.to_string(), faults: shape::in_order(faults) })
}

/// A manifest as it is read.
#[derive(Default)]
struct Streamed {
    manifest: Manifest,
    faults: Vec<Fault>,
    /// The document without the lists' items.
    rest: Node,
}

impl<'de> Deserialize<'de> for Streamed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

struct DocumentVisitor;

/// Everything but a map is read as a node, for the checker to judge.
macro_rules! visit_others_as_nodes {
    ($make:expr) => {
        fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Ok($make(self, Value::Null))
        }

        fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Self::Value, E> {
            Ok($make(self, Value::Bool(value)))
        }

        fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
            Ok($make(self, Value::Number(value.into())))
        }

        fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
            Ok($make(self, Value::Number(value.into())))
        }

        fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
            let number =
                serde_json::Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))?;
            Ok($make(self, Value::Number(number)))
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok($make(self, Value::String(text.to_owned())))
        }
    };
}

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Streamed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest")
    }

    visit_others_as_nodes!(|_, value| Streamed { rest: Node::new(value), ..Streamed::default() });

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Streamed, A::Error> {
        while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(Streamed { rest: Node::new(Value::List(Vec::new())), ..Streamed::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Streamed, A::Error> {
        let message = descriptor::<Manifest>().map_err(A::Error::custom)?;
        let mut streamed = Streamed::default();
        let mut rest = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let list = shape::field(&message, &key.value).filter(FieldDescriptor::is_list);
            let value = match list {
                Some(list) => map.next_value_seed(Items { list, streamed: &mut streamed })?,
                None => located(map.next_value::<Spanned<Node>>()?).value,
            };
            rest.push((key.value, Node { line: key.referenced.line(), value }));
        }
        streamed.rest = Node::new(Value::Map(rest));
        Ok(streamed)
    }
}

/// The items of a list of the manifest; gives what stands there instead, where it is no list.
struct Items<'a> {
    list: FieldDescriptor,
    streamed: &'a mut Streamed,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    visit_others_as_nodes!(|_, value| value);

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<String, serde::de::IgnoredAny>()?.is_some() {}
        Ok(Value::Map(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let Self { list: field, streamed: Streamed { manifest, faults, .. } } = self;
        let mut index = 0;
        while let Some(item) = list.next_element::<Spanned<Node>>()? {
            let item = located(item);
            // A document with more is hardly a manifest at all.
            if faults.len() < shape::FAULTS_MAX {
                faults.extend(shape::check_item(&item, &field, index));
            }
            if faults.is_empty()
                && let Err(error) = add(manifest, &field, &item)
            {
                faults.push(Fault::of_document(&error));
            }
            index += 1;
        }
        Ok(Value::List(Vec::new()))
    }
}

/// Adds an item that was checked to its list.
fn add(
    manifest: &mut Manifest,
    list: &FieldDescriptor,
    item: &Node,
) -> Result<(), Box<dyn std::error::Error>> {
    let Kind::Message(message) = list.kind() else { return Err("a list of something else".into()) };
    let dynamic = DynamicMessage::deserialize(message, item.to_json())?;
    match list.name() {
        "integrations" => manifest.integrations.push(dynamic.transcode_to()?),
        "customers" => manifest.customers.push(dynamic.transcode_to()?),
        "customer_mappings" => manifest.customer_mappings.push(dynamic.transcode_to()?),
        "deployments" => manifest.deployments.push(dynamic.transcode_to()?),
        "endpoint_tokens" => manifest.endpoint_tokens.push(dynamic.transcode_to()?),
        other => return Err(format!("this version knows no {other}").into()),
    }
    Ok(())
}

/// Writes a manifest as people would write it, without output-only fields.
pub(crate) fn write_manifest(
    manifest: &Manifest,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), ManifestError> {
    let mut lists = Lists { out, format, message: descriptor::<Manifest>()?, written: 0 };
    lists.write("integrations", &manifest.integrations)?;
    lists.write("customers", &manifest.customers)?;
    lists.write("customer_mappings", &manifest.customer_mappings)?;
    lists.write("deployments", &manifest.deployments)?;
    lists.write("endpoint_tokens", &manifest.endpoint_tokens)?;
    lists.end()
}

/// The lists of a manifest as they are written.
struct Lists<'a> {
    out: &'a mut dyn Write,
    format: Format,
    message: MessageDescriptor,
    written: usize,
}

impl Lists<'_> {
    fn write<M: Message>(&mut self, name: &str, items: &[M]) -> Result<(), ManifestError> {
        let field =
            self.message.get_field_by_name(name).map(|field| (field.kind(), field.json_name().to_owned()));
        let Some((Kind::Message(message), key)) = field.filter(|_| !items.is_empty()) else { return Ok(()) };
        self.begin(&key)?;
        for (index, item) in items.iter().enumerate() {
            let node = input_node(&message, item).map_err(|reason| failed(&reason))?;
            let text = node.write(self.format).map_err(|reason| failed(&reason))?;
            self.item(index, &text)?;
        }
        if self.format == Format::Json {
            self.put("\n  ]")?;
        }
        self.written += 1;
        Ok(())
    }

    fn begin(&mut self, key: &str) -> Result<(), ManifestError> {
        match self.format {
            Format::Yaml => self.put(&format!("{key}:\n")),
            Format::Json if self.written == 0 => self.put(&format!("{{\n  \"{key}\": [")),
            Format::Json => self.put(&format!(",\n  \"{key}\": [")),
        }
    }

    /// An item of a list, moved to the right. No value has a line break: they are escaped.
    fn item(&mut self, index: usize, text: &str) -> Result<(), ManifestError> {
        let mut indented = String::with_capacity(text.len() + text.len() / 4);
        for (line, text) in text.lines().enumerate() {
            match (self.format, line) {
                (Format::Yaml, 0) => indented.push_str("- "),
                (Format::Yaml, _) => indented.push_str("  "),
                (Format::Json, 0) => indented.push_str(if index == 0 { "\n    " } else { ",\n    " }),
                (Format::Json, _) => indented.push_str("\n    "),
            }
            indented.push_str(text);
            if self.format == Format::Yaml {
                indented.push('\n');
            }
        }
        self.put(&indented)
    }

    fn end(mut self) -> Result<(), ManifestError> {
        match (self.format, self.written) {
            (_, 0) => self.put("{}\n"),
            (Format::Json, _) => self.put("\n}\n"),
            (Format::Yaml, _) => Ok(()),
        }
    }

    fn put(&mut self, text: &str) -> Result<(), ManifestError> {
        self.out.write_all(text.as_bytes()).map_err(ManifestError::Output)
    }
}

/// A message in the order of its fields, without output-only ones.
fn input_node<M: Message>(descriptor: &MessageDescriptor, message: &M) -> Result<Node, String> {
    let mut dynamic = DynamicMessage::decode(descriptor.clone(), message.encode_to_vec().as_slice())
        .map_err(|error| error.to_string())?;
    output_only::clear(&mut dynamic);
    let json = serde::Serialize::serialize(&dynamic, serde_json::value::Serializer)
        .map_err(|error| error.to_string())?;
    Ok(fields::ordered(json, descriptor))
}

fn failed(reason: &str) -> ManifestError {
    ManifestError::Write { name: Manifest::NAME, reason: reason.to_owned() }
}

impl From<io::Error> for ManifestError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
