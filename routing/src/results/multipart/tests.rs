use proptest::prelude::*;

use super::*;
use crate::{reference::Reference, results::nothing};

fn read_one(body: impl AsRef<[u8]>, boundary: Option<&str>, path: &str) -> Result<Option<String>, Fault> {
    let reference = Reference::parse(&format!("results{path}")).expect(path);
    let mut answers = nothing();
    read(body.as_ref(), boundary, &[Some(reference.first())], &mut answers)?;
    let [answer] = answers;
    answer.map(|found| found.into_text().map(|text| text.into_owned()))
}

#[track_caller]
fn finds(body: impl AsRef<[u8]>, path: &str, value: &str) {
    let body = body.as_ref();
    assert_eq!(read_one(body, Some("b"), path), Ok(Some(value.into())), "{path} in {}", body.escape_ascii());
}

#[track_caller]
fn finds_nothing(body: impl AsRef<[u8]>, path: &str) {
    let body = body.as_ref();
    assert_eq!(read_one(body, Some("b"), path), Ok(None), "{path} in {}", body.escape_ascii());
}

#[track_caller]
fn is_refused(body: impl AsRef<[u8]>, path: &str) -> Fault {
    let body = body.as_ref();
    match read_one(body, Some("b"), path) {
        Err(fault) => fault,
        Ok(found) => panic!("{path} in {} is {found:?}", body.escape_ascii()),
    }
}

/// A part with this disposition.
fn part(disposition: &str, content: &str) -> String {
    format!("--b\r\nContent-Disposition: {disposition}\r\n\r\n{content}\r\n")
}

fn field(name: &str, content: &str) -> String {
    part(&format!("form-data; name=\"{name}\""), content)
}

const END: &str = "--b--\r\n";

#[test]
fn a_part_is_read_by_its_name() {
    let body = field("x", "1") + &field("id", "A\r\n\r\nB") + &field("empty", "") + END;
    finds(&body, ".id", "A\r\n\r\nB");
    finds(&body, ".x", "1");
    for path in [".empty", ".ID", ".id.x", ".id[0]", "[0]", ".missing"] {
        finds_nothing(&body, path);
    }
    for body in [
        format!("\r\n{}{END}", field("id", "A")),
        format!("{}--b--", field("id", "A")),
        format!("{}{END}", part("form-data; name=id", "A")),
        format!("{}{END}", part("FORM-DATA ;NAME=\"id\" ; x=y", "A")),
        format!("{}{END}", part("form-data; name=\"id\"; filename=\"a; b\\\"c.txt\"", "A")),
        format!(
            "{}{END}",
            part("form-data; filename=\"C:\\dir\\a\"; filename*=utf-8''%e2%82%ac; name=\"id\"", "A")
        ),
        format!(
            "--b\r\nX-A: 1\r\ncontent-disposition:form-data; name=\"id\"\r\nContent-Type: text/plain\r\n\r\nA\r\n{END}"
        ),
    ] {
        finds(body, ".id", "A");
    }
    finds(field("a\\\"b é", "A") + END, r#"["a\"b é"]"#, "A");
    finds("--b\r\n\r\nno head\r\n".to_owned() + &field("id", "A") + END, ".id", "A");
    finds(
        "--b\r\nContent-Type: text/plain\r\n\r\nno name\r\n".to_owned() + &field("id", "A") + END,
        ".id",
        "A",
    );
    finds(part("attachment; filename=x", "") + &field("id", "A") + END, ".id", "A");
}

#[test]
fn a_part_is_text_where_it_is_utf8() {
    finds([field("id", "é").as_bytes(), END.as_bytes()].concat(), ".id", "é");
    let with_header = |header: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=id\r\n{header}\r\n\r\nA\r\n{END}")
    };
    for header in [
        "Content-Type: text/plain; charset=UTF-8",
        "Content-Type: application/json",
        "Content-Transfer-Encoding: 8bit",
        "Content-Transfer-Encoding: Binary",
    ] {
        finds(with_header(header), ".id", "A");
    }
    for header in [
        "Content-Type: text/plain; charset=utf-16",
        "Content-Type: text/plain; charset=utf-8; charset=utf-16",
        "Content-Type: text/plain; charset=\"",
        "Content-Type: text/plain; charset",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Transfer-Encoding:",
    ] {
        finds_nothing(with_header(header), ".id");
    }
    let not_utf8 =
        [b"--b\r\nContent-Disposition: form-data; name=id\r\n\r\n\xff\r\n", END.as_bytes()].concat();
    finds_nothing(not_utf8, ".id");
}

