//! Values with units, and addresses, as people write them.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;

/// The longest duration that a setting takes: a week.
const DURATION_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// The largest size that a setting takes: 1 TiB.
const SIZE_MAX: u64 = 1 << 40;

const SIZES: [(&str, u64); 5] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1), ("", 1)];
const DURATIONS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// The longest lifetime: ten years of 366 days.
const LIFETIME_MAX: Duration = Duration::from_secs(10 * 366 * DAY_SECONDS);
const DAY_SECONDS: u64 = 24 * 3600;
const LIFETIMES: [(&str, u64); 5] =
    [("s", 1), ("m", 60), ("h", 3_600), ("d", DAY_SECONDS), ("w", 7 * DAY_SECONDS)];

/// A value that is not written as it should be. clap shows it behind the flag and the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnitError {
    #[error("write a size as 6MiB, 64KiB or a number of bytes")]
    Size,
    #[error("a size of 0 would let nothing through")]
    SizeZero,
    #[error("a size is at most 1024GiB")]
    SizeTooLarge,
    #[error("write a duration as 5s, 500ms, 2m or 1h")]
    Duration,
    #[error("a duration of 0 would let nothing through")]
    DurationZero,
    #[error("a duration is at most 168h")]
    DurationTooLong,
    #[error("write a lifetime as 90d, 12w, 24h, 30m or 45s")]
    Lifetime,
    #[error("a lifetime is between 1s and 3660d")]
    LifetimeRange,
    #[error("write an address as 127.0.0.1:8080 or [::1]:8080, with port 0 for any free port")]
    Address,
    #[error("write a network as 10.0.0.0/8 or 192.0.2.7")]
    Network,
}

/// A number of bytes, more than 0.
pub(crate) fn size(text: &str) -> Result<usize, UnitError> {
    let (number, factor) = split(text, &SIZES).ok_or(UnitError::Size)?;
    match number.checked_mul(factor) {
        Some(0) => Err(UnitError::SizeZero),
        Some(bytes) if bytes <= SIZE_MAX => usize::try_from(bytes).map_err(|_| UnitError::SizeTooLarge),
        _ => Err(UnitError::SizeTooLarge),
    }
}

/// For how long something is good, more than 0.
pub(crate) fn lifetime(text: &str) -> Result<Duration, UnitError> {
    let (number, factor) = split(text, &LIFETIMES).ok_or(UnitError::Lifetime)?;
    let lifetime = number.checked_mul(factor).map(Duration::from_secs);
    lifetime
        .filter(|lifetime| !lifetime.is_zero() && *lifetime <= LIFETIME_MAX)
        .ok_or(UnitError::LifetimeRange)
}

/// A duration, more than 0.
pub(crate) fn duration(text: &str) -> Result<Duration, UnitError> {
    match duration_or_zero(text)? {
        Duration::ZERO => Err(UnitError::DurationZero),
        duration => Ok(duration),
    }
}

/// A duration, which may be 0.
pub(crate) fn duration_or_zero(text: &str) -> Result<Duration, UnitError> {
    let (number, factor) = split(text, &DURATIONS).ok_or(UnitError::Duration)?;
    let duration = number.checked_mul(factor).map(Duration::from_millis).ok_or(UnitError::DurationTooLong)?;
    if duration <= DURATION_MAX { Ok(duration) } else { Err(UnitError::DurationTooLong) }
}

/// A duration as [`duration`] reads it.
pub(crate) fn duration_text(duration: Duration) -> String {
    let ms = duration.as_millis();
    let (unit, factor) = [("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
        .into_iter()
        .find(|(_, factor)| ms.is_multiple_of(*factor))
        .unwrap_or(("ms", 1));
    format!("{}{unit}", ms / factor)
}

/// An address to listen on.
pub(crate) fn address(text: &str) -> Result<SocketAddr, UnitError> {
    text.parse().map_err(|_| UnitError::Address)
}

/// A network, or one address.
pub(crate) fn network(text: &str) -> Result<IpNet, UnitError> {
    match text.parse::<IpNet>() {
        Ok(network) => Ok(network.trunc()),
        Err(_) => text.parse::<IpAddr>().map(IpNet::from).map_err(|_| UnitError::Network),
    }
}

fn split(text: &str, units: &[(&str, u64)]) -> Option<(u64, u64)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    // Only digits that do not fit can fail here, and those are too many of any unit.
    (!number.is_empty()).then(|| (number.parse().unwrap_or(u64::MAX), *factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("6MiB"), Ok(6 * 1024 * 1024));
        assert_eq!(size("64KiB"), Ok(65536));
        assert_eq!(size("2GiB"), Ok(2 << 30));
        assert_eq!(size("100"), Ok(100));
        assert_eq!(size("100B"), Ok(100));
        for text in ["", "MiB", "6 MiB", "6mib", "6MB", "-1", "1.5MiB", "0x10"] {
            assert_eq!(size(text), Err(UnitError::Size), "{text}");
        }
        assert_eq!(size("0"), Err(UnitError::SizeZero));
        assert_eq!(size("99999999999999999999999GiB"), Err(UnitError::SizeTooLarge));
        assert_eq!(size("1025GiB"), Err(UnitError::SizeTooLarge));
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        for text in ["", "5", "s", "5 s", "-5s", "1m30s", "5S"] {
            assert_eq!(duration(text), Err(UnitError::Duration), "{text}");
        }
        for text in ["5s", "500ms", "2m", "1h", "90s", "1500ms"] {
            assert_eq!(duration_text(duration(text).expect("a duration")), text);
        }
        assert_eq!(duration("0s"), Err(UnitError::DurationZero));
        assert_eq!(duration_or_zero("0s"), Ok(Duration::ZERO));
        assert_eq!(duration("169h"), Err(UnitError::DurationTooLong));
        assert_eq!(duration("99999999999999999999999h"), Err(UnitError::DurationTooLong));
    }

    #[test]
    fn networks_can_be_single_addresses() {
        assert_eq!(network("10.1.2.3/8").map(|net| net.to_string()), Ok("10.0.0.0/8".to_owned()));
        assert_eq!(network("192.0.2.7").map(|net| net.to_string()), Ok("192.0.2.7/32".to_owned()));
        assert_eq!(network("::1").map(|net| net.to_string()), Ok("::1/128".to_owned()));
        assert_eq!(network("example.com"), Err(UnitError::Network));
    }

    #[test]
    fn addresses_have_a_port() {
        assert!(address("127.0.0.1:0").is_ok());
        assert_eq!(address("localhost:80"), Err(UnitError::Address));
        assert_eq!(address(":80"), Err(UnitError::Address));
    }
}
