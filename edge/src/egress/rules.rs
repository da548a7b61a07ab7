//! Which addresses may be dialled, whoever asks.

use std::{
    fmt, iter,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::config::Egress as Policy;

/// What is wrong with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// An address that clouds serve machine credentials at, outside the link-local ranges.
    CloudMetadata,
    /// `0.0.0.0/8`, `::`.
    Unspecified,
    /// `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// A port that we listen on.
    OwnListener,
    /// Private, loopback or otherwise not routed on the internet, where only public addresses may be dialled.
    NotPublic,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LinkLocal => "link-local",
            Self::CloudMetadata => "a cloud's metadata service",
            Self::Unspecified => "unspecified",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::OwnListener => "one of our own listeners",
            Self::NotPublic => "not public",
        })
    }
}

/// Judges an address under all its readings.
pub(super) fn check(ip: IpAddr, policy: Policy) -> Result<(), Forbidden> {
    readings(ip).try_for_each(|reading| match reading {
        IpAddr::V4(ip) => check_v4(ip, policy),
        IpAddr::V6(ip) => check_v6(ip, policy),
    })
}

/// The v4 address that this one carries, where it is a v6 address of a kind that translators and tunnels turn into v4,
/// and the address itself: what is refused as v4 must not be reached through those.
pub(super) fn readings(ip: IpAddr) -> impl Iterator<Item = IpAddr> {
    let carried = match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(ip) => carried_v4(ip),
    };
    carried.map(IpAddr::V4).into_iter().chain(iter::once(ip))
}

fn carried_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = ip.segments();
    let [.., a, b, c, d] = ip.octets();
    let last = Ipv4Addr::new(a, b, c, d);
    match segments {
        // `::` and `::1` are v6's own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // v4-compatible, v4-mapped, and SIIT's v4-translated.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Some(last),
        // NAT64: the well-known prefix, and the local-use one in its common form.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => Some(last),
        // 6to4.
        [0x2002, high, low, ..] => Some(from_segments(high, low)),
        // Teredo keeps the v4 address inverted.
        [0x2001, 0, .., high, low] => Some(from_segments(!high, !low)),
        _ => None,
    }
}

fn from_segments(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

fn check_v4(ip: Ipv4Addr, policy: Policy) -> Result<(), Forbidden> {
    match ip.octets() {
        [0, ..] => Err(Forbidden::Unspecified),
        [169, 254, ..] => Err(Forbidden::LinkLocal),
        [224..=239, ..] => Err(Forbidden::Multicast),
        [255, 255, 255, 255] => Err(Forbidden::Broadcast),
        // Alibaba Cloud, Oracle Cloud, Azure.
        [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16] => Err(Forbidden::CloudMetadata),
        _ if policy == Policy::Private => Ok(()),
        // Private use, shared by carriers, loopback.
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [127, ..] => {
            Err(Forbidden::NotPublic)
        }
        // Protocol assignments, documentation, 6to4 relays, benchmarks, reserved.
        [192, 0, 0 | 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [240..=255, ..] => Err(Forbidden::NotPublic),
        _ => Ok(()),
    }
}

fn check_v6(ip: Ipv6Addr, policy: Policy) -> Result<(), Forbidden> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Err(Forbidden::Unspecified),
        [0xfe80..=0xfebf, ..] => Err(Forbidden::LinkLocal),
        [0xff00..=0xffff, ..] => Err(Forbidden::Multicast),
        // AWS, Google Cloud.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => {
            Err(Forbidden::CloudMetadata)
        }
        _ if policy == Policy::Private => Ok(()),
        // NAT64's well-known prefix and v4-mapped addresses are as public as the v4 address that they carry.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0xffff, ..] => Ok(()),
        // Documentation, and the special-purpose block with Teredo, ORCHID and benchmarks.
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] | [0x2001, 0..=0x1ff, ..] => Err(Forbidden::NotPublic),
        [0x2002, ..] => Ok(()),
        // Global unicast.
        [0x2000..=0x3fff, ..] => Ok(()),
        // Loopback, unique local, site-local, discard, all that is not assigned.
        _ => Err(Forbidden::NotPublic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(ip: &str, policy: Policy) -> Option<Forbidden> {
        check(ip.parse().unwrap(), policy).err()
    }

    #[test]
    fn some_addresses_are_never_dialled() {
        for (ip, reason) in [
            ("169.254.169.254", Forbidden::LinkLocal),
            ("169.254.0.1", Forbidden::LinkLocal),
            ("fe80::1", Forbidden::LinkLocal),
            ("febf:ffff::1", Forbidden::LinkLocal),
            ("0.0.0.0", Forbidden::Unspecified),
            ("0.1.2.3", Forbidden::Unspecified),
            ("::", Forbidden::Unspecified),
            ("224.0.0.1", Forbidden::Multicast),
            ("239.255.255.255", Forbidden::Multicast),
            ("ff02::1", Forbidden::Multicast),
            ("255.255.255.255", Forbidden::Broadcast),
            ("fd00:ec2::254", Forbidden::CloudMetadata),
            ("fd20:ce::254", Forbidden::CloudMetadata),
            ("100.100.100.200", Forbidden::CloudMetadata),
            ("192.0.0.192", Forbidden::CloudMetadata),
            ("168.63.129.16", Forbidden::CloudMetadata),
            // The same, carried by v6 addresses: mapped, compatible, NAT64, 6to4, translated, Teredo.
            ("::ffff:169.254.169.254", Forbidden::LinkLocal),
            ("::ffff:0.0.0.0", Forbidden::Unspecified),
            ("::169.254.169.254", Forbidden::LinkLocal),
            ("64:ff9b::169.254.169.254", Forbidden::LinkLocal),
            ("64:ff9b:1::169.254.169.254", Forbidden::LinkLocal),
            ("2002:a9fe:a9fe::1", Forbidden::LinkLocal),
            ("::ffff:0:169.254.169.254", Forbidden::LinkLocal),
            ("2001:0:4136:e378:8000:63bf:5601:5601", Forbidden::LinkLocal),
            ("64:ff9b::ffff:ffff", Forbidden::Broadcast),
        ] {
            for policy in [Policy::Private, Policy::Public] {
                assert_eq!(verdict(ip, policy), Some(reason), "{ip} under {policy:?}");
            }
        }
    }

    #[test]
    fn private_addresses_are_dialled_unless_only_public_ones_may_be() {
        for ip in [
            "127.0.0.1",
            "127.8.9.10",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "fc00::1",
            "fec0::1",
            "198.18.0.1",
            "203.0.113.7",
            "240.0.0.1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::10.0.0.1",
            "2002:7f00:1::1",
        ] {
            assert_eq!(verdict(ip, Policy::Private), None, "{ip}");
            assert_eq!(verdict(ip, Policy::Public), Some(Forbidden::NotPublic), "{ip}");
        }
    }

    #[test]
    fn public_addresses_are_dialled() {
        for ip in [
            "1.1.1.1",
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "192.169.0.1",
            "2606:4700:4700::1111",
            "2a00:1450:4001:800::200e",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ] {
            for policy in [Policy::Private, Policy::Public] {
                assert_eq!(verdict(ip, policy), None, "{ip} under {policy:?}");
            }
        }
    }
}
