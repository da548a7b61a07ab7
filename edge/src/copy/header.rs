//! The head of a file, in the clear: what it is, who wrote it, which key opens it.
//!
//! Eight bytes of magic, the format and the length of the header (2 bytes each, little-endian), the version of the
//! software that wrote it (a byte with its length, then text), the id of the key, the salt, and 8 bytes of checksum at
//! the end. Up to the software's version, and with the checksum at its end, every format begins so.

use std::io::{self, Read};

use ring::digest::{SHA256, digest};

use super::{
    cipher::{SALT_BYTES, Salt},
    key::KeyId,
};

const MAGIC: [u8; 8] = *b"PMEDGECP";
/// What this version reads and writes. Another one is fetched anew.
pub(super) const FORMAT: u16 = 1;
const FIXED_BYTES: usize = MAGIC.len() + 2 + 2;
const KEY_ID_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 8;
const MAX_SOFTWARE_BYTES: usize = 32;
const MAX_BYTES: usize = 1024;

/// A header.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) key: KeyId,
    pub(super) salt: Salt,
    pub(super) bytes: Vec<u8>,
}

/// Why a header says nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeaderError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is not what was written")]
    Damaged,
    #[error("it is of format {format} and was written by {software}")]
    Format { format: u16, software: String },
}

impl Header {
    pub(super) fn new(key: KeyId, salt: Salt) -> Self {
        let software = env!("CARGO_PKG_VERSION").as_bytes();
        let software = &software[..software.len().min(MAX_SOFTWARE_BYTES)];
        let len = FIXED_BYTES + 1 + software.len() + KEY_ID_BYTES + SALT_BYTES + CHECKSUM_BYTES;
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&u16::try_from(len).unwrap_or_default().to_le_bytes());
        bytes.push(u8::try_from(software.len()).unwrap_or_default());
        bytes.extend_from_slice(software);
        bytes.extend_from_slice(&key.0);
        bytes.extend_from_slice(&salt);
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        Self { key, salt, bytes }
    }

    pub(super) fn read(input: &mut impl Read) -> Result<Self, HeaderError> {
        let mut bytes = vec![0; FIXED_BYTES];
        fill(input, &mut bytes)?;
        let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let (format, len) = (number(MAGIC.len()), usize::from(number(MAGIC.len() + 2)));
        if bytes[..MAGIC.len()] != MAGIC || !(FIXED_BYTES + 1 + CHECKSUM_BYTES..=MAX_BYTES).contains(&len) {
            return Err(HeaderError::Damaged);
        }
        bytes.resize(len, 0);
        fill(input, &mut bytes[FIXED_BYTES..])?;
        let (signed, sum) = bytes.split_at(len - CHECKSUM_BYTES);
        if checksum(signed) != sum {
            return Err(HeaderError::Damaged);
        }
        let (software_len, rest) = signed[FIXED_BYTES..].split_first().ok_or(HeaderError::Damaged)?;
        let (software, rest) = rest.split_at_checked((*software_len).into()).ok_or(HeaderError::Damaged)?;
        if format != FORMAT {
            let software = String::from_utf8_lossy(software).chars().filter(|c| !c.is_control()).collect();
            return Err(HeaderError::Format { format, software });
        }
        let (key, salt) = rest.split_at_checked(KEY_ID_BYTES).ok_or(HeaderError::Damaged)?;
        let key = KeyId(key.try_into().map_err(|_| HeaderError::Damaged)?);
        let salt = salt.try_into().map_err(|_| HeaderError::Damaged)?;
        Ok(Self { key, salt, bytes })
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest(&SHA256, bytes).as_ref()[..CHECKSUM_BYTES]);
    sum
}

/// An end is damage.
fn fill(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), HeaderError> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => HeaderError::Damaged,
        _ => HeaderError::Io(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_tells_damage_from_another_version() {
        let header = Header::new(KeyId([7; 8]), [9; 32]);
        let read = Header::read(&mut header.bytes.as_slice()).unwrap();
        assert_eq!((read.key, read.salt, &read.bytes), (header.key, header.salt, &header.bytes));
        for at in 0..header.bytes.len() {
            let mut bytes = header.bytes.clone();
            bytes[at] ^= 1;
            assert!(matches!(Header::read(&mut bytes.as_slice()), Err(HeaderError::Damaged)), "{at}");
            assert!(matches!(Header::read(&mut &header.bytes[..at]), Err(HeaderError::Damaged)), "{at}");
        }
        let mut newer = header.bytes;
        newer[8] = 2;
        let signed = newer.len() - CHECKSUM_BYTES;
        let sum = checksum(&newer[..signed]);
        newer[signed..].copy_from_slice(&sum);
        let error = Header::read(&mut newer.as_slice()).unwrap_err().to_string();
        assert!(error.contains("format 2") && error.contains(env!("CARGO_PKG_VERSION")), "{error}");
    }
}
