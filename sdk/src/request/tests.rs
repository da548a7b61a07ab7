use pointsman_proto::preprocess::v1::Header;
use serde::Deserialize;
use tonic::Code;

use super::*;

fn with_headers(headers: &[(&str, &[u8])]) -> Request {
    let headers = headers
        .iter()
        .map(|(name, value)| Header { name: (*name).to_owned(), value: Bytes::copy_from_slice(value) });
    Request::from(PreprocessRequest { headers: headers.collect(), ..PreprocessRequest::default() })
}

fn with_query(query: &str) -> Request {
    Request::from(PreprocessRequest { query: query.to_owned(), ..PreprocessRequest::default() })
}

fn with_body(body: &'static [u8]) -> Request {
    Request::from(PreprocessRequest { body: Bytes::from_static(body), ..PreprocessRequest::default() })
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> String {
    let refusal = answer.expect_err("a refusal");
    assert_eq!(refusal.code(), Code::InvalidArgument);
    refusal.message().to_owned()
}

#[test]
fn headers_match_without_regard_to_case() {
    let request = with_headers(&[("x-tenant", b"a"), ("x-many", b"1"), ("x-many", b"2"), ("x-raw", b"\xff")]);
    assert_eq!(request.header("X-Tenant"), Ok(Some("a")));
    assert_eq!(request.require_header("X-TENANT"), Ok("a"));
    assert_eq!(request.header("x-other"), Ok(None));
    assert_eq!(request.header_bytes("x-raw"), Ok(Some(&b"\xff"[..])));
    assert_eq!(request.header_values("x-many").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(request.headers().count(), 4);
}

#[test]
fn a_header_that_is_not_one_text_is_refused() {
    let request = with_headers(&[("x-many", b"1"), ("x-many", b"1"), ("x-raw", b"\xff"), ("x-none", b"")]);
    assert_eq!(refused(request.header("X-Many")), "the header \"X-Many\" is given more than once");
    assert_eq!(refused(request.header("x-raw")), "the header \"x-raw\" is not UTF-8");
    assert_eq!(refused(request.require_header("x-none")), "the header \"x-none\" is missing");
    assert_eq!(refused(request.require_header("x-other")), "the header \"x-other\" is missing");
}

#[test]
fn query_parameters_are_decoded() {
    let request = with_query("a=1+2%20%2B3&b&&c=d=e&%C3%A9=%E2%82%AC");
    let expected = [("a", "1 2 +3"), ("b", ""), ("c", "d=e"), ("é", "€")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(request.query_parameters(), Ok(expected.to_vec()));
    assert_eq!(request.query_parameter("é"), Ok(Some("€".to_owned())));
    assert_eq!(request.query_parameter("x"), Ok(None));
}

#[test]
fn a_query_parameter_that_is_not_one_text_is_refused() {
    assert_eq!(
        refused(with_query("a=1&%61=2").query_parameter("a")),
        "the query parameter \"a\" is given more than once"
    );
    assert_eq!(refused(with_query("a=%ff").query_parameter("a")), "the query is not UTF-8");
}

#[derive(Debug, Deserialize, PartialEq)]
struct Typed {
    id: u64,
}

#[test]
fn json_is_typed() {
    assert_eq!(with_body(b"{\"id\":18446744073709551615,\"x\":[]}").json(), Ok(Typed { id: u64::MAX }));
    assert_eq!(with_body(b"\xef\xbb\xbf{\"id\":1}").json(), Ok(Typed { id: 1 }));
}

#[test]
fn json_that_is_not_as_expected_is_refused_and_says_where() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "the body is empty, and JSON was expected"),
        (b"{\"id\":1", "EOF while parsing an object at line 1 column 7"),
        (b"{\"x\":1}", "missing field `id` at line 1 column 7"),
        (b"{\"id\":\"s3cret\"}", ": a value is not what was expected at line 1 column 14"),
        (b"{\"id\":1,\"id\":2}", "duplicate field `id` at line 1 column 12"),
        (b"{\"id\":1} x", "trailing characters at line 1 column 10"),
    ];
    for (body, expected) in cases {
        let message = refused(with_body(body).json::<Typed>());
        assert!(message.ends_with(expected), "{message}");
    }
}

#[test]
fn text_is_utf8() {
    assert_eq!(with_body("é".as_bytes()).text(), Ok("é"));
    assert_eq!(refused(with_body(b"\xff").text()), "the body is not UTF-8");
}

#[test]
fn what_a_shared_endpoint_leaves_out_is_none() {
    let request = Request::from(PreprocessRequest { endpoint_type: 1, ..PreprocessRequest::default() });
    assert_eq!(request.endpoint_type(), EndpointType::Shared);
    assert_eq!((request.deployment(), request.customer_external_id(), request.flow()), (None, None, None));
    assert_eq!(request.receive_time(), None);
    let request = Request::from(PreprocessRequest { endpoint_type: 77, ..PreprocessRequest::default() });
    assert_eq!(request.endpoint_type(), EndpointType::Unknown);
}

#[test]
fn metadata_that_is_given_twice_is_not_one_value() {
    let mut metadata = MetadataMap::new();
    metadata.insert("secret", "s3".parse().expect("a value"));
    metadata.append("twice", "a".parse().expect("a value"));
    metadata.append("twice", "b".parse().expect("a value"));
    let request = Request::new(PreprocessRequest::default(), metadata);
    assert_eq!(request.metadata("secret"), Some("s3"));
    assert_eq!(request.metadata("twice"), None);
    assert_eq!(request.metadata("other"), None);
}
