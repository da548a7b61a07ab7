//! `body.data`, whatever the body is.

use super::*;
use Outcome::BodyMalformed;

const JSON: &str = r#"{"id": "A"}"#;

#[test]
fn the_content_type_says_how_the_body_is_read() {
    for content_type in [
        "",
        "application/json",
        "Application/JSON",
        "application/json;",
        "application/json; utf-8",
        "application/json;charset=UTF-8",
        "application/json; charset=\"utf-8\"; profile=x",
        "application/json; charset=utf8",
        "application/vnd.api+json",
        "application/cloudevents+JSON; charset=utf-8",
        " ",
    ] {
        Sample::default().body(content_type, JSON).finds("results.body.data.id", "A");
    }
    Sample::default().body("", JSON).header("content-type", "").finds("results.body.data.id", "A");
    for content_type in
        ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8"]
    {
        Sample::default().body(content_type, "id=A").finds("results.body.data.id", "A");
    }
    for content_type in ["text/xml", "application/xml", "application/soap+xml; charset=utf-8", "TEXT/XML"] {
        Sample::default().body(content_type, "<id>A</id>").finds("results.body.data.id", "A");
    }
    let part = "--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\nA\r\n--b--\r\n";
    for content_type in ["multipart/form-data; boundary=b", "Multipart/Form-Data; Boundary=\"b\""] {
        Sample::default().body(content_type, part).finds("results.body.data.id", "A");
    }
}

#[test]
fn any_other_body_has_no_data() {
    for content_type in [
        "text/plain",
        "text/json",
        "json",
        "application/jsonx",
        "application/octet-stream",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/json; charset=\"\"",
        "application/x-ndjson",
    ] {
        Sample::default().body(content_type, JSON).finds_nothing("results.body.data.id");
        Sample::default().body(content_type, "\"A\"").finds_nothing("results.body.data");
        Sample::default().body(content_type, JSON).finds("results.body.contentType", content_type);
    }
    for encoding in ["gzip", "br", "identity, gzip", "x"] {
        Sample::default()
            .body("", JSON)
            .header("content-encoding", encoding)
            .finds_nothing("results.body.data.id");
    }
    for encoding in ["identity", "Identity", "", "identity, identity"] {
        Sample::default()
            .body("", JSON)
            .header("content-encoding", encoding)
            .finds("results.body.data.id", "A");
    }
    Sample::default()
        .body("", JSON)
        .header("content-encoding", "identity")
        .header("content-encoding", "gzip")
        .finds_nothing("results.body.data.id");
}

#[test]
fn an_empty_body_has_no_data() {
    for content_type in [
        "",
        "application/json",
        "application/x-www-form-urlencoded",
        "text/xml",
        "multipart/form-data; boundary=b",
    ] {
        Sample::default().body(content_type, "").finds_nothing("results.body.data.id");
        Sample::default().body(content_type, "\u{feff}").finds_nothing("results.body.data.id");
    }
    Sample::default().body("", " ").is_refused("results.body.data.id", BodyMalformed);
}

#[test]
fn one_leading_byte_order_mark_is_skipped() {
    Sample::default().body("", "\u{feff}{\"id\": \"A\"}").finds("results.body.data.id", "A");
    Sample::default()
        .body("text/xml", "\u{feff}<?xml version=\"1.0\"?><id>A</id>")
        .finds("results.body.data.id", "A");
    Sample::default()
        .body("application/x-www-form-urlencoded", "\u{feff}id=A")
        .finds("results.body.data.id", "A");
    for (content_type, body) in
        [("", "\u{feff}\u{feff}{}"), ("text/xml", "\u{feff}\u{feff}<id>A</id>"), ("", "{}\u{feff}")]
    {
        Sample::default().body(content_type, body).is_refused("results.body.data.id", BodyMalformed);
    }
    let detail = Sample::default().body("", "\u{feff}{x").is_refused("results.body.data.id", BodyMalformed);
    assert!(detail.ends_with("(at byte 4)"), "{detail}");
}

