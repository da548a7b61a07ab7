//! All ways of skipping against reading byte by byte.

use super::{super::cursor::container_end, Skipper};

/// Checks that each way ends the container at `start` where reading it byte by byte does, or leaves it, as all others do.
/// How many bytes it has; none where something is wrong with it or all leave it.
///
/// # Panics
///
/// Where that does not hold.
pub(in super::super) fn check(document: &[u8], start: usize, room: usize) -> Option<usize> {
    let slow = container_end(document, start, room).ok().map(|end| end - start);
    let fast = Skipper::all().map(|skipper| (skipper, skipper.container(&document[start..], room)));
    let fast: Vec<_> = fast.collect();
    for (skipper, skipped) in &fast {
        assert!(
            skipped.is_none() || *skipped == slow,
            "{skipper:?} skips {skipped:?} bytes instead of {slow:?} of {} from {start}",
            document.escape_ascii()
        );
        assert_eq!(*skipped, fast[0].1, "{skipper:?} of {} from {start}", document.escape_ascii());
    }
    fast[0].1
}
