//! Reading the request itself.

use std::borrow::Cow;

use super::{
    body,
    embedded::Problem,
    fields,
    found::{Fault, Found, Read},
    nothing,
};
use crate::{
    headers::{Headers, Twice},
    outcome::Outcome,
    reference::Step,
    webhook::Webhook,
};

const CONTENT_TYPE: &str = "content-type";

/// Reads the values at `paths`, each part of the request at most once. Of a request with two content types nothing is
/// read: whoever gets it next cannot know which body it is.
pub(super) fn read<'w, const N: usize>(
    webhook: &Webhook<'w>,
    paths: [Option<&[Step]>; N],
) -> [Result<Found<'w>, Problem>; N] {
    let ambiguous = Problem::refused_with(Outcome::RequestAmbiguous);
    let mut read = nothing();
    let Ok(content_type) = only_header(webhook.headers, CONTENT_TYPE) else {
        let fault = Fault::new("the request has the header Content-Type twice");
        return paths.map(|path| match path {
            Some(_) => Err(ambiguous(fault)),
            None => Ok(Found::Nothing),
        });
    };
    let content_type = || found(webhook.headers, content_type, CONTENT_TYPE);

    for (place, path) in paths.iter().enumerate() {
        let Some([first, rest @ ..]) = path else { continue };
        read[place] = match rest {
            [] if first.is("method") => Ok(text(webhook.method.as_str())),
            [] if first.is("pathFragment") => Ok(text(webhook.path_fragment)),
            [Step::Key(name)] if first.is("headers") => header(webhook.headers, name),
            [step] if first.is("body") && step.is("contentType") => content_type(),
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
        match content_type().and_then(|said| body::Format::of(&said, webhook.headers)) {
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

/// The value of the one header of this name, whose case does not matter.
fn header<'w>(headers: &'w Headers, name: &str) -> Read<'w> {
    found(headers, only_header(headers, name)?, name)
}

/// What the only header of a name says, where some readers find no other one of it.
fn found<'w>(headers: &'w Headers, value: Option<&'w [u8]>, name: &str) -> Read<'w> {
    let Some(value) = value else {
        return Ok(Found::Nothing);
    };
    if headers.iter().any(|(other, _)| alike(other, name.as_bytes())) {
        return Err(Fault::new(
            "the request has this header twice, under names that some readers do not tell apart",
        ));
    }
    let value = std::str::from_utf8(value).map_err(|_| Fault::new("the header's value is not UTF-8"))?;
    Ok(text(value))
}

/// The header of this name. A fault where there are two.
fn only_header<'w>(headers: &'w Headers, name: &str) -> Result<Option<&'w [u8]>, Fault> {
    headers.only(name).map_err(|Twice| Fault::new("the request has this header twice"))
}

/// Whether CGI and its heirs take another header for the one of this name: to them all but letters and digits is `_`.
fn alike(other: &[u8], name: &[u8]) -> bool {
    let folded = |byte: u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'_' };
    other.len() == name.len()
        && !other.eq_ignore_ascii_case(name)
        && other.iter().copied().map(folded).eq(name.iter().copied().map(folded))
}
