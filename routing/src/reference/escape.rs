//! The text of JSON strings.

use std::{borrow::Cow, str};

/// A string that is not JSON's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct EscapeError {
    /// The byte offset of the fault.
    pub(crate) offset: usize,
    /// What is wrong there.
    pub(crate) reason: &'static str,
}

/// The text of a JSON string, `raw` being what stands between its quotes. Borrowed where nothing is escaped.
pub(crate) fn unescape(raw: &[u8]) -> Result<Cow<'_, str>, EscapeError> {
    if let Some(offset) = raw.iter().position(|byte| *byte < 0x20) {
        return Err(EscapeError { offset, reason: "a control character stands unescaped in a string" });
    }
    let text = utf8(raw)?;
    let Some(first) = memchr::memchr(b'\\', raw) else {
        return Ok(Cow::Borrowed(text));
    };
    let mut unescaped = String::with_capacity(raw.len());
    let (mut copied, mut next) = (0, Some(first));
    while let Some(escape) = next {
        unescaped.push_str(&text[copied..escape]);
        let (character, length) =
            escape_at(&raw[escape..]).map_err(|reason| EscapeError { offset: escape, reason })?;
        unescaped.push(character);
        copied = escape + length;
        next = memchr::memchr(b'\\', &raw[copied..]).map(|offset| copied + offset);
    }
    unescaped.push_str(&text[copied..]);
    Ok(Cow::Owned(unescaped))
}

/// The text of a JSON string that has neither escapes nor control characters.
pub(crate) fn utf8(raw: &[u8]) -> Result<&str, EscapeError> {
    str::from_utf8(raw)
        .map_err(|error| EscapeError { offset: error.valid_up_to(), reason: "a string is not UTF-8" })
}

/// The character that the escape at the start of `raw` stands for, and the escape's length.
fn escape_at(raw: &[u8]) -> Result<(char, usize), &'static str> {
    let character = match raw.get(1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape_at(raw),
        _ => return Err("a string holds an unknown escape"),
    };
    Ok((character, 2))
}

/// The same for `\u`, and for two of them that make a surrogate pair.
fn unicode_escape_at(raw: &[u8]) -> Result<(char, usize), &'static str> {
    const LONE: &str = "a string holds half of a surrogate pair";
    let unit = code_unit(raw)?;
    match unit {
        0xd800..=0xdbff => {
            let rest = &raw[6..];
            if !rest.starts_with(b"\\u") {
                return Err(LONE);
            }
            let low = code_unit(rest)?;
            if !(0xdc00..=0xdfff).contains(&low) {
                return Err(LONE);
            }
            let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            Ok((char::from_u32(code).ok_or(LONE)?, 12))
        }
        _ => Ok((char::from_u32(unit).ok_or(LONE)?, 6)),
    }
}

/// The number in `\uXXXX`.
fn code_unit(raw: &[u8]) -> Result<u32, &'static str> {
    const SHORT: &str = "a string holds `\\u` without four hexadecimal digits";
    let digits = raw.get(2..6).ok_or(SHORT)?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(SHORT)?;
        Ok(unit << 4 | digit)
    })
}
