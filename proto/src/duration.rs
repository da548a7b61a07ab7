//! Durations as messages hold them.

use std::time::Duration;

/// A duration of zero or more. None for anything else that a message can hold: a negative number of seconds, and
/// nanoseconds that are negative or a second and more.
///
/// Of use instead of `TryFrom`, which carries surplus nanoseconds over, and overflows on the lowest number of seconds.
#[must_use]
pub fn read(duration: prost_types::Duration) -> Option<Duration> {
    let nanos = u32::try_from(duration.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(duration.seconds).ok()?, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_durations_from_zero_on_are_read() {
        let read = |seconds, nanos| read(prost_types::Duration { seconds, nanos });
        assert_eq!(read(0, 0), Some(Duration::ZERO));
        assert_eq!(read(5, 999_999_999), Some(Duration::new(5, 999_999_999)));
        assert_eq!(read(i64::MAX, 0), Some(Duration::from_secs(i64::MAX.unsigned_abs())));
        for (seconds, nanos) in [
            (-1, 0),
            (0, -1),
            (1, -1),
            (-1, 1),
            (0, 1_000_000_000),
            (0, i32::MAX),
            (i64::MIN, 0),
            (i64::MIN, i32::MIN),
            (i64::MAX, i32::MAX),
        ] {
            assert_eq!(read(seconds, nanos), None, "{seconds} s, {nanos} ns");
        }
    }
}
