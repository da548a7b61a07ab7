//! Path fragments.

use super::super::{PathFragment, PathFragmentError};

#[test]
fn plain_fragments_stay_raw() {
    for raw in [
        "",
        "/",
        "a",
        "a/b",
        "a/b/",
        "a//b",
        "deep/%20x",
        "a%C3%A4",
        "ä",
        "...",
        "a..b",
        ".well-known",
        "a.",
        "..a",
        "%",
        "%2",
        "%zz",
        "a;b=c",
        "%25",
        "100%25",
        "%252",
        "a%3b..",
        "%2520",
        "~!$&'()*+,=:@",
        "[1]",
        "{a}",
    ] {
        assert_eq!(PathFragment::parse(raw).unwrap().as_str(), raw);
    }
}

#[test]
fn dot_segments_are_seen_through_every_decoding() {
    for raw in [
        ".",
        "..",
        "./a",
        "../a",
        "a/.",
        "a/..",
        "a/../b",
        "a/./b",
        "%2e",
        "%2E",
        "%2e%2e",
        ".%2e",
        "%2e.",
        "a/%2e%2E/b",
        "%252e",
        "%252e%252E/x",
        "%25%32%65",
        "a/.%252e",
        "%2%65",
        "..;",
        "..;x",
        "a/..;x=y/b",
        ".;x",
        "%2e%2e;x",
        "..%3bx",
        "..%253bx",
        "%252e%252e%253bx",
    ] {
        assert_eq!(PathFragment::parse(raw), Err(PathFragmentError::DotSegment), "{raw}");
    }
}

#[test]
fn encoded_separators_are_refused() {
    for raw in [
        "a%2fb",
        "a%2Fb",
        "%2f",
        "a%5cb",
        "a%5Cb",
        "a%00",
        "%00b",
        "..%2f",
        "%252f",
        "%252F",
        "%255c",
        "%2500",
        "%25%32%66",
        "%25%32f",
        "%%32%66",
    ] {
        assert_eq!(PathFragment::parse(raw), Err(PathFragmentError::EncodedSeparator), "{raw}");
    }
}

#[test]
fn control_bytes_backslashes_and_hashes_are_refused() {
    for byte in (0..0x20).chain([0x7f]) {
        let raw = format!("a{}b", char::from(byte));
        assert_eq!(PathFragment::parse(&raw), Err(PathFragmentError::Control), "{byte}");
    }
    assert_eq!(PathFragment::parse("a\\b"), Err(PathFragmentError::Backslash));
    assert_eq!(PathFragment::parse("..\\"), Err(PathFragmentError::Backslash));
    assert_eq!(PathFragment::parse("a#b"), Err(PathFragmentError::Hash));
}

proptest::proptest! {
    /// An independent reading: a server that decodes as often as it likes up to twice and resolves dot segments never
    /// leaves the folder.
    #[test]
    fn no_reader_climbs_out(raw in "(\\.|/|%|2|5|e|f|E|;|a|%2e|%2f|%25){0,12}") {
        if PathFragment::parse(&raw).is_ok() {
            let mut read = raw.into_bytes();
            for _ in 0..=2 {
                let segments = read.split(|&byte| byte == b'/' || byte == b'\\');
                proptest::prop_assert!(!segments.into_iter().any(|segment| segment == b"." || segment == b".."));
                read = percent_encoding::percent_decode(&read).collect();
            }
        }
    }
}
