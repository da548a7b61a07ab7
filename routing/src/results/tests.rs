//! Whole requests and replies, read through [`Results::read`] as edges do.

use http::Method;
use proptest::prelude::*;

use super::*;
use crate::headers::Headers;

mod data;
mod request;

/// A request to read from.
#[derive(Clone, Debug, Default)]
struct Sample {
    method: Method,
    headers: Headers,
    query: String,
    path_fragment: String,
    body: Vec<u8>,
}

impl Sample {
    fn query(query: &str) -> Self {
        Self { query: query.into(), ..Self::default() }
    }

    fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let one_more = (name.as_bytes(), value.as_ref());
        self.headers = self.headers.iter().chain([one_more]).collect();
        self
    }

    fn body(mut self, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().into();
        if content_type.is_empty() { self } else { self.header("content-type", content_type) }
    }

    fn read(&self, reference: &str) -> Result<Option<String>, Refusal> {
        let [read] = self.read_all([reference]);
        read
    }

    fn read_all<const N: usize>(&self, references: [&str; N]) -> [Result<Option<String>, Refusal>; N] {
        let webhook = Webhook {
            method: &self.method,
            headers: &self.headers,
            query: &self.query,
            path_fragment: &self.path_fragment,
            body: &self.body,
        };
        read_all(&Results::Request(webhook), references)
    }

    #[track_caller]
    fn finds(&self, reference: &str, value: &str) {
        assert_eq!(self.read(reference), Ok(Some(value.into())), "{reference} of {self:?}");
    }

    #[track_caller]
    fn finds_nothing(&self, reference: &str) {
        assert_eq!(self.read(reference), Ok(None), "{reference} of {self:?}");
    }

    /// The detail of the refusal, which names the reference.
    #[track_caller]
    fn is_refused(&self, reference: &str, outcome: Outcome) -> String {
        let refusal = self.read(reference).expect_err(&format!("{reference} of {self:?}"));
        assert_eq!(refusal.outcome, outcome, "{reference}: {refusal}");
        assert!(refusal.detail.starts_with(&format!("{reference} cannot be read: ")), "{refusal}");
        refusal.detail.into_owned()
    }
}

fn read_all<const N: usize>(
    results: &Results<'_>,
    references: [&str; N],
) -> [Result<Option<String>, Refusal>; N] {
    let references = references.map(|text| Reference::parse(text).expect(text));
    results.read(references.each_ref().map(Some)).map(|read| read.map(|found| found.map(Cow::into_owned)))
}

