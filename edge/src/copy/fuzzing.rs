//! Files of any bytes.

use super::{
    cipher::{Cipher, Kind, SALT_BYTES},
    header::Header,
    key::CopyKey,
};

/// A file, and the key that it is read with: the first byte says how much of it is sound. With 0, nothing; with 1, the
/// header; with anything else the frames are too, and `data` holds what is in them, each behind its length (2 bytes,
/// little-endian) and its kind.
pub(crate) fn file(data: &[u8]) -> (Vec<u8>, CopyKey) {
    let key = CopyKey::of_bytes([7; 32]);
    let Some((how, mut data)) = data.split_first() else { return (Vec::new(), key) };
    if *how == 0 {
        return (data.to_vec(), key);
    }
    let salt = [9; SALT_BYTES];
    let mut file = Header::new(key.id(), salt).bytes;
    let mut cipher = Cipher::new(&key, &file, &salt);
    if *how == 1 {
        file.extend_from_slice(data);
        return (file, key);
    }
    while let Some(([a, b, kind], rest)) = data.split_first_chunk() {
        let len = usize::from(u16::from_le_bytes([*a, *b])).min(rest.len());
        let (plain, rest) = rest.split_at(len);
        let kind = if kind % 2 == 0 { Kind::Part } else { Kind::Commit };
        file.extend(cipher.seal(kind, plain).unwrap_or_default());
        data = rest;
    }
    (file, key)
}
