//! Each way of skipping beside reading byte by byte, wherever borders of blocks may fall.

use proptest::{prelude::*, sample};

use super::{
    BATCH, Skipper,
    agreement::check,
    block::{Block, Digits, Kinds, Lanes, Masks, Portable, Specials},
};

/// With everything around it that moves it over a block: spaces before it, and something behind it.
fn check_everywhere(container: &[u8]) {
    for before in 0..130 {
        let document = [&vec![b' '; before], container, b"]} \" \\ \x00 \xff"].concat();
        check(&document, before, 128);
    }
}

#[track_caller]
fn is_skipped(container: &[u8]) {
    for before in 0..130 {
        for behind in [&b""[..], b",\"x\":1}", b"\x00\xff\"\\"] {
            let document = [&vec![b' '; before], container, behind].concat();
            assert_eq!(check(&document, before, 128), Some(container.len()), "{}", container.escape_ascii());
        }
    }
}

#[test]
fn every_byte_counts_as_what_it_is_in_every_place() {
    for byte in 0..=u8::MAX {
        for place in [0, 1, 31, 32, 63] {
            let mut block: Block = [b'.'; 64];
            block[place] = byte;
            every_kind(|name, lanes| {
                let (masks, specials, digits, kinds) = lanes.of(&block);
                let found = |mask: u64| mask == 1 << place;
                assert_eq!(found(masks.quotes), byte == b'"', "{name}, {byte}");
                assert_eq!(found(masks.brackets), b"{}[]".contains(&byte), "{name}, {byte}");
                let outside = byte.is_ascii_alphanumeric() || b" \t\r\n{}[]:,\"+.-".contains(&byte);
                assert_eq!(found(masks.others), !outside, "{name}, {byte}");
                assert_eq!(masks.is_special, byte == b'\\' || byte < 0x20, "{name}, {byte}");
                assert_eq!(found(specials.backslashes), byte == b'\\', "{name}, {byte}");
                assert_eq!(found(specials.controls), byte < 0x20, "{name}, {byte}");
                assert_eq!(found(digits.letters_u), byte == b'u', "{name}, {byte}");
                assert_eq!(found(digits.hexadecimal), byte.is_ascii_hexdigit(), "{name}, {byte}");
                if masks.brackets != 0 {
                    assert_eq!(
                        found(kinds.closing & masks.brackets),
                        b"]}".contains(&byte),
                        "{name}, {byte}"
                    );
                    assert_eq!(found(kinds.curly & masks.brackets), b"{}".contains(&byte), "{name}, {byte}");
                }
            });
        }
    }
}

/// [`Lanes`] of any kind.
trait AnyLanes {
    fn of(&self, block: &Block) -> (Masks, Specials, Digits, Kinds);
    fn prefix_xor(&self, bits: u64) -> u64;
    fn compress(&self, bits: u64, mask: u64) -> u64;
}

impl<L: Lanes> AnyLanes for L {
    fn of(&self, block: &Block) -> (Masks, Specials, Digits, Kinds) {
        (self.masks(block), self.specials(block), self.digits(block), self.kinds(block))
    }

    fn prefix_xor(&self, bits: u64) -> u64 {
        Lanes::prefix_xor(*self, bits)
    }

    fn compress(&self, bits: u64, mask: u64) -> u64 {
        Lanes::compress(*self, bits, mask)
    }
}

fn every_kind(check: impl Fn(&str, &dyn AnyLanes)) {
    for skipper in Skipper::all() {
        let lanes: &dyn AnyLanes = match &skipper {
            #[cfg(target_arch = "x86_64")]
            Skipper::Bmi2(lanes) => lanes,
            #[cfg(target_arch = "x86_64")]
            Skipper::Avx2(lanes) => lanes,
            Skipper::Portable => &Portable,
        };
        check(&format!("{skipper:?}"), lanes);
    }
}

const WORDS: [u64; 7] = [0, 1, 1 << 63, 0x8000_0000_0000_0001, u64::MAX, 0x0123_4567_89ab_cdef, 0b1001_0010];

