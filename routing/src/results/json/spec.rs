//! A second reading of a document, slow and by other means: what is skipped is judged by itself and replaced by `null`,
//! what is left is read by strict serde_json.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::{
    found::{Found, Read},
    paths::MAX_PATHS,
};
use crate::reference::{Path, Step};

/// What a path finds: its text, or `Err` where it is ambiguous.
pub(super) type Answer = Result<Option<String>, ()>;

/// What our reader finds; `None` for a malformed document.
pub(super) fn ours(document: &[u8], paths: &[Path]) -> Option<Vec<Answer>> {
    let mut answers: Vec<Read<'_>> = vec![Ok(Found::Nothing); paths.len()];
    let ways: Vec<_> = paths.iter().map(|path| Some(&**path)).collect();
    assert!(ways.len() <= MAX_PATHS);
    super::read(document, &ways, &mut answers).ok()?;
    let text = |found: Found<'_>| found.into_text().map(|text| text.into_owned());
    Some(answers.into_iter().map(|answer| answer.map(text).map_err(drop)).collect())
}

/// What the paths find by part 2 of the design; `None` for a malformed document.
pub(super) fn read(document: &[u8], paths: &[Path]) -> Option<Vec<Answer>> {
    let ways = paths.iter().map(|path| Some(&**path)).collect();
    let document = blank(trim(document), ways, 0)?;
    strict(&document, paths)
}

/// What the paths find in a document that is JSON through and through; `None` for any other one.
pub(super) fn strict(document: &[u8], paths: &[Path]) -> Option<Vec<Answer>> {
    let tree = Tree::parse(serde_json::from_slice(document).ok()?)?;
    Some(paths.iter().map(|path| tree.walk(path)).collect())
}

/// The document with `null` in place of what no path reads; `None` where that may not be skipped.
fn blank(value: &[u8], ways: Vec<Option<&[Step]>>, depth: usize) -> Option<Vec<u8>> {
    let goes_inside = |way: &Option<&[Step]>| match (way, value.first()) {
        (Some([Step::Key(_), ..]), Some(b'{')) | (Some([Step::Index(_), ..]), Some(b'[')) => true,
        (Some(_), first) => !matches!(first, Some(b'{' | b'[')),
        (None, _) => false,
    };
    if !ways.iter().any(goes_inside) {
        return may_be_skipped(value, depth).then(|| b"null".to_vec());
    }
    let (Some(open @ (b'{' | b'[')), true) = (value.first(), value.len() > 1) else {
        return Some(value.to_vec());
    };
    if depth == 128 {
        return None;
    }
    let mut met: Vec<Vec<String>> = vec![Vec::new(); ways.len()];
    let mut blanked = vec![*open];
    for (index, piece) in split(&value[1..value.len() - 1], b',').into_iter().enumerate() {
        if index > 0 {
            blanked.push(b',');
        }
        let (key, inner) = match (*open, split(piece, b':')) {
            (b'{', pieces) if pieces.len() > 1 => (Some(pieces[0]), &piece[pieces[0].len() + 1..]),
            _ => (None, piece),
        };
        if let Some(key) = key {
            blanked.extend_from_slice(key);
            blanked.push(b':');
        } else if trim(inner).is_empty() {
            continue;
        }
        let key = key.and_then(|key| serde_json::from_slice::<String>(key).ok());
        let inside = ways.iter().zip(&mut met).map(|(way, met)| match (way, &key) {
            (Some([Step::Key(wanted), rest @ ..]), Some(key)) => {
                let first = **wanted == **key && !met.iter().any(|met| folded(met) == folded(wanted));
                met.push(key.clone());
                first.then_some(rest)
            }
            (Some([Step::Index(wanted), rest @ ..]), None) => (*wanted as usize == index).then_some(rest),
            _ => None,
        });
        blanked.extend(blank(trim(inner), inside.collect(), depth + 1)?);
    }
    blanked.push(value[value.len() - 1]);
    Some(blanked)
}

/// Pieces between separators that stand in no string and no bracket.
fn split(text: &[u8], separator: u8) -> Vec<&[u8]> {
    let (mut pieces, mut start, mut depth, mut quoted, mut escaped) = (Vec::new(), 0, 0_i64, false, false);
    for (position, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            byte if *byte == separator && depth == 0 => {
                pieces.push(&text[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    pieces.push(&text[start..]);
    pieces
}

/// Whether a text is one value by the structure that skipped values need.
fn may_be_skipped(value: &[u8], outer_depth: usize) -> bool {
    let (mut brackets, mut rest, mut values) = (Vec::new(), value, 0);
    while let [byte, behind @ ..] = rest {
        rest = behind;
        match byte {
            b'{' | b'[' => brackets.push(*byte),
            b'}' if brackets.pop() == Some(b'{') => {}
            b']' if brackets.pop() == Some(b'[') => {}
            b'"' => match string(rest) {
                Some(behind) => rest = behind,
                None => return false,
            },
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'.' | b'-' => {
                let length = rest
                    .iter()
                    .take_while(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(byte))
                    .count();
                rest = &rest[length..];
            }
            b' ' | b'\t' | b'\r' | b'\n' | b':' | b',' if !brackets.is_empty() => continue,
            _ => return false,
        }
        if brackets.len() + outer_depth > 128 {
            return false;
        }
        values += usize::from(brackets.is_empty());
    }
    brackets.is_empty() && values == 1
}

/// What stands behind a string, `text` being what is behind its first quote.
fn string(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        text = match text {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', b'u', a, b, c, d, rest @ ..]
                if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
            {
                rest
            }
            [b'\\', b'u', ..] => return None,
            [b'\\', b' '..=0xff, rest @ ..] | [b' '..=b'[' | b']'..=0xff, rest @ ..] => rest,
            _ => return None,
        }
    }
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] | [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = text {
        text = rest;
    }
    text
}

/// A key as a reader sees it that knows no case and takes NUL for the end.
fn folded(key: &str) -> String {
    key.split('\0').next().unwrap_or_default().to_lowercase()
}

/// A document with its duplicates and its literals.
enum Tree {
    Scalar(Option<String>),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    fn parse(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        match text.as_bytes().first()? {
            b'{' => {
                let members: Members<'_> = serde_json::from_str(text).ok()?;
                let members = members.0.into_iter().map(|(key, value)| Some((key, Self::parse(value)?)));
                members.collect::<Option<_>>().map(Self::Object)
            }
            b'[' => {
                let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                elements.into_iter().map(Self::parse).collect::<Option<_>>().map(Self::Array)
            }
            b'"' => serde_json::from_str(text).ok().map(|text: String| Self::Scalar(Some(text))),
            b'n' => Some(Self::Scalar(None)),
            _ => Some(Self::Scalar(Some(text.to_owned()))),
        }
    }

    fn walk(&self, path: &[Step]) -> Answer {
        match (self, path) {
            (Self::Scalar(text), []) => Ok(text.clone().filter(|text| !text.is_empty())),
            (Self::Array(elements), [Step::Index(index), rest @ ..]) => {
                elements.get(*index as usize).map_or(Ok(None), |element| element.walk(rest))
            }
            (Self::Object(members), [Step::Key(wanted), rest @ ..]) => {
                let Some((_, value)) = members.iter().find(|(key, _)| **key == **wanted) else {
                    return Ok(None);
                };
                match members.iter().filter(|(key, _)| folded(key) == folded(wanted)).count() {
                    1 => value.walk(rest),
                    _ => Err(()),
                }
            }
            _ => Ok(None),
        }
    }
}

/// All members of an object, also those of the same key.
struct Members<'d>(Vec<(String, &'d RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}
