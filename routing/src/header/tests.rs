use super::*;

fn flow_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    parse_flow_header(name, value).map_err(|error| error.to_string())
}

#[test]
fn a_flow_header_is_taken_in_lower_case_and_its_value_hidden() {
    let (name, value) = flow_header("Authorization", "Bearer s3cret").unwrap();
    assert_eq!((name.as_str(), value.as_bytes()), ("authorization", b"Bearer s3cret".as_slice()));
    assert!(value.is_sensitive());
    assert!(!format!("{value:?}").contains("s3cret"));
    for fine in
        ["x-tenant", "Content-Type", "traceparent", "x-forwardedness", "pointsman", "x-pointsman-flow"]
    {
        flow_header(fine, "").unwrap();
    }
}

#[test]
fn headers_that_others_say_are_refused_in_every_spelling() {
    let names = "connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer \
        transfer-encoding upgrade http2-settings content-length expect host forwarded via x-forwarded-for \
        x-forwarded-host x-forwarded-proto x-forwarded-anything pointsman-customer pointsman-execution-id pointsman-x";
    for name in names.split_whitespace() {
        for spelling in [name.to_owned(), name.to_uppercase(), name.replace('-', "_")] {
            let error = flow_header(&spelling, "x").unwrap_err();
            assert!(error.contains("cannot be set"), "{spelling}: {error}");
        }
    }
}

#[test]
fn malformed_headers_are_refused_without_their_value() {
    let long_name = "x".repeat(MAX_NAME_BYTES + 1);
    for (name, why) in
        [("", "empty"), ("a b", "character"), ("a:", "character"), ("ä", "character"), (&long_name, "longer")]
    {
        assert!(flow_header(name, "x").unwrap_err().contains(why), "{name}");
    }
    let long_value = "x".repeat(MAX_VALUE_BYTES + 1);
    for (value, why) in [
        ("s3cret\r\nx: y", "character"),
        ("s3cret\n", "character"),
        ("s3cret\0", "character"),
        ("s3crèt", "character"),
        (" s3cret", "white space"),
        ("s3cret\t", "white space"),
        (&long_value, "8 KiB"),
    ] {
        let error = flow_header("x-a", value).unwrap_err();
        assert!(error.contains(why) && !error.contains("s3cr"), "{error}");
    }
    flow_header(&long_name[1..], &long_value[1..]).unwrap();
}

#[test]
fn metadata_is_what_grpc_carries() {
    let (name, value) = parse_metadata("x-api_key.v2", "a secret").unwrap();
    assert_eq!(
        (name.as_str(), value.as_bytes(), value.is_sensitive()),
        ("x-api_key.v2", b"a secret".as_slice(), true)
    );
    parse_metadata("authorization", "Bearer x").unwrap();
    parse_metadata("x-forwarded-for", "1.2.3.4").unwrap();
    for name in
        "X-Key grpc-timeout grpc-x key-bin te content-type user-agent content-length content-encoding \
        accept-encoding host connection keep-alive transfer-encoding upgrade trailer proxy-connection expect \
        pointsman-customer pointsman_customer :path a!b"
            .split_whitespace()
            .chain(["", "a b", "ä"])
    {
        assert!(parse_metadata(name, "x").is_err(), "{name}");
    }
    for value in ["", "a\tb", "é", "a\nb", " a", "a "] {
        assert!(parse_metadata("x-key", value).is_err(), "{value:?}");
    }
}

#[test]
fn hop_by_hop_headers_are_those_of_one_connection() {
    let hop_by_hop = "connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer \
        transfer-encoding upgrade";
    for one in hop_by_hop.split_whitespace() {
        assert!(is_hop_by_hop(one.as_bytes()), "{one}");
    }
    for other in ["host", "content-length", "authorization", "trailers", "x-connection"] {
        assert!(!is_hop_by_hop(other.as_bytes()), "{other}");
    }
}

#[test]
fn reserved_names_are_seen_through_underscores() {
    for reserved in ["pointsman-customer", "Pointsman_Customer", "POINTSMAN-x_y", "pointsman-"] {
        assert!(is_reserved(reserved.to_ascii_lowercase().as_bytes()), "{reserved}");
    }
    for other in ["pointsman", "pointsmanx-customer", "x-pointsman-customer", "pointsman.customer", "p"] {
        assert!(!is_reserved(other.as_bytes()), "{other}");
    }
}

#[test]
fn our_own_values_are_visible_ascii() {
    for (text, encoded) in [
        ("progix-1001", "progix-1001"),
        ("!~", "!~"),
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("%41", "%2541"),
        ("Ü\u{7f}", "%C3%9C%7F"),
        ("a\r\nx: y", "a%0D%0Ax:%20y"),
        ("", ""),
    ] {
        assert_eq!(encode_value(text), encoded, "{text:?}");
    }
}

proptest::proptest! {
    #[test]
    fn encoded_values_decode_to_what_they_were(text: String) {
        let encoded = encode_value(&text);
        proptest::prop_assert!(encoded.as_bytes().iter().all(|byte| (0x21..=0x7e).contains(byte)));
        let decoded = percent_encoding::percent_decode(encoded.as_bytes()).decode_utf8().unwrap();
        proptest::prop_assert_eq!(decoded, text);
    }
}