#[test]
fn a_part_that_stands_twice_is_malformed_where_it_is_referenced() {
    for second in [
        field("id", "B"),
        field("id", "A"),
        field("id", ""),
        field("ID", "B"),
        field("id[]", "B"),
        part("form-data; name=id; filename=x", "B"),
        part("form-data; NAME=id", "B"),
    ] {
        let body = field("id", "A") + &field("x", "C") + &second + END;
        is_refused(&body, ".id");
        finds(&body, ".x", "C");
        is_refused(second + &field("id", "A") + END, ".id");
    }
}

#[test]
fn a_name_that_readers_disagree_about_is_malformed() {
    for disposition in [
        "form-data; name=\"x\"; name=\"id\"",
        "form-data; name=x; NAME=id",
        "form-data; name=x; name =id",
        "form-data; name*=utf-8''id",
        "form-data; name=x; name*=utf-8''id",
        "form-data; name*0=\"i\"; name*1=\"d\"",
        "form-data; name=x; filename=\"a\\\"; name=\\\"id\"",
        "form-data; filename=\"; name=id\"; name=x",
        "form-data; name=\"=?utf-8?q?id?=\"",
        "form-data; name=\"i\\d\"",
        "form-data; name=\"i\\\\d\"",
        "form-data; name=\"x",
        "form-data; name=",
        "form-data; name",
        "form-data; name = x",
        "form-data; name=x y",
        "form-data; name=x, form-data; name=id",
        "form-data; name=\"x\"id",
        "form-data; x; name=x",
        "attachment; name=x",
        "name=x",
        "; name=x",
    ] {
        is_refused(part(disposition, "B") + &field("id", "A") + END, ".id");
    }
    for head in [
        "Content-Disposition: form-data; name=x\r\nContent-Disposition: form-data; name=id",
        "Content-Disposition: form-data;\r\n name=x",
        "Content-Disposition : form-data; name=x",
        "Content-Disposition: form-data; name=\"x\ny\"",
        "Content-Disposition: form-data; name=\"x\ry\"",
        "Content-Disposition: form-data; name=\"x\0\"",
        "Content-Disposition: form-data; name=x\nX: y",
        " Content-Disposition: form-data; name=x",
        "Content-Disposition",
        ": x",
        "Content-Type: a/b\r\nContent-Type: a/b",
    ] {
        is_refused(format!("--b\r\n{head}\r\n\r\nB\r\n{}{END}", field("id", "A")), ".id");
    }
    is_refused([b"--b\r\nX: \xff\r\n\r\n\r\n", field("id", "A").as_bytes(), END.as_bytes()].concat(), ".id");
}