#[test]
fn strings_are_told_from_what_is_outside_them() {
    for bits in WORDS {
        let expected = (0..64).fold(0, |mask, bit| {
            let up_to = bits & (u64::MAX >> (63 - bit));
            mask | u64::from(up_to.count_ones() % 2) << bit
        });
        every_kind(|name, lanes| assert_eq!(lanes.prefix_xor(bits), expected, "{name}, {bits:x}"));
    }
}

#[test]
fn bits_are_told_from_what_is_between_them() {
    for mask in WORDS {
        for bits in WORDS {
            let places = (0..64).filter(|bit| mask >> bit & 1 == 1);
            let expected = places.enumerate().fold(0, |all, (place, bit)| all | (bits >> bit & 1) << place);
            every_kind(|name, lanes| {
                assert_eq!(lanes.compress(bits, mask), expected, "{name}, {bits:x}, {mask:x}");
            });
        }
    }
}

#[test]
fn a_sound_container_is_skipped_wherever_it_stands() {
    for container in [
        &b"[]"[..],
        b"{}",
        b"[{}]",
        br#"{"a":[1,-2.5e+3,true,null,"x"],"b":{"c":{}},"d":[[],[[]]]}"#,
        br#"["\\","\\\\","\"","\\\"","\u0041\\u","\\\\\\\"]"]"#,
        br#"["\u00e9\u00E9\ud83d\ude00","\/\b\f\n\r\t","{[}]:,'/*"]"#,
        b"[\"\x7f\xff\xc3\xa9 ~_$\"]",
        b"[1,]",
        b"{a:b:c}",
    ] {
        is_skipped(container);
    }
}

#[test]
fn every_length_of_string_and_of_white_space_is_skipped() {
    for length in 0..300 {
        for fill in ["x", " ", "é", "\\\\", "\\\"", "\\u00e9", "}", "\\n]"] {
            let text = fill.repeat(length);
            for container in [format!("[\"{text}\"]"), format!("{{\"a\":[{{}}],\"{text}\":[\"{text}\"]}}")] {
                assert_eq!(check(container.as_bytes(), 0, 128), Some(container.len()), "{container}");
            }
        }
        let container = format!("[{}{{\n{}}}]", " ".repeat(length), "\t".repeat(length / 3));
        assert_eq!(check(container.as_bytes(), 0, 128), Some(container.len()), "{container}");
    }
}

#[test]
fn runs_of_backslashes_end_where_they_end() {
    for before in [0, 1, 2, 3, 29, 30, 31, 59, 60, 61, 62, 63] {
        for run in 0..140 {
            for behind in ["\"]", "\"\"]", "u\"]", "u0041\"]", "u004\"]", "u00\\\"]", "\n\"]", "\\", ""] {
                let document = format!("[\"{}{}{behind}", "x".repeat(before), "\\".repeat(run));
                check(document.as_bytes(), 0, 128);
            }
        }
    }
}

#[test]
fn what_is_wrong_is_left_wherever_it_stands() {
    for container in [
        &b"[}"[..],
        b"{]",
        b"[[}]",
        b"[{]}",
        b"[\"a\nb\"]",
        b"[\"\x1f\"]",
        b"['a']",
        b"[/]",
        b"[\\]",
        b"[\x00]",
        b"[\x7f]",
        b"[\x80]",
        b"[\xff]",
        b"[_]",
        b"[Y_]",
        br#"["\u12"]"#,
        br#"["\u12g4"]"#,
        br#"["\u"]"#,
        b"[\"\\\n\"]",
        b"[\"a\"\\\"]",
    ] {
        for before in 0..130 {
            let document = [&vec![b' '; before], container].concat();
            assert_eq!(check(&document, before, 128), None, "{}", container.escape_ascii());
            let document = [b"[", &*vec![b' '; before], container, b",\"\"]]]"].concat();
            assert_eq!(check(&document, 0, 128), None, "{}", container.escape_ascii());
        }
        check_everywhere(container);
    }
}

