//! Skipping a container 64 bytes at a time.
//!
//! It says yes or nothing. Where everything up to the container's end is as skipped values have to be, it says where that
//! end is; for anything else, whatever is wrong with it, the caller reads the container byte by byte, which finds the
//! fault. So what is written here can only ever be too strict, and that costs nothing but time.
//!
//! Each block becomes [`Masks`], a bit for each byte. Which bytes are inside strings follows from the quotes that no
//! backslash escapes; then all of the block is judged at once, and only brackets outside strings are looked at one by one.

use self::block::{Block, Lanes, Masks, Portable};

#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod agreement;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod block;
#[cfg(test)]
mod tests;

/// The deepest that containers may stand in each other here. Deeper ones are nobody's, and are read byte by byte.
const MAX_DEPTH: usize = 63;

/// How blocks are read on this machine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Skipper {
    /// By instructions that the processor was asked for.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    /// By what every processor has.
    Portable,
}

impl Skipper {
    /// The fastest one.
    pub(super) fn new() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(lanes) = avx2::Avx2::detect() {
            return Self::Avx2(lanes);
        }
        Self::Portable
    }

    /// All that there are on this machine.
    #[cfg(any(test, feature = "fuzzing"))]
    fn all() -> impl Iterator<Item = Self> {
        let fastest = Self::new();
        std::iter::once(Self::Portable).chain((!matches!(fastest, Self::Portable)).then_some(fastest))
    }

    /// Where the container that begins at the start of `text` is over: behind its closing bracket. None where something
    /// up to there is wrong, or where more than `room` containers stand in each other.
    pub(super) fn container(self, text: &[u8], room: usize) -> Option<usize> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(lanes) => lanes.container(text, room),
            Self::Portable => container(Portable, text, room),
        }
    }
}

/// [`Skipper::container`], compiled for each kind of [`Lanes`].
#[inline(always)]
fn container(lanes: impl Lanes, text: &[u8], room: usize) -> Option<usize> {
    let mut strings = Strings::default();
    let mut brackets = Brackets(Brackets::NONE);
    if room < MAX_DEPTH {
        return None;
    }
    let (blocks, rest) = text.as_chunks();
    for (index, block) in blocks.iter().enumerate() {
        match step(lanes, block, &mut strings, &mut brackets) {
            Step::On => {}
            Step::End(length) => return Some(index * block.len() + length),
            Step::Unclear => return None,
        }
    }
    // White space changes nothing, neither in strings nor outside, and closes nothing.
    let mut last: Block = [b' '; 64];
    last[..rest.len()].copy_from_slice(rest);
    match step(lanes, &last, &mut strings, &mut brackets) {
        Step::End(length) => Some(text.len() - rest.len() + length),
        Step::On | Step::Unclear => None,
    }
}

/// What came of a block.
enum Step {
    /// The container goes on.
    On,
    /// It is over after so many bytes of the block.
    End(usize),
    /// Something is wrong, or may be.
    Unclear,
}

#[inline(always)]
fn step(lanes: impl Lanes, block: &Block, strings: &mut Strings, brackets: &mut Brackets) -> Step {
    let masks = lanes.masks(block);
    let (inside, broken) = strings.step(lanes, block, &masks);
    let faults = broken | (masks.controls & inside) | !(masks.structure | inside);
    match brackets.step(block, masks.brackets & !inside) {
        Some(Step::End(length)) if faults << (64 - length) == 0 => Step::End(length),
        None if faults == 0 => Step::On,
        _ => Step::Unclear,
    }
}

/// Where strings begin and end, from block to block.
#[derive(Default)]
struct Strings {
    /// All bits where a string goes on into the next block.
    inside: u64,
    /// A bit where the next block begins with an escaped byte.
    escaped: u64,
    /// Bits of the next block that have to be hexadecimal digits.
    digits: u64,
}

impl Strings {
    /// The bytes that are inside strings (their opening quotes count, their closing ones do not), and those that break an
    /// escape.
    #[inline(always)]
    fn step(&mut self, lanes: impl Lanes, block: &Block, masks: &Masks) -> (u64, u64) {
        let escaped = self.escaped(masks.backslashes);
        let inside = lanes.prefix_xor(masks.quotes & !escaped) ^ self.inside;
        self.inside = if inside >> 63 == 1 { u64::MAX } else { 0 };
        if escaped | self.digits == 0 {
            return (inside, 0);
        }
        let letters = escaped & lanes.letters_u(block);
        let digits = self.digits | letters << 1 | letters << 2 | letters << 3 | letters << 4;
        self.digits = letters >> 63 | letters >> 62 | letters >> 61 | letters >> 60;
        (inside, if digits == 0 { 0 } else { digits & !lanes.hexadecimal(block) })
    }

    /// The bytes behind a backslash that is not escaped itself.
    #[inline(always)]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        /// Every other bit.
        const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
        if backslashes == 0 {
            return std::mem::take(&mut self.escaped);
        }
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

/// The brackets that are open: a bit for each, an object's set, the innermost one's lowest. Above them all stands one more.
struct Brackets(u64);

impl Brackets {
    const NONE: u64 = 1;

    /// Opens and closes what the block has in the places of `brackets`: nothing where that is well, the end where the
    /// first bracket of all is closed.
    #[inline(always)]
    fn step(&mut self, block: &Block, mut brackets: u64) -> Option<Step> {
        if brackets.count_ones() > self.0.leading_zeros() {
            return Some(Step::Unclear);
        }
        // No branch depends on which bracket it is: no processor could guess it.
        let mut wrong = 0;
        while brackets != 0 {
            let place = brackets.trailing_zeros() as usize % block.len();
            brackets &= brackets - 1;
            // The bits by which brackets differ.
            let bracket = u64::from(block[place]);
            let (is_curly, closes) = (bracket >> 5, bracket >> 2);
            wrong |= (self.0 ^ is_curly) & closes;
            let (opened, closed) = (self.0 << 1 | is_curly & 1, self.0 >> 1);
            self.0 = if closes & 1 == 1 { closed } else { opened };
            if self.0 == Self::NONE {
                return Some(if wrong & 1 == 0 { Step::End(place + 1) } else { Step::Unclear });
            }
        }
        (wrong & 1 == 1).then_some(Step::Unclear)
    }
}
