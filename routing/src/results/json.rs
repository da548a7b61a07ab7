//! Reading a few values out of a JSON document, without building a tree.
//!
//! **On the way** to a value, objects and arrays are read exactly as JSON has them, every key is compared, and a second
//! one of the same name is refused. **Beside the way**, values are skipped: that asks no more of them than what keeps
//! every reader's string borders and brackets where ours are ([`cursor`]).
//!
//! One pass, whatever the number of paths. Nothing recurses over the document: the readers below call each other only
//! along a path, which has at most [`MAX_REFERENCE_STEPS`](crate::reference::MAX_REFERENCE_STEPS) steps.

use std::{borrow::Cow, str};

use self::cursor::{Cursor, Raw};
use super::{
    found::{Fault, Found, Read},
    likeness::{self, Likeness},
    paths::{Met, PathSet, Paths, step},
};
use crate::reference::{Step, unescape, utf8};

mod cursor;
#[cfg(feature = "fuzzing")]
pub(super) mod fuzzing;
mod skip;
#[cfg(any(test, feature = "fuzzing"))]
mod spec;
#[cfg(test)]
mod tests;

/// Reads the values at `paths` into the same places of `read`; places without a path stay as they are. A fault of the
/// document is an error; one that only some paths meet stands in their places.
pub(super) fn read<'d>(document: &'d [u8], paths: &Paths<'_>, read: &mut [Read<'d>]) -> Result<(), Fault> {
    let mut reader = Reader { cursor: Cursor::new(document), paths, read };
    reader.cursor.skip_white_space();
    reader.value(PathSet::all(paths), 0)?;
    reader.cursor.skip_white_space();
    match reader.cursor.peek() {
        None => Ok(()),
        Some(_) => Err(reader.cursor.fault("there is more behind the end of the JSON document")),
    }
}

struct Reader<'d, 'p, 'r> {
    cursor: Cursor<'d>,
    paths: &'r Paths<'p>,
    read: &'r mut [Read<'d>],
}

impl<'d> Reader<'d, '_, '_> {
    /// A value that the `active` paths lead to with their first `depth` steps.
    fn value(&mut self, active: PathSet, depth: usize) -> Result<(), Fault> {
        if active.is_empty() {
            return self.cursor.skip_value();
        }
        let ending = active.ending(self.paths, depth);
        match self.cursor.peek() {
            Some(b'{') => match active.to_member(self.paths, depth) {
                inside if inside.is_empty() => self.cursor.skip_value(),
                inside => self.object(inside, depth),
            },
            Some(b'[') => match active.to_element(self.paths, depth) {
                inside if inside.is_empty() => self.cursor.skip_value(),
                inside => self.array(inside, depth),
            },
            Some(b'"') => {
                let start = self.cursor.position() + 1;
                let text = text(self.cursor.string()?, start)?;
                self.answer(ending, &Found::String(text));
                Ok(())
            }
            _ => {
                let found = self.literal()?;
                self.answer(ending, &found);
                Ok(())
            }
        }
    }

    fn object(&mut self, active: PathSet, depth: usize) -> Result<(), Fault> {
        let mut object = Object {
            active,
            depth,
            wanted: Wanted::of(active.iter().filter_map(|place| key(self.paths, place, depth))),
            met: Met::default(),
        };
        self.cursor.open();
        if self.cursor.close(b'}') {
            return Ok(());
        }
        loop {
            let start = self.cursor.position();
            if self.cursor.peek() != Some(b'"') {
                return Err(self.cursor.fault("an object's key is missing or not in double quotes"));
            }
            let name = self.cursor.string()?;
            let on = self.meet(&mut object, name, start)?;
            self.cursor.skip_white_space();
            if !self.cursor.take(b':') {
                return Err(self.cursor.fault("an object's key is not followed by a colon"));
            }
            self.cursor.skip_white_space();
            self.value(on, depth + 1)?;
            self.cursor.skip_white_space();
            if self.cursor.close(b'}') {
                return Ok(());
            }
            if !self.cursor.take(b',') {
                return Err(self.cursor.fault("an object's member is not followed by a comma or the end"));
            }
            self.cursor.skip_white_space();
        }
    }

    fn array(&mut self, active: PathSet, depth: usize) -> Result<(), Fault> {
        self.cursor.open();
        if self.cursor.close(b']') {
            return Ok(());
        }
        let mut index = 0;
        loop {
            let here = active.filter(|place| match step(self.paths, place, depth) {
                Some(Step::Index(wanted)) => usize::try_from(*wanted) == Ok(index),
                _ => false,
            });
            self.value(here, depth + 1)?;
            self.cursor.skip_white_space();
            if self.cursor.close(b']') {
                return Ok(());
            }
            if !self.cursor.take(b',') {
                return Err(self.cursor.fault("an array's element is not followed by a comma or the end"));
            }
            self.cursor.skip_white_space();
            index += 1;
        }
    }

