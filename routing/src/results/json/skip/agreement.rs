//! All ways of skipping against reading byte by byte.

use std::fmt::Write;

use super::{super::cursor::container_end, BATCH, Skipper};

/// Checks that each way ends the container at `start` where reading it byte by byte does, or leaves it: by itself, and in
/// a long one, where brackets are looked at many at once. How many bytes it has; none where something is wrong with it, or
/// one of them leaves it.
///
/// # Panics
///
/// Where that does not hold.
pub(in super::super) fn check(document: &[u8], start: usize, room: usize) -> Option<usize> {
    let mut long = String::from("[");
    while long.len() < BATCH * 64 {
        let _ = write!(long, r#"{{"a":[{{}},[1]],"b":"]}}"}},{:1$}"#, "", start % 64);
    }
    let long = [long.as_bytes(), b"[{", &document[start..], b"}],{\"c\":[]}", &b" ".repeat(BATCH * 64), b"]"];
    agree(&long.concat(), 0, room);
    agree(document, start, room)
}

fn agree(document: &[u8], start: usize, room: usize) -> Option<usize> {
    let slow = container_end(document, start, room).ok().map(|end| end - start);
    Skipper::all().fold(slow, |all, skipper| {
        let skipped = skipper.container(&document[start..], room);
        assert!(
            skipped.is_none() || skipped == slow,
            "{skipper:?} skips {skipped:?} bytes instead of {slow:?} of {} from {start}",
            document.escape_ascii()
        );
        all.and(skipped)
    })
}
