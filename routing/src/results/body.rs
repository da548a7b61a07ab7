//! `body.data`: what the body holds, by its content type.

use std::borrow::Cow;

use super::{
    fields,
    found::{Fault, Found, Read},
    json, multipart, parameters,
    paths::Paths,
    xml,
};
use crate::headers::Headers;

/// A UTF-8 byte order mark.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// How a body is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Format<'w> {
    /// It is not: there is no `data`.
    None,
    /// `application/json`, `+json`, or no content type.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `text/xml`, `application/xml`, `+xml`.
    Xml,
    /// `multipart/…` with its boundary, if it has one.
    Multipart(Option<Cow<'w, str>>),
}

impl<'w> Format<'w> {
    /// What the content type and the other headers say. A fault where they say two things.
    pub(super) fn of(content_type: &Found<'w>, headers: &Headers) -> Result<Self, Fault> {
        let content_type = match content_type {
            Found::String(Cow::Borrowed(content_type)) => *content_type,
            _ => "",
        };
        // As most senders have it.
        if content_type.eq_ignore_ascii_case("application/json") && !is_encoded(headers) {
            return Ok(Self::Json);
        }
        let (essence, parameters) = parameters::split(content_type);
        let (mut charset, mut boundary) = (None, None);
        for parameter in parameters {
            let parameter = parameter?;
            let place = match parameter.name {
                name if name.eq_ignore_ascii_case("charset") => &mut charset,
                name if name.eq_ignore_ascii_case("boundary") => &mut boundary,
                _ => continue,
            };
            // A parameter without a value (`application/json; utf-8` is common) says nothing.
            let Some(value) = parameter.value else { continue };
            if place.replace(value).is_some() {
                return Err(Fault::new("the Content-Type has a parameter twice"));
            }
        }
        if charset.is_some_and(|charset| !parameters::is_utf8(&charset)) || is_encoded(headers) {
            return Ok(Self::None);
        }
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        let ends_with = |suffix: &str| {
            essence
                .len()
                .checked_sub(suffix.len())
                .and_then(|start| essence.get(start..))
                .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
        };
        let starts_with = |prefix: &str| {
            essence.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        Ok(if is("") || is("application/json") {
            Self::Json
        } else if is("application/x-www-form-urlencoded") {
            Self::Form
        } else if is("text/xml") || is("application/xml") {
            Self::Xml
        } else if ends_with("+json") {
            Self::Json
        } else if ends_with("+xml") {
            Self::Xml
        } else if starts_with("multipart/") {
            Self::Multipart(boundary)
        } else {
            Self::None
        })
    }

    /// Reads the values at `paths`. A fault of the body is an error.
    pub(super) fn read<'d>(
        &self,
        body: &'d [u8],
        paths: &Paths<'_>,
        read: &mut [Read<'d>],
    ) -> Result<(), Fault> {
        let (offset, text) = body.strip_prefix(BOM).map_or((0, body), |text| (BOM.len(), text));
        if text.is_empty() {
            return Ok(());
        }
        match self {
            Self::None => Ok(()),
            Self::Json => json::read(text, paths, read),
            Self::Form => {
                fields::read(text, paths, read);
                Ok(())
            }
            Self::Xml => xml::read(text, paths, read),
            Self::Multipart(boundary) => multipart::read(text, boundary.as_deref(), paths, read),
        }
        .map_err(|fault| fault.shifted(offset))
    }
}

/// Whether the body has a `Content-Encoding` other than identity.
fn is_encoded(headers: &Headers) -> bool {
    headers.all("content-encoding").any(|value| {
        value
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
    })
}
