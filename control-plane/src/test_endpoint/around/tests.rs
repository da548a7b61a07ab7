use http::Method;
use pointsman_routing::{
    results::{Reply, ReplyValue},
    webhook::Webhook,
};

use super::*;
use crate::test_endpoint::SampleRequest;

fn request(content_type: &str, body: &str) -> SampleRequest {
    let content_type = (!content_type.is_empty()).then_some(("content-type", content_type));
    let headers = content_type.into_iter().chain([("x-tenant", "t-1")]).collect();
    SampleRequest {
        method: Method::POST,
        query: "tenant=q-1&flow=a".to_owned(),
        headers,
        body: body.to_owned().into(),
        ..SampleRequest::default()
    }
}

/// What is there, and the candidates with their values.
fn look(reference: &str, request: &SampleRequest) -> (String, Vec<(String, String)>) {
    let webhook = Webhook {
        method: &request.method,
        headers: &request.headers,
        query: &request.query,
        path_fragment: &request.path_fragment,
        body: &request.body,
    };
    let reference = Reference::parse(reference).unwrap();
    let found = around(&reference, &Results::Request(webhook), &Tree::of_request(request));
    (found.there, found.candidates.into_iter().map(|one| (one.value, one.stands_for)).collect())
}

fn candidates(reference: &str, request: &SampleRequest) -> Vec<String> {
    look(reference, request).1.into_iter().map(|(reference, _)| reference).collect()
}

const JSON: &str = r#"{"customerId": "A1", "data": {"type": "order", "items": [{"sku": "x"}]}, "none": null,
    "payload": "{\"team\": {\"id\": 7}}", "big": {}}"#;

#[test]
fn a_mistyped_name_is_named() {
    let request = request("application/json", JSON);
    let (there, found) = look("results.body.data.customerID", &request);
    assert_eq!(there, "results.body.data holds big, customerId, data, none, payload");
    assert_eq!(found, [("results.body.data.customerId".to_owned(), "\"A1\"".to_owned())]);
    assert_eq!(candidates("results.body.data.customer_id", &request), ["results.body.data.customerId"]);
    assert_eq!(candidates("results.headers.x-tenent", &request), ["results.headers.x-tenant"]);
    assert_eq!(candidates("results.queryParameters.tennant", &request), ["results.queryParameters.tenant"]);
}

#[test]
fn a_name_in_another_place_is_found() {
    let request = request("application/json", JSON);
    assert_eq!(candidates("results.body.data.type", &request), ["results.body.data.data.type"]);
    assert_eq!(candidates("results.body.customerId", &request), ["results.body.data.customerId"]);
    assert_eq!(
        candidates("results.body.data.data.items.sku", &request),
        ["results.body.data.data.items[0].sku"]
    );
    assert_eq!(candidates("results.customerId", &request), ["results.body.data.customerId"]);
}

#[test]
fn what_is_no_text_says_what_it_is() {
    let request = request("application/json", JSON);
    let there = |reference| look(reference, &request).0;
    assert_eq!(there("results.body.data.none"), "results.body.data.none is null");
    assert_eq!(there("results.body.data.none.deep"), "results.body.data.none is null");
    assert_eq!(there("results.body.data.big"), "results.body.data.big holds nothing, and is no text itself");
    assert_eq!(
        there("results.body.data.data.items"),
        "results.body.data.data.items is an array of one element"
    );
    assert_eq!(there("results.body.data.customerId.x"), "results.body.data.customerId is the text \"A1\"");
    let (there, found) = look("results.body.data.data", &request);
    assert_eq!(there, "results.body.data.data holds items, type, and is no text itself");
    assert_eq!(found, [("results.body.data.data.type".to_owned(), "\"order\"".to_owned())]);
}

