//! Skipping a container 64 bytes at a time.
//!
//! It says yes or nothing. Where everything up to the container's end is as skipped values have to be, it says where that
//! end is; for anything else, whatever is wrong with it, the caller reads the container byte by byte, which finds the
//! fault. So what is written here can only ever be too strict, and that costs nothing but time.
//!
//! Each block becomes [`Masks`], a bit for each byte. Which bytes are inside strings follows from the quotes that no
//! backslash escapes ([`strings`]); then all of the block is judged at once. What is left are the brackets outside strings
//! ([`brackets`]): one after the other, and in long containers those of many blocks at once.

use std::sync::OnceLock;

use self::{
    block::{Block, Lanes, Masks, Portable},
    brackets::{Brackets, Row},
    strings::Strings,
};

#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod agreement;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod block;
mod brackets;
mod strings;
#[cfg(test)]
mod tests;

/// So many blocks are read one by one, where a container begins and where one may end, and so many at once in between.
const BATCH: usize = 16;

/// How blocks are read on this machine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Skipper {
    /// By instructions that the processor was asked for: all that help.
    #[cfg(target_arch = "x86_64")]
    Bmi2(avx2::Avx2<true>),
    /// The same without those that this processor lacks or is slow at.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2<false>),
    /// By what every processor has.
    Portable,
}

impl Skipper {
    /// The fastest one.
    pub(super) fn new() -> Self {
        // In a virtual machine, asking a processor what it is can take longer than a document.
        static FASTEST: OnceLock<Skipper> = OnceLock::new();
        *FASTEST.get_or_init(Self::detect)
    }

    fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(lanes) = avx2::Avx2::detect() {
            return match lanes.with_bmi2() {
                Some(lanes) => Self::Bmi2(lanes),
                None => Self::Avx2(lanes),
            };
        }
        Self::Portable
    }

    /// All that there are on this machine.
    #[cfg(any(test, feature = "fuzzing"))]
    fn all() -> impl Iterator<Item = Self> {
        let all = [Some(Self::Portable)].into_iter();
        #[cfg(target_arch = "x86_64")]
        let all = {
            let lanes = avx2::Avx2::detect();
            let bmi2 = lanes.and_then(avx2::Avx2::with_bmi2);
            all.chain([lanes.map(Self::Avx2), bmi2.map(Self::Bmi2)])
        };
        all.flatten()
    }

    /// Where the container that begins at the start of `text` is over: behind its closing bracket. None where something
    /// up to there is wrong, or where more than `room` containers stand in each other.
    pub(super) fn container(self, text: &[u8], room: usize) -> Option<usize> {
        if room < Brackets::MOST {
            return None;
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Bmi2(lanes) => lanes.container(text),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(lanes) => lanes.container(text),
            Self::Portable => container(Portable, text),
        }
    }
}

/// [`Skipper::container`], compiled for each kind of [`Lanes`].
#[inline(always)]
fn container<L: Lanes>(lanes: L, text: &[u8]) -> Option<usize> {
    let mut reading = Reading { lanes, strings: Strings::default(), brackets: Brackets::default() };
    let (blocks, rest) = text.as_chunks();
    let mut next = 0;
    while next < blocks.len() {
        for block in blocks[next..].iter().take(BATCH) {
            if let Some(length) = reading.one(block).ok()? {
                return Some(next * block.len() + length);
            }
            next += 1;
        }
        if L::COMPRESSES {
            let (batches, _) = blocks[next..].as_chunks();
            // A loop, since a closure would be compiled without the instructions.
            for batch in batches {
                if !reading.many(batch) {
                    break;
                }
                next += BATCH;
            }
        }
    }
    // White space changes nothing, neither in strings nor outside, and closes nothing.
    let mut last: Block = [b' '; 64];
    last[..rest.len()].copy_from_slice(rest);
    let length = reading.one(&last).ok()??;
    Some(text.len() - rest.len() + length)
}

/// Something is wrong, or may be.
struct Unclear;

/// How far a container has been read.
#[derive(Clone, Copy)]
struct Reading<L> {
    lanes: L,
    strings: Strings,
    brackets: Brackets,
}

impl<L: Lanes> Reading<L> {
    /// Reads a block: after how many bytes of it the container is over, none where it goes on.
    #[inline(always)]
    fn one(&mut self, block: &Block) -> Result<Option<usize>, Unclear> {
        let Outside { brackets, faults } = self.outside(block);
        match self.brackets.step(block, brackets)? {
            Some(length) if faults << (64 - length) == 0 => Ok(Some(length)),
            None if faults == 0 => Ok(None),
            _ => Err(Unclear),
        }
    }

    /// Reads all of these blocks, or none of them: where something is wrong with one, and where the container may end.
    #[inline(always)]
    fn many(&mut self, blocks: &[Block; BATCH]) -> bool {
        let mut read = *self;
        let (mut row, mut all_faults) = (Row::default(), 0);
        for block in blocks {
            let Outside { brackets, faults } = read.outside(block);
            all_faults |= faults;
            if !row.has_room(brackets) {
                let full = std::mem::take(&mut row);
                if read.brackets.settle(self.lanes, full).is_err() || !row.has_room(brackets) {
                    return false;
                }
            }
            row.add(self.lanes, block, brackets);
        }
        if all_faults != 0 || read.brackets.settle(self.lanes, row).is_err() {
            return false;
        }
        *self = read;
        true
    }

    /// Tells strings from what is outside of them, and judges both.
    #[inline(always)]
    fn outside(&mut self, block: &Block) -> Outside {
        let Masks { quotes, brackets, others, is_special } = self.lanes.masks(block);
        let (inside, broken) = self.strings.step(self.lanes, block, quotes, is_special);
        Outside { brackets: brackets & !inside, faults: broken | others & !inside }
    }
}

/// What is in a block beside strings.
struct Outside {
    brackets: u64,
    /// What is wrong, in strings too.
    faults: u64,
}
