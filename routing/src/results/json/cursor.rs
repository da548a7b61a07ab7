//! Stepping through the bytes of a JSON document, and skipping what is not read.
//!
//! In what is skipped, brackets balance, strings hold no raw control byte, and outside strings only white space,
//! `{}[]:,` and `[A-Za-z0-9+.-]` appear. So no reader with a laxer grammar (single quotes, comments, bare keys with
//! quotes in them) sees other string borders than we do. Numbers and words are not judged further.
//!
//! Containers are skipped fast by [`skip`](super::skip). Strings that are read, and strings and words beside them, are
//! mostly short: they are read here.

use super::{super::found::Fault, skip::Skipper};
use crate::reference::MAX_REFERENCE_STEPS;

/// The deepest that containers may stand in each other.
const MAX_DEPTH: usize = 128;
const TOO_DEEP: &str = "JSON is deeper than 128";
const TRUNCATED: &str = "the JSON document ends too early";

/// What stands between the quotes of a string. It holds no control byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw<'d> {
    pub(super) bytes: &'d [u8],
    /// Whether there is a backslash in it.
    pub(super) is_escaped: bool,
}

/// A place in a document.
pub(super) struct Cursor<'d> {
    document: &'d [u8],
    position: usize,
    /// How many containers are open around it.
    depth: usize,
    skipper: Skipper,
}

impl<'d> Cursor<'d> {
    pub(super) fn new(document: &'d [u8]) -> Self {
        Self { document, position: 0, depth: 0, skipper: Skipper::new() }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The next byte.
    pub(super) fn peek(&self) -> Option<u8> {
        self.document.get(self.position).copied()
    }

    /// Steps over `byte`, if it comes next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    #[inline]
    pub(super) fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.position += 1;
        }
    }

    /// Steps into the container that begins here, and over the white space behind its bracket. A path led here, so it
    /// is not too deep.
    pub(super) fn open(&mut self) {
        const { assert!(MAX_REFERENCE_STEPS <= MAX_DEPTH, "a path could lead too deep") };
        self.depth += 1;
        self.position += 1;
        self.skip_white_space();
    }

    /// Steps out of a container, if its closing `bracket` comes next.
    pub(super) fn close(&mut self, bracket: u8) -> bool {
        let closes = self.take(bracket);
        self.depth -= usize::from(closes);
        closes
    }

    /// Steps over the string that begins here. What stands between its quotes, escapes unchecked but for what
    /// [`skip_value`](Self::skip_value) checks.
    pub(super) fn string(&mut self) -> Result<Raw<'d>, Fault> {
        let start = self.position + 1;
        let (end, is_escaped) = string_end(self.document, start)?;
        self.position = end;
        Ok(Raw { bytes: &self.document[start..end - 1], is_escaped })
    }

    /// Steps over a word: a run of the bytes that numbers, `true`, `false` and `null` consist of.
    pub(super) fn word(&mut self) -> Result<&'d [u8], Fault> {
        let start = self.position;
        while self.peek().is_some_and(|byte| CLASSES[usize::from(byte)] == Class::Word) {
            self.position += 1;
        }
        if start == self.position {
            return Err(self.fault(if self.peek().is_none() { TRUNCATED } else { "a value is missing" }));
        }
        Ok(&self.document[start..self.position])
    }

    /// Steps over the value that begins here, whatever it is.
    pub(super) fn skip_value(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{' | b'[') => self.skip_container(),
            _ => self.word().map(drop),
        }
    }

    /// Steps over the container that begins here, fast where it is as it has to be, and byte by byte to find out what is
    /// wrong with it.
    fn skip_container(&mut self) -> Result<(), Fault> {
        let room = MAX_DEPTH - self.depth;
        self.position = match self.skipper.container(&self.document[self.position..], room) {
            Some(length) => self.position + length,
            None => container_end(self.document, self.position, room)?,
        };
        Ok(())
    }

    /// A fault here.
    pub(super) fn fault(&self, reason: &'static str) -> Fault {
        match self.peek() {
            Some(_) => Fault::at(self.position, reason),
            None => Fault::at(self.position, TRUNCATED),
        }
    }
}