#[test]
fn a_document_in_a_string_is_looked_into() {
    let json = request("application/json", JSON);
    let expected = ["json(results.body.data.payload).team.id"];
    assert_eq!(candidates("results.body.data.payload.team.id", &json), expected);
    assert_eq!(candidates("json(results.body.data.payload).team.ids", &json), expected);
    assert_eq!(candidates("json(results.body.data.payloads).team.id", &json), expected);
    let form = request("application/x-www-form-urlencoded", "payload=%7B%22id%22%3A%22T1%22%7D&x=1");
    assert_eq!(candidates("results.body.data.payload.id", &form), ["json(results.body.data.payload).id"]);
}

#[test]
fn other_bodies_are_looked_into_too() {
    let xml = request(
        "text/xml",
        "<?xml version=\"1.0\"?><Order id='7'><Head>\n<Buyer>B1</Buyer></Head><Line/><Line no='2'>x</Line></Order>",
    );
    let (there, found) = look("results.body.data.Order.Head.buyer", &xml);
    assert_eq!(there, "results.body.data.Order.Head holds Buyer");
    assert_eq!(found, [("results.body.data.Order.Head.Buyer".to_owned(), "\"B1\"".to_owned())]);
    assert_eq!(candidates("results.body.data.Order.id", &xml), ["results.body.data.Order.@id"]);
    assert_eq!(candidates("results.body.data.Order.Line.@no", &xml), ["results.body.data.Order.Line[1].@no"]);

    let part = "--b\r\nContent-Disposition: form-data; name=\"tenant\"\r\n\r\nT1\r\n--b--\r\n";
    let parts = request("multipart/form-data; boundary=b", part);
    let (there, found) = look("results.body.data.tennant", &parts);
    assert_eq!(there, "results.body.data holds tenant");
    assert_eq!(found, [("results.body.data.tenant".to_owned(), "\"T1\"".to_owned())]);
}

#[test]
fn a_body_that_is_not_read_says_why() {
    let there = |content_type, body| look("results.body.data.id", &request(content_type, body)).0;
    assert_eq!(there("application/json", ""), "the request has no body");
    assert_eq!(
        there("text/plain; x=y", "{}"),
        "a body of the Content-Type text/plain is not read, only JSON, forms, XML and multipart are"
    );
    assert_eq!(
        there("application/json; charset=latin1", "{}"),
        "a body in the charset latin1 is not read, only UTF-8 is"
    );
    let mut zipped = request("application/json", "{}");
    zipped.headers =
        [("content-type", "application/json"), ("content-encoding", "gzip")].into_iter().collect();
    assert_eq!(
        look("results.body.data.id", &zipped).0,
        "a body with the Content-Encoding \"gzip\" is not read"
    );
}

#[test]
fn a_reply_is_looked_into() {
    let reply = Reply([("flowName".to_owned(), ReplyValue::String("Update".to_owned()))].into());
    let tree = Tree::of_reply(&reply);
    let reference = Reference::parse("results.flow").unwrap();
    let found = around(&reference, &Results::Reply(reply), &tree);
    assert_eq!(found.there, "results holds flowName");
    assert!(found.candidates.is_empty(), "`flow` is not near `flowName`");
}

#[test]
fn odd_bodies_do_no_harm() {
    let deep = "<a>".repeat(10_000);
    for (content_type, body) in [
        ("text/xml", deep.as_str()),
        ("text/xml", "</a></b>"),
        ("text/xml", "<a><b></a>"),
        ("text/xml", "<a"),
        ("text/xml", "<a b b=1 c='x d=\" === e='' e='' ></a>"),
        ("text/xml", "<a =\"x\" ='' '' \"/>"),
        ("application/json", &"[".repeat(10_000)),
        ("multipart/form-data", "name=\""),
        ("application/x-www-form-urlencoded", "%ff&&=%"),
    ] {
        let _ = look("results.body.data.a.b.c", &request(content_type, body));
    }
    let wide = format!("{{{}}}", (0..50_000).map(|n| format!("\"k{n}\":{{}}")).collect::<Vec<_>>().join(","));
    let (there, _) = look("results.body.data.nothing", &request("application/json", &wide));
    assert!(there.ends_with("and 49992 more") && there.len() < 200, "{there}");
}
