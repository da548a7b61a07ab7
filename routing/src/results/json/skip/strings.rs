//! Where strings begin and end.

use super::block::{Block, Digits, Lanes, Specials};

/// What is known of strings at the end of a block.
#[derive(Clone, Copy, Default)]
pub(super) struct Strings {
    /// All bits where a string goes on into the next block.
    inside: u64,
    /// A bit where the next block begins with an escaped byte.
    escaped: u64,
    /// Bits of the next block that have to be hexadecimal digits.
    digits: u64,
}

impl Strings {
    /// The bytes of the next block that are inside strings (their opening quotes count, their closing ones do not), and
    /// those that strings must not hold.
    #[inline(always)]
    pub(super) fn step(
        &mut self,
        lanes: impl Lanes,
        block: &Block,
        quotes: u64,
        is_special: bool,
    ) -> (u64, u64) {
        let Specials { controls, backslashes } =
            if is_special { lanes.specials(block) } else { Specials::default() };
        if backslashes | self.escaped | self.digits == 0 {
            let inside = self.between(lanes, quotes);
            return (inside, controls & inside);
        }
        let escaped = self.escaped(backslashes);
        let inside = self.between(lanes, quotes & !escaped);
        let Digits { letters_u, hexadecimal } = lanes.digits(block);
        let letters = escaped & letters_u;
        let digits = self.digits | letters << 1 | letters << 2 | letters << 3 | letters << 4;
        self.digits = letters >> 63 | letters >> 62 | letters >> 61 | letters >> 60;
        (inside, controls & inside | digits & !hexadecimal)
    }

    /// The bytes between quotes that no backslash escapes.
    #[inline(always)]
    fn between(&mut self, lanes: impl Lanes, quotes: u64) -> u64 {
        let inside = lanes.prefix_xor(quotes) ^ self.inside;
        self.inside = if inside >> 63 == 1 { u64::MAX } else { 0 };
        inside
    }

    /// The bytes behind a backslash that is not escaped itself.
    #[inline(always)]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        /// Every other bit.
        const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
        // A run of backslashes escapes every second byte from its second one on. A subtraction borrows through each run at
        // once; runs that begin on odd places and on even ones come out in opposite bits (so does simdjson).
        let starts = backslashes & !self.escaped;
        let behind = starts << 1;
        let codes = ((behind | ODD).wrapping_sub(starts)) ^ ODD;
        let escaped = codes ^ (backslashes | self.escaped);
        self.escaped = (codes & backslashes) >> 63;
        escaped
    }
}
