//! Frames of a file, sealed one by one with ChaCha20-Poly1305.
//!
//! Each file has a key of its own, derived from the edge's key, the file's header and its salt. Frames are counted, and
//! the count is their nonce: one that was left out, moved or taken from another file does not open. So that no nonce is
//! used twice, whoever goes on with a file that another process has written first puts a new salt there, from which
//! on there is another key.
//!
//! A frame is 4 bytes with the length of what follows the fifth, little-endian, 1 byte with its kind, and the sealed
//! bytes or the salt.

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, SHA256_OUTPUT_LEN, digest},
    hkdf,
};

use super::key::CopyKey;

/// Length and kind.
pub(super) const PREFIX_BYTES: usize = 5;
pub(super) const TAG_BYTES: usize = 16;
pub(super) const SALT_BYTES: usize = 32;

pub(super) type Prefix = [u8; PREFIX_BYTES];
pub(super) type Salt = [u8; SALT_BYTES];

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// More of the same commit follows.
    Part = 0,
    /// The end of a commit.
    Commit = 1,
    /// A salt.
    Salt = 2,
}

/// Seals or opens the frames of one file, in their order.
#[derive(Clone)]
pub(super) struct Cipher {
    master: CopyKey,
    header: [u8; SHA256_OUTPUT_LEN],
    key: LessSafeKey,
    count: u64,
}

impl Cipher {
    /// At the first frame behind a header, the salt of which is `salt`.
    pub(super) fn new(master: &CopyKey, header: &[u8], salt: &Salt) -> Self {
        let mut hash = [0; SHA256_OUTPUT_LEN];
        hash.copy_from_slice(digest(&SHA256, header).as_ref());
        Self { master: master.clone(), header: hash, key: derive(master, &hash, salt, 0), count: 0 }
    }

    /// Goes on behind so many frames, where the next one is a salt.
    pub(super) fn go_on(&mut self, count: u64) {
        self.count = count;
    }

    /// How many frames were sealed or opened.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Changes over to another key.
    pub(super) fn salt(&mut self, salt: &Salt) {
        self.key = derive(&self.master, &self.header, salt, self.count);
    }

    /// A whole frame with a salt, from which on another key counts.
    pub(super) fn seal_salt(&mut self, salt: &Salt) -> Vec<u8> {
        self.salt(salt);
        [prefix(SALT_BYTES, Kind::Salt).as_slice(), salt].concat()
    }

    /// A whole frame. `plain` is at most as long as a length can say.
    pub(super) fn seal(&mut self, kind: Kind, plain: &[u8]) -> Option<Vec<u8>> {
        let prefix = prefix(plain.len() + TAG_BYTES, kind);
        let mut frame = Vec::with_capacity(PREFIX_BYTES + plain.len() + TAG_BYTES);
        frame.extend_from_slice(&prefix);
        frame.extend_from_slice(plain);
        let sealed = &mut frame[PREFIX_BYTES..];
        let tag = self.key.seal_in_place_separate_tag(nonce(self.count), Aad::from(prefix), sealed).ok()?;
        self.count += 1;
        frame.extend_from_slice(tag.as_ref());
        Some(frame)
    }

    /// Opens what stands behind a prefix; none where it is not what was sealed.
    pub(super) fn open(&mut self, prefix: &Prefix, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let nonce = nonce(self.count);
        self.count += 1;
        let plain = self.key.open_in_place(nonce, Aad::from(prefix), &mut sealed).ok()?.len();
        sealed.truncate(plain);
        Some(sealed)
    }
}

fn derive(master: &CopyKey, header: &[u8], salt: &Salt, count: u64) -> LessSafeKey {
    let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(master.expose());
    let count = count.to_be_bytes();
    let info = [b"pointsman edge copy".as_slice(), header, &count];
    let key = secret.expand(&info, &CHACHA20_POLY1305).expect("a key is not too long");
    LessSafeKey::new(UnboundKey::from(key))
}

fn nonce(count: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 8..].copy_from_slice(&count.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

fn prefix(len: usize, kind: Kind) -> Prefix {
    let [a, b, c, d] = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
    [a, b, c, d, kind as u8]
}

/// What a prefix says: the kind, if it is one, and how many bytes follow.
pub(super) fn parse_prefix(prefix: Prefix) -> (Option<Kind>, u32) {
    let [a, b, c, d, kind] = prefix;
    let kind = match kind {
        0 => Some(Kind::Part),
        1 => Some(Kind::Commit),
        2 => Some(Kind::Salt),
        _ => None,
    };
    (kind, u32::from_le_bytes([a, b, c, d]))
}
