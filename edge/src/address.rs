//! The address of whoever is at the other end of a connection.

use std::{fmt, io::Write as _, net::IpAddr};

/// As long as IPv6 addresses get, where none of them stands for one of IPv4.
const MOST_BYTES: usize = 39;

/// An IP address, and its text: a request is told by it several times, and a connection has many requests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Address {
    ip: IpAddr,
    text: [u8; MOST_BYTES],
    length: usize,
}

impl Address {
    /// The address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

impl From<IpAddr> for Address {
    /// An IPv4 address within IPv6 becomes what it stands for.
    fn from(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        let mut text = [0; MOST_BYTES];
        let mut rest = &mut text[..];
        // There is room for all of them.
        let _ = write!(rest, "{ip}");
        let length = MOST_BYTES - rest.len();
        Self { ip, text, length }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn every_address_has_room_for_its_text() {
        let longest = IpAddr::from([0xffff_u16; 8]);
        for ip in [IpAddr::from([0; 4]), IpAddr::from([255; 4]), Ipv6Addr::LOCALHOST.into(), longest] {
            assert_eq!(Address::from(ip).as_str(), ip.to_string());
        }
        assert_eq!(longest.to_string().len(), MOST_BYTES);
    }

    #[test]
    fn an_ipv4_address_within_ipv6_is_what_it_stands_for() {
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(Address::from(mapped).as_str(), "192.0.2.1");
        assert_eq!(Address::from(mapped), Address::from(IpAddr::from([192, 0, 2, 1])));
    }
}
