//! `name=value&name=value`: queries and urlencoded forms.

use std::borrow::Cow;

use super::{
    found::{Fault, Found, Read},
    likeness::{self, Likeness},
    paths::{Met, PathSet, Paths},
};
use crate::reference::Step;

/// Reads the values at `paths` into the same places of `read`; places without a path stay as they are.
///
/// Each fault is one of single paths. A name that cannot be decoded could be any: it is a fault of all of them.
pub(super) fn read<'d>(fields: &'d [u8], paths: &Paths<'_>, read: &mut [Read<'d>]) {
    let active = PathSet::all(paths).filter(|place| wanted(paths, place).is_some());
    let likeness = |place, name: &str| {
        wanted(paths, place).map_or(Likeness::Different, |wanted| likeness::of_fields(wanted, name))
    };
    let mut met = Met::default();
    let (mut undecodable, mut twice, mut split_up) = (false, PathSet::default(), PathSet::default());

    for field in fields.split(|byte| *byte == b'&').filter(|field| !field.is_empty()) {
        let (raw_name, raw_value) = split(field);
        let Ok(name) = decode(raw_name) else {
            undecodable = true;
            continue;
        };
        let meeting = met.meet(active, |place| likeness(place, &name));
        for place in meeting.on.iter() {
            read[place] = decode(raw_value).map(Found::String).map_err(Fault::new);
        }
        twice = twice.or(meeting.twice);
        if memchr::memchr(b';', field).is_some() {
            for name in field.split(|byte| *byte == b';').filter_map(|piece| decode(split(piece).0).ok()) {
                split_up = split_up.or(active.filter(|place| likeness(place, &name) != Likeness::Different));
            }
        }
    }

    let undecodable = if undecodable { active } else { PathSet::default() };
    for (places, reason) in [
        (split_up, "some readers split it at a semicolon, which has to be percent-encoded"),
        (twice, "it stands there twice, or under names that some readers do not tell apart"),
        (undecodable, "a name beside it is not percent-encoded UTF-8"),
    ] {
        for place in places.iter() {
            read[place] = Err(Fault::new(reason));
        }
    }
}

/// The name of the field that a path leads to. There is nothing below a field.
fn wanted<'p>(paths: &Paths<'p>, place: usize) -> Option<&'p str> {
    match paths[place]? {
        [Step::Key(name)] => Some(name),
        _ => None,
    }
}

/// Name and value.
fn split(field: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'=', field) {
        Some(position) => (&field[..position], &field[position + 1..]),
        None => (field, &[]),
    }
}

/// Decodes a name or a value.
fn decode(raw: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    const NOT_UTF8: &str = "it is not UTF-8";
    if memchr::memchr2(b'%', b'+', raw).is_none() {
        return std::str::from_utf8(raw).map(Cow::Borrowed).map_err(|_| NOT_UTF8);
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else {
                    return Err("it holds a malformed percent-escape");
                };
                u8::try_from(high << 4 | low).map_err(|_| NOT_UTF8)?
            }
            byte => *byte,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| NOT_UTF8)
}