/// Where the container that begins at `start` is over: behind its closing bracket. At most `room` containers may stand in
/// each other. Without recursion: the open brackets are bits, an object's set.
pub(super) fn container_end(document: &[u8], start: usize, room: usize) -> Result<usize, Fault> {
    let (mut open, mut objects) = (0, 0_u128);
    let mut position = start;
    loop {
        position += document[position..].iter().take_while(|byte| class(**byte) <= Class::Plain).count();
        let Some(byte) = document.get(position) else {
            return Err(Fault::at(position, TRUNCATED));
        };
        match class(*byte) {
            Class::Quote => {
                (position, _) = string_end(document, position + 1)?;
                continue;
            }
            Class::Open => {
                if open == room {
                    return Err(Fault::at(position, TOO_DEEP));
                }
                open += 1;
                objects = objects << 1 | u128::from(*byte == b'{');
            }
            Class::Close => {
                if (objects & 1 == 1) != (*byte == b'}') {
                    return Err(Fault::at(position, "brackets do not balance"));
                }
                open -= 1;
                objects >>= 1;
                if open == 0 {
                    return Ok(position + 1);
                }
            }
            Class::Word | Class::Plain | Class::Other => {
                return Err(Fault::at(
                    position,
                    "a byte that JSON has only in strings stands outside of them",
                ));
            }
        }
        position += 1;
    }
}

/// Where the string that has its first character at `start` is over: behind its closing quote. And whether there is a
/// backslash in it.
fn string_end(document: &[u8], start: usize) -> Result<(usize, bool), Fault> {
    let (mut position, mut is_escaped) = (start, false);
    loop {
        position += ordinary(&document[position..]);
        match document.get(position) {
            Some(b'"') => return Ok((position + 1, is_escaped)),
            Some(b'\\') => {
                position += escape(&document[position..]).ok_or(Fault::at(position, BAD_ESCAPE))?;
                is_escaped = true;
            }
            Some(_) => return Err(Fault::at(position, "a control character stands unescaped in a string")),
            None => return Err(Fault::at(position, TRUNCATED)),
        }
    }
}

const BAD_ESCAPE: &str = "a string holds a broken escape";

/// The length of the escape at the start of `text`. Which letter it has is of no concern here, but a `\u` needs its
/// four digits: some readers step over four bytes unseen, and would miss a quote among them.
fn escape(text: &[u8]) -> Option<usize> {
    match text.get(1)? {
        b'u' => text.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        byte => (*byte >= b' ').then_some(2),
    }
}

/// How many bytes there are before the first quote, backslash or control byte. Most strings are short: eight bytes at a
/// time find their end soonest. Past that a block at a time, in a loop that compilers turn into vector instructions.
fn ordinary(text: &[u8]) -> usize {
    const BLOCK: usize = 64;
    const SHORT: usize = 24;
    let start = match first_special(&text[..text.len().min(SHORT)]) {
        Some(position) => return position,
        None => text.len().min(SHORT),
    };
    let (blocks, _) = text[start..].as_chunks::<BLOCK>();
    let ordinary_blocks = blocks.iter().take_while(|block| !has_special(block)).count();
    let rest = start + ordinary_blocks * BLOCK;
    first_special(&text[rest..]).map_or(text.len(), |position| rest + position)
}

/// Whether a block holds a quote, a backslash or a control byte.
fn has_special(block: &[u8; 64]) -> bool {
    block.iter().fold(false, |special, byte| special | (*byte < b' ') | (*byte == b'"') | (*byte == b'\\'))
}

/// Where the first quote, backslash or control byte is.
fn first_special(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return Some(index * 8 + special.trailing_zeros() as usize / 8);
        }
    }
    let position = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
    Some(words.len() * 8 + position)
}

/// The top bit of the first byte that is a quote, a backslash or a control byte, counted from the lowest; those of
/// later bytes may be wrong, because a subtraction borrows.
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const TOPS: u64 = ONES << 7;
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) & TOPS
}

/// What a byte outside strings is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Part of a number or of a word.
    Word,
    /// White space, colon, comma.
    Plain,
    Quote,
    Open,
    Close,
    /// Nothing that JSON has there.
    Other,
}

fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

static CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < classes.len() {
        #[expect(clippy::cast_possible_truncation, reason = "the table has 256 places")]
        let class = match byte as u8 {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'.' | b'-' => Class::Word,
            b' ' | b'\t' | b'\n' | b'\r' | b':' | b',' => Class::Plain,
            b'"' => Class::Quote,
            b'{' | b'[' => Class::Open,
            b'}' | b']' => Class::Close,
            _ => Class::Other,
        };
        classes[byte] = class;
        byte += 1;
    }
    classes
}
