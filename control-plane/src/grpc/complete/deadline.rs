//! How long a caller waits for an answer.

use std::time::Duration;

use http::HeaderMap;

/// gRPC's header for it.
const HEADER: &str = "grpc-timeout";
/// tonic ends a call at the caller's deadline too, with a status that gives no reason. Ours comes first.
const AHEAD: Duration = Duration::from_millis(2);

/// The caller's, a moment early, where it is below `limit`.
pub(super) fn of(headers: &HeaderMap, limit: Duration) -> Duration {
    let asked = headers.get(HEADER).and_then(|value| parse(value.to_str().ok()?));
    // A very short one is over before it can be told.
    asked.map_or(limit, |asked| limit.min(asked.checked_sub(AHEAD).unwrap_or(asked)))
}

/// At most 8 digits and a unit. None for anything else, which is ignored, as tonic does.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_timeouts_count() {
        assert_eq!(parse("5S"), Some(Duration::from_secs(5)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        assert_eq!(parse("1n"), Some(Duration::from_nanos(1)));
        for text in ["", "S", "5", "5s", "-5S", "+5S", "123456789S", "5é", " 5S", "5.0S"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_shorter_one_counts() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, text.parse().unwrap());
            super::of(&headers, Duration::from_secs(10))
        };
        assert_eq!(of("60S"), Duration::from_secs(10));
        assert_eq!(of("1S"), Duration::from_millis(998));
        assert_eq!(of("1n"), Duration::from_nanos(1));
        assert_eq!(of("nonsense"), Duration::from_secs(10));
    }
}
