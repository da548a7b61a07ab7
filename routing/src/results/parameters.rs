//! `value; name=token; name="quoted string"`, as `Content-Type` and `Content-Disposition` have it.

use std::borrow::Cow;

use super::found::Fault;

/// White space around parameters.
const BLANKS: [char; 2] = [' ', '\t'];
/// What ends an unquoted part.
const SEPARATORS: [char; 2] = [';', ','];

const MALFORMED: Fault = Fault::new("a parameter of a header is malformed");

/// Splits a header's value into what stands first and its parameters.
pub(super) fn split(value: &str) -> (&str, Parameters<'_>) {
    let (first, rest) = split_before(value, &SEPARATORS);
    (first.trim_matches(BLANKS), Parameters { rest })
}

/// Whether a charset is UTF-8.
pub(super) fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// Whether a character may stand in a token (RFC 9110).
pub(super) fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

/// The parameters of a header's value, in their order. What readers take in more than one way is a fault.
#[derive(Clone, Debug)]
pub(super) struct Parameters<'h> {
    /// What is left: nothing, or a separator and more.
    rest: &'h str,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter<'h> {
    /// Its name; empty between two semicolons.
    pub(super) name: &'h str,
    /// Its value, unquoted; none without an equals sign.
    pub(super) value: Option<Cow<'h, str>>,
}

impl<'h> Iterator for Parameters<'h> {
    type Item = Result<Parameter<'h>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.rest);
        if rest.is_empty() {
            return None;
        }
        let parsed = match rest.strip_prefix(';') {
            Some(parameters) => parameter(parameters.trim_start_matches(BLANKS)),
            None => Err(Fault::new("a comma makes two values of a header")),
        };
        Some(parsed.map(|(parameter, rest)| {
            self.rest = rest;
            parameter
        }))
    }
}

/// The parameter at the start of `text`, and what is left behind it.
fn parameter(text: &str) -> Result<(Parameter<'_>, &str), Fault> {
    let (name, rest) = split_before(text, &[';', ',', '=']);
    let Some(value) = rest.strip_prefix('=') else {
        return Ok((Parameter { name: name.trim_end_matches(BLANKS), value: None }, rest));
    };
    let (value, rest) = match value.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => token(value)?,
    };
    let rest = rest.trim_start_matches(BLANKS);
    if name.is_empty() || !name.chars().all(is_token) || !(rest.is_empty() || rest.starts_with(SEPARATORS)) {
        return Err(MALFORMED);
    }
    Ok((Parameter { name, value: Some(value) }, rest))
}

/// An unquoted value, and what is left behind it.
fn token(text: &str) -> Result<(Cow<'_, str>, &str), Fault> {
    let (value, rest) = split_before(text, &SEPARATORS);
    let value = value.trim_end_matches(BLANKS);
    if value.is_empty()
        || value.contains(|character| matches!(character, '"' | '\\' | ' ') || is_control(character))
    {
        return Err(MALFORMED);
    }
    Ok((value.into(), rest))
}

/// A quoted value behind its first quote, and what is left behind it. A backslash escapes a quote and a backslash, and
/// stands for itself elsewhere, as in the file names of Windows.
fn unquote(text: &str) -> Result<(Cow<'_, str>, &str), Fault> {
    let mut value = Cow::Borrowed("");
    let mut rest = text;
    loop {
        let (plain, behind) = split_before(rest, &['"', '\\']);
        if plain.contains(is_control) {
            return Err(MALFORMED);
        }
        // The first piece stays borrowed, others are joined to it.
        value += plain;
        rest = match behind.as_bytes() {
            [b'"', ..] => return Ok((value, &behind[1..])),
            [b'\\', b'"' | b'\\', ..] => {
                value += &behind[1..2];
                &behind[2..]
            }
            [b'\\', ..] => {
                value += &behind[..1];
                &behind[1..]
            }
            _ => return Err(MALFORMED),
        };
    }
}

/// Everything before the first of `ends`, and the rest.
fn split_before<'t>(text: &'t str, ends: &[char]) -> (&'t str, &'t str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn is_control(character: char) -> bool {
    character.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(value: &str) -> Result<Vec<(&str, Option<String>)>, Fault> {
        split(value)
            .1
            .map(|parameter| parameter.map(|found| (found.name, found.value.map(Cow::into_owned))))
            .collect()
    }

    #[test]
    fn parameters_are_split_and_unquoted() {
        assert_eq!(split(" Text/HTML ; x").0, "Text/HTML");
        assert_eq!(parameters("a"), Ok(vec![]));
        assert_eq!(
            parameters(r#"a; b=c ;d="e \"\\;,=\x" ; f;; g="""#).expect("parameters"),
            [
                ("b", Some("c".to_owned())),
                ("d", Some(r#"e "\;,=\x"#.to_owned())),
                ("f", None),
                ("", None),
                ("g", Some(String::new()))
            ]
        );
    }

    #[test]
    fn what_readers_take_differently_is_a_fault() {
        for value in [
            "a, b",
            "a; b=c, d",
            "a; b=\"c\", d",
            "a; b=",
            "a; b = c",
            "a; b= c",
            "a; b=c d",
            "a; b=c\"d\"",
            "a; b=\"c",
            "a; b=\"c\\",
            "a; b=\"c\\\"",
            "a; b=\"c\"d",
            "a; b=\"c\td\"",
            "a; b=c\\d",
            "a; =c",
            "a; b\"=c",
        ] {
            assert!(parameters(value).is_err(), "{value}");
        }
    }
}
