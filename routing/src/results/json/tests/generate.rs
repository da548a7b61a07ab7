//! Documents: good ones, ambiguous ones, broken ones.

use proptest::{prelude::*, sample};

use crate::reference::{Path, Step};

/// Keys as they stand in documents. Some are equal, some alike, some broken.
const KEYS: [&str; 20] = [
    r#""id""#,
    r#""id""#,
    r#""\u0069d""#,
    r#""i\u0064""#,
    r#""\u0049\u0044""#,
    r#""Id""#,
    r#""a""#,
    r#""a""#,
    r#""\u0061""#,
    r#""b""#,
    r#""""#,
    r#""é""#,
    r#""\u00e9""#,
    r#""É""#,
    r#""😀""#,
    r#""\ud83d\ude00""#,
    r#""\ud83d""#,
    r#""a\u0000x""#,
    r#""\u0000""#,
    r#""{\"id\":1}""#,
];

/// Scalars as they stand in documents.
const SCALARS: [&str; 19] = [
    r#""""#,
    r#""A""#,
    r#""\u0041""#,
    r#""\"id\": 1""#,
    r#""\\""#,
    r#""'""#,
    r#""}""#,
    r#""//""#,
    r#""\ud83d\ude00 ß""#,
    r#""\ude00""#,
    "true",
    "false",
    "null",
    "0",
    "-0",
    "9007199254740993",
    "12345678901234567890",
    "1.50e+10",
    "1E400",
];

/// What laxer grammars have in place of a value, and broken values.
const LAX: [&str; 50] = [
    "'A'",
    "'it\\'s'",
    "'\"'",
    "'\", \"id\": \"B'",
    "/* \" */ 1",
    "// \"\n1",
    "# \"\n1",
    "/**/",
    "NaN",
    "-Infinity",
    "+1",
    "01",
    ".5",
    "1.",
    "0x1F",
    "tru",
    "undefined",
    "{id: 1}",
    "{'id': 1}",
    "[1,]",
    "{\"id\": 1,}",
    "[,1]",
    "{\"id\" 1}",
    "[1 2]",
    "{\"id\": 1 \"a\": 2}",
    "\"\\x41\"",
    "\"\\u12\"",
    "\"\\u\"",
    "\"\\u00\\\"",
    "\"raw\nline\"",
    "\"\\\n\"",
    "\"\\q\"",
    "[}",
    "{]",
    "(1)",
    "`\"`",
    "_id",
    "$",
    "\u{feff}1",
    "\"\u{7f}\"",
    "1_0",
    "1 2",
    "\"a\" \"b\"",
    "\"a\" + \"b\"",
    "a\"b\"",
    "\"",
    "\\",
    "",
    ",",
    "\"\\u12é\"",
];

const SPACES: [&str; 6] = ["", "", "", " ", "\n\t", "\r "];

/// Bytes that change much where they are put.
const BYTES: &[u8] = b"\"\"\"\\\\'{}[]:,, \n/*#_a0-u\x00\x1f\x7f\xff\xc3\xa9";

/// A document as JSON has it, as far as its keys and scalars go.
pub(super) fn document() -> impl Strategy<Value = Vec<u8>> {
    value(scalar().boxed()).prop_map(String::into_bytes)
}

/// A document with values of laxer grammars among the others.
pub(super) fn lax_document() -> impl Strategy<Value = Vec<u8>> {
    value(prop_oneof![2 => scalar(), 1 => sample::select(&LAX[..]).prop_map(str::to_owned)].boxed())
        .prop_map(String::into_bytes)
}

/// A document, cut or with a few bytes changed.
pub(super) fn broken_document() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<sample::Index>(), sample::select(BYTES), 0..4_u8);
    (lax_document(), prop::collection::vec(change, 0..4)).prop_map(|(mut document, changes)| {
        for (at, byte, kind) in changes {
            let at = at.index(document.len() + 1);
            match kind {
                0 => document.truncate(at),
                1 if at < document.len() => drop(document.remove(at)),
                2 if at < document.len() => document[at] = byte,
                _ => document.insert(at, byte),
            }
        }
        document
    })
}

/// Paths, of which many lead somewhere.
pub(super) fn paths() -> impl Strategy<Value = Vec<Path>> {
    let key =
        sample::select(vec!["id", "a", "b", "", "é", "😀", "a\0x"]).prop_map(|key| Step::Key(key.into()));
    let step = prop_oneof![4 => key, 1 => (0..3_u32).prop_map(Step::Index)];
    prop::collection::vec(prop::collection::vec(step, 0..4).prop_map(Path::from), 1..4)
}

fn value(scalar: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    scalar.prop_recursive(4, 32, 5, |inner| {
        let key = sample::select(&KEYS[..]);
        let space = sample::select(&SPACES[..]);
        let member = (key, space.clone(), inner.clone(), space.clone())
            .prop_map(|(key, before, value, behind)| format!("{before}{key}{behind}:{before}{value}{behind}"));
        let element = (space.clone(), inner, space.clone())
            .prop_map(|(before, value, behind)| format!("{before}{value}{behind}"));
        prop_oneof![
            3 => prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
            1 => prop::collection::vec(element, 0..4).prop_map(|elements| format!("[{}]", elements.join(","))),
        ]
    })
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => sample::select(&SCALARS[..]).prop_map(str::to_owned),
        1 => any::<u64>().prop_map(|number| number.to_string()),
        1 => "\\PC{0,12}".prop_map(|text| serde_json::to_string(&text).expect("a string")),
    ]
}
