//! Brackets outside strings: each has to be closed by its own kind.

use super::{
    Unclear,
    block::{Block, CLOSING, CURLY, Kinds, Lanes},
};

/// The brackets that are open: a bit for each, an object's set, the innermost one's lowest. Above them all stands one more.
#[derive(Clone, Copy)]
pub(super) struct Brackets(u64);

impl Default for Brackets {
    fn default() -> Self {
        Self(Self::NONE)
    }
}

impl Brackets {
    /// The deepest that containers may stand in each other here. Deeper ones are nobody's, and are read byte by byte.
    pub(super) const MOST: usize = 63;

    const NONE: u64 = 1;

    /// How many more may be opened.
    fn room(self) -> u32 {
        self.0.leading_zeros()
    }

    /// Opens and closes what the block has in the places of `brackets`: the end where the first bracket of all is closed.
    #[inline(always)]
    pub(super) fn step(&mut self, block: &Block, mut brackets: u64) -> Result<Option<usize>, Unclear> {
        if brackets.count_ones() > self.room() {
            return Err(Unclear);
        }
        // No branch depends on which bracket it is: no processor could guess it.
        let mut wrong = 0;
        while brackets != 0 {
            let place = brackets.trailing_zeros() as usize % block.len();
            brackets &= brackets - 1;
            let bracket = u64::from(block[place]);
            let (is_curly, closes) = (bracket >> CURLY.trailing_zeros(), bracket >> CLOSING.trailing_zeros());
            wrong |= (self.0 ^ is_curly) & closes;
            let (opened, closed) = (self.0 << 1 | is_curly & 1, self.0 >> 1);
            self.0 = if closes & 1 == 1 { closed } else { opened };
            if self.0 == Self::NONE {
                return if wrong & 1 == 0 { Ok(Some(place + 1)) } else { Err(Unclear) };
            }
        }
        if wrong & 1 == 0 { Ok(None) } else { Err(Unclear) }
    }

    /// Opens and closes a whole row. The first bracket of all has to stay open.
    #[inline(always)]
    pub(super) fn settle(&mut self, lanes: impl Lanes, row: Row) -> Result<(), Unclear> {
        let Row { mut closing, mut curly, length } = row;
        let mut opening = !closing & ((1 << length) - 1);
        if opening.count_ones() > self.room() {
            return Err(Unclear);
        }
        // Pairs of neighbours go, all at once, until none is left: as often as they stand in each other.
        let mut wrong = 0;
        loop {
            let pairs = opening & closing >> 1;
            if pairs == 0 {
                break;
            }
            wrong |= pairs & (curly ^ curly >> 1);
            let others = (opening | closing) & !(pairs | pairs << 1);
            opening = lanes.compress(opening, others);
            closing = lanes.compress(closing, others);
            curly = lanes.compress(curly, others);
        }
        // What closes now was open before the row, and comes first, the innermost lowest; then comes what stays open.
        wrong |= (self.0 ^ curly) & closing;
        let open = self.0 >> closing.count_ones();
        if wrong != 0 || open <= Self::NONE {
            return Err(Unclear);
        }
        // The innermost of these is the highest. Where there is none, there is nothing to shift either.
        let innermost_lowest = (curly & opening).reverse_bits() >> (opening.leading_zeros() % u64::BITS);
        self.0 = open << opening.count_ones() | innermost_lowest;
        Ok(())
    }
}

/// Brackets in their order, without what is between them: a bit for each, the first one's lowest.
#[derive(Clone, Copy, Default)]
pub(super) struct Row {
    closing: u64,
    curly: u64,
    length: u32,
}

impl Row {
    /// One bit is left over, so that no shift is as long as a word.
    const MOST: u32 = 63;

    /// Whether so many more have a place in it.
    #[inline(always)]
    pub(super) fn has_room(&self, brackets: u64) -> bool {
        self.length + brackets.count_ones() <= Self::MOST
    }

    /// Adds those in the places of `brackets`, for which there has to be room.
    #[inline(always)]
    pub(super) fn add(&mut self, lanes: impl Lanes, block: &Block, brackets: u64) {
        let Kinds { closing, curly } = lanes.kinds(block);
        self.closing |= lanes.compress(closing, brackets) << self.length;
        self.curly |= lanes.compress(curly, brackets) << self.length;
        self.length += brackets.count_ones();
    }
}