#[test]
fn the_boundary_stands_alone_on_its_lines() {
    let good = field("x", "1") + &field("id", "A") + END;
    finds(&good, ".id", "A");
    for (from, to) in [
        ("--b--\r\n", ""),
        ("--b--\r\n", "--b\r\n"),
        ("--b--\r\n", "--b-\r\n"),
        ("--b--\r\n", "--b--x"),
        ("--b--\r\n", "--b--\r\nx"),
        ("--b--\r\n", "--b--\r\n--b\r\nContent-Disposition: form-data; name=id\r\n\r\nB\r\n--b--\r\n"),
        ("1\r\n", "1\n--b\nContent-Disposition: form-data; name=id\n\nB\n--b--\n\r\n"),
        ("1\r\n", "1\n"),
        ("1\r\n", "1\r"),
        ("1\r\n", "1 --b \r\n"),
        ("1\r\n", "1\r\n--bc\r\n"),
        ("1\r\n", "1\r\n--b \r\n"),
        ("\r\n\r\n1", "\r\n1"),
        ("\r\n\r\n1\r\n", "\r\n"),
        ("\r\n\r\n", "\n\n"),
        ("\r\n", "\n"),
    ] {
        is_refused(good.replacen(from, to, if from == "\r\n" || from == "\r\n\r\n" { 99 } else { 1 }), ".id");
    }
    for before in ["preamble\r\n", "\n", "\r\n\r\n", "-", " "] {
        is_refused(format!("{before}{good}"), ".id");
    }
    is_refused("--b--\r\n--b\r\n", ".id");
    finds_nothing("--b--\r\n", ".id");
}

#[test]
fn the_boundary_is_one_by_rfc_2046() {
    let body = |boundary: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name=id\r\n\r\nA\r\n--{boundary}--\r\n")
    };
    let longest = "x".repeat(70);
    for boundary in ["----WebKitFormBoundary7MA4YWxkTrZu0gW", "a'()+_,-./:=? b", "--", "-", &longest] {
        assert_eq!(read_one(body(boundary), Some(boundary), ".id"), Ok(Some("A".into())), "{boundary}");
    }
    for boundary in ["", "a ", "a\"b", "a\\b", "é", "a\tb", "a;b", &"x".repeat(71)] {
        assert!(read_one(body(boundary), Some(boundary), ".id").is_err(), "{boundary}");
    }
    assert!(read_one(body("b"), None, ".id").is_err());
}

#[test]
fn the_number_of_parts_is_bounded() {
    let parts = |count: usize| field("x", "1").repeat(count - 1) + &field("id", "A") + END;
    finds(parts(MAX_PARTS), ".id", "A");
    let fault = is_refused(parts(MAX_PARTS + 1), ".id");
    assert!(fault.reason.contains("1024 parts"), "{fault}");
}

#[test]
fn a_truncated_body_is_malformed_wherever_it_ends() {
    let body = field("x", "1\r\n2") + &field("id", "A") + "--b--";
    for length in 1..body.len() {
        is_refused(&body[..length], ".id");
        is_refused(&body[..length], ".missing");
    }
}

proptest! {
    #[test]
    fn parts_are_read_as_they_were_written(
        parts in prop::collection::vec(("[a-c]", "[-\r\n:;a-c =\"]{0,12}"), 0..5),
        boundary in "[-=0-9A-Z]{8,20}",
    ) {
        let mut body = String::new();
        for (name, content) in &parts {
            body += &format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n");
        }
        body += &format!("--{boundary}--\r\n");
        for wanted in ["a", "b", "c"] {
            let values: Vec<_> = parts.iter().filter(|(name, _)| name == wanted).map(|(_, content)| content).collect();
            let read = read_one(&body, Some(&boundary), &format!(".{wanted}"));
            match values[..] {
                [] => prop_assert_eq!(read, Ok(None)),
                [value] => prop_assert_eq!(read, Ok(Some(value.clone()).filter(|value| !value.is_empty()))),
                _ => prop_assert!(read.is_err()),
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..64), boundary in "[-b]{0,3}") {
        let _ = read_one(body, Some(&boundary), ".id");
    }

    #[test]
    fn nothing_like_parts_makes_it_panic(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "--b", "--b\r\n", "--b--", "\r\n", "\r", "\n", "Content-Disposition: form-data", "; name=", "name*", "\"", "\\", "id", ":",
            ";", "=", " ", "Content-Type: ", "charset=", "é", "--", "-",
        ]), 0..24),
    ) {
        let body = pieces.concat();
        let _ = read_one(&body, Some("b"), ".id");
        let _ = read_one(format!("--b\r\n{body}\r\n--b--"), Some("b"), ".id");
    }
}
