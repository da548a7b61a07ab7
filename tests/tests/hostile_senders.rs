//! Senders over HTTP/1 at the bounds: of bodies and headers, of what they expect, of how long a connection lasts.

use pointsman_tests::{
    acme,
    receiver::Receiver,
    sender::exchange,
    stand::{Stand, post},
    wire::{Stage, Wire},
};

async fn stand() -> (Stand, Receiver) {
    let flows = Receiver::start().await;
    (Stand::start(&flows.url("")).await, flows)
}

#[tokio::test]
async fn who_expects_100_continue_gets_it_where_the_body_is_wanted_and_only_there() {
    let (stand, mut flows) = stand().await;
    for path in [&stand.direct, &stand.shared] {
        let order = acme::CREATE_ORDER;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\nexpect: 100-Continue\r\ncontent-length: {}\r\n\r\n",
            order.len()
        );
        let mut wire = stand.connect().await;
        wire.write(&head).await;
        assert_eq!(wire.head().await.as_deref(), Some("HTTP/1.1 100 Continue\r\n\r\n"));
        wire.write(order).await;
        let answer = wire.head().await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "one interim answer is enough: {answer}");
        let received = flows.next().await;
        assert_eq!(received.body, order);
        assert_eq!(received.header("expect"), "");

        // One that does not wait is served too, and its connection lives on.
        let mut wire = stand.connect().await;
        wire.write([head.as_bytes(), order.as_bytes(), &post(&stand.direct, "next")].concat()).await;
        assert_eq!(wire.answer().await.expect("an answer").status, 200);
        assert_eq!(flows.next().await.body, order);
        assert_eq!(wire.answer().await.expect("a second answer").status, 200);
        assert_eq!(flows.next().await.body, "next");
    }
    for (path, expect, status) in [
        ("/hooks/nosuch", "100-continue", "404"),
        (&stand.direct, "100-continue\r\ncontent-length: 99999999", "413"),
    ] {
        let length = if expect.contains("length") { "" } else { "content-length: 5\r\n" };
        let mut wire = stand.connect().await;
        wire.write(format!("POST {path} HTTP/1.1\r\nhost: edge\r\nexpect: {expect}\r\n{length}\r\n")).await;
        let answer = wire.rest().await;
        let line = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(line.as_bytes()), "refused without asking: {}", answer.escape_ascii());
    }
    // HTTP/1.0 knows no interim answers, and a request without a body has nothing to wait for.
    for request in [
        format!(
            "POST {} HTTP/1.0\r\nhost: edge\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\nok",
            stand.direct
        ),
        format!(
            "GET {} HTTP/1.1\r\nhost: edge\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
            stand.direct
        ),
    ] {
        let answer = exchange(stand.edge, request.as_bytes()).await;
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", answer.escape_ascii());
        flows.next().await;
    }
    flows.expect_nothing();
}

#[tokio::test]
async fn connections_end_and_last_as_their_senders_say() {
    let (stand, mut flows) = stand().await;
    for (version, fields, lasts) in [
        ("1.1", "", true),
        ("1.1", "connection: keep-alive\r\n", true),
        ("1.1", "connection: close\r\n", false),
        ("1.1", "connection: CLOSE\r\n", false),
        ("1.1", "connection: x, close\r\n", false),
        ("1.0", "", false),
        ("1.0", "connection: close\r\n", false),
    ] {
        let mut wire = stand.connect().await;
        let request = format!("GET {} HTTP/{version}\r\nhost: edge\r\n{fields}\r\n", stand.direct);
        wire.write(request.repeat(2)).await;
        let answer = wire.answer_to("GET").await.expect("an answer");
        let connection = if lasts { "keep-alive" } else { "close" };
        assert_eq!(answer.header("connection"), connection, "{version} {fields}");
        flows.next().await;
        assert_eq!(wire.answer_to("GET").await.is_some(), lasts, "{version} {fields}");
        if lasts {
            flows.next().await;
        }
    }
    flows.expect_nothing();
}

#[tokio::test]
async fn as_many_header_fields_as_fit_pass_and_no_more() {
    let stage = Stage::open().await;
    let stand = Stand::start(&stage.url()).await;
    for (count, size, passes) in
        [(250, 10, true), (10, 6_000, true), (300, 10, false), (10_000, 1, false), (11, 6_000, false)]
    {
        let fields: String = (0..count).map(|i| format!("x-{i}: {}\r\n", "v".repeat(size))).collect();
        let mut sender = stand.connect().await;
        sender.write(format!("GET {} HTTP/1.1\r\nhost: edge\r\n{fields}\r\n", stand.direct)).await;
        if passes {
            let mut flow = stage.enter().await;
            let head = flow.head().await.expect("a request");
            assert!(head.contains(&fields), "all of them, in their order: {head}");
            flow.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        }
        let answer = sender.answer_to("GET").await.expect("an answer");
        let expected = if passes { (200, "") } else { (431, "headers_too_large") };
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), expected, "{count} of {size} bytes");
    }
}

