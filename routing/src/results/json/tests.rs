use super::*;
use crate::{reference::Reference, results::nothing};

mod generate;
mod lax;
mod properties;

/// What the paths find, each as `.a[0]`, or the document's fault.
fn read_all<const N: usize>(
    document: &[u8],
    paths: [&str; N],
) -> Result<[Result<Option<String>, Fault>; N], Fault> {
    let references = paths.map(|path| Reference::parse(&format!("results{path}")).expect(path));
    let paths = references.each_ref().map(|reference| Some(reference.first()));
    let mut answers = nothing();
    read(document, &paths, &mut answers)?;
    Ok(answers.map(|answer| answer.map(|found| found.into_text().map(Cow::into_owned))))
}

/// What one path finds; `None` for nothing, `Err` for any fault.
fn read_one(document: impl AsRef<[u8]>, path: &str) -> Result<Option<String>, Fault> {
    let [answer] = read_all(document.as_ref(), [path])?;
    answer
}

#[track_caller]
fn finds(document: impl AsRef<[u8]>, path: &str, value: &str) {
    let document = document.as_ref();
    assert_eq!(read_one(document, path), Ok(Some(value.into())), "{path} in {}", document.escape_ascii());
}

#[track_caller]
fn finds_nothing(document: impl AsRef<[u8]>, path: &str) {
    let document = document.as_ref();
    assert_eq!(read_one(document, path), Ok(None), "{path} in {}", document.escape_ascii());
}

#[track_caller]
fn is_refused(document: impl AsRef<[u8]>, path: &str) -> Fault {
    let document = document.as_ref();
    match read_one(document, path) {
        Err(fault) => fault,
        Ok(found) => panic!("{path} in {} is {found:?}", document.escape_ascii()),
    }
}

