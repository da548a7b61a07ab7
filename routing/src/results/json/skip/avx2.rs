//! Blocks as two vectors of 32 bytes, on x86-64 processors that have AVX2.
//!
//! All `unsafe` of the crate is here. It is of two kinds: functions that need instructions are called with an [`Avx2`] in
//! hand, of which there is none where the processor lacks them; and a block is loaded from a reference to all of its
//! bytes.

#![expect(unsafe_code, reason = "instructions that the compiler cannot know the processor to have")]

use std::arch::x86_64::{
    __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8, _mm256_and_si256,
    _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_set1_epi8,
    _mm256_setr_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
};

use super::block::{Block, Lanes, Masks};

/// Says that the processor has what these functions need.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Avx2(());

impl Avx2 {
    /// Asks the processor, which the standard library does once.
    pub(super) fn detect() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("lzcnt");
        has_all.then_some(Self(()))
    }

    /// [`container`](super::container) with these lanes.
    pub(super) fn container(self, text: &[u8], room: usize) -> Option<usize> {
        #[target_feature(enable = "avx2,pclmulqdq,bmi1,popcnt,lzcnt")]
        fn container(lanes: Avx2, text: &[u8], room: usize) -> Option<usize> {
            super::container(lanes, text, room)
        }
        // SAFETY: there is an `Avx2`, so the processor has the features.
        unsafe { container(self, text, room) }
    }
}

impl Lanes for Avx2 {
    #[inline(always)]
    fn masks(self, block: &Block) -> Masks {
        // SAFETY: there is an `Avx2`, so the processor has the features.
        unsafe { masks(block) }
    }

    #[inline(always)]
    fn letters_u(self, block: &Block) -> u64 {
        // SAFETY: there is an `Avx2`, so the processor has the features.
        unsafe { letters_u(block) }
    }

    #[inline(always)]
    fn hexadecimal(self, block: &Block) -> u64 {
        // SAFETY: there is an `Avx2`, so the processor has the features.
        unsafe { hexadecimal(block) }
    }

    #[inline(always)]
    fn prefix_xor(self, bits: u64) -> u64 {
        // SAFETY: there is an `Avx2`, so the processor has the features.
        unsafe { prefix_xor(bits) }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn masks(block: &Block) -> Masks {
    let [first, second] = load(block);
    let (first, second) = (classify(first), classify(second));
    Masks {
        quotes: join(first.quotes, second.quotes),
        backslashes: join(first.backslashes, second.backslashes),
        controls: join(first.controls, second.controls),
        brackets: join(first.classes, second.classes),
        structure: !join(first.others, second.others),
    }
}

/// 32 bytes, judged: the highest bit of each is what counts.
struct Half {
    quotes: __m256i,
    backslashes: __m256i,
    controls: __m256i,
    classes: __m256i,
    others: __m256i,
}

/// What stands outside strings, by the two digits of the byte in hexadecimal: it does where both have a class in common.
/// Only brackets have the highest class.
#[inline]
#[target_feature(enable = "avx2")]
fn classify(bytes: __m256i) -> Half {
    const WHITE: i8 = 1; // 09, 0a, 0d
    const SIGN: i8 = 2; // 20 (space), 22 (quote), 2b to 2e
    const DIGIT: i8 = 4; // 30 to 3a (colon)
    const FIRST: i8 = 8; // 41 to 4f, 61 to 6f
    const LAST: i8 = 16; // 50 to 5a, 70 to 7a
    const BRACKET: i8 = i8::MIN; // 5b, 5d, 7b, 7d
    const MOST: i8 = DIGIT | FIRST | LAST;
    let low = twice([
        SIGN | DIGIT | LAST,
        MOST,
        SIGN | MOST,
        MOST,
        MOST,
        MOST,
        MOST,
        MOST,
        MOST,
        WHITE | MOST,
        WHITE | MOST,
        SIGN | FIRST | BRACKET,
        SIGN | FIRST,
        WHITE | SIGN | FIRST | BRACKET,
        SIGN | FIRST,
        FIRST,
    ]);
    let (letters, brackets) = (LAST | BRACKET, FIRST);
    let high = twice([WHITE, 0, SIGN, DIGIT, brackets, letters, brackets, letters, 0, 0, 0, 0, 0, 0, 0, 0]);
    let digits = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
    // A byte above 0x7f shuffles in a zero.
    let classes = _mm256_and_si256(_mm256_shuffle_epi8(low, bytes), _mm256_shuffle_epi8(high, digits));
    Half {
        quotes: equal(bytes, b'"'),
        backslashes: equal(bytes, b'\\'),
        controls: _mm256_cmpeq_epi8(bytes, _mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f))),
        classes,
        others: _mm256_cmpeq_epi8(classes, _mm256_setzero_si256()),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn letters_u(block: &Block) -> u64 {
    let [first, second] = load(block);
    join(equal(first, b'u'), equal(second, b'u'))
}

#[inline]
#[target_feature(enable = "avx2")]
fn hexadecimal(block: &Block) -> u64 {
    let [first, second] = load(block);
    join(are_hexadecimal(first), are_hexadecimal(second))
}

#[inline]
#[target_feature(enable = "avx2")]
fn are_hexadecimal(bytes: __m256i) -> __m256i {
    const DIGIT: i8 = 1; // 30 to 39
    const LETTER: i8 = 2; // 41 to 46, 61 to 66
    const BOTH: i8 = DIGIT | LETTER;
    let low = twice([DIGIT, BOTH, BOTH, BOTH, BOTH, BOTH, BOTH, DIGIT, DIGIT, DIGIT, 0, 0, 0, 0, 0, 0]);
    let high = twice([0, 0, 0, DIGIT, LETTER, 0, LETTER, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let digits = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
    let classes = _mm256_and_si256(_mm256_shuffle_epi8(low, bytes), _mm256_shuffle_epi8(high, digits));
    // Without a class: all bits, so that what has one has none of them.
    let others = _mm256_cmpeq_epi8(classes, _mm256_setzero_si256());
    _mm256_cmpeq_epi8(others, _mm256_setzero_si256())
}

/// Multiplied without carries by all ones, each bit is the sum of those up to it.
#[inline]
#[target_feature(enable = "pclmulqdq")]
fn prefix_xor(bits: u64) -> u64 {
    let bits = _mm_set_epi64x(0, bits.cast_signed());
    _mm_cvtsi128_si64(_mm_clmulepi64_si128(bits, _mm_set1_epi8(-1), 0)).cast_unsigned()
}

#[inline]
#[target_feature(enable = "avx2")]
fn equal(bytes: __m256i, byte: u8) -> __m256i {
    _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte.cast_signed()))
}

/// A table of 16 bytes for each half of a vector.
#[inline]
#[target_feature(enable = "avx2")]
fn twice(t: [i8; 16]) -> __m256i {
    _mm256_setr_epi8(
        t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11], t[12], t[13], t[14], t[15],
        t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11], t[12], t[13], t[14], t[15],
    )
}

/// The highest bits of both halves.
#[inline]
#[target_feature(enable = "avx2")]
fn join(first: __m256i, second: __m256i) -> u64 {
    let [first, second] = [first, second].map(|half| u64::from(_mm256_movemask_epi8(half).cast_unsigned()));
    first | second << 32
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(block: &Block) -> [__m256i; 2] {
    let start = block.as_ptr().cast::<__m256i>();
    // SAFETY: a block has the bytes of two vectors, which need not be aligned.
    unsafe { [_mm256_loadu_si256(start), _mm256_loadu_si256(start.add(1))] }
}
