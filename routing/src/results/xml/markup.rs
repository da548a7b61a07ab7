//! What makes XML well-formed and quick-xml does not ask for.

use std::borrow::Cow;

use super::super::found::Fault;

/// An attribute of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute<'d> {
    pub(super) name: &'d str,
    /// Its value, with references resolved and white space made spaces.
    pub(super) value: Cow<'d, str>,
}

/// The most attributes that an element may have.
const MAX_ATTRIBUTES: usize = 1024;

/// White space, as XML has it.
fn is_blank_byte(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether a text is nothing but white space.
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(is_blank_byte)
}

/// A text without the white space at its start.
fn behind_blanks(text: &str) -> &str {
    let blanks = text.bytes().take_while(|byte| is_blank_byte(*byte)).count();
    &text[blanks..]
}

/// Whether a text holds what ends a CDATA section, which it must not.
pub(super) fn ends_cdata(text: &str) -> bool {
    memchr::memchr_iter(b']', text.as_bytes()).any(|position| text[position..].starts_with("]]>"))
}

/// A text without the white space around it.
pub(super) fn trim(text: &str) -> &str {
    let text = behind_blanks(text);
    let blanks = text.bytes().rev().take_while(|byte| is_blank_byte(*byte)).count();
    &text[..text.len() - blanks]
}

/// Checks that a document holds only characters that XML has.
pub(super) fn check_characters(text: &str) -> Result<(), Fault> {
    let is_forbidden = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\r' | b'\n');
    // All of a block is looked at: in a loop without an end in between, which compilers turn into vector instructions.
    let holds_one = |block: &[u8]| block.iter().fold(false, |holds, byte| holds | is_forbidden(*byte));
    let mut blocks = text.as_bytes().chunks(256);
    if let Some(place) = blocks.position(holds_one) {
        let position = text.bytes().skip(place * 256).position(is_forbidden).unwrap_or_default();
        return Err(Fault::at(place * 256 + position, "the XML document holds a control character"));
    }
    // quick-xml would step over it.
    if text.starts_with('\u{feff}') {
        return Err(Fault::at(0, "the XML document has two byte order marks"));
    }
    Ok(())
}

/// Checks the name of an element or an attribute. Of the letters beyond ASCII XML forbids a few, which are let through.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    let starts = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':') || !byte.is_ascii();
    let goes_on = |byte: u8| starts(byte) || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    if name.bytes().next().is_some_and(starts) && name.bytes().all(goes_on) {
        Ok(())
    } else {
        Err("the name of an element, an attribute or a processing instruction is malformed")
    }
}

/// Checks the target of a processing instruction.
pub(super) fn check_target(target: &str) -> Result<(), &'static str> {
    check_name(target)?;
    if target.eq_ignore_ascii_case("xml") { Err("a processing instruction is named `xml`") } else { Ok(()) }
}

/// Parses all that stands behind an element's name in its tag.
pub(super) fn attributes(raw: &str) -> Result<Vec<Attribute<'_>>, &'static str> {
    const MALFORMED: &str = "an attribute is malformed";
    let mut attributes = Vec::new();
    let mut rest = raw;
    loop {
        if attributes.len() > MAX_ATTRIBUTES {
            return Err("an element has more than 1024 attributes");
        }
        let start = behind_blanks(rest);
        if start.is_empty() {
            break;
        }
        if start.len() == rest.len() {
            return Err(MALFORMED);
        }
        let ends_name = |byte: u8| byte == b'=' || is_blank_byte(byte);
        let (name, behind) = start.split_at(start.bytes().position(ends_name).ok_or(MALFORMED)?);
        check_name(name)?;
        let value = behind_blanks(behind_blanks(behind).strip_prefix('=').ok_or(MALFORMED)?);
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\'')).ok_or(MALFORMED)?;
        let (value, behind) = value[1..].split_once(quote).ok_or(MALFORMED)?;
        attributes.push(Attribute { name, value: attribute_value(value)? });
        rest = behind;
    }
    if are_distinct(&attributes) { Ok(attributes) } else { Err("an element has an attribute twice") }
}

/// Whether each of the attributes has a name of its own.
fn are_distinct(attributes: &[Attribute<'_>]) -> bool {
    const FEW: usize = 8;
    if attributes.len() <= FEW {
        return attributes
            .iter()
            .enumerate()
            .all(|(index, one)| attributes[..index].iter().all(|other| one.name != other.name));
    }
    let mut names: Vec<_> = attributes.iter().map(|attribute| attribute.name).collect();
    names.sort_unstable();
    names.is_sorted_by(|name, next| name < next)
}

fn attribute_value(raw: &str) -> Result<Cow<'_, str>, &'static str> {
    if !raw.contains(['<', '&', '\t', '\r', '\n']) {
        return Ok(raw.into());
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(position) = rest.find(['<', '&', '\t', '\r', '\n']) {
        let (plain, special) = rest.split_at(position);
        value.push_str(plain);
        rest = match special.as_bytes() {
            [b'&', ..] => {
                let (reference, behind) = special[1..].split_once(';').ok_or("an entity is not closed")?;
                value.push(resolve(reference)?);
                behind
            }
            [b'<', ..] => return Err("`<` stands in an attribute"),
            [b'\r', b'\n', ..] => {
                value.push(' ');
                &special[2..]
            }
            _ => {
                value.push(' ');
                &special[1..]
            }
        };
    }
    value.push_str(rest);
    Ok(value.into())
}

/// The character that stands for what is between `&` and `;`.
pub(super) fn resolve(reference: &str) -> Result<char, &'static str> {
    let number = |digits: &str, radix| {
        let is_number = digits.chars().all(|digit| digit.is_digit(radix));
        is_number.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
    };
    let code = match reference {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "apos" => return Ok('\''),
        "quot" => return Ok('"'),
        _ => match reference.strip_prefix('#') {
            Some(digits) => match digits.strip_prefix('x') {
                Some(digits) => number(digits, 16),
                None => number(digits, 10),
            },
            None => return Err("an entity is unknown"),
        },
    };
    code.and_then(char::from_u32)
        .filter(|character| is_character(*character))
        .ok_or("a character reference is malformed")
}

/// Whether XML 1.0 has a character.
fn is_character(character: char) -> bool {
    matches!(character, '\t' | '\r' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Checks an XML declaration, which is what stands between `<?xml` and `?>`.
pub(super) fn check_declaration(declaration: &str) -> Result<(), &'static str> {
    const MALFORMED: &str = "the XML declaration is malformed";
    let attributes = attributes(declaration).map_err(|_| MALFORMED)?;
    let mut left = attributes.iter().map(|attribute| (attribute.name, &*attribute.value)).peekable();
    if left.next() != Some(("version", "1.0")) {
        return Err("the XML declaration does not begin with version 1.0");
    }
    if let Some((_, encoding)) = left.next_if(|(name, _)| *name == "encoding")
        && !encoding.eq_ignore_ascii_case("utf-8")
    {
        return Err("the XML declaration names an encoding other than UTF-8");
    }
    left.next_if(|(name, value)| *name == "standalone" && matches!(*value, "yes" | "no"));
    if left.next().is_none() { Ok(()) } else { Err(MALFORMED) }
}
