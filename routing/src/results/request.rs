//! Reading the request itself.

use std::borrow::Cow;

use http::{
    HeaderMap, HeaderValue,
    header::{AsHeaderName, CONTENT_TYPE},
};

use super::{
    body,
    embedded::Problem,
    fields,
    found::{Fault, Found, Read},
    nothing,
};
use crate::{outcome::Outcome, reference::Step, webhook::Webhook};

/// Reads the values at `paths`, each part of the request at most once. Of a request with two content types nothing is
/// read: whoever gets it next cannot know which body it is.
pub(super) fn read<'w, const N: usize>(
    webhook: &Webhook<'w>,
    paths: [Option<&[Step]>; N],
) -> [Result<Found<'w>, Problem>; N] {
    let ambiguous = Problem::refused_with(Outcome::RequestAmbiguous);
    let mut read = nothing();
    if only_header(webhook.headers, CONTENT_TYPE).is_err() {
        let fault = Fault::new("the request has the header Content-Type twice");
        return paths.map(|path| match path {
            Some(_) => Err(ambiguous(fault)),
            None => Ok(Found::Nothing),
        });
    }

    for (place, path) in paths.iter().enumerate() {
        let Some([first, rest @ ..]) = path else { continue };
        read[place] = match rest {
            [] if first.is("method") => Ok(text(webhook.method.as_str())),
            [] if first.is("pathFragment") => Ok(text(webhook.path_fragment)),
            [Step::Key(name)] if first.is("headers") => header(webhook.headers, name),
            [step] if first.is("body") && step.is("contentType") => content_type(webhook.headers),
            _ => Ok(Found::Nothing),
        }
        .map_err(&ambiguous);
    }

    let parameters = paths.map(|path| match path {
        Some([first, rest @ ..]) if first.is("queryParameters") => Some(rest),
        _ => None,
    });
    if parameters.iter().any(Option::is_some) {
        let mut answers = nothing();
        fields::read(webhook.query.as_bytes(), &parameters, &mut answers);
        merge(&mut read, &parameters, answers, &ambiguous);
    }

    let data = paths.map(|path| match path {
        Some([first, second, rest @ ..]) if first.is("body") && second.is("data") => Some(rest),
        _ => None,
    });
    if data.iter().any(Option::is_some) {
        match body::Format::of(webhook.headers) {
            Ok(format) => {
                let mut answers = nothing();
                if let Err(fault) = format.read(webhook.body, &data, &mut answers) {
                    answers.fill(Err(fault));
                }
                merge(&mut read, &data, answers, Problem::refused_with(Outcome::BodyMalformed));
            }
            Err(fault) => merge(&mut read, &data, std::array::from_fn(|_| Err(fault)), &ambiguous),
        }
    }
    read
}

/// Puts the answers to `asked` in their places.
fn merge<'w, const N: usize>(
    read: &mut [Result<Found<'w>, Problem>; N],
    asked: &[Option<&[Step]>; N],
    answers: [Read<'w>; N],
    problem: impl Fn(Fault) -> Problem,
) {
    for (place, answer) in answers.into_iter().enumerate().filter(|(place, _)| asked[*place].is_some()) {
        read[place] = answer.map_err(&problem);
    }
}

fn text(text: &str) -> Found<'_> {
    Found::String(Cow::Borrowed(text))
}

/// What the body says that it is.
pub(super) fn content_type(headers: &HeaderMap) -> Read<'_> {
    found(headers, only_header(headers, CONTENT_TYPE)?, CONTENT_TYPE.as_str())
}

/// The value of the one header of this name, whose case does not matter.
fn header<'w>(headers: &'w HeaderMap, name: &str) -> Read<'w> {
    found(headers, only_header(headers, name)?, name)
}

/// What the only header of a name says, where some readers find no other one of it.
fn found<'w>(headers: &'w HeaderMap, value: Option<&'w HeaderValue>, name: &str) -> Read<'w> {
    let Some(value) = value else {
        return Ok(Found::Nothing);
    };
    if headers.keys().any(|other| alike(other.as_str(), name)) {
        return Err(Fault::new(
            "the request has this header twice, under names that some readers do not tell apart",
        ));
    }
    let value =
        std::str::from_utf8(value.as_bytes()).map_err(|_| Fault::new("the header's value is not UTF-8"))?;
    Ok(text(value.trim_matches([' ', '\t'])))
}

/// The header of this name. A fault where there are two.
fn only_header(headers: &HeaderMap, name: impl AsHeaderName) -> Result<Option<&HeaderValue>, Fault> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Fault::new("the request has this header twice")),
        (value, None) => Ok(value),
    }
}

/// Whether CGI and its heirs take another header for the one of this name: to them all but letters and digits is `_`.
fn alike(other: &str, name: &str) -> bool {
    let folded = |byte: u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'_' };
    other.len() == name.len()
        && !other.eq_ignore_ascii_case(name)
        && other.bytes().map(folded).eq(name.bytes().map(folded))
}
