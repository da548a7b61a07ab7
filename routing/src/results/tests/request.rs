//! Everything but `body.data`.

use super::*;
use Outcome::RequestAmbiguous;

#[test]
fn the_parts_of_a_request_have_their_names() {
    let sample = Sample {
        method: Method::PATCH,
        path_fragment: "in/de%20ep".into(),
        query: "tenant=A&x=1".into(),
        ..Sample::default()
    }
    .header("x-tenant", "B")
    .body("application/json; charset=utf-8", r#"{"tenant": "C"}"#);
    for (reference, value) in [
        ("results.method", "PATCH"),
        ("results.pathFragment", "in/de%20ep"),
        ("results.queryParameters.tenant", "A"),
        ("results.headers.x-tenant", "B"),
        ("results.body.data.tenant", "C"),
        ("results.body.contentType", "application/json; charset=utf-8"),
    ] {
        sample.finds(reference, value);
    }
    for reference in [
        "results.headers",
        "results.queryParameters",
        "results.body",
        "results.body.data",
        "results.body.content",
        "results.method.x",
        "results.pathFragment[0]",
        "results.headers.x-tenant.x",
        "results.headers[0]",
        "results.queryParameters.tenant[0]",
        "results.body.contentType.x",
        "results.Method",
        "results.path",
        "results[0]",
    ] {
        sample.finds_nothing(reference);
    }
    Sample::default().finds_nothing("results.pathFragment");
    Sample::default().finds_nothing("results.body.contentType");
}

#[test]
fn header_names_match_without_regard_to_case() {
    let sample = Sample::default().header("x-tenant", "A");
    for reference in
        ["results.headers.x-tenant", "results.headers.X-Tenant", r#"results.headers["X-TENANT"]"#]
    {
        sample.finds(reference, "A");
    }
    for reference in [
        "results.headers.x_tenant",
        "results.headers.tenant",
        r#"results.headers["x tenant"]"#,
        r#"results.headers[""]"#,
    ] {
        sample.finds_nothing(reference);
    }
}

#[test]
fn a_referenced_header_that_stands_twice_is_ambiguous() {
    let sample = Sample::default().header("x-tenant", "A").header("X-Tenant", "A").header("x-other", "B");
    let detail = sample.is_refused("results.headers.X-Tenant", RequestAmbiguous);
    assert!(detail.contains("twice"), "{detail}");
    sample.finds("results.headers.x-other", "B");
}

#[test]
fn a_header_that_cgi_takes_for_the_referenced_one_is_ambiguous() {
    let sample = Sample::default().header("x-tenant", "A").header("x_tenant", "B");
    sample.is_refused("results.headers.x-tenant", RequestAmbiguous);
    sample.is_refused("results.headers.X_Tenant", RequestAmbiguous);
    Sample::default().header("x_tenant", "B").finds_nothing("results.headers.x-tenant");
    Sample::default()
        .header("x-tenant", "A")
        .header("x.tenant", "B")
        .is_refused("results.headers.x-tenant", RequestAmbiguous);
}

#[test]
fn a_header_s_value_is_text_without_white_space_around_it() {
    Sample::default().header("x-tenant", " A\tB ").finds("results.headers.x-tenant", "A\tB");
    Sample::default().header("x-tenant", "é").finds("results.headers.x-tenant", "é");
    Sample::default().header("x-tenant", "").finds_nothing("results.headers.x-tenant");
    Sample::default().header("x-tenant", "  ").finds_nothing("results.headers.x-tenant");
    let detail = Sample::default()
        .header("x-tenant", b"\xe9")
        .is_refused("results.headers.x-tenant", RequestAmbiguous);
    assert!(detail.contains("UTF-8"), "{detail}");
}

#[test]
fn two_content_types_are_ambiguous_whatever_is_read() {
    let sample = Sample::default()
        .body("application/json", r#"{"a": "A"}"#)
        .header("content-type", "application/json");
    for reference in [
        "results.body.data.a",
        "results.body.data",
        "results.body.contentType",
        "json(results.body.data.a)",
        "results.method",
        "results.headers.x-tenant",
        "results.queryParameters.tenant",
    ] {
        let detail = sample.is_refused(reference, RequestAmbiguous);
        assert!(detail.contains("Content-Type twice"), "{detail}");
    }
    for content_type in [
        "application/json, text/xml",
        "application/json; charset=utf-8, text/xml",
        "application/json; charset=utf-8; charset=utf-16",
        "multipart/form-data; boundary=a; boundary=b",
        "application/json; charset=\"utf-8",
        "application/json; charset = utf-8",
    ] {
        Sample::default()
            .body(content_type, r#"{"a": "A"}"#)
            .is_refused("results.body.data.a", RequestAmbiguous);
    }
    Sample::default()
        .body("application/json", r#"{"a": "A"}"#)
        .header("content_type", "text/xml")
        .is_refused("results.body.data.a", RequestAmbiguous);
}

#[test]
fn query_parameters_are_decoded() {
    for (query, value) in [
        ("tenant=A", "A"),
        ("x&&tenant=A+B%20C%2bD", "A B C+D"),
        ("%74enant=%c3%A9", "é"),
        ("tenant=é", "é"),
        ("tenant=a=b", "a=b"),
        ("ten+ant=1&tenant=2", "2"),
        ("tenant=A%26tenant%3dB", "A&tenant=B"),
    ] {
        Sample::query(query).finds("results.queryParameters.tenant", value);
    }
    Sample::query("a+b%5B0%5D=A").finds(r#"results.queryParameters["a b[0]"]"#, "A");
    for query in ["", "tenant", "tenant=", "tenan=A", "&", "=A"] {
        Sample::query(query).finds_nothing("results.queryParameters.tenant");
    }
    Sample::query("=A").finds(r#"results.queryParameters[""]"#, "A");
}

#[test]
fn a_referenced_parameter_that_stands_twice_is_ambiguous() {
    for query in [
        "tenant=A&tenant=B",
        "tenant=A&tenant=A",
        "tenant=A&tenant",
        "tenant&tenant=A",
        "tenant=A&%74enant=B",
    ] {
        let sample = Sample::query(&format!("{query}&other=C"));
        sample.is_refused("results.queryParameters.tenant", RequestAmbiguous);
        sample.finds("results.queryParameters.other", "C");
    }
    Sample::query("a=1&a=2&tenant=A").finds("results.queryParameters.tenant", "A");
}

#[test]
fn a_parameter_that_some_readers_take_for_the_referenced_one_is_ambiguous() {
    for query in [
        "tenant=A&Tenant=B",
        "TENANT=B&tenant=A",
        "tenant=A&tenant[]=B",
        "tenant=A&tenant%00=B",
        "tenant=A&+tenant=B",
    ] {
        Sample::query(query).is_refused("results.queryParameters.tenant", RequestAmbiguous);
    }
    Sample::query("Tenant=A&TENANT=B").finds_nothing("results.queryParameters.tenant");
}

#[test]
fn a_semicolon_that_some_readers_split_at_is_ambiguous() {
    for query in
        ["tenant=A;x=1", "x=1;tenant=B&tenant=A", "tenant=A&x=1;tenant=B", "x=1;tenant=B", "tenant;=A"]
    {
        Sample::query(query).is_refused("results.queryParameters.tenant", RequestAmbiguous);
    }
    Sample::query("tenant=A%3Bx&y=1;z=2").finds("results.queryParameters.tenant", "A;x");
}

#[test]
fn what_cannot_be_decoded_is_ambiguous_where_it_is_referenced() {
    for query in
        ["tenant=%", "tenant=%4", "tenant=%zz", "tenant=A%+1", "tenant=%ff", "tenant=%c3%28", "tenant=%C1%81"]
    {
        let sample = Sample::query(&format!("{query}&other=C"));
        sample.is_refused("results.queryParameters.tenant", RequestAmbiguous);
        sample.finds("results.queryParameters.other", "C");
    }
    for query in ["tenan%u0074=B&tenant=A", "%=B&tenant=A", "tenant=A&tenan%c1%b4=B"] {
        let detail = Sample::query(query).is_refused("results.queryParameters.tenant", RequestAmbiguous);
        assert!(detail.contains("a name"), "{detail}");
    }
}

#[test]
fn json_in_a_header_or_a_parameter_is_ambiguous_where_it_is_malformed() {
    let sample = Sample::query("a=%7B%22id%22%3A%20%22A%22%7D&b={")
        .header("x-a", r#"{"id": 7}"#)
        .header("x-b", "[1,]");
    sample.finds("json(results.queryParameters.a).id", "A");
    sample.finds("json(results.headers.x-a).id", "7");
    sample.is_refused("json(results.queryParameters.b).id", RequestAmbiguous);
    sample.is_refused("json(results.headers.x-b)[0]", RequestAmbiguous);
    sample.finds_nothing("json(results.headers.x-c).id");
}

#[test]
fn a_refusal_never_echoes_what_was_sent() {
    let secret = "s3cr3t";
    for (sample, reference) in [
        (Sample::query("tenant=s3cr3t&tenant=s3cr3t"), "results.queryParameters.tenant"),
        (Sample::default().header("x-a", secret).header("x-a", secret), "results.headers.x-a"),
        (Sample::default().header("x-a", secret), "json(results.headers.x-a)"),
        (Sample::default().body("", secret), "results.body.data.a"),
        (Sample::default().body("", r#"{"a": s3cr3t}"#), "results.body.data.a"),
        (Sample::default().body("", r#"{"a": "s3cr3t", "a": 1}"#), "results.body.data.a"),
        (Sample::default().body("text/xml", "<a>&s3cr3t;</a>"), "results.body.data.a"),
        (Sample::default().body("text/xml", "<a></s3cr3t>"), "results.body.data.a"),
        (Sample::default().body("multipart/form-data; boundary=b", secret), "results.body.data.a"),
    ] {
        let refusal = sample.read(reference).expect_err("refused");
        assert!(!refusal.detail.contains(secret), "{refusal}");
    }
}

proptest! {
    #[test]
    fn a_query_reads_as_a_url_reader_does(
        pairs in prop::collection::vec(("[a-c]{1,2}", "\\PC{0,4}"), 0..6),
        wanted in "[a-c]{1,2}",
    ) {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let mut values = pairs.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| value);
        let (first, more) = (values.next().cloned().filter(|value| !value.is_empty()), values.next().is_some());
        let read = Sample::query(&query).read(&format!("results.queryParameters.{wanted}"));
        match read {
            Ok(found) => prop_assert_eq!((found, more), (first, false)),
            Err(refusal) => prop_assert_eq!((refusal.outcome, more), (RequestAmbiguous, true)),
        }
    }

    #[test]
    fn no_query_makes_it_panic(query in "[a-b=&;%+0-9é\\[]{0,24}") {
        let _ = Sample::query(&query).read_all(["results.queryParameters.a", r#"results.queryParameters["a[0]"]"#]);
    }
}
