//! The head of a part: what is it called, and is it text?

use std::{borrow::Cow, str};

use super::super::{found::Fault, parameters};

/// What the head of a part says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartHead<'d> {
    /// The part's name; none where it is no form field.
    pub(super) name: Option<Cow<'d, str>>,
    /// Nothing says that its content is anything but UTF-8 as it stands there.
    pub(super) is_utf8: bool,
}

impl<'d> PartHead<'d> {
    /// Parses the header lines of a part, without the empty one at their end.
    pub(super) fn parse(head: &'d [u8]) -> Result<Self, Fault> {
        let head = str::from_utf8(head).map_err(|_| Fault::at(0, "the head of a part is not UTF-8"))?;
        let (mut disposition, mut content_type, mut encoding) = (None, None, None);
        for line in head.split("\r\n").filter(|_| !head.is_empty()) {
            let (name, value) = header(line)?;
            let place = match name {
                name if name.eq_ignore_ascii_case("content-disposition") => &mut disposition,
                name if name.eq_ignore_ascii_case("content-type") => &mut content_type,
                name if name.eq_ignore_ascii_case("content-transfer-encoding") => &mut encoding,
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(Fault::at(0, "the head of a part has a header twice"));
            }
        }
        Ok(Self {
            name: disposition.map(field_name).transpose()?.flatten(),
            is_utf8: content_type.is_none_or(names_no_other_charset) && encoding.is_none_or(encodes_nothing),
        })
    }
}

/// Name and value of a header line.
fn header(line: &str) -> Result<(&str, &str), Fault> {
    const MALFORMED: Fault = Fault::at(0, "the head of a part is malformed");
    if line.contains(|character: char| character.is_ascii_control() && character != '\t') {
        return Err(MALFORMED);
    }
    match line.split_once(':') {
        Some((name, value)) if !name.is_empty() && name.chars().all(parameters::is_token) => {
            Ok((name, value))
        }
        _ => Err(MALFORMED),
    }
}

/// The name of the form field that a `Content-Disposition` describes.
fn field_name(disposition: &str) -> Result<Option<Cow<'_, str>>, Fault> {
    const TWICE: Fault = Fault::at(0, "the head of a part names it twice");
    // Also one that stands in quotes: some readers search, and do not parse.
    if name_parameters(disposition) > 1 {
        return Err(TWICE);
    }
    let (kind, parameters) = parameters::split(disposition);
    if kind.is_empty() || !kind.chars().all(parameters::is_token) {
        return Err(Fault::at(0, "the head of a part is malformed"));
    }
    let mut name = None;
    for parameter in parameters {
        let parameter = parameter?;
        match parameter.name {
            "" => {}
            _ if parameter.value.is_none() => {
                return Err(Fault::at(0, "the head of a part has a parameter without a value"));
            }
            field if field.eq_ignore_ascii_case("name") => name = parameter.value,
            field if field.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("name*")) => {
                return Err(Fault::at(0, "the head of a part has `name*`, which only some readers read"));
            }
            _ => {}
        }
    }
    let Some(name) = name else { return Ok(None) };
    if !kind.eq_ignore_ascii_case("form-data") {
        return Err(Fault::at(0, "a part has a name and is not form-data"));
    }
    if name.contains('\\') || name.contains("=?") {
        return Err(Fault::at(
            0,
            "the name of a part has a backslash or an encoded word, which only some readers decode",
        ));
    }
    Ok(Some(name))
}

/// How often a parameter `name` is given, in whatever form and wherever.
fn name_parameters(disposition: &str) -> usize {
    let lower = disposition.to_ascii_lowercase();
    lower
        .match_indices("name")
        .filter(|(position, word)| {
            let before = lower[..*position].chars().next_back();
            let behind = lower[position + word.len()..].trim_start_matches([' ', '\t']);
            !before.is_some_and(|character| character.is_ascii_alphanumeric() || "-_".contains(character))
                && behind.starts_with(['=', '*'])
        })
        .count()
}

/// Whether the `Content-Type` of a part leaves it in UTF-8.
fn names_no_other_charset(content_type: &str) -> bool {
    parameters::split(content_type).1.all(|parameter| match parameter {
        Ok(parameter) if parameter.name.eq_ignore_ascii_case("charset") => {
            parameter.value.is_some_and(|charset| parameters::is_utf8(&charset))
        }
        Ok(_) => true,
        Err(_) => false,
    })
}

/// Whether the `Content-Transfer-Encoding` of a part leaves its bytes as they are.
fn encodes_nothing(encoding: &str) -> bool {
    let encoding = encoding.trim_matches([' ', '\t']);
    ["7bit", "8bit", "binary"].iter().any(|none| encoding.eq_ignore_ascii_case(none))
}
