//! The webhooks: bodies of all sizes and shapes, and the answers that must come back.

use std::{fmt, sync::Arc};

use pointsman_bench::{customers::Flow, digest::Digest};

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    Json,
    Xml,
}

/// Where in a body the two routed fields are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub(crate) enum Placement {
    /// At its start.
    Early,
    /// At its end.
    Late,
    /// At its end, and every key and text before them holds escapes.
    Escaped,
}

/// A request of one case to one path. Only the routed fields differ from one to the next, so a sender writes three parts:
/// [`Self::lead`], the fields, [`Self::trail`].
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    /// The head, and the body up to the routed fields.
    pub(crate) lead: Arc<[u8]>,
    /// The body after them.
    pub(crate) trail: Arc<[u8]>,
    head: usize,
    format: Format,
    length: usize,
    digest: bool,
}

impl Webhook {
    /// To `path`, with a body of `length` bytes. With `digest`, the answer must hold the digest of the body.
    pub(crate) fn new(path: &str, format: Format, placement: Placement, length: usize, digest: bool) -> Self {
        let (open, close) = match format {
            Format::Json => ("{", "}"),
            Format::Xml => ("<webhook>", "</webhook>"),
        };
        let fields = fields(format, &"0".repeat(8), Flow::CreateOrder).len();
        let filler = filler(format, placement, length - open.len() - close.len() - fields);
        let (before, after) = match placement {
            Placement::Early => (open.to_owned(), format!("{filler}{close}")),
            Placement::Late | Placement::Escaped => (format!("{open}{filler}"), close.to_owned()),
        };
        let content_type = match format {
            Format::Json => "application/json",
            Format::Xml => "application/xml",
        };
        let asked = if digest { "x-bench-digest: 1\r\n" } else { "" };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: hooks.example.com\r\nuser-agent: acme-erp/7.2\r\naccept: */*\r\n\
             content-type: {content_type}\r\ncontent-length: {length}\r\n{asked}\r\n"
        );
        let lead = format!("{head}{before}").into_bytes().into();
        Self { lead, trail: after.into_bytes().into(), head: head.len(), format, length, digest }
    }

    /// The routed fields of a webhook of this customer.
    pub(crate) fn fields(&self, source_id: &str, flow: Flow) -> String {
        fields(self.format, source_id, flow)
    }

    /// What the upstream answers, where the request came to `path` with these fields in it.
    pub(crate) fn answer(&self, path: &str, fields: &str) -> String {
        let mut answer = format!("{path} {}", self.length);
        if self.digest {
            let mut digest = Digest::default();
            for part in [&self.lead[self.head..], fields.as_bytes(), &self.trail] {
                digest.add(part);
            }
            answer.push_str(&format!(" {digest}"));
        }
        answer
    }
}

/// As long for every customer and flow.
fn fields(format: Format, source_id: &str, flow: Flow) -> String {
    let kind = flow.source_type();
    let width = 16;
    match format {
        Format::Json => {
            let pad = width - kind.len();
            format!(r#""customerId":"{source_id}","type":"{kind}"{:pad$}"#, "")
        }
        Format::Xml => {
            let pad = width - kind.len();
            format!("<customerId>{source_id}</customerId><type>{kind}</type>{:pad$}", "")
        }
    }
}

/// What else is in a body, with the comma that parts it from the fields: the lines of an order, and a note that fills up.
fn filler(format: Format, placement: Placement, length: usize) -> String {
    let (open, close) = match (format, placement) {
        (Format::Json, Placement::Early) => (r#","lines":["#, r#"],"note":""#),
        (Format::Json, Placement::Late) => (r#""lines":["#, r#"],"note":""#),
        (Format::Json, Placement::Escaped) => (r#""\u006cines\"\\":["#, r#"],"n\u00f6te":""#),
        (Format::Xml, _) => ("<lines>", "</lines><note>"),
    };
    let end = match (format, placement) {
        (Format::Json, Placement::Early) => "\"",
        (Format::Json, _) => "\",",
        (Format::Xml, _) => "</note>",
    };
    let room = length - open.len() - close.len() - end.len();
    let mut lines = String::with_capacity(length);
    for number in 0.. {
        let line = line(format, placement, number);
        let comma = usize::from(format == Format::Json && number > 0);
        if lines.len() + comma + line.len() > room {
            break;
        }
        lines.push_str(if comma == 1 { "," } else { "" });
        lines.push_str(&line);
    }
    let note = "x".repeat(room - lines.len());
    format!("{open}{lines}{close}{note}{end}")
}

fn line(format: Format, placement: Placement, number: u32) -> String {
    let (quantity, price) = (number % 7 + 1, f64::from(number * 37 % 10_000) / 100.0);
    match (format, placement) {
        (Format::Json, Placement::Early | Placement::Late) => format!(
            r#"{{"sku":"ITM-{number:06}","description":"Bowling pin, size {quantity}","quantity":{quantity},"price":{price:.2},"tags":["new","eu"],"stocked":true}}"#
        ),
        (Format::Json, Placement::Escaped) => format!(
            r#"{{"s\u006bu":"ITM-{number:06}","\"description\"":"Bowling \"pin\"\n\u00fc","qu\\antity":{quantity},"pr\u0069ce":{price:.2},"t\/ags":["n\u0065w","e\tu"],"stock\u0065d":true}}"#
        ),
        (Format::Xml, _) => format!(
            r#"<line sku="ITM-{number:06}"><description>Bowling pin, size {quantity}</description><quantity>{quantity}</quantity><price>{price:.2}</price></line>"#
        ),
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Xml => "XML",
        })
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Early => "early",
            Self::Late => "late",
            Self::Escaped => "escaped",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_body_is_as_long_as_asked_for_and_holds_the_fields() {
        for placement in [Placement::Early, Placement::Late, Placement::Escaped] {
            for length in [512, 4096, 64 * 1024] {
                let webhook = Webhook::new("/hooks/x", Format::Json, placement, length, false);
                for flow in Flow::ALL {
                    let fields = webhook.fields("A06DFFAC", flow);
                    let body = [&webhook.lead[webhook.head..], fields.as_bytes(), &webhook.trail].concat();
                    assert_eq!(body.len(), length, "{placement}");
                    let read: Value = serde_json::from_slice(&body).expect("JSON");
                    let routed = (read["customerId"].as_str(), read["type"].as_str());
                    assert_eq!(routed, (Some("A06DFFAC"), Some(flow.source_type())), "{placement}");
                }
            }
        }
    }
}
