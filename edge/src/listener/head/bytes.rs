//! What bytes may stand where. Every byte of every head is looked up here.

/// May stand in a method or the name of a field.
pub(super) const TOKEN: u8 = 1;
/// May stand in a request target.
pub(super) const TARGET: u8 = 2;
/// May stand in a `Host`.
pub(super) const HOST: u8 = 4;

/// Of each byte, where it may stand.
const PLACES: [u8; 256] = {
    let mut places = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        places[byte] = of(byte as u8);
        byte += 1;
    }
    places
};

const fn of(b: u8) -> u8 {
    let token = b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        );
    let target = b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'#');
    let host =
        b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~' | b':' | b'[' | b']' | b'%');
    (token as u8 * TOKEN) | (target as u8 * TARGET) | (host as u8 * HOST)
}

/// How many of the first bytes may stand there.
pub(super) fn run(bytes: &[u8], place: u8) -> usize {
    let other = |byte: &u8| !may_stand(*byte, place);
    let (parts, rest) = bytes.as_chunks::<8>();
    for (count, part) in parts.iter().enumerate() {
        if let Some(at) = part.iter().position(other) {
            return 8 * count + at;
        }
    }
    bytes.len() - rest.len() + rest.iter().position(other).unwrap_or(rest.len())
}

/// Whether a byte may stand there.
pub(super) fn may_stand(byte: u8, place: u8) -> bool {
    PLACES[usize::from(byte)] & place != 0
}

/// Where the first control character is, which tabs are not counted among. Eight bytes at a time: in what is as short as
/// values are, that is faster than what has to get going first.
pub(super) fn find_control(bytes: &[u8]) -> Option<usize> {
    let control = |byte: u8| byte.is_ascii_control() && byte != b'\t';
    let (words, rest) = bytes.as_chunks::<8>();
    for (count, word) in words.iter().enumerate() {
        let mut candidates = control_candidates(u64::from_le_bytes(*word));
        while candidates != 0 {
            let at = candidates.trailing_zeros() as usize / 8;
            if control(word[at]) {
                return Some(8 * count + at);
            }
            candidates &= candidates - 1;
        }
    }
    Some(8 * words.len() + rest.iter().position(|byte| control(*byte))?)
}

/// Sets the highest bit of each byte that is a control character, and maybe of some after one, which it borrows from.
fn control_candidates(word: u64) -> u64 {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    let below_space = word.wrapping_sub(EACH * 0x20);
    let delete = (word ^ (EACH * 0x7f)).wrapping_sub(EACH);
    (below_space | delete) & !word & (EACH * 0x80)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_have_their_places() {
        for byte in 0..=255_u8 {
            let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            let target = byte.is_ascii_graphic() && !b"\"<>#".contains(&byte);
            let host = byte.is_ascii_alphanumeric() || b".-_~:[]%".contains(&byte);
            for (place, expected) in [(TOKEN, token), (TARGET, target), (HOST, host)] {
                assert_eq!(may_stand(byte, place), expected, "{byte:#x} in {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_the_first(
            bytes in proptest::collection::vec(prop_oneof![0..=32_u8, Just(b'\t'), Just(0x7f), any::<u8>()], 0..40),
            clean in 0..40_usize,
        ) {
            let bytes = [&vec![b'x'; clean][..], &bytes].concat();
            let control = |b: &u8| b.is_ascii_control() && *b != b'\t';
            prop_assert_eq!(find_control(&bytes), bytes.iter().position(control));
        }
    }
}
