//! `multipart/form-data`: its parts by name.
//!
//! Readers of multipart bodies are known for their differences: about line ends, about the boundary within a part, about
//! names given twice or in two encodings. So this one takes what senders make (RFC 7578 with RFC 2046's CRLF), and
//! refuses what only some readers take.

use std::str;

use memchr::memmem;

use self::disposition::PartHead;
use super::{
    found::{Fault, Found, Read},
    likeness::{self, Likeness},
    paths::{Met, PathSet, Paths},
};
use crate::reference::Step;

mod disposition;
#[cfg(test)]
mod tests;

/// The most parts that a body may have.
const MAX_PARTS: usize = 1024;
/// The longest boundary, in bytes (RFC 2046).
const MAX_BOUNDARY: usize = 70;

/// Reads the values at `paths` into the same places of `read`; places without a path stay as they are. A fault of the
/// body is an error; one that only some paths meet stands in their places.
pub(super) fn read<'d>(
    body: &'d [u8],
    boundary: Option<&str>,
    paths: &Paths<'_>,
    read: &mut [Read<'d>],
) -> Result<(), Fault> {
    let active = PathSet::all(paths).filter(|place| wanted(paths, place).is_some());
    let mut met = Met::default();
    for (count, part) in Parts::of(body, boundary)?.enumerate() {
        let part = part?;
        if count == MAX_PARTS {
            return Err(Fault::at(part.position, "the body has more than 1024 parts"));
        }
        let head = PartHead::parse(part.head).map_err(|fault| fault.shifted(part.position))?;
        let Some(name) = &head.name else { continue };
        let meeting = met.meet(active, |place| {
            wanted(paths, place).map_or(Likeness::Different, |wanted| likeness::of_fields(wanted, name))
        });
        for place in meeting.on.iter() {
            if let (true, Ok(text)) = (head.is_utf8, str::from_utf8(part.content)) {
                read[place] = Ok(Found::String(text.into()));
            }
        }
        for place in meeting.twice.iter() {
            read[place] = Err(Fault::at(
                part.position,
                "the body has this part twice, or under names that some readers do not tell apart",
            ));
        }
    }
    Ok(())
}

/// The name of the part that a path leads to. There is nothing below a part.
fn wanted<'p>(paths: &Paths<'p>, place: usize) -> Option<&'p str> {
    match paths[place]? {
        [Step::Key(name)] => Some(name),
        _ => None,
    }
}

/// A part of the body.
struct Part<'d> {
    position: usize,
    /// The header lines, without the empty one.
    head: &'d [u8],
    content: &'d [u8],
}

/// The parts of a body. It ends after a fault.
struct Parts<'d> {
    body: &'d [u8],
    delimiter: memmem::Finder<'static>,
    /// Where the next part begins; none after the last one.
    next: Option<usize>,
}

impl<'d> Parts<'d> {
    fn of(body: &'d [u8], boundary: Option<&str>) -> Result<Self, Fault> {
        let boundary = boundary
            .filter(|boundary| is_boundary(boundary))
            .ok_or(Fault::new("the Content-Type has no boundary, or none that may be one"))?;
        let delimiter = format!("--{boundary}");
        // Nothing stands before the first delimiter but, from some senders, an empty line.
        let offset = if body.starts_with(CRLF) { CRLF.len() } else { 0 };
        if !body[offset..].starts_with(delimiter.as_bytes()) {
            return Err(Fault::at(offset, "the body does not begin with the boundary"));
        }
        let behind = offset + delimiter.len();
        let delimiter = memmem::Finder::new(&delimiter).into_owned();
        let mut parts = Self { body, delimiter, next: None };
        parts.next = parts.after_delimiter(behind)?;
        Ok(parts)
    }

    /// Where the part behind a delimiter begins that ends at `position`; none where it was the closing one.
    fn after_delimiter(&self, position: usize) -> Result<Option<usize>, Fault> {
        match &self.body[position..] {
            [b'\r', b'\n', ..] => Ok(Some(position + 2)),
            b"--" | b"--\r\n" => Ok(None),
            [b'-', b'-', ..] => Err(Fault::at(position + 2, "there is more behind the closing boundary")),
            _ => Err(Fault::at(position, "a boundary is not followed by the end of its line")),
        }
    }

    /// The part that begins at `position`; the next one is put in its place.
    fn part(&mut self, position: usize) -> Result<Part<'d>, Fault> {
        let Some(length) = self.delimiter.find(&self.body[position..]) else {
            return Err(Fault::at(self.body.len(), "the closing boundary is missing"));
        };
        let part = self.body[position..position + length]
            .strip_suffix(CRLF)
            .ok_or(Fault::at(position + length, "the boundary stands within a part"))?;
        let (head, content) = match memmem::find(part, b"\r\n\r\n") {
            _ if part.starts_with(CRLF) => (&part[..0], &part[CRLF.len()..]),
            Some(end) => (&part[..end], &part[end + 4..]),
            None => return Err(Fault::at(position, "the head of a part does not end")),
        };
        self.next = self.after_delimiter(position + length + self.delimiter.needle().len())?;
        Ok(Part { position, head, content })
    }
}

impl<'d> Iterator for Parts<'d> {
    type Item = Result<Part<'d>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let position = self.next.take()?;
        Some(self.part(position))
    }
}

const CRLF: &[u8] = b"\r\n";

/// Whether a boundary is one by RFC 2046.
fn is_boundary(boundary: &str) -> bool {
    !boundary.is_empty()
        && boundary.len() <= MAX_BOUNDARY
        && !boundary.ends_with(' ')
        && boundary.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte))
}