#[tokio::test]
async fn bodies_that_stream_are_bounded_like_those_in_memory() {
    const LIMIT: usize = 65_536;
    let stage = Stage::open().await;
    let stand = Stand::start(&stage.url()).await;
    let mut manifest = pointsman_tests::stand::manifest(&stage.url());
    manifest["integrations"][1]["endpoint"]["maxBodyBytes"] = LIMIT.into();
    stand.sandbox.apply(&manifest).await;
    for size in [0, 1, LIMIT - 1, LIMIT, LIMIT + 1] {
        let body = "x".repeat(size);
        // With a length.
        let mut sender = stand.connect().await;
        sender.write(post(&stand.direct, &body)).await;
        if size <= LIMIT {
            let mut flow = stage.enter().await;
            let head = flow.head().await.expect("a request");
            assert!(head.contains(&format!("content-length: {size}\r\n")), "{head}");
            assert_eq!(flow.bytes(size).await, body.as_bytes());
            flow.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        }
        let answer = sender.answer().await.expect("an answer");
        assert_eq!(answer.status, if size <= LIMIT { 200 } else { 413 }, "{size}");
        // In chunks.
        let mut sender = stand.connect().await;
        let head =
            format!("POST {} HTTP/1.1\r\nhost: edge\r\ntransfer-encoding: chunked\r\n\r\n", stand.direct);
        let last = if size == 0 { "" } else { "0\r\n\r\n" };
        sender.write(format!("{head}{size:x}\r\n{body}\r\n{last}")).await;
        let mut flow = stage.enter().await;
        let head = flow.head().await.expect("a request");
        assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
        let arrived = flow.chunks().await;
        if size <= LIMIT {
            assert_eq!(arrived.expect("a whole body"), body.as_bytes());
            flow.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            assert_eq!(sender.answer().await.expect("an answer").status, 200);
        } else {
            assert_eq!(arrived, None, "what is too large is not completed");
            let answer = sender.answer().await.expect("an answer");
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (413, "body_too_large"));
            assert_eq!(answer.header("connection"), "close");
            assert_eq!(sender.rest().await, "");
        }
    }
    stand.until_idle().await;
}

#[tokio::test]
async fn answers_to_head_and_answers_without_a_body_have_none() {
    let stage = Stage::open().await;
    let stand = Stand::start(&stage.url()).await;
    for (method, said, status) in [
        ("HEAD", "200 OK\r\ncontent-length: 5", 200),
        ("HEAD", "200 OK\r\ntransfer-encoding: chunked", 200),
        ("HEAD", "200 OK", 200),
        ("GET", "204 No Content", 204),
        ("GET", "204 No Content\r\ncontent-length: 0", 204),
        ("GET", "304 Not Modified\r\ncontent-length: 5\r\netag: \"x\"", 304),
        ("POST", "204 No Content\r\ntransfer-encoding: chunked", 204),
        ("GET", "200 OK\r\ncontent-length: 0", 200),
        ("GET", "205 Reset Content\r\ncontent-length: 0", 205),
    ] {
        let mut sender = stand.connect().await;
        let mut request = format!("{method} {} HTTP/1.1\r\nhost: edge\r\n\r\n", stand.direct).repeat(2);
        if method == "POST" {
            request = request.replace("host:", "content-length: 0\r\nhost:");
        }
        sender.write(request).await;
        for _ in 0..2 {
            let mut flow: Wire = stage.enter().await;
            flow.head().await.expect("a request");
            flow.write(format!("HTTP/1.1 {said}\r\nconnection: close\r\n\r\n")).await;
            let answer =
                sender.answer_to(method).await.unwrap_or_else(|| panic!("an answer to {method}: {said}"));
            assert_eq!((answer.status.as_u16(), &answer.body[..]), (status, &b""[..]), "{method} {said}");
            let length = said.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
            if status != 204 {
                assert_eq!(
                    answer.headers.get("content-length").map(|value| value.as_bytes()),
                    length.map(str::as_bytes)
                );
            }
        }
    }
}
