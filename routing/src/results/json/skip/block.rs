//! What the bytes of a block are.

/// So many bytes are judged at once.
pub(super) type Block = [u8; 64];

/// The bit by which closing brackets differ from opening ones.
pub(super) const CLOSING: u8 = 1 << 2;
/// The bit by which `{}` differ from `[]`.
pub(super) const CURLY: u8 = 1 << 5;

/// What counts in every block: a bit for each byte, the lowest for the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Masks {
    pub(super) quotes: u64,
    /// Any of `{}[]`.
    pub(super) brackets: u64,
    /// What may not stand outside strings: all but brackets, quotes, white space, `:,` and `[A-Za-z0-9+.-]`.
    pub(super) others: u64,
    /// Whether there are [`Specials`].
    pub(super) is_special: bool,
}

/// What counts in strings where there is any of it, in the same form.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Specials {
    /// Bytes below 0x20.
    pub(super) controls: u64,
    pub(super) backslashes: u64,
}

/// What counts in escapes, in the same form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits {
    /// `u`.
    pub(super) letters_u: u64,
    pub(super) hexadecimal: u64,
}

/// What a bracket is, in the same form. Says nothing of other bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kinds {
    /// `}` and `]`.
    pub(super) closing: u64,
    /// `{` and `}`.
    pub(super) curly: u64,
}

/// A way to look at blocks.
pub(super) trait Lanes: Copy {
    /// Whether [`compress`](Self::compress) is fast.
    const COMPRESSES: bool;

    fn masks(self, block: &Block) -> Masks;

    fn specials(self, block: &Block) -> Specials;

    fn digits(self, block: &Block) -> Digits;

    fn kinds(self, block: &Block) -> Kinds;

    /// Each bit is set where an odd number of `bits` is, up to and with that one.
    fn prefix_xor(self, bits: u64) -> u64;

    /// The bits in the places of `mask`, without what is between them.
    fn compress(self, bits: u64, mask: u64) -> u64;
}

/// One byte after the other, in loops that compilers turn into the vector instructions that every processor of a kind has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

impl Lanes for Portable {
    const COMPRESSES: bool = false;

    #[inline(always)]
    fn masks(self, block: &Block) -> Masks {
        let is_bracket = |byte: u8| (byte | 0x20 == b'{') | (byte | 0x20 == b'}');
        Masks {
            quotes: mask(block, |byte| byte == b'"'),
            brackets: mask(block, is_bracket),
            others: mask(block, |byte| {
                let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
                let is_digit_or_colon = byte.wrapping_sub(b'0') < 11;
                let is_sign = byte.wrapping_sub(b'+') < 4;
                let is_white = (byte == b' ') | (byte == b'\t') | (byte == b'\n') | (byte == b'\r');
                !(is_letter | is_digit_or_colon | is_sign | is_white | is_bracket(byte) | (byte == b'"'))
            }),
            is_special: block.iter().fold(false, |is, byte| is | (*byte == b'\\') | (*byte < b' ')),
        }
    }

    #[inline(always)]
    fn specials(self, block: &Block) -> Specials {
        Specials { controls: mask(block, |byte| byte < b' '), backslashes: mask(block, |byte| byte == b'\\') }
    }

    #[inline(always)]
    fn digits(self, block: &Block) -> Digits {
        Digits {
            letters_u: mask(block, |byte| byte == b'u'),
            hexadecimal: mask(block, |byte| {
                (byte.wrapping_sub(b'0') < 10) | ((byte | 0x20).wrapping_sub(b'a') < 6)
            }),
        }
    }

    #[inline(always)]
    fn kinds(self, block: &Block) -> Kinds {
        Kinds {
            closing: mask(block, |byte| byte & CLOSING != 0),
            curly: mask(block, |byte| byte & CURLY != 0),
        }
    }

    #[inline(always)]
    fn prefix_xor(self, mut bits: u64) -> u64 {
        for shift in [1, 2, 4, 8, 16, 32] {
            bits ^= bits << shift;
        }
        bits
    }

    #[inline(always)]
    fn compress(self, bits: u64, mut mask: u64) -> u64 {
        let mut compressed = 0;
        for place in 0..mask.count_ones() {
            compressed |= (bits >> mask.trailing_zeros() & 1) << place;
            mask &= mask - 1;
        }
        compressed
    }
}

/// A bit for each byte that is as `is_so` says.
#[inline(always)]
fn mask(block: &Block, is_so: impl Fn(u8) -> bool) -> u64 {
    let flags = block.map(|byte| u8::from(is_so(byte)));
    let (words, _) = flags.as_chunks();
    words.iter().rev().fold(0, |mask, word| mask << 8 | gather(u64::from_le_bytes(*word)))
}

/// The lowest bits of eight bytes as one byte: the product has each of them in its highest byte, in its own place.
#[inline(always)]
fn gather(flags: u64) -> u64 {
    flags.wrapping_mul(0x0102_0408_1020_4080) >> 56
}
