//! Answers of flow endpoints: passed on unchanged, and never completed where they were cut.

use std::time::Duration;

use crate::harness::{BUFFERED, Edge, LIMIT, ORDER, STREAMED, Upstream, get, post, soon, text};

/// Sends a GET, answers it with `answer` and the end of the connection, and returns what the sender gets.
async fn raw_answer(edge: &Edge, upstream: &mut Upstream, answer: impl AsRef<[u8]>) -> String {
    let sent = edge.exchange(get(STREAMED, "connection: close\r\n"));
    let answered = async {
        let mut flow = upstream.accept().await;
        flow.head().await;
        flow.write(answer).await;
    };
    text(&tokio::join!(sent, answered).0)
}

#[tokio::test]
async fn status_fields_and_bytes_come_back_unchanged() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    sender.write(post(BUFFERED, "", ORDER)).await;
    let mut flow = upstream.accept().await;
    let (head, _) = flow.request().await;
    flow.write(
        "HTTP/1.1 418 Short And Stout\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: flow\r\nSet-Cookie: a=1\r\n\
         Set-Cookie: b=2\r\nLocation: http://elsewhere.example/\r\nContent-Encoding: x-unknown\r\n\
         Connection: X-Private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\nX-Odd: \u{e9}\r\n\
         Pointsman-Execution-Id: forged\r\nContent-Length: 3\r\n\r\n\0\u{1}\u{2}",
    )
    .await;
    let answer = sender.answer().await;
    assert_eq!(answer.head.line, "HTTP/1.1 418 Short And Stout");
    assert_eq!(answer.head.get("date"), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(answer.head.get("server"), "flow");
    assert_eq!(answer.head.all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(answer.head.get("location"), "http://elsewhere.example/");
    assert_eq!(answer.head.get("content-encoding"), "x-unknown");
    assert_eq!(answer.head.get("x-odd"), "\u{e9}");
    assert_eq!(answer.head.get("connection"), "keep-alive");
    for gone in ["x-private", "keep-alive"] {
        assert_eq!(answer.head.get(gone), "", "{gone}");
    }
    assert_eq!(answer.head.get("pointsman-execution-id"), head.get("pointsman-execution-id"));
    assert_eq!(answer.body, [0, 1, 2]);
    edge.has_ended("forwarded", 1).await;
}

#[tokio::test]
async fn answers_of_all_framings_come_back_whole() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    for (answer, framing) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody", "content-length"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nb\r\n3;x=y\r\nody\r\n0\r\na: b\r\n\r\n",
            "transfer-encoding",
        ),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nbody", "transfer-encoding"),
        ("HTTP/1.0 200 OK\r\n\r\nbody", "transfer-encoding"),
        (
            "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
            "content-length",
        ),
    ] {
        let mut sender = edge.connect().await;
        sender.write(get(STREAMED, "")).await;
        let mut flow = upstream.accept().await;
        flow.head().await;
        flow.write(answer).await;
        drop(flow);
        let answer = sender.answer().await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b"body"[..]));
        assert_ne!(answer.head.get(framing), "");
    }
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    for (method, answer, length) in [
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", "1000"),
        ("HEAD", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", ""),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", ""),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 1000\r\netag: x\r\n\r\n", "1000"),
        ("POST", "HTTP/1.1 204 No Content\r\n\r\n", ""),
    ] {
        sender.write(get(STREAMED, "content-length: 0\r\n").replacen("GET", method, 1)).await;
        let mut flow = upstream.accept().await;
        assert!(flow.head().await.line.starts_with(method));
        flow.write(answer).await;
        drop(flow);
        let head = sender.head().await;
        assert_eq!((head.get("content-length"), head.get("transfer-encoding")), (length, ""), "{answer:?}");
    }
    sender.write(get("none", "")).await;
    assert_eq!(sender.answer().await.status, 404, "nothing was left over on the connection");
}

#[tokio::test]
async fn an_answer_streams() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    sender.write(get(STREAMED, "")).await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    flow.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(sender.head().await.line, "HTTP/1.1 200 OK", "the head comes before any of the body");
    for part in ["one", "two"] {
        flow.write(format!("3\r\n{part}\r\n")).await;
        assert_eq!(text(&sender.bytes(8).await), format!("3\r\n{part}\r\n"));
    }
    flow.write("0\r\n\r\n").await;
    assert_eq!(sender.chunks().await, b"");
}

