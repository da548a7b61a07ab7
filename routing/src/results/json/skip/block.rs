//! What the bytes of a block are.

/// So many bytes are judged at once.
pub(super) type Block = [u8; 64];

/// A bit for each byte of a block, the lowest for the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Masks {
    pub(super) quotes: u64,
    pub(super) backslashes: u64,
    /// Bytes below 0x20.
    pub(super) controls: u64,
    /// Any of `{}[]`.
    pub(super) brackets: u64,
    /// What may stand outside strings: brackets, quotes, white space, `:,` and `[A-Za-z0-9+.-]`.
    pub(super) structure: u64,
}

/// A way to look at blocks.
pub(super) trait Lanes: Copy {
    fn masks(self, block: &Block) -> Masks;

    /// Which bytes are `u`.
    fn letters_u(self, block: &Block) -> u64;

    /// Which bytes are hexadecimal digits.
    fn hexadecimal(self, block: &Block) -> u64;

    /// Each bit is set where an odd number of `bits` is, up to and with that one.
    fn prefix_xor(self, bits: u64) -> u64;
}

/// One byte after the other, in loops that compilers turn into the vector instructions that every processor of a kind has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

impl Lanes for Portable {
    #[inline(always)]
    fn masks(self, block: &Block) -> Masks {
        let is_bracket = |byte: u8| (byte | 0x20 == b'{') | (byte | 0x20 == b'}');
        Masks {
            quotes: mask(block, |byte| byte == b'"'),
            backslashes: mask(block, |byte| byte == b'\\'),
            controls: mask(block, |byte| byte < b' '),
            brackets: mask(block, is_bracket),
            structure: mask(block, |byte| {
                let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
                let is_digit_or_colon = byte.wrapping_sub(b'0') < 11;
                let is_sign = byte.wrapping_sub(b'+') < 4;
                let is_white = (byte == b' ') | (byte == b'\t') | (byte == b'\n') | (byte == b'\r');
                is_letter | is_digit_or_colon | is_sign | is_white | is_bracket(byte) | (byte == b'"')
            }),
        }
    }

    #[inline(always)]
    fn letters_u(self, block: &Block) -> u64 {
        mask(block, |byte| byte == b'u')
    }

    #[inline(always)]
    fn hexadecimal(self, block: &Block) -> u64 {
        mask(block, |byte| (byte.wrapping_sub(b'0') < 10) | ((byte | 0x20).wrapping_sub(b'a') < 6))
    }

    #[inline(always)]
    fn prefix_xor(self, mut bits: u64) -> u64 {
        for shift in [1, 2, 4, 8, 16, 32] {
            bits ^= bits << shift;
        }
        bits
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
