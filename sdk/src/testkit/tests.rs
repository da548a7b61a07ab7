use std::{fs, path::PathBuf};

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{Refusal, Request, Results, from_fn};

/// A folder with a file of cases.
fn written(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cases.json");
    fs::write(&path, text).expect("a file");
    (folder, path)
}

fn read_one(request: &str) -> Result<Sample, SampleError> {
    Sample::from_json(request, "")
}

/// Answers with what it was asked.
fn echo() -> impl Preprocessor {
    from_fn(async |request: Request| {
        let headers =
            request.headers().map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)));
        Ok(Results::new()
            .set("method", request.method())
            .set("path", request.path_fragment())
            .set("query", request.query())
            .set("headers", headers.collect::<Vec<_>>())
            .set("body", request.text()?)
            .set("integration", request.integration())
            .set("deployment", request.deployment().map(str::to_owned))
            .set("customer", request.customer_external_id().map(str::to_owned))
            .set("flow", request.flow().map(str::to_owned))
            .set("type", format!("{:?}", request.endpoint_type()))
            .set("execution", request.execution_id())
            .set(
                "received",
                request
                    .receive_time()
                    .and_then(|time| Some(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs())),
            )
            .set("secret", request.metadata("x-secret").map(str::to_owned)))
    })
}

#[tokio::test]
async fn all_that_a_case_says_arrives_in_the_process_and_over_a_socket()
-> Result<(), Box<dyn std::error::Error>> {
    let (_folder, path) = written(
        r#"{"comment": "for people", "cases": [{
            "name": "everything",
            "request": {
                "executionId": "e1", "integration": "integrations/a", "endpointType": "ENDPOINT_TYPE_FLOW_SPECIFIC",
                "deployment": "integrations/a/deployments/b", "customerExternalId": "c1", "flow": "f1",
                "method": "PUT", "pathFragment": "a/b", "query": "q=1&q=2",
                "headers": {"X-One": "1", "x-many": ["a", {"base64": "Yg=="}]},
                "bodyJson": {"id" : 12345678901234567890, "id": 2.50},
                "receiveTime": "2024-05-14T09:26:53Z", "metadata": {"x-secret": "s"}
            },
            "expect": {"results": {
                "method": "PUT", "path": "a/b", "query": "q=1&q=2", "headers": ["x-many=a", "x-many=b", "x-one=1"],
                "body": "{\"id\" : 12345678901234567890, \"id\": 2.50}", "integration": "integrations/a",
                "deployment": "integrations/a/deployments/b", "customer": "c1", "flow": "f1", "type": "FlowSpecific",
                "execution": "e1", "received": "1715678813", "secret": "s"
            }}
        }]}"#,
    );
    assert_eq!(check(&echo(), &path).await?, 1);

    let server = crate::Server::new(echo()).bind(&"127.0.0.1:0".parse()?).await?;
    let address = server.address().url();
    let serving = tokio::spawn(server.serve_until(std::future::pending()));
    assert_eq!(check(&Remote::connect(&address).await?, &path).await?, 1);
    serving.abort();
    Ok(())
}

