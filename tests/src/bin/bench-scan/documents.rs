//! Orders, as an ERP sends them.

use std::{borrow::Cow, fmt::Write};

use serde::Deserialize;

/// Whose it is.
pub(crate) const CUSTOMER: &str = "A06DFFAC";
/// What it is.
pub(crate) const KIND: &str = "inventory_update";

/// Where the two routed fields stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Before the order's lines, one long array.
    Early,
    /// Behind it.
    Late,
    /// Behind it, all keys and many texts escaped.
    Escaped,
    /// Behind lines that are members of the document itself: each key is compared.
    Flat,
    /// Behind the array, with white space for people.
    Pretty,
}

/// The two routed fields for serde.
#[derive(Deserialize)]
pub(crate) struct Partial<'d> {
    #[serde(borrow, rename = "customerId")]
    pub(crate) customer_id: Cow<'d, str>,
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Cow<'d, str>,
}

impl Shape {
    pub(crate) const ALL: [Self; 5] = [Self::Early, Self::Late, Self::Escaped, Self::Flat, Self::Pretty];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Late => "late",
            Self::Escaped => "escaped",
            Self::Flat => "flat",
            Self::Pretty => "pretty",
        }
    }
}

/// A document of about `bytes`, rather less.
pub(crate) fn document(shape: Shape, bytes: usize) -> String {
    let routed = match shape {
        Shape::Escaped => format!(r#""cu\u0073tomerId":"{CUSTOMER}","\u0074ype":"{KIND}""#),
        _ => format!(r#""customerId":"{CUSTOMER}","type":"{KIND}""#),
    };
    let head = match shape {
        Shape::Escaped => r#""o\u0072der":"PO\/2026\/04711","i\u0073sued":"2026-11-28T12:00:00Z""#,
        _ => r#""order":"PO-2026-04711","issued":"2026-11-28T12:00:00Z""#,
    };
    // White space makes a third of what people are shown.
    let bytes = if matches!(shape, Shape::Pretty) { bytes * 2 / 3 } else { bytes };
    let room = bytes.saturating_sub(routed.len() + head.len() + 24);
    let mut lines = String::new();
    for number in 0.. {
        let line = line(shape, number);
        if lines.len() + line.len() > room {
            break;
        }
        let _ = write!(lines, "{}{line}", if lines.is_empty() { "" } else { "," });
    }
    let document = match shape {
        Shape::Early => format!("{{{routed},{head},\"lines\":[{lines}]}}"),
        Shape::Flat => format!("{{{head},{lines},{routed}}}"),
        Shape::Late | Shape::Escaped | Shape::Pretty => format!("{{{head},\"lines\":[{lines}],{routed}}}"),
    };
    match shape {
        Shape::Pretty => {
            let value: serde_json::Value = serde_json::from_str(&document).expect("JSON");
            serde_json::to_string_pretty(&value).expect("JSON")
        }
        _ => document,
    }
}

/// The same order as XML, with the routed fields at its start.
pub(crate) fn xml(bytes: usize) -> String {
    let mut document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<order><customerId>{CUSTOMER}</customerId><type>{KIND}</type><lines>"
    );
    for number in 0_u32.. {
        let line = format!(
            r#"<line sku="PEN-{number:05}"><name>Pencil, HB, pack of {}</name><quantity>{}</quantity><price currency="EUR">{:.2}</price></line>"#,
            number % 50,
            number % 13,
            f64::from(number % 977) / 8.0
        );
        if document.len() + line.len() + 16 > bytes {
            break;
        }
        document.push_str(&line);
    }
    document.push_str("</lines></order>");
    document
}

fn line(shape: Shape, number: u32) -> String {
    let price = f64::from(number % 977) / 8.0;
    match shape {
        Shape::Flat => format!(
            r#""sku-{number:05}":"Pencil, HB, pack of {}","quantity-{number:05}":{},"price-{number:05}":"{price:.2} EUR""#,
            number % 50,
            number % 13
        ),
        Shape::Escaped => format!(
            r#"{{"s\u006bu":"PEN-{number:05}","n\u0061me":"Crayon \"HB\", bo\u00eete de {}","quantity":{},"price":{{"amount":"{price:.2}","currency":"EUR"}},"tags":["stock","c:\\temp"],"taxed":true}}"#,
            number % 50,
            number % 13
        ),
        _ => format!(
            r#"{{"sku":"PEN-{number:05}","name":"Pencil, HB, pack of {}","quantity":{},"price":{{"amount":"{price:.2}","currency":"EUR"}},"tags":["stock","office"],"taxed":true}}"#,
            number % 50,
            number % 13
        ),
    }
}