    /// Meets a key of an object on the way, which begins at `start`: the paths that lead on through it.
    fn meet(&mut self, object: &mut Object, name: Raw<'_>, start: usize) -> Result<PathSet, Fault> {
        let Object { active, depth, wanted, met } = object;
        let key = |place| key(self.paths, place, *depth);
        let meeting = match wanted.compare(name) {
            Comparison::Different => return Ok(PathSet::default()),
            Comparison::Plain => met.meet(*active, |place| {
                key(place).map_or(Likeness::Different, |wanted| {
                    likeness::of_plain_keys(wanted.as_bytes(), name.bytes)
                })
            }),
            Comparison::Any => {
                let name = text(name, start + 1)?;
                met.meet(*active, |place| {
                    key(place).map_or(Likeness::Different, |wanted| likeness::of_keys(wanted, &name))
                })
            }
        };
        for place in meeting.twice.iter() {
            self.read[place] = Err(Fault::at(start, "its object has this key twice, or alike but for case"));
        }
        Ok(meeting.on)
    }

    /// A number, a boolean or `null` that is read.
    fn literal(&mut self) -> Result<Found<'d>, Fault> {
        let start = self.cursor.position();
        match self.cursor.word()? {
            b"null" => Ok(Found::Nothing),
            b"true" => Ok(Found::Literal("true".into())),
            b"false" => Ok(Found::Literal("false".into())),
            word if is_number(word) => {
                let text = str::from_utf8(word).map_err(|_| Fault::at(start, NOT_A_VALUE))?;
                Ok(Found::Literal(text.into()))
            }
            _ => Err(Fault::at(start, NOT_A_VALUE)),
        }
    }

    fn answer(&mut self, places: PathSet, found: &Found<'d>) {
        for place in places.iter() {
            self.read[place] = Ok(found.clone());
        }
    }
}

/// The text of a string that is read and has its first character at `start`: a key on the way, or a value at its end.
fn text(Raw { bytes, is_escaped }: Raw<'_>, start: usize) -> Result<Cow<'_, str>, Fault> {
    let text = if is_escaped { unescape(bytes) } else { utf8(bytes).map(Cow::Borrowed) };
    text.map_err(|error| Fault::at(start + error.offset, error.reason))
}

/// The key that the path at `place` wants of an object that its first `depth` steps lead to.
fn key<'p>(paths: &Paths<'p>, place: usize, depth: usize) -> Option<&'p str> {
    match step(paths, place, depth)? {
        Step::Key(wanted) => Some(wanted),
        Step::Index(_) => None,
    }
}

/// An object on the way, and what was met in it.
struct Object {
    /// The paths that lead into it, with so many steps.
    active: PathSet,
    depth: usize,
    wanted: Wanted,
    met: Met,
}

/// What is wanted of an object: most other keys are told from that by their lengths alone.
struct Wanted {
    lengths: u64,
    are_plain: bool,
}

/// What it takes to compare a key with the wanted ones.
enum Comparison {
    /// It is another one for sure.
    Different,
    /// It is plain, and so are they.
    Plain,
    /// Nothing is known of it.
    Any,
}

impl Wanted {
    fn of<'p>(keys: impl Iterator<Item = &'p str>) -> Self {
        let nothing = Self { lengths: 0, are_plain: true };
        keys.fold(nothing, |wanted, key| Self {
            lengths: wanted.lengths | Self::bit(key.len()),
            are_plain: wanted.are_plain && likeness::is_plain(key),
        })
    }

    /// Without escapes a key holds no NUL, so that ASCII is plain; plain ones of different lengths are never alike.
    fn compare(&self, Raw { bytes, is_escaped }: Raw<'_>) -> Comparison {
        if !self.are_plain || is_escaped || !bytes.is_ascii() {
            Comparison::Any
        } else if self.lengths & Self::bit(bytes.len()) == 0 {
            Comparison::Different
        } else {
            Comparison::Plain
        }
    }

    /// One bit for many lengths, which only lets more keys be compared.
    fn bit(length: usize) -> u64 {
        1 << (length % 64)
    }
}

const NOT_A_VALUE: &str =
    "a value is neither a string nor a number, true, false, null, an object or an array";

/// Whether a word is a number as JSON writes it.
fn is_number(word: &[u8]) -> bool {
    let unsigned = word.strip_prefix(b"-").unwrap_or(word);
    let (integer, rest) = digits(unsigned);
    if integer.is_empty() || (integer.len() > 1 && integer[0] == b'0') {
        return false;
    }
    let rest = match rest {
        [b'.', rest @ ..] => match digits(rest) {
            ([], _) => return false,
            (_, rest) => rest,
        },
        _ => rest,
    };
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            matches!(digits(exponent), ([_, ..], []))
        }
        _ => false,
    }
}

/// The leading digits, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}