#[test]
fn a_string_is_taken_as_it_is() {
    finds(r#"{"id": " A\u00e9\ud83d\ude00\"\\\/\b\f\n\r\tß "}"#, ".id", " Aé😀\"\\/\u{8}\u{c}\n\r\tß ");
}

#[test]
fn a_number_is_its_literal_text() {
    for number in
        ["12345678901234567890", "9007199254740993", "-0", "0", "1.0", "1.50", "1e2", "1E+02", "-1.5e-300"]
    {
        finds(format!(r#"{{"id": {number}}}"#), ".id", number);
    }
}

#[test]
fn a_boolean_is_its_name() {
    finds(r#"{"id": true}"#, ".id", "true");
    finds(r#"{"id": false}"#, ".id", "false");
}

#[test]
fn missing_null_object_array_and_empty_string_are_nothing() {
    for document in
        ["{}", r#"{"ID": "A"}"#, r#"{"id": null}"#, r#"{"id": {}}"#, r#"{"id": [1]}"#, r#"{"id": ""}"#, "[]"]
    {
        finds_nothing(document, ".id");
    }
    for document in
        [r#"{"id": "A"}"#, r#"{"id": 1}"#, r#"{"id": [{"x": 1}]}"#, r#"{"x": {"id": 1}}"#, r#"[{"id": 1}]"#]
    {
        finds_nothing(document, ".id.x");
    }
}

#[test]
fn arrays_are_indexed_and_hold_objects() {
    let document = r#"{"list": [ 10 , {"id": "A", "x": [[], ["B"]]}, "C"], "id": "D"}"#;
    finds(document, ".list[0]", "10");
    finds(document, ".list[1].id", "A");
    finds(document, ".list[1].x[1][0]", "B");
    finds(document, ".list[2]", "C");
    for path in [".list[3]", ".list[4294967295]", ".list.id", ".list[0][0]", ".list[1]", ".list[1][0]", "[0]"]
    {
        finds_nothing(document, path);
    }
    finds("[[\"A\"]]", "[0][0]", "A");
    finds_nothing(r#"{"0": "A"}"#, "[0]");
    finds_nothing(r#"["A"]"#, ".0");
    finds(r#"{"0": "A"}"#, ".0", "A");
}

#[test]
fn keys_are_compared_unescaped() {
    finds(r#"{"\u0063ustomerId": "A"}"#, ".customerId", "A");
    finds(r#"{"\ud83d\ude00": "A"}"#, r#"["😀"]"#, "A");
    finds(r#"{"": "A"}"#, r#"[""]"#, "A");
    finds(r#"{"a\"b": "A"}"#, r#"["a\"b"]"#, "A");
}

#[test]
fn a_duplicate_key_on_the_way_is_refused() {
    for document in [
        r#"{"id": "A", "id": "B"}"#,
        r#"{"id": "A", "id": "A"}"#,
        r#"{"id": "A", "\u0069d": "B"}"#,
        r#"{"id": "A", "x": 1, "id": null}"#,
        r#"{"id": null, "id": {}}"#,
        r#"{"id": "A", "id": "B", "id": "C"}"#,
    ] {
        let fault = is_refused(document, ".id");
        assert!(fault.reason.contains("twice"), "{fault}");
        assert_eq!(
            fault.position,
            Some(document.rfind("\"id\"").max(document.find("\"\\u")).expect("a key")),
            "{fault}"
        );
        finds_nothing(document, ".other");
    }
    for document in [
        r#"{"x": {"id": "A"}, "x": {"id": "B"}}"#,
        r#"{"x": {"id": "A"}, "x": 1}"#,
        r#"{"x": 1, "x": {"id": "B"}}"#,
        r#"{"x": {"id": "A", "id": "B"}}"#,
        r#"{"x": {"id": "A"}, "\u0078": {}}"#,
    ] {
        is_refused(document, ".x.id");
    }
    is_refused(r#"[{"id": 1, "id": 2}]"#, "[0].id");
}

#[test]
fn a_duplicate_key_beside_the_way_is_not() {
    finds(r#"{"a": 1, "a": 2, "x": {"a": 1, "a": 2, "id": "A"}, "y": {"id": 1, "id": 2}}"#, ".x.id", "A");
    finds(r#"[{"id": 1, "id": 2}, {"id": "A"}]"#, "[1].id", "A");
}

#[test]
fn a_key_that_some_readers_do_not_tell_from_the_referenced_one_is_refused_beside_it() {
    for document in [
        r#"{"customerId": "A", "CustomerID": "B"}"#,
        r#"{"CUSTOMERID": "B", "customerId": "A"}"#,
        r#"{"customerId": "A", "cu\u017ftomerId": "B"}"#,
        r#"{"customerId": "A", "customerId\u0000": "B"}"#,
    ] {
        is_refused(document, ".customerId");
    }
    finds_nothing(r#"{"CustomerID": "A", "CUSTOMERID": "B"}"#, ".customerId");
}

#[test]
fn one_pass_reads_several_paths() {
    let document = br#"{"a": {"b": "1", "c": ["2", {"d": "3"}]}, "e": "4", "f": "5", "f": "6"}"#;
    let read = read_all(document, [".a.b", ".a.c[1].d", ".e", ".a", ".f", ".a.b", ".a.c[0]", ".a.c.d"])
        .expect("JSON");
    let read = read.map(|answer| answer.map_err(|_| ()));
    let found = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(
        read,
        [found("1"), found("3"), found("4"), Ok(None), Err(()), found("1"), found("2"), Ok(None)]
    );
}

#[test]
fn a_document_may_be_a_scalar() {
    let root = |document: &'static [u8]| {
        let mut answers = nothing();
        read(document, &[Some(&[])], &mut answers)?;
        let [answer] = answers;
        answer
    };
    assert_eq!(root(b" \"A\" "), Ok(Found::String("A".into())));
    assert_eq!(root(b"7"), Ok(Found::Literal("7".into())));
    assert_eq!(root(b"{}"), Ok(Found::Nothing));
    assert!(root(b"hello").is_err());
    finds_nothing("7", ".id");
    is_refused("hello", ".id");
    is_refused("\"hello", ".id");
}

#[test]
fn objects_and_arrays_on_the_way_are_exactly_json() {
    for document in [
        r#"{"id": "A",}"#,
        r#"{,"id": "A"}"#,
        r#"{"id" "A"}"#,
        r#"{"id": "A" "b": 1}"#,
        r#"{id: "A"}"#,
        r#"{'id': "A"}"#,
        r#"{"id": "A", b: 1}"#,
        r#"{"id": "A", 'b': 1}"#,
        r#"{"id":: "A"}"#,
        r#"{"id": "A"; "b": 1}"#,
        r#"{"id"= "A"}"#,
        r#"{"id": "A", "b"}"#,
        r#"{"id": "A", "b": }"#,
        r#"{"id": "A", "b": ,}"#,
        r#"{"id": "A", 1: 1}"#,
        r#"{"id": "A"]"#,
        r#"{"id": "A"}}"#,
        r#"{"id": "A", , "b": 1}"#,
        r#"{"id": "A", "b": 1 2}"#,
        r#"{/**/"id": "A"}"#,
        "{\"id\": \"A\" // x\n}",
        "{#x\n\"id\": \"A\"}",
        "{\u{a0}\"id\": \"A\"}",
        "{\u{c}\"id\": \"A\"}",
        r#"{"id": "A", "b": "c" "d"}"#,
        r#"{"id": "A", "b": []1}"#,
        r#"{"id": 'A'}"#,
        r#"({"id": "A"})"#,
    ] {
        is_refused(document, ".id");
    }
    for document in [
        r#"["A",]"#,
        r#"[,"A"]"#,
        r#"["A" "B"]"#,
        r#"["A"}"#,
        r#"["A":1]"#,
        r#"["A",,1]"#,
        r#"["A", /**/ 1]"#,
    ] {
        is_refused(document, "[0]");
    }
    finds("\r\n\t {\n\"a\"\t:\r[ ]\n,\"id\" : \"A\"\r\n}\t", ".id", "A");
}

#[test]
fn a_value_that_is_read_is_exactly_json() {
    for value in [
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "-",
        "0x1F",
        "NaN",
        "Infinity",
        "-Infinity",
        "tru",
        "TRUE",
        "True",
        "undefined",
        "nul",
        "1a",
        "1.2.3",
        "1e1.5",
        "--1",
        "A",
        "'A'",
        "\"A\nB\"",
        "\"A\u{1}\"",
        "\"\\x41\"",
        "\"\\'\"",
        "\"\\u004\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800x\"",
        "1_000",
    ] {
        is_refused(format!(r#"{{"id": {value}}}"#), ".id");
        is_refused(format!("[{value}]"), "[0]");
        is_refused(format!("[{value}]"), "[0].x");
    }
}

#[test]
fn what_is_read_is_utf8() {
    is_refused(b"{\"id\": \"\xff\"}", ".id");
    is_refused(b"{\"id\": \"\xc3\"}", ".id");
    is_refused(b"{\"id\": \"\xc0\xa2\"}", ".id");
    is_refused(b"{\"id\": \"\xed\xa0\x80\"}", ".id");
    is_refused(b"{\"id\": \"A\", \"\xff\": 1}", ".id");
    is_refused(br#"{"id": "A", "\ud800": 1}"#, ".id");
    is_refused(br#"{"id": "A", "\q": 1}"#, ".id");
    finds(b"{\"id\": \"A\", \"b\": \"\xff\", \"c\": {\"\xff\": \"\\ud800\"}}", ".id", "A");
}

#[test]
fn numbers_and_words_in_skipped_values_are_not_judged() {
    for value in [
        "01",
        "+1",
        ".5",
        "1.",
        "0x1F",
        "NaN",
        "-Infinity",
        "tru",
        "undefined",
        "A",
        "[1,]",
        "[,]",
        "{a:1}",
        "{:}",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "[\"a\" \"b\"]",
        "{1,2}",
        "[a:b]",
        "\"\\q\"",
        "\"\\'\"",
        "\"\u{7f}\"",
        "\"\\ud800\"",
        "{\"id\": 1, \"id\": 2}",
    ] {
        finds(format!(r#"{{"x": {value}, "id": "A"}}"#), ".id", "A");
        finds(format!(r#"[{{"x": [{value}]}}, {{"id": "A", "y": {{"z": {value}}}}}]"#), "[1].id", "A");
    }
}

#[test]
fn nothing_in_a_skipped_value_can_move_a_string_border() {
    for value in [
        "'a'",
        "'\"'",
        "\"a",
        "a\"",
        "`a`",
        "/* \" */ 1",
        "// \"\n1",
        "# \"\n1",
        "/a\"/",
        "\"\n\"",
        "\"\t\"",
        "\"\0\"",
        "\"\\\n\"",
        "\"\\\"",
        "\"\\u\"",
        "\"\\u12\\\"",
        "\"\\u00g0\"",
        "_a",
        "$a",
        "a=b",
        "(1)",
        "<!-- -->",
        "1;2",
        "é",
        "\u{feff}",
        "\u{2028}",
        "\u{a0}",
        "a\\u0062",
        "@",
        "&",
        "!",
        "|",
        "~",
        "%",
        "^",
        "?",
        "*",
        "\u{7f}",
        "\u{b}",
    ] {
        is_refused(format!(r#"{{"x": {value}, "id": "A"}}"#), ".id");
        is_refused(format!(r#"{{"x": [{value}], "id": "A"}}"#), ".id");
        is_refused(format!(r#"{{"id": "A", "x": {{"y": {value}}}}}"#), ".id");
    }
    for value in ["[}", "{]", "[[]", "{}}", "]", "}", "[{]}", "[1}", "{\"a\":1]", "", ",", ":"] {
        is_refused(format!(r#"{{"x": {value}, "id": "A"}}"#), ".id");
    }
}

#[test]
fn every_byte_outside_strings_is_judged() {
    for byte in 0..=u8::MAX {
        let document = [&b"{\"x\": ["[..], &[byte], &b"], \"id\": \"A\"}"[..]].concat();
        let allowed = byte.is_ascii_alphanumeric() || b" \t\r\n:,+-.".contains(&byte);
        assert_eq!(read_one(&document, ".id").is_ok(), allowed, "{:?}", char::from(byte));
        let document = [&b"{\"x\": [\"12345678"[..], &[byte], &b"\"], \"id\": \"A\"}"[..]].concat();
        let allowed = byte >= b' ' && !matches!(byte, b'"' | b'\\');
        assert_eq!(read_one(&document, ".id").is_ok(), allowed, "{:?} in a string", char::from(byte));
    }
}

#[test]
fn a_string_ends_where_it_ends_whatever_its_length() {
    for length in 0..200 {
        let text = "x".repeat(length);
        for (special, allowed) in
            [("", true), ("\\\"", true), ("\\\\", true), ("\u{7f}é", true), ("\u{1f}", false), ("\n", false)]
        {
            let document = format!(r#"{{"x": ["{text}{special}"], "id": "{text}{special}A"}}"#);
            match read_one(&document, ".id") {
                Ok(value) => {
                    assert!(allowed && value.is_some_and(|value| value.ends_with('A')), "{document}")
                }
                Err(_) => assert!(!allowed, "{document}"),
            }
            let document = format!(r#"{{"x": ["{text}{special}{text}{text}"], "id": "A"}}"#);
            assert_eq!(read_one(&document, ".id").is_ok(), allowed, "{document}");
        }
    }
}

#[test]
fn depth_over_128_is_malformed() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let inside = |depth: usize| format!(r#"{{"id": "A", "x": {}}}"#, nested(depth));
    finds(inside(127), ".id", "A");
    let fault = is_refused(inside(128), ".id");
    assert!(fault.reason.contains("deeper than 128"), "{fault}");

    let path = "[0]".repeat(128);
    let on_the_way = |depth: usize| format!("{}\"A\"{}", "[".repeat(depth), "]".repeat(depth));
    finds(on_the_way(128), &path, "A");
    is_refused(on_the_way(129), &path);
    is_refused(format!("{}{}{}", "[".repeat(128), "{}", "]".repeat(128)), &path);
    finds_nothing(nested(128), ".id");
    is_refused(nested(129), ".id");
    let alternating = |depth: usize| format!("{}1{}", r#"{"a":["#.repeat(depth), "]}".repeat(depth));
    finds_nothing(alternating(64), ".id");
    is_refused(alternating(65), ".id");
    // Containers beside each other do not count.
    finds(format!(r#"{{"x": [{}1], "id": "A"}}"#, "[[]],{},".repeat(1000)), ".id", "A");
}

#[test]
fn a_depth_of_100_000_is_refused_and_nothing_more() {
    for open in ["[", "{\"a\":", "[{\"id\":"] {
        let document = open.repeat(100_000);
        for path in [".id", ".a.a.a", "[0]", "[0].id[0].id"] {
            is_refused(&document, path);
            is_refused(format!(r#"{{"id": "A", "x": {document}}}"#), ".id");
        }
    }
}

#[test]
fn text_behind_the_end_is_malformed() {
    for more in
        ["x", "{}", ",", "]", "}", "\"", "\0", "{\"id\": \"B\"}", "\n{\"id\": \"B\"}", "//", "\u{feff}"]
    {
        let fault = is_refused(format!(r#"{{"id": "A"}} {more}"#), ".id");
        assert!(fault.reason.contains("behind the end"), "{fault}");
    }
}

#[test]
fn a_truncated_document_is_malformed_wherever_it_ends() {
    let document =
        r#"{"a": [1, {"b": "c\n\u0041\""}], "id": "A\u00e9\\", "x": {"y": tru}, "n": -1.5e3, "l": [[], {}]}"#;
    finds(document, ".id", "Aé\\");
    for length in 0..document.len() {
        is_refused(&document[..length], ".id");
        is_refused(&document[..length], ".a[1].b");
        is_refused(&document[..length], ".missing");
    }
}

#[test]
fn a_fault_has_its_position() {
    for (document, position, reason) in [
        ("", 0, "too early"),
        ("{", 1, "too early"),
        ("{x", 1, "key"),
        (r#"{"id" 1}"#, 6, "colon"),
        (r#"{"id": 1 2}"#, 9, "comma"),
        (r#"{"id": 01}"#, 7, "neither"),
        (r#"{"id": "a\q"}"#, 9, "escape"),
        (r#"{"x": 'a'}"#, 6, "missing"),
        (r#"{"x": ['a']}"#, 7, "outside"),
        (r#"{"x": [}}"#, 7, "balance"),
        (r#"{"x": "\u12"}"#, 7, "escape"),
        ("{\"x\": \"a\nb\"}", 8, "control"),
        ("{} x", 3, "behind the end"),
    ] {
        let fault = is_refused(document, ".id");
        assert_eq!(fault.position, Some(position), "{document}: {fault}");
        assert!(fault.reason.contains(reason), "{document}: {fault}");
    }
}
