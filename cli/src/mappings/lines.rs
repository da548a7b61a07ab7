//! Lines of bounded length.

use std::io::{self, BufRead};

/// Reads lines, and counts them.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    /// The number of the last line that was read.
    pub(super) number: u64,
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Line,
    /// A line that was left out, but for what there was room for.
    TooLong,
    End,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, number: 0 }
    }

    /// Appends the next line, without its `\n`, to `buffer`, which grows to `limit` bytes at most. A byte order mark at the
    /// start is left out.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<Read> {
        const BOM: &[u8] = b"\xef\xbb\xbf";
        let start = buffer.len();
        let mut read = Read::End;
        loop {
            let bytes = match self.reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if bytes.is_empty() {
                break;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let line = &bytes[..end.unwrap_or(bytes.len())];
            let room = limit.saturating_sub(buffer.len());
            buffer.extend_from_slice(&line[..line.len().min(room)]);
            read = if read == Read::TooLong || line.len() > room { Read::TooLong } else { Read::Line };
            let used = line.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if read != Read::End {
            self.number += 1;
        }
        if self.number == 1 && buffer[start..].starts_with(BOM) {
            buffer.drain(start..start + BOM.len());
        }
        Ok(read)
    }
}
