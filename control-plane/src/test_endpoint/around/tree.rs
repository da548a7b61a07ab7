//! `results` as a tree, for a look around. Where two readers could see two things, it shows one of them: nothing is
//! decided by it.

use std::collections::BTreeMap;

use pointsman_routing::{
    headers::Headers,
    results::{Reply, ReplyValue},
};
use quick_xml::{Reader, events::Event};
use serde_json::{Map, Value};

use crate::test_endpoint::SampleRequest;

/// Larger bodies are not looked into, in bytes: a look around must not cost more than the test.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// XML is not followed deeper.
const MAX_DEPTH: usize = 64;

/// `results` as a tree.
#[derive(Debug)]
pub(in crate::test_endpoint) struct Tree {
    pub(super) root: Value,
    /// Why there is no `body.data`, where there is none.
    pub(super) no_data: Option<String>,
}

impl Tree {
    /// Whether it is a request whose body is not read.
    pub(in crate::test_endpoint) fn has_no_data(&self) -> bool {
        self.no_data.is_some()
    }

    /// What a service returned.
    pub(in crate::test_endpoint) fn of_reply(reply: &Reply) -> Self {
        let members = reply.0.iter().map(|(name, value)| (name.clone(), of_reply(value))).collect();
        Self { root: Value::Object(members), no_data: None }
    }

    /// The request itself.
    pub(in crate::test_endpoint) fn of_request(request: &SampleRequest) -> Self {
        let data = data(request);
        let content_type = content_type(&request.headers).unwrap_or_default();
        let mut body = Map::from_iter([("contentType".to_owned(), content_type.into())]);
        let no_data = match data {
            Ok(data) => {
                body.insert("data".to_owned(), data);
                None
            }
            Err(why) => Some(why),
        };
        let headers = request.headers.iter().map(|(name, value)| {
            (String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into())
        });
        let root = Map::from_iter([
            ("method".to_owned(), request.method.as_str().into()),
            ("headers".to_owned(), Value::Object(headers.collect())),
            ("queryParameters".to_owned(), fields(request.query.as_bytes())),
            ("pathFragment".to_owned(), request.path_fragment.as_str().into()),
            ("body".to_owned(), Value::Object(body)),
        ]);
        Self { root: Value::Object(root), no_data }
    }
}

fn of_reply(value: &ReplyValue) -> Value {
    let object = |members: &BTreeMap<String, ReplyValue>| {
        Value::Object(members.iter().map(|(name, value)| (name.clone(), of_reply(value))).collect())
    };
    match value {
        ReplyValue::Null => Value::Null,
        ReplyValue::Bool(value) => (*value).into(),
        ReplyValue::Number(number) => (*number).into(),
        ReplyValue::String(text) => text.as_str().into(),
        ReplyValue::List(values) => values.iter().map(of_reply).collect(),
        ReplyValue::Object(members) => object(members),
    }
}

fn content_type(headers: &Headers) -> Option<&str> {
    std::str::from_utf8(headers.all("content-type").next()?).ok()
}

/// `body.data`, or why there is none.
fn data(request: &SampleRequest) -> Result<Value, String> {
    let body = &request.body[..];
    let whole = content_type(&request.headers).unwrap_or_default();
    let essence = whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if body.is_empty() {
        return Err("the request has no body".to_owned());
    }
    if let Some(coding) = request.headers.all("content-encoding").next()
        && !coding.eq_ignore_ascii_case(b"identity")
    {
        let coding = String::from_utf8_lossy(coding);
        return Err(format!("a body with the Content-Encoding {coding:?} is not read"));
    }
    if let Some(charset) = parameter(whole, "charset").filter(|charset| !is_utf8(charset)) {
        return Err(format!("a body in the charset {charset} is not read, only UTF-8 is"));
    }
    if body.len() > MAX_BODY_BYTES {
        return Ok(Value::Null);
    }
    Ok(match essence.as_str() {
        "" | "application/json" => json(body),
        "application/x-www-form-urlencoded" => fields(body),
        "text/xml" | "application/xml" => xml(body),
        _ if essence.ends_with("+json") => json(body),
        _ if essence.ends_with("+xml") => xml(body),
        _ if essence.starts_with("multipart/") => parts(body),
        _ => {
            return Err(format!(
                "a body of the Content-Type {essence} is not read, only JSON, forms, XML and multipart are"
            ));
        }
    })
}

fn parameter(content_type: &str, name: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8", ""].iter().any(|known| charset.eq_ignore_ascii_case(known))
}

fn json(body: &[u8]) -> Value {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice(body).unwrap_or_default()
}

fn fields(text: &[u8]) -> Value {
    let fields = form_urlencoded::parse(text);
    Value::Object(fields.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect())
}

/// The names of the parts. Their values are looked up when a candidate is read.
fn parts(body: &[u8]) -> Value {
    let text = String::from_utf8_lossy(body);
    let names = text.split("name=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(name, _)| name);
    Value::Object(names.map(|name| (name.to_owned(), Value::from("…"))).collect())
}

/// As references see it: elements by their names, repeated ones in an array, `@name` for attributes, `#text` beside
/// them.
fn xml(body: &[u8]) -> Value {
    let body = String::from_utf8_lossy(body);
    let mut reader = Reader::from_str(&body);
    let mut open: Vec<(String, Map<String, Value>, String)> = vec![Default::default()];
    loop {
        let event = match reader.read_event() {
            Ok(Event::Eof) | Err(_) => break,
            Ok(event) => event,
        };
        let is_empty = matches!(event, Event::Empty(_));
        match event {
            Event::Start(element) | Event::Empty(element) if open.len() < MAX_DEPTH => {
                let attributes = element.attributes().flatten();
                let attributes = attributes
                    .map(|one| (format!("@{}", one.key.as_ref()), one.value.into_owned().into()))
                    .collect();
                open.push((element.name().as_ref().to_owned(), attributes, String::new()));
                if is_empty {
                    close(&mut open);
                }
            }
            Event::Start(_) => break,
            Event::End(_) => close(&mut open),
            Event::Text(text) => {
                if let Some((.., read)) = open.last_mut() {
                    read.push_str(text.trim());
                }
            }
            Event::CData(text) => {
                if let Some((.., read)) = open.last_mut() {
                    read.push_str(&text);
                }
            }
            _ => {}
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    open.pop().map(|(_, members, _)| Value::Object(members)).unwrap_or_default()
}

/// Ends the innermost element, and puts it into the one around it.
fn close(open: &mut Vec<(String, Map<String, Value>, String)>) {
    if open.len() < 2 {
        return;
    }
    let Some((name, mut members, text)) = open.pop() else { return };
    let value = if members.is_empty() {
        text.into()
    } else {
        if !text.is_empty() {
            members.insert("#text".to_owned(), text.into());
        }
        Value::Object(members)
    };
    let Some((_, around, _)) = open.last_mut() else { return };
    match around.get_mut(&name) {
        Some(Value::Array(elements)) => elements.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
        None => {
            around.insert(name, value);
        }
    }
}
