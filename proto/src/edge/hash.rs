//! The hash over a configuration: control plane and edges compare it to notice a change that was lost.
//!
//! Each resource counts as the first half of `SHA-256(name ‖ 0x00 ‖ revision as 8 bytes big-endian ‖ body)`, and a
//! configuration as the sum of its resources modulo 2^128. A sum knows no order and can be kept up to date: whoever
//! remembers what each resource counts for adds the new one and subtracts the old one. On the wire it is 16 bytes,
//! big-endian.

use std::{
    fmt,
    iter::Sum,
    ops::{AddAssign, SubAssign},
};

use sha2::{Digest as _, Sha256};

use super::v1::Resource;

/// The hash of a resource or of a whole configuration, which are the same thing: a configuration is a sum of resources,
/// and one that holds nothing is [`ConfigHash::default`].
// Bytes and not a `u128`: the control plane and edges keep one for each of a million resources, and a `u128` is aligned
// to 16 bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ConfigHash([u8; 16]);

impl ConfigHash {
    /// What one resource counts for. Names hold no NUL, so that no two resources hash the same bytes.
    #[must_use]
    pub fn of(name: &str, revision: i64, body: &[u8]) -> Self {
        let digest = Sha256::new()
            .chain_update(name)
            .chain_update([0])
            .chain_update(revision.to_be_bytes())
            .chain_update(body)
            .finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(half)
    }

    /// Reads the wire form; `None` where it is not 16 bytes.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The wire form.
    #[must_use]
    pub fn to_wire(self) -> bytes::Bytes {
        bytes::Bytes::copy_from_slice(&self.0)
    }

    fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

/// As it is kept elsewhere.
impl From<ConfigHash> for [u8; 16] {
    fn from(hash: ConfigHash) -> Self {
        hash.0
    }
}

/// As it was kept elsewhere.
impl From<[u8; 16]> for ConfigHash {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl From<&Resource> for ConfigHash {
    fn from(resource: &Resource) -> Self {
        Self::of(&resource.name, resource.revision, &resource.body)
    }
}

/// A resource comes in.
impl AddAssign for ConfigHash {
    fn add_assign(&mut self, resource: Self) {
        self.0 = self.number().wrapping_add(resource.number()).to_be_bytes();
    }
}

/// A resource goes.
impl SubAssign for ConfigHash {
    fn sub_assign(&mut self, resource: Self) {
        self.0 = self.number().wrapping_sub(resource.number()).to_be_bytes();
    }
}

impl Sum for ConfigHash {
    fn sum<I: Iterator<Item = Self>>(resources: I) -> Self {
        resources.fold(Self::default(), |mut sum, resource| {
            sum += resource;
            sum
        })
    }
}

impl fmt::Display for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.number())
    }
}

impl fmt::Debug for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pinned: control planes and edges of different versions compare these.
    #[test]
    fn is_what_the_proto_says() {
        // printf 'customers/a\0\0\0\0\0\0\0\1\2body' | sha256sum | head -c 32
        let hash = ConfigHash::of("customers/a", 258, b"body");
        assert_eq!(hash.to_string(), "469874ae6efd381bc676330aad15bf1b");
        assert_eq!(hash.to_wire().len(), 16);
        assert_eq!(hash.to_wire()[0], u8::from_str_radix(&hash.to_string()[..2], 16).unwrap());
    }

    #[test]
    fn covers_name_revision_and_body() {
        let hash = ConfigHash::of("customers/a", 1, b"x");
        assert_ne!(hash, ConfigHash::of("customers/b", 1, b"x"));
        assert_ne!(hash, ConfigHash::of("customers/a", 2, b"x"));
        assert_ne!(hash, ConfigHash::of("customers/a", 1, b"y"));
        assert_ne!(hash, ConfigHash::of("customers/a", 1, b""));
        let resource = Resource { name: "customers/a".to_owned(), revision: 1, body: "x".into() };
        assert_eq!(hash, ConfigHash::from(&resource));
    }

    #[test]
    fn knows_no_order() {
        let resources = ["a", "b", "c"].map(|name| ConfigHash::of(name, 1, b""));
        let [a, b, c] = resources;
        assert_eq!([c, a, b].into_iter().sum::<ConfigHash>(), resources.into_iter().sum());
        // Unlike an exclusive or, a resource that is counted twice shows.
        assert_ne!([a, a].into_iter().sum::<ConfigHash>(), ConfigHash::default());
    }

    #[test]
    fn what_comes_in_and_goes_leaves_nothing() {
        let big = ConfigHash([0xff; 16]);
        let mut sum = ConfigHash::of("a", 1, b"");
        let before = sum;
        sum += big;
        sum += big;
        assert_ne!(sum, before);
        sum -= big;
        sum -= big;
        assert_eq!(sum, before);
        sum -= before;
        assert_eq!(sum, ConfigHash::default());
    }

    #[test]
    fn round_trips_the_wire_and_refuses_other_lengths() {
        let hash = ConfigHash::of("a", 1, b"");
        assert_eq!(ConfigHash::from_wire(&hash.to_wire()), Some(hash));
        assert_eq!(ConfigHash::from_wire(&[]), None);
        assert_eq!(ConfigHash::from_wire(&[0; 17]), None);
    }
}