#[tokio::test]
async fn cut_answers_stay_cut() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let cut = [
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nnonsense\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf",
    ];
    for answer in cut {
        let raw = raw_answer(&edge, &mut upstream, answer).await;
        assert!(raw.starts_with("HTTP/1.1 200 OK\r\n") && raw.contains("half"), "{raw:?}");
        assert!(!raw.contains("\r\n0\r\n"), "completed: {raw:?}");
    }
    edge.has_ended("upstream_aborted", cut.len()).await;
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn an_answer_that_could_only_end_with_the_connection_is_cut_by_a_reset() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    sender.write(get(STREAMED, "").replace("HTTP/1.1", "HTTP/1.0")).await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    flow.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
    sender.head().await;
    assert_eq!(sender.bytes(4).await, b"half");
    drop(flow);
    let error =
        soon("the end", tokio::io::AsyncReadExt::read(&mut sender.stream, &mut [0])).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_answer_that_stops_is_cut_after_a_while() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::with(&upstream, |config| config.limits.upstream_idle = Duration::from_millis(100)).await;
    let mut sender = edge.connect().await;
    sender.write(get(STREAMED, "")).await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    assert_eq!(sender.head().await.get("content-length"), "100");
    assert_eq!(sender.rest().await, b"half");
    assert_eq!(flow.rest().await, b"");
    edge.has_ended("upstream_aborted", 1).await;
}

#[tokio::test]
async fn what_is_not_http_is_not_passed_on() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
    let big = format!("HTTP/1.1 200 OK\r\nx-big: {}\r\n\r\n", "x".repeat(2 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: 1\r\n".repeat(1000));
    for answer in [
        "",
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        &endless,
        &big,
        &many,
    ] {
        let raw = raw_answer(&edge, &mut upstream, answer).await;
        let answered = crate::harness::first_answer(raw.as_bytes());
        assert_eq!(
            (answered.status, answered.code().as_str()),
            (502, "upstream_invalid"),
            "{:?}",
            &answer[..answer.len().min(90)]
        );
        assert!(!raw.contains("127.0.0.1"), "no internal address: {raw:?}");
    }
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn an_endpoint_that_never_answers_is_not_waited_for() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::start(&upstream, |_| {}, |flow| flow.timeout = Some(Duration::from_millis(100))).await;
    for (request, bytes) in
        [(get(STREAMED, "").into_bytes(), ""), (post(BUFFERED, "", ORDER), "HTTP/1.1 200 OK\r\nx-")]
    {
        let mut sender = edge.connect().await;
        sender.write(request).await;
        let mut flow = upstream.accept().await;
        flow.request().await;
        flow.write(bytes).await;
        sender.answer().await.expect(504, "upstream_timeout");
        assert_eq!(flow.rest().await, b"", "the request is taken back");
    }
}

#[tokio::test]
async fn a_sender_that_leaves_before_the_answer_takes_its_request_along() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    for (n, request) in [get(STREAMED, "").into_bytes(), post(BUFFERED, "", ORDER), post(STREAMED, "", ORDER)]
        .iter()
        .enumerate()
    {
        let mut sender = edge.connect().await;
        sender.write(request).await;
        let mut flow = upstream.accept().await;
        flow.request().await;
        drop(sender);
        assert_eq!(flow.rest().await, b"");
        edge.has_ended("client_closed", n + 1).await;
    }
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn a_sender_that_leaves_is_noticed_while_the_endpoint_takes_nothing() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    // The kernel says yes to connections and takes a little; nobody reads.
    let big = format!("{ORDER}{}", " ".repeat(LIMIT - ORDER.len()));
    let mut sender = edge.connect().await;
    sender.write(post(BUFFERED, "", big)).await;
    let flow = upstream.accept().await;
    drop(sender);
    edge.has_ended("client_closed", 1).await;
    drop(flow);
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn a_sender_that_leaves_inside_the_answer_ends_it() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    sender.write(get(STREAMED, "")).await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    flow.write("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
    sender.head().await;
    drop(sender);
    soon("the edge hangs up", async {
        use tokio::io::AsyncWriteExt as _;
        while flow.stream.write_all(&[b'x'; 65_536]).await.is_ok() {}
    })
    .await;
    edge.has_ended("client_closed", 1).await;
}

#[tokio::test]
async fn a_field_that_an_old_endpoint_continues_on_a_second_line_becomes_one_line() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let folded = "HTTP/1.1 200 OK\r\nx-a: 1\r\n x-b: 2\r\ncontent-length: 0\r\n\r\n";
    let raw = raw_answer(&edge, &mut upstream, folded).await;
    assert!(raw.contains("\r\nx-a: 1 x-b: 2\r\n"), "{raw:?}");
}

#[tokio::test]
async fn redirects_are_passed_on() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let location = upstream.url("/elsewhere");
    let raw = raw_answer(
        &edge,
        &mut upstream,
        format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"),
    )
    .await;
    assert!(raw.starts_with("HTTP/1.1 307 ") && raw.contains(&location), "{raw:?}");
    assert!(!upstream.is_called().await);
}
