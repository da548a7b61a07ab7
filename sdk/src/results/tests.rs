use prost::Message as _;
use serde_json::json;

use super::*;

#[test]
fn integers_become_strings() {
    let results = Results::new()
        .set("small", 7_u8)
        .set("large", u128::MAX)
        .set("negative", i64::MIN)
        .set("list", vec![1, 2])
        .set("none", None::<u64>)
        .set("some", Some(3))
        .set("yes", true)
        .set("deep", Results::new().set("id", 5));
    assert_eq!(
        results.to_json(),
        json!({
            "small": "7", "large": "340282366920938463463374607431768211455", "negative": "-9223372036854775808",
            "list": ["1", "2"], "none": null, "some": "3", "yes": true, "deep": {"id": "5"},
        })
    );
}

#[test]
fn a_field_that_is_set_again_is_replaced() {
    assert_eq!(Results::new().set("a", "1").set("a", "2").to_json(), json!({"a": "2"}));
}

#[derive(Serialize)]
struct Found<'a> {
    customer: u64,
    names: Vec<&'a str>,
    total: Option<f64>,
}

#[test]
fn what_serializes_to_an_object_becomes_results() {
    let found = Found { customer: u64::MAX, names: vec!["a"], total: None };
    let results = Results::from_serialize(&found).expect("results");
    assert_eq!(results.to_json(), json!({"customer": "18446744073709551615", "names": ["a"], "total": null}));
}

#[test]
fn floats_are_refused_unless_asked_for() {
    let found = Found { customer: 1, names: vec![], total: Some(122.57) };
    let error = Results::from_serialize(&found).expect_err("a float");
    assert_eq!(error.to_string(), "results.total is a number with a point: send it as a string");
    let error = Results::from_serialize(&json!({"a": [{"b": 1.0}]})).expect_err("a float");
    assert_eq!(error.to_string(), "results.a[0].b is a number with a point: send it as a string");

    let results = Results::new().set("total", Value::number(122.57).expect("a number"));
    assert_eq!(results.to_json(), json!({"total": 122.57}));
    assert!(matches!(Value::number(f64::NAN), Err(ResultsError::NotFinite)));
    assert!(matches!(Value::number(f64::INFINITY), Err(ResultsError::NotFinite)));
}

#[test]
fn only_an_object_is_results() {
    assert!(matches!(Results::from_serialize(&[1]), Err(ResultsError::NotAnObject)));
    assert!(matches!(Results::from_serialize("text"), Err(ResultsError::NotAnObject)));
}

#[test]
fn the_wire_keeps_everything() {
    let results = Results::new()
        .set("text", "é")
        .set("flag", false)
        .set("none", None::<&str>)
        .set("number", Value::number(0.5).expect("a number"))
        .set("list", vec![Results::new().set("a", "b"), Results::new()]);
    let bytes = results.clone().into_wire().expect("a message").encode_to_vec();
    assert_eq!(Results::from_wire(Struct::decode(&bytes[..]).expect("a message")), results);
}

fn nested(depth: usize) -> Results {
    (1..depth).fold(Results::new(), |inner, _| Results::new().set("a", inner))
}

#[test]
fn nesting_that_a_reader_would_refuse_is_refused_here() {
    let bytes = nested(Results::DEPTH_MAX).into_wire().expect("a message").encode_to_vec();
    Struct::decode(&bytes[..]).expect("a message that can be read");
    assert!(matches!(nested(Results::DEPTH_MAX + 1).into_wire(), Err(ResultsError::TooDeep)));
}
