//! The framing of a chunked body, judged as its bytes arrive. Bodies of requests are judged before Pingora's parser,
//! which forgives more than two readers can agree on: a chunk without a size is the last one to it, and a bare line feed
//! belongs to a chunk's extension and not to its end. Bodies of answers are taken out of their chunks here.

use bytes::{Buf as _, Bytes, BytesMut};

/// More hex digits than any limit needs, and as many as fit every integer that a size is read into.
const MAX_SIZE_DIGITS: u8 = 15;
/// Extensions of a chunk, in bytes, and all trailers together.
const MAX_IGNORED_BYTES: usize = 8 * 1024;

/// Where in the grammar of RFC 9112, section 7.1, a body is.
#[derive(Debug)]
pub(crate) struct ChunkScanner {
    state: State,
    size: u64,
    digits: u8,
    ignored: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    TrailerStart,
    Trailer,
    TrailerLineFeed,
    LastLineFeed,
    Over,
}

/// The chunks are not as they must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunks of the body are malformed")]
pub(crate) struct MalformedChunks;

impl ChunkScanner {
    /// At the start of a body.
    pub(crate) fn new() -> Self {
        Self { state: State::Size, size: 0, digits: 0, ignored: 0 }
    }

    /// Judges the next bytes. Those after the end belong to the next request and are not judged.
    pub(crate) fn scan(&mut self, mut bytes: &[u8]) -> Result<(), MalformedChunks> {
        while let [byte, rest @ ..] = bytes {
            bytes = match self.state {
                State::Over => return Ok(()),
                State::Data => self.skip_data(bytes),
                _ => {
                    self.state = self.step(*byte)?;
                    rest
                }
            };
        }
        Ok(())
    }

    /// Takes the next bytes of data out of what has arrived, never none of them; none where there are no more yet, or
    /// the body is over. What follows the body stays.
    pub(crate) fn next_data(&mut self, bytes: &mut BytesMut) -> Result<Option<Bytes>, MalformedChunks> {
        while !self.is_over()
            && let Some(byte) = bytes.first()
        {
            if self.state == State::Data {
                let here = self.pass_data(bytes.len());
                return Ok(Some(bytes.split_to(here).freeze()));
            }
            self.state = self.step(*byte)?;
            bytes.advance(1);
        }
        Ok(None)
    }

    /// Whether all of the body has been given.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    fn skip_data<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.pass_data(bytes.len())..]
    }

    /// How many of so many bytes are data of this chunk.
    fn pass_data(&mut self, bytes: usize) -> usize {
        let here = usize::try_from(self.size).map_or(bytes, |size| size.min(bytes));
        self.size -= here as u64;
        if self.size == 0 {
            self.state = State::DataReturn;
        }
        here
    }

    fn step(&mut self, byte: u8) -> Result<State, MalformedChunks> {
        match (self.state, byte) {
            (State::Size, _) if byte.is_ascii_hexdigit() && self.digits < MAX_SIZE_DIGITS => {
                let digit = char::from(byte).to_digit(16).ok_or(MalformedChunks)?;
                self.size = self.size << 4 | u64::from(digit);
                self.digits += 1;
                Ok(State::Size)
            }
            (State::Size, b';' | b' ' | b'\t') if self.digits > 0 => Ok(State::Extension),
            (State::Size, b'\r') if self.digits > 0 => Ok(State::SizeLineFeed),
            (State::Extension, b'\r') => Ok(State::SizeLineFeed),
            (State::Extension, _) => self.ignore(byte, State::Extension),
            (State::SizeLineFeed, b'\n') => {
                self.digits = 0;
                Ok(if self.size == 0 { State::TrailerStart } else { State::Data })
            }
            (State::DataReturn, b'\r') => Ok(State::DataLineFeed),
            (State::DataLineFeed, b'\n') => {
                self.ignored = 0;
                Ok(State::Size)
            }
            (State::TrailerStart, b'\r') => Ok(State::LastLineFeed),
            (State::Trailer, b'\r') => Ok(State::TrailerLineFeed),
            (State::TrailerStart | State::Trailer, _) => self.ignore(byte, State::Trailer),
            (State::TrailerLineFeed, b'\n') => Ok(State::TrailerStart),
            (State::LastLineFeed, b'\n') => Ok(State::Over),
            _ => Err(MalformedChunks),
        }
    }

    /// Nobody reads these, so it only matters where they end, and that they do.
    fn ignore(&mut self, byte: u8, next: State) -> Result<State, MalformedChunks> {
        self.ignored += 1;
        let harmless = !byte.is_ascii_control() || byte == b'\t';
        if harmless && self.ignored <= MAX_IGNORED_BYTES { Ok(next) } else { Err(MalformedChunks) }
    }
}

#[cfg(test)]
mod tests;
