//! Heads of requests: what is refused before anything else is looked at, and with which answer.

use std::time::Duration;

use crate::harness::{Edge, STREAMED, Upstream, first_answer, get, post};

async fn edge() -> (Edge, Upstream) {
    let upstream = Upstream::start().await;
    (Edge::to(&upstream).await, upstream)
}

#[tokio::test]
async fn what_two_readers_could_take_differently_is_refused_and_the_connection_ends() {
    let (edge, mut upstream) = edge().await;
    let line = format!("POST /hooks/{STREAMED} HTTP/1.1\r\n");
    let smuggled = get(STREAMED, "");
    for head in [
        format!("{line}host: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n"),
        format!("{line}host: x\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n"),
        format!("{line}host: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n"),
        format!("{line}host: x\r\ncontent-length: 2, 2\r\n\r\n"),
        format!("{line}host: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n"),
        format!("{line}host: x\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n"),
        format!("{line}host: x\r\nx-a: 1\r\n folded\r\n\r\n"),
        format!("{line}host: x\r\ncontent-length : 2\r\n\r\n"),
        format!("{line}\r\n"),
        format!("{line}host: x\r\nhost: x\r\n\r\n"),
        format!("POST /hooks/{STREAMED} HTTP/1.1\nhost: x\n\n"),
        format!("POST  /hooks/{STREAMED} HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!("POST /hooks/{STREAMED} HTTP/3.0\r\nhost: x\r\n\r\n"),
        format!("POST http://y/hooks/{STREAMED} HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!("POST /hooks/{STREAMED}\u{e9} HTTP/1.1\r\nhost: x\r\n\r\n"),
        "\u{16}\u{3}\u{1}\u{2}".to_owned(),
        "GET\r\n\r\n".to_owned(),
    ] {
        let raw = edge.exchange(format!("{head}{{}}{smuggled}")).await;
        let answer = first_answer(&raw);
        answer.expect(400, "bad_request");
        assert_eq!(answer.head.get("connection"), "close", "{head:?}");
        assert_eq!(raw.windows(9).filter(|window| window == b"HTTP/1.1 ").count(), 1, "{head:?}");
    }
    assert!(!upstream.is_called().await, "nothing was let through");
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn header_blocks_over_the_limit_are_refused_whatever_their_size() {
    let (edge, mut upstream) = edge().await;
    let limit = 64 * 1024;
    let head = |size: usize| {
        let fields = get(STREAMED, "x-big: \r\n").len();
        get(STREAMED, &format!("x-big: {}\r\n", "b".repeat(size - fields)))
    };
    for size in [limit + 1, limit + 1000, 1 << 20, 4 << 20] {
        let answer = first_answer(&edge.exchange(head(size)).await);
        answer.expect(431, "headers_too_large");
        assert_eq!(answer.head.get("connection"), "close");
    }
    let many = first_answer(&edge.exchange(get(STREAMED, &"x-a: 1\r\n".repeat(300))).await);
    many.expect(431, "headers_too_large");

    let mut sender = edge.connect().await;
    sender.write(head(limit)).await;
    let mut flow = upstream.accept().await;
    assert!(flow.head().await.get("x-big").len() > 60_000);
    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(sender.answer().await.status, 200);
    drop((sender, flow));
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn endpoints_methods_and_fragments_are_judged_in_this_order() {
    let (edge, mut upstream) = edge().await;
    for (line, status, code) in [
        ("GET / HTTP/1.1", 404, "unknown_endpoint"),
        ("GET /hooks HTTP/1.1", 404, "unknown_endpoint"),
        ("GET /hooks/ HTTP/1.1", 404, "unknown_endpoint"),
        ("GET /hooks/no-such-token HTTP/1.1", 404, "unknown_endpoint"),
        ("OPTIONS * HTTP/1.1", 404, "unknown_endpoint"),
        ("OPTIONS /hooks/no-such-token HTTP/1.1", 404, "unknown_endpoint"),
        ("CONNECT hooks.example:443 HTTP/1.1", 404, "unknown_endpoint"),
        ("OPTIONS /hooks/streamed-token HTTP/1.1", 405, "method_not_allowed"),
        ("TRACE /hooks/streamed-token/../x HTTP/1.1", 405, "method_not_allowed"),
        ("PURGE /hooks/streamed-token HTTP/1.1", 405, "method_not_allowed"),
        ("GET /hooks/streamed-token/../x HTTP/1.1", 400, "path_invalid"),
        ("GET /hooks/streamed-token/%2e%2E/x HTTP/1.1", 400, "path_invalid"),
        ("GET /hooks/streamed-token/a%2fb HTTP/1.1", 400, "path_invalid"),
        ("GET /hooks/streamed-token/a\\b HTTP/1.1", 400, "path_invalid"),
    ] {
        let raw =
            edge.exchange(format!("{line}\r\nhost: hooks.example:443\r\nconnection: close\r\n\r\n")).await;
        let answer = first_answer(&raw);
        answer.expect(status, code);
        let allow = if status == 405 { "GET, HEAD, POST, PUT, PATCH, DELETE" } else { "" };
        assert_eq!(answer.head.get("allow"), allow, "{line}");
    }
    assert!(!upstream.is_called().await);
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn a_refusal_of_a_head_request_has_no_body() {
    let (edge, _upstream) = edge().await;
    let raw = edge.exchange("HEAD /hooks/none HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let raw = String::from_utf8(raw).unwrap();
    assert!(raw.starts_with("HTTP/1.1 404 ") && raw.ends_with("\r\n\r\n"), "{raw:?}");
    assert!(raw.contains("pointsman-execution-id: "), "{raw:?}");
}

#[tokio::test]
async fn connections_live_on_through_refusals_and_answers() {
    let (edge, mut upstream) = edge().await;
    let mut sender = edge.connect().await;
    for _ in 0..2 {
        sender.write(post("no-such-token", "", "a body that is read and thrown away")).await;
        sender.answer().await.expect(404, "unknown_endpoint");
        sender.write(get(STREAMED, "")).await;
        let mut flow = upstream.accept().await;
        flow.head().await;
        flow.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await;
        let answer = sender.answer().await;
        assert_eq!(
            (answer.status, answer.head.get("connection"), &answer.body[..]),
            (200, "keep-alive", &b"ok"[..])
        );
    }
    // An empty line after a body belongs to nothing.
    sender.write("\r\n").await;
    sender.write(get("none", "connection: close\r\n")).await;
    assert_eq!(sender.answer().await.head.get("connection"), "close");
    assert_eq!(sender.rest().await, b"");
}

#[tokio::test]
async fn requests_that_come_before_their_turn_are_answered_in_their_order() {
    let (edge, mut upstream) = edge().await;
    let mut sender = edge.connect().await;
    let all = [
        post(STREAMED, "x-n: 1\r\n", "first"),
        get("none", "").into(),
        post(STREAMED, "x-n: 3\r\n", "third"),
    ];
    sender.write(all.concat()).await;
    let mut flow = upstream.accept().await;
    for (n, body) in [("1", "first"), ("3", "third")] {
        let (head, received) = flow.request().await;
        assert_eq!((head.get("x-n"), &received[..]), (n, body.as_bytes()));
        if n == "1" {
            // It must not be lost although it arrives while another one is under way.
            sender.write(get("none", "")).await;
        }
        flow.write("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx").await;
    }
    for status in [200, 404, 200, 404] {
        assert_eq!(sender.answer().await.status, status);
    }
}

#[tokio::test]
async fn old_clients_get_answers_that_end_with_the_connection() {
    let (edge, mut upstream) = edge().await;
    let mut sender = edge.connect().await;
    sender.write(get(STREAMED, "").replace("HTTP/1.1", "HTTP/1.0")).await;
    let mut flow = upstream.accept().await;
    assert_eq!(flow.head().await.get("via"), "1.0 edge-1");
    flow.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
    let head = sender.head().await;
    assert_eq!((head.get("transfer-encoding"), head.get("connection")), ("", "close"));
    assert_eq!(sender.rest().await, b"ok");
}

#[tokio::test]
async fn slow_heads_are_answered_and_silence_is_not() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::with(&upstream, |config| config.limits.client_head = Duration::from_millis(150)).await;
    let head = get(STREAMED, "");
    for length in [1, 3, 20, head.len() - 1] {
        let answer = first_answer(&edge.exchange(&head[..length]).await);
        answer.expect(408, "request_timeout");
        assert_eq!(answer.head.get("connection"), "close");
    }
    for silence in ["", "PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r"] {
        assert_eq!(edge.exchange(silence).await, b"", "{silence:?}");
    }
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let upstream = Upstream::start().await;
    let edge =
        Edge::with(&upstream, |config| config.limits.client_keepalive = Duration::from_millis(100)).await;
    let mut sender = edge.connect().await;
    sender.write(get("none", "")).await;
    assert_eq!(sender.answer().await.head.get("connection"), "keep-alive");
    assert_eq!(sender.rest().await, b"");
}