#[test]
fn a_body_can_stand_in_four_ways() {
    let (folder, _) = written("file\n");
    let body = |request: &str| Sample::from_json(request, folder.path()).expect("a sample").body;
    assert_eq!(body(r#"{"body": "a\n"}"#), "a\n");
    assert_eq!(body(r#"{"bodyJson": null}"#), "null");
    assert_eq!(body(r#"{"bodyFile": "cases.json"}"#), "file\n");
    assert_eq!(body(r#"{"bodyBase64": "/w=="}"#), &b"\xff"[..]);
    assert_eq!(body("{}"), "");
}

#[test]
fn a_sample_without_more_is_a_post_to_a_shared_endpoint() {
    let request = read_one("{}").expect("a sample").to_request();
    assert_eq!((request.method(), request.endpoint_type()), ("POST", crate::EndpointType::Shared));
    assert!(request.receive_time().is_some());
    assert_eq!(request.execution_id().len(), 36);
}

#[test]
fn samples_that_are_none_say_why() {
    let cases = [
        (r#"{"bodi": ""}"#, "unknown field `bodi`"),
        (r#"{"body": "", "bodyJson": 1}"#, "a request has one of body, bodyJson, bodyFile and bodyBase64"),
        (r#"{"bodyFile": "/nonexistent"}"#, "cannot read bodyFile /nonexistent: No such file"),
        (r#"{"bodyBase64": "?"}"#, "bodyBase64 is not base64: "),
        (r#"{"headers": {"a": {"base64": "?"}}}"#, "a is not base64: "),
        (r#"{"headers": {"a": 1}}"#, "a header is a string, {\"base64\": …}, or a list of them"),
        (r#"{"receiveTime": "noon"}"#, "receiveTime is not a time in RFC 3339: \"noon\""),
        (r#"{"metadata": {"A b": ""}}"#, "metadata: \"A b\" is not a key"),
        (r#"{"metadata": {"a": "é\n"}}"#, "metadata: \"a\" is not a key with a value of visible ASCII"),
        (r#"{"endpointType": "SHARED"}"#, "endpointType: \"SHARED\" is not one"),
    ];
    for (request, expected) in cases {
        let error = read_one(request).expect_err(request).to_string();
        assert!(error.starts_with(expected), "{request}: {error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_file_of_cases_says_where() {
    let cases = [
        ("{\"cases\": []}", "there are no cases"),
        ("{\n  \"cases\": 1\n}", "invalid type: integer `1`, expected a sequence at line 2 column 12"),
        (r#"{"cases": [{"name": "x", "request": {}}]}"#, "missing field `expect`"),
        (r#"{"cases": [{"name": "x", "request": {}, "expect": {"maybe": 1}}]}"#, "unknown variant `maybe`"),
        (
            r#"{"cases": [{"name": "x", "request": {"bodyBase64": "?"}, "expect": {"results": {}}}]}"#,
            "x: bodyBase64",
        ),
    ];
    for (text, expected) in cases {
        let (_folder, path) = written(text);
        let error = check(&echo(), &path).await.expect_err(text).to_string();
        assert!(error.starts_with(&format!("{}: {expected}", path.display())), "{error}");
    }
    let error = check(&echo(), "/nonexistent").await.expect_err("no file").to_string();
    assert!(error.starts_with("cannot read /nonexistent: "), "{error}");
}

async fn failures(answer: Result<Results, Refusal>, expect: serde_json::Value) -> String {
    let cases = json!({"cases": [
        {"name": "first", "request": {}, "expect": expect},
        {"name": "second", "request": {}, "expect": expect},
    ]});
    let (_folder, path) = written(&cases.to_string());
    let preprocessor = from_fn(move |_| std::future::ready(answer.clone()));
    let error = check(&preprocessor, &path).await.expect_err("a failure");
    let text = error.to_string();
    assert_eq!(format!("{error:?}"), text, "an unwrap in a test is readable");
    let head = format!("2 of 2 cases of {} failed\nfirst:\n  ", path.display());
    let rest = text.strip_prefix(&head).expect("the head");
    rest.split_once("\nsecond:\n").expect("both cases").0.to_owned()
}

#[tokio::test]
async fn what_differs_is_said_field_by_field() {
    let answer = Results::new()
        .set("same", "1")
        .set("flowName", "B")
        .set("id", 7)
        .set("a b", "extra")
        .set("list", vec!["a", "b"])
        .set("deep", Results::new().set("x", "1"));
    let expected = json!({"results": {
        "same": "1", "flowName": "A", "id": 7, "gone": null, "list": ["a", "c", "d"], "deep": {"x": "2"},
    }});
    let text = failures(Ok(answer), expected).await;
    let mut lines = text.lines().map(str::trim).collect::<Vec<_>>();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "results.deep.x: expected \"2\", got \"1\"",
            "results.flowName: expected \"A\", got \"B\"",
            "results.gone: expected null, got nothing",
            "results.id: expected 7, got \"7\"",
            "results.list[1]: expected \"c\", got \"b\"",
            "results.list[2]: expected \"d\", got nothing",
            "results[\"a b\"]: expected nothing, got \"extra\"",
        ]
    );
}

#[tokio::test]
async fn refusals_are_compared_by_code_and_message() {
    let expected = json!({"refusal": {"code": "NOT_FOUND", "message": "customer"}});
    assert_eq!(
        failures(Err(Refusal::invalid("no flow")), expected.clone()).await,
        "code: expected NOT_FOUND, got INVALID_ARGUMENT: no flow\n  \
         message: expected one with \"customer\", got \"no flow\""
    );
    assert_eq!(
        failures(Ok(Results::new().set("a", 1)), expected).await,
        "expected a refusal (NOT_FOUND), got results: {\"a\":\"1\"}"
    );
    assert_eq!(
        failures(Err(Refusal::not_found("x")), json!({"results": {}})).await,
        "expected results, got a refusal: NOT_FOUND: x"
    );
}

#[tokio::test(start_paused = true)]
async fn a_preprocessor_that_does_not_answer_fails() {
    let (_folder, path) = written(r#"{"cases": [{"name": "x", "request": {}, "expect": {"results": {}}}]}"#);
    let error = check(&from_fn(|_| std::future::pending()), &path).await.expect_err("a failure").to_string();
    assert!(error.ends_with("x:\n  it did not answer within 5s"), "{error}");
}

#[tokio::test]
async fn an_address_where_nothing_is_says_so() {
    let error = Remote::connect("ftp://x").await.expect_err("no address").to_string();
    assert_eq!(error, "\"ftp://x\" is not the address of a service: http://host:port or unix:/path");
    let error = Remote::connect("unix:/nonexistent/socket").await.expect_err("nothing there").to_string();
    assert!(error.starts_with("cannot connect to unix:/nonexistent/socket: "), "{error}");
}