#[test]
fn a_malformed_body_is_refused_only_where_it_is_read() {
    let sample = Sample { method: Method::PUT, ..Sample::default() }.body("", "{");
    let [data, method] = sample.read_all(["results.body.data.id", "results.method"]);
    assert_eq!(data.expect_err("malformed").outcome, BodyMalformed);
    assert_eq!(method, Ok(Some("PUT".into())));
}

#[test]
fn a_form_s_fields_are_read_as_a_query_s() {
    let form = |body: &str| Sample::default().body("application/x-www-form-urlencoded", body);
    form("a=1&payload=%7B%22team%22%3A+%7B%22id%22%3A+%22T1%22%7D%7D")
        .finds("json(results.body.data.payload).team.id", "T1");
    form("id=A+B").finds("results.body.data.id", "A B");
    for body in ["id=A", "", "other=A"] {
        form(body).finds_nothing("results.body.data");
        form(body).finds_nothing("results.body.data.id.x");
        form(body).finds_nothing("results.body.data[0]");
    }
    for body in ["id=A&id=B", "id=A&ID=B", "id=%", "id=%ff", "id=A;x", "%=1&id=A", "payload=%7B&id=A&id=A"] {
        form(body).is_refused("results.body.data.id", BodyMalformed);
    }
    form("payload=%7B").is_refused("json(results.body.data.payload).team.id", BodyMalformed);
    Sample::default()
        .body("application/x-www-form-urlencoded", b"id=\xff")
        .is_refused("results.body.data.id", BodyMalformed);
}

#[test]
fn json_reads_strings_only_and_nests() {
    let body = r#"{
        "payload": "{\"team\": {\"id\": \"T1\"}, \"inner\": \"[\\\"x\\\", {\\\"y\\\": 12345678901234567890}]\"}",
        "plain": "[1]", "text": "\"A\"", "number": 5, "object": {"a": 1}, "empty": "", "broken": "{\"a\": 1", "blank": " ",
        "twice": "{\"a\": 1, \"\\u0061\": 2, \"b\": 3}"
    }"#;
    let sample = Sample::default().body("", body);
    sample.finds("json(results.body.data.payload).team.id", "T1");
    sample.finds("json(json(results.body.data.payload).inner)[1].y", "12345678901234567890");
    sample.finds("json(results.body.data.plain)[0]", "1");
    sample.finds("json(results.body.data.text)", "A");
    for reference in [
        "json(results.body.data.number)",
        "json(results.body.data.object).a",
        "json(results.body.data.empty).a",
        "json(results.body.data.missing).a",
        "json(results.body.data.payload).team",
        "json(json(results.body.data.payload).team).id",
        "json(json(results.body.data.plain)[0])",
    ] {
        sample.finds_nothing(reference);
    }
    sample.finds("json(results.body.data.twice).b", "3");
    for reference in [
        "json(results.body.data.broken).a",
        "json(results.body.data.blank).a",
        "json(results.body.data.twice).a",
    ] {
        sample.is_refused(reference, BodyMalformed);
    }
    assert_eq!(
        sample
            .read_all([
                "json(results.body.data.payload).team.id",
                "json(results.body.data.broken).a",
                "json(json(results.body.data.payload).inner)[0]",
                "results.body.data.number",
                "json(results.body.data.payload).team.name",
            ])
            .map(|read| read.map_err(|refusal| refusal.outcome)),
        [Ok(Some("T1".into())), Err(BodyMalformed), Ok(Some("x".into())), Ok(Some("5".into())), Ok(None)]
    );
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(
        content_type in prop::sample::select(vec![
            "", "application/json", "application/x-www-form-urlencoded", "text/xml", "multipart/form-data; boundary=b",
            "multipart/form-data", "multipart/mixed; boundary=\"--\"", "application/json; charset=utf-8; charset=a",
        ]),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = Sample::default().body(content_type, body).read_all([
            "results.body.data", "results.body.data.a", "results.body.data[0].b", "json(results.body.data.a).b",
        ]);
    }

    #[test]
    fn no_content_type_makes_it_panic(content_type in "[ -~é]{0,40}|multipart/x; ?[a-z]{0,3}=?\"?[ -~]{0,12}") {
        let _ = Sample::default().body(&content_type, "--b\r\n\r\n\r\n--b--").read("results.body.data.a");
    }
}