#[test]
fn a_missing_reference_finds_nothing() {
    let sample = Sample::default().body("", r#"{"a": "b"}"#);
    let webhook = Webhook {
        method: &sample.method,
        headers: &sample.headers,
        query: &sample.query,
        path_fragment: &sample.path_fragment,
        body: &sample.body,
    };
    let reference = Reference::parse("results.body.data.a").expect("a reference");
    let results = Results::Request(webhook);
    let read = results.read([None, Some(&reference), None]);
    assert_eq!(read, [Ok(None), Ok(Some("b".into())), Ok(None)]);
    assert!(matches!(read[1], Ok(Some(Cow::Borrowed(_)))), "nothing is copied without need");
}

mod reply {
    use super::*;

    fn object(members: impl IntoIterator<Item = (&'static str, ReplyValue)>) -> BTreeMap<String, ReplyValue> {
        members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn read(value: ReplyValue, reference: &str) -> Result<Option<String>, Refusal> {
        let [read] = read_all(&Results::Reply(Reply(object([("value", value)]))), [reference]);
        read
    }

    fn string(text: &str) -> ReplyValue {
        ReplyValue::String(text.into())
    }

    #[test]
    fn strings_and_booleans_are_taken_as_they_are() {
        assert_eq!(read(string("A06DFFAC"), "results.value"), Ok(Some("A06DFFAC".into())));
        assert_eq!(read(ReplyValue::Bool(true), "results.value"), Ok(Some("true".into())));
        assert_eq!(read(ReplyValue::Bool(false), "results.value"), Ok(Some("false".into())));
    }

    #[test]
    fn null_objects_arrays_and_empty_strings_do_not_resolve() {
        for value in [
            ReplyValue::Null,
            string(""),
            ReplyValue::List(vec![string("a")]),
            ReplyValue::Object(object([("a", string("a"))])),
        ] {
            assert_eq!(read(value, "results.value"), Ok(None));
        }
    }

    #[test]
    fn paths_lead_through_objects_and_arrays_exactly() {
        let value =
            ReplyValue::List(vec![ReplyValue::Null, ReplyValue::Object(object([("X-Id", string("a"))]))]);
        assert_eq!(read(value.clone(), "results.value[1].X-Id"), Ok(Some("a".into())));
        for reference in [
            "results.value[0].X-Id",
            "results.value[2].X-Id",
            "results.value[1].x-id",
            "results.Value[1].X-Id",
            "results.value.X-Id",
            "results.value[1][0]",
            "results[0]",
            "results.missing",
        ] {
            assert_eq!(read(value.clone(), reference), Ok(None), "{reference}");
        }
    }

    #[test]
    fn a_request_s_headers_are_not_a_reply_s() {
        let headers = ReplyValue::Object(object([("X-Tenant", string("a"))]));
        let results = Results::Reply(Reply(object([("headers", headers)])));
        assert_eq!(
            read_all(&results, ["results.headers.X-Tenant", "results.headers.x-tenant", "results.method"]),
            [Ok(Some("a".into())), Ok(None), Ok(None)]
        );
    }

    #[test]
    fn a_number_counts_if_it_is_integral_and_exact() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (42.0, "42"),
            (-42.0, "-42"),
            (1e15, "1000000000000000"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (-9_007_199_254_740_991.0, "-9007199254740991"),
        ] {
            assert_eq!(read(ReplyValue::Number(number), "results.value"), Ok(Some(text.into())), "{number}");
        }
    }

    #[test]
    fn any_other_number_is_preprocess_failed_and_says_what_to_do() {
        for number in
            [0.5, 9_007_199_254_740_992.0, -1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324]
        {
            let refusal = read(ReplyValue::Number(number), "results.value").expect_err("refused");
            assert_eq!(refusal.outcome, Outcome::PreprocessFailed, "{number}");
            assert!(refusal.detail.contains("send it as a string"), "{refusal}");
            assert!(refusal.detail.starts_with("results.value "), "{refusal}");
            assert_eq!(read(ReplyValue::Number(number), "results.other"), Ok(None), "only where it is read");
        }
    }

    #[test]
    fn json_reads_a_document_in_a_string() {
        let document = string(r#"{"id": 12345678901234567890, "twice": 1, "twice": 2, "half": 0.5}"#);
        assert_eq!(read(document.clone(), "json(results.value).id"), Ok(Some("12345678901234567890".into())));
        assert_eq!(read(document.clone(), "json(results.value).half"), Ok(Some("0.5".into())));
        for (value, reference) in [
            (document, "json(results.value).twice"),
            (string("{"), "json(results.value).id"),
            (string("A"), "json(results.value)"),
        ] {
            let refusal = read(value, reference).expect_err("refused");
            assert_eq!(refusal.outcome, Outcome::PreprocessFailed, "{refusal}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_it_is_or_refused(number in any::<f64>(), integer in -1_i64 << 54..1 << 54) {
            for number in [number, integer as f64] {
                match read(ReplyValue::Number(number), "results.value") {
                    Ok(text) => prop_assert_eq!(text.expect("a number").parse::<i64>().expect("digits") as f64, number),
                    Err(_) => prop_assert!(number.fract() != 0.0 || number.abs() >= 2_f64.powi(53) || !number.is_finite()),
                }
            }
        }
    }
}