#[test]
fn brackets_of_many_blocks_are_closed_by_their_own_kind() {
    // Deep and shallow, dense and far from each other, more of them than a row takes, up and down over borders of rows.
    let pieces = ["[", "{", "[{", "[[[[{{{{[{", "[1,{}],", "[[],{}],", "{\"a\":[{},[[]]]},"];
    for piece in pieces {
        for apart in [0, 1, 5, 20, 63, 64, 200] {
            for times in [1, 2, 5, 30, 60] {
                let beginning = format!("{piece}{:apart$}", "").repeat(times);
                let mut open = Vec::new();
                for byte in beginning.bytes() {
                    match byte {
                        b'[' => open.push(']'),
                        b'{' => open.push('}'),
                        b']' | b'}' => drop(open.pop()),
                        _ => {}
                    }
                }
                let depth = open.len() + 1;
                let end =
                    open.iter().rev().map(|bracket| format!("{bracket}{:apart$}", "")).collect::<String>();
                let filler = " ".repeat(BATCH * 64);
                let container = format!("[{filler}{beginning}{filler}{end}{filler}]");
                let document = format!("{container},[{{}}]{filler}");
                let skipped = check(document.as_bytes(), 0, 128);
                assert!(skipped == Some(container.len()) || depth > 40, "{piece:?}, {apart}, {times}");
                // Each bracket that closes, of the other kind.
                for (place, byte) in
                    container.bytes().enumerate().filter(|(_, byte)| b"]}".contains(byte)).take(70)
                {
                    let mut broken = container.clone().into_bytes();
                    broken[place] = if byte == b']' { b'}' } else { b']' };
                    assert_eq!(check(&broken, 0, 128), None, "{piece:?}, {apart}, {times}, {place}");
                }
            }
        }
    }
}

#[test]
fn a_truncated_container_is_left() {
    let container = br#"{"a":["\u0041\\",{}],"b":"c"}"#;
    for before in 0..130 {
        for length in 1..container.len() {
            let document = [&vec![b' '; before], &container[..length]].concat();
            assert_eq!(check(&document, before, 128), None, "{}", document.escape_ascii());
        }
    }
}

#[test]
fn depth_is_bounded() {
    for depth in 1..200_usize {
        let nested = [&*b"[".repeat(depth), b"\"a\"", &*b"]".repeat(depth)].concat();
        let spread =
            [&*b"{                                        :".repeat(depth), &*b"}".repeat(depth)].concat();
        for room in [0, 1, 2, 62, 63, 64, 100, 127, 128] {
            let skipped = [check(&nested, 0, room), check(&spread, 0, room)];
            assert!(skipped.iter().all(|skipped| skipped.is_none() || depth <= room), "{depth} in {room}");
            assert!(depth > 30 || room < 63 || skipped.iter().all(Option::is_some), "{depth} in {room}");
        }
    }
}

/// Pieces that containers are made of, and break with.
const PIECES: [&str; 34] = [
    "{",
    "}",
    "[",
    "]",
    "{",
    "}",
    "[",
    "]",
    "[]",
    "{}",
    ":",
    ",",
    "\"",
    "\"",
    "\"\"",
    "\"a\"",
    "\\",
    "\\\"",
    "\\\\",
    "\\u",
    "\\u0041",
    "u",
    "00",
    "ef",
    " ",
    "\n",
    "true",
    "-1.5e+3",
    "'",
    "/*",
    "\u{1}",
    "é",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "                                                             ",
];

fn container() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![8 => sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 1..3)];
    (sample::select(&b"{["[..]), prop::collection::vec(piece, 0..60))
        .prop_map(|(open, pieces)| [vec![open], pieces.concat()].concat())
}

proptest! {
    #[test]
    fn any_pieces(container in container(), before in 0..64_usize, room in 0..=128_usize) {
        let document = [vec![b' '; before], container].concat();
        check(&document, before, room);
        check(&document, before, 128);
    }

    #[test]
    fn any_bytes(mut container in prop::collection::vec(any::<u8>(), 1..300)) {
        container[0] = b'[';
        check(&container, 0, 128);
    }

    #[test]
    fn any_order_of_brackets_and_quotes(choices in prop::collection::vec(0..6_usize, 1..300)) {
        let rest: Vec<u8> = choices.iter().map(|choice| b"{}[]\"\\"[*choice]).collect();
        for open in [b"{", b"["] {
            check(&[&open[..], &rest].concat(), 0, 128);
        }
    }
}
