//! The two texts of a mapping, kept as one.

use std::fmt;

/// So many bytes are kept in place: with them the whole is as long as a pointer to longer ones and what goes with it.
const SHORT_BYTES: usize = 20;

/// An id, and another text, which often is the same one. Short ones are kept in place: nothing is allocated for them, and
/// whoever looks at them waits for no more memory.
pub(super) struct Texts {
    bytes: Bytes,
}

enum Bytes {
    Short { id_len: u8, other_at: u8, len: u8, bytes: [u8; SHORT_BYTES] },
    Long { id_len: u8, other_at: u8, bytes: Box<[u8]> },
}

impl Texts {
    /// An id has 63 bytes at most.
    pub(super) fn new(id: &str, other: &str) -> Self {
        let id_len = u8::try_from(id.len()).expect("an id has 63 bytes at most");
        let (other_at, parts) = if id == other { (0, [id, ""]) } else { (id_len, [id, other]) };
        let len = parts[0].len() + parts[1].len();
        let bytes = match u8::try_from(len) {
            Ok(short) if len <= SHORT_BYTES => {
                let mut bytes = [0; SHORT_BYTES];
                bytes[..parts[0].len()].copy_from_slice(parts[0].as_bytes());
                bytes[parts[0].len()..len].copy_from_slice(parts[1].as_bytes());
                Bytes::Short { id_len, other_at, len: short, bytes }
            }
            _ => Bytes::Long { id_len, other_at, bytes: parts.concat().into_bytes().into() },
        };
        Self { bytes }
    }

    pub(super) fn id(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Short { id_len, bytes, .. } => &bytes[..usize::from(*id_len)],
            Bytes::Long { id_len, bytes, .. } => &bytes[..usize::from(*id_len)],
        }
    }

    pub(super) fn other(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Short { other_at, len, bytes, .. } => &bytes[usize::from(*other_at)..usize::from(*len)],
            Bytes::Long { other_at, bytes, .. } => &bytes[usize::from(*other_at)..],
        }
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [id, other] = [self.id(), self.other()].map(String::from_utf8_lossy);
        f.debug_tuple("Texts").field(&id).field(&other).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_what_they_were() {
        let long = "x".repeat(255);
        for (id, other) in [
            ("a", "b"),
            ("a", "a"),
            ("abc", "ab"),
            ("0123456789", "abcdefghij"),
            ("0123456789", "abcdefghijk"),
            ("01234567890123456789", "01234567890123456789"),
            ("012345678901234567890", "012345678901234567890"),
            (&long[..63], &long),
            (&long[..63], "é"),
        ] {
            let texts = Texts::new(id, other);
            assert_eq!((texts.id(), texts.other()), (id.as_bytes(), other.as_bytes()), "{texts:?}");
        }
    }

    #[test]
    fn texts_in_place_are_no_larger_than_others() {
        assert_eq!(size_of::<Texts>(), 24);
    }
}
