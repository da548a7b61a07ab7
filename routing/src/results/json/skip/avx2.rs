//! Blocks as two vectors of 32 bytes, on x86-64 processors that have AVX2.
//!
//! All `unsafe` of the crate is here. It is of two kinds: functions that need instructions are called with an [`Avx2`] in
//! hand, of which there is none where the processor lacks them; and a block is loaded from a reference to all of its
//! bytes.

#![expect(unsafe_code, reason = "instructions that the compiler cannot know the processor to have")]

use std::arch::x86_64::{
    __cpuid, __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8,
    _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_set1_epi8, _mm256_setr_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_slli_epi16, _mm256_srli_epi16, _pext_u64,
};

use super::block::{Block, CLOSING, CURLY, Digits, Kinds, Lanes, Masks, Portable, Specials};

/// Says that the processor has what these functions need; with `BMI2`, that it compresses bits fast, too.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Avx2<const BMI2: bool>(());

impl Avx2<false> {
    /// Asks the processor, which the standard library does once.
    pub(super) fn detect() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("lzcnt");
        has_all.then_some(Self(()))
    }

    /// Asks the processor for more.
    pub(super) fn with_bmi2(self) -> Option<Avx2<true>> {
        (is_x86_feature_detected!("bmi2") && compresses_fast()).then_some(Avx2(()))
    }

    /// [`container`](super::container) with these lanes.
    pub(super) fn container(self, text: &[u8]) -> Option<usize> {
        #[target_feature(enable = "avx2,pclmulqdq,bmi1,popcnt,lzcnt")]
        fn container(lanes: Avx2<false>, text: &[u8]) -> Option<usize> {
            super::container(lanes, text)
        }
        // SAFETY: there is an `Avx2`, so the processor has the features.
        unsafe { container(self, text) }
    }
}

impl Avx2<true> {
    /// [`container`](super::container) with these lanes.
    pub(super) fn container(self, text: &[u8]) -> Option<usize> {
        #[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,popcnt,lzcnt")]
        fn container(lanes: Avx2<true>, text: &[u8]) -> Option<usize> {
            super::container(lanes, text)
        }
        // SAFETY: there is an `Avx2` with `BMI2`, so the processor has the features.
        unsafe { container(self, text) }
    }
}

/// Intel's processors, and AMD's since Zen 3 (family 0x19), take a few cycles for `pext`; those before, hundreds.
fn compresses_fast() -> bool {
    const INTEL: [u32; 3] = [0x756e_6547, 0x4965_6e69, 0x6c65_746e]; // "GenuineIntel"
    let (maker, model) = (__cpuid(0), __cpuid(1).eax);
    let family = (model >> 8 & 0xf) + (model >> 20 & 0xff);
    [maker.ebx, maker.edx, maker.ecx] == INTEL || family >= 0x19
}

impl<const BMI2: bool> Lanes for Avx2<BMI2> {
    const COMPRESSES: bool = BMI2;

    #[inline(always)]
    fn masks(self, block: &Block) -> Masks {
        // SAFETY: there is an `Avx2`, so the processor has the features.
        unsafe { masks(block) }
    }

    #[inline(always)]
    fn specials(self, block: &Block) -> Specials {
        // SAFETY: there is an `Avx2`, so the processor has the features.
        unsafe { specials(block) }
    }

    #[inline(always)]
    fn digits(self, block: &Block) -> Digits {
        // SAFETY: there is an `Avx2`, so the processor has the features.
        unsafe { digits(block) }
    }

    #[inline(always)]
    fn kinds(self, block: &Block) -> Kinds {
        // SAFETY: there is an `Avx2`, so the processor has the features.
        unsafe { kinds(block) }
    }

    #[inline(always)]
    fn prefix_xor(self, bits: u64) -> u64 {
        // SAFETY: there is an `Avx2`, so the processor has the features.
        unsafe { prefix_xor(bits) }
    }

    #[inline(always)]
    fn compress(self, bits: u64, mask: u64) -> u64 {
        if BMI2 {
            // SAFETY: there is an `Avx2` with `BMI2`, so the processor has the feature.
            unsafe { compress(bits, mask) }
        } else {
            Portable.compress(bits, mask)
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn masks(block: &Block) -> Masks {
    let [first, second] = load(block);
    let least = _mm256_min_epu8(first, second);
    let backslashes = _mm256_or_si256(equal(first, b'\\'), equal(second, b'\\'));
    let specials = _mm256_or_si256(are_controls(least), backslashes);
    let classes = [classes(first), classes(second)];
    let none = _mm256_setzero_si256();
    Masks {
        quotes: join([equal(first, b'"'), equal(second, b'"')]),
        brackets: join(classes),
        others: join(classes.map(|half| _mm256_cmpeq_epi8(half, none))),
        is_special: _mm256_movemask_epi8(specials) != 0,
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn specials(block: &Block) -> Specials {
    let [first, second] = load(block);
    Specials {
        controls: join([are_controls(first), are_controls(second)]),
        backslashes: join([equal(first, b'\\'), equal(second, b'\\')]),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn digits(block: &Block) -> Digits {
    let [first, second] = load(block);
    Digits {
        letters_u: join([equal(first, b'u'), equal(second, b'u')]),
        hexadecimal: join([are_hexadecimal(first), are_hexadecimal(second)]),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn kinds(block: &Block) -> Kinds {
    // What counts of a byte is its highest bit.
    const TO_CLOSING: i32 = CLOSING.leading_zeros() as i32;
    const TO_CURLY: i32 = CURLY.leading_zeros() as i32;
    let [first, second] = load(block);
    Kinds {
        closing: join([_mm256_slli_epi16::<TO_CLOSING>(first), _mm256_slli_epi16::<TO_CLOSING>(second)]),
        curly: join([_mm256_slli_epi16::<TO_CURLY>(first), _mm256_slli_epi16::<TO_CURLY>(second)]),
    }
}

/// What stands outside strings, by the two digits of the byte in hexadecimal: it does where both have a class in common.
/// Only brackets have the highest class.
#[inline]
#[target_feature(enable = "avx2")]
fn classes(bytes: __m256i) -> __m256i {
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
    _mm256_and_si256(_mm256_shuffle_epi8(low, bytes), _mm256_shuffle_epi8(high, digits))
}

/// Bytes below 0x20.
#[inline]
#[target_feature(enable = "avx2")]
fn are_controls(bytes: __m256i) -> __m256i {
    _mm256_cmpeq_epi8(bytes, _mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)))
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
#[target_feature(enable = "bmi2")]
fn compress(bits: u64, mask: u64) -> u64 {
    _pext_u64(bits, mask)
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
fn join(halves: [__m256i; 2]) -> u64 {
    let [first, second] = halves.map(|half| u64::from(_mm256_movemask_epi8(half).cast_unsigned()));
    first | second << 32
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(block: &Block) -> [__m256i; 2] {
    let start = block.as_ptr().cast::<__m256i>();
    // SAFETY: a block has the bytes of two vectors, which need not be aligned.
    unsafe { [_mm256_loadu_si256(start), _mm256_loadu_si256(start.add(1))] }
}
