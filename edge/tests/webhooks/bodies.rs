//! Bodies of requests: the same bytes arrive, or a clear refusal goes back.

use std::time::Duration;

use crate::harness::{
    BUFFERED, Edge, FLOW, INSTANCE, LIMIT, ORDER, STREAMED, Upstream, chunked, first_answer, get, noise,
    post, soon, text,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn chunked_post(token: &str, body: &[u8], size: usize) -> Vec<u8> {
    let head = format!(
        "POST /hooks/{token} HTTP/1.1\r\nhost: x\r\nx-customer: C-1\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    [head.as_bytes(), &chunked(body, size)].concat()
}

/// JSON of this length that leads to the flow.
fn order(length: usize) -> Vec<u8> {
    let mut body = ORDER.as_bytes().to_vec();
    body.resize(length, b' ');
    body
}

#[tokio::test]
async fn the_same_bytes_arrive_buffered_or_streamed_with_a_length_or_in_chunks() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    for size in [ORDER.len(), 65_535, 65_536, 65_537, LIMIT - 1, LIMIT] {
        for (token, body) in
            [(BUFFERED, order(size)), (STREAMED, noise(size)), (INSTANCE, noise(size)), (FLOW, noise(size))]
        {
            for (request, framing) in [
                (post(token, "", &body), "content-length"),
                (chunked_post(token, &body, 10_000), "transfer-encoding"),
            ] {
                let mut sender = edge.connect().await;
                let sent = async {
                    sender.write(&request).await;
                    sender.answer().await
                };
                let received = async {
                    let mut flow = upstream.accept().await;
                    let received = flow.request().await;
                    flow.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
                    received
                };
                let (answer, (head, received)) = tokio::join!(sent, received);
                assert_eq!((answer.status, &answer.body[..]), (200, &b"ok"[..]));
                assert!(received == body, "{size} bytes by {framing} to {token}");
                // What is in memory has a length; what streams keeps its framing.
                let framing = if token == BUFFERED { "content-length" } else { framing };
                assert_ne!(head.get(framing), "", "{size} bytes to {token}");
            }
        }
    }
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn requests_that_follow_at_once_lose_no_byte_to_each_other() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    for size in [ORDER.len(), 4_000, 65_536, LIMIT] {
        for (token, body) in [(BUFFERED, order(size)), (STREAMED, noise(size))] {
            let requests = [
                post(token, "x-own: 1\r\n", &body),
                chunked_post(token, &body, 9_000),
                post(token, "x-own: 3\r\n", &body),
                post(token, "x-own: 4\r\n", &body),
            ];
            let all = requests.concat();
            let mut sender = edge.connect().await;
            let received = async {
                let mut all = Vec::new();
                for _ in 0..4 {
                    let mut flow = upstream.accept().await;
                    all.push(flow.request().await);
                    flow.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
                }
                all
            };
            let sent = async {
                sender.write(&all).await;
                for _ in 0..4 {
                    assert_eq!(sender.answer().await.status, 200);
                }
            };
            let ((), received) = tokio::join!(sent, received);
            let own: Vec<_> = received.iter().map(|(head, _)| head.get("x-own").to_owned()).collect();
            assert_eq!(own, ["1", "", "3", "4"]);
            assert!(received.iter().all(|(_, received)| *received == body), "{size} bytes to {token}");
        }
    }
}

#[tokio::test]
async fn a_body_that_nothing_reads_streams() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    sender.write("PUT /hooks/streamed-token HTTP/1.1\r\nhost: x\r\nx-customer: C-1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
    let mut flow = upstream.accept().await;
    assert!(flow.head().await.line.starts_with("PUT "));
    assert_eq!(flow.bytes(10).await, b"5\r\nfirst\r\n", "it arrives before the rest is sent");
    sender.write("6\r\nsecond\r\n0\r\ntrailer: x\r\n\r\n").await;
    assert_eq!(flow.chunks().await, b"second", "without the trailer");
    flow.write(OK).await;
    assert_eq!(sender.answer().await.status, 200);
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_and_the_connection_ends() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut flows = Vec::new();
    for token in [BUFFERED, STREAMED] {
        for request in [post(token, "", order(LIMIT + 1)), chunked_post(token, &order(LIMIT + 1), 8_000)] {
            let is_chunked = text(&request).contains("chunked");
            let answer = async { first_answer(&edge.exchange(&request).await) };
            let flow = async {
                // Only a body without a length can turn out to be too long when part of it is delivered.
                if is_chunked && token == STREAMED {
                    let mut flow = upstream.accept().await;
                    assert!(flow.rest().await.len() < 2 * LIMIT, "it ends without the last chunk");
                    flows.push(flow);
                }
            };
            let (answer, ()) = tokio::join!(answer, flow);
            answer.expect(413, "body_too_large");
            assert_eq!(answer.head.get("connection"), "close");
        }
    }
    assert!(!upstream.is_called().await);
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn a_length_over_the_limit_is_refused_before_the_body_is_asked_for() {
    let upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    sender
        .write(format!(
            "POST /hooks/{STREAMED} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
            LIMIT + 1
        ))
        .await;
    sender.answer().await.expect(413, "body_too_large");
}

#[tokio::test]
async fn who_asks_before_sending_is_told_to_go_on() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    for token in [BUFFERED, STREAMED] {
        let request = post(token, "expect: 100-continue\r\n", ORDER);
        let (head, body) = request.split_at(request.len() - ORDER.len());
        sender.write(head).await;
        assert_eq!(sender.answer().await.status, 100, "{token}");
        sender.write(body).await;
        let mut flow = upstream.accept().await;
        let (head, body) = flow.request().await;
        assert_eq!((head.get("expect"), &body[..]), ("", ORDER.as_bytes()));
        flow.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
        let answer = sender.answer().await;
        assert_eq!((answer.status, answer.head.get("connection")), (200, "keep-alive"), "{token}");
    }
}

#[tokio::test]
async fn every_method_may_have_a_body_and_none_needs_one() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    let mut flow = None;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        for (fields, body, length) in [
            ("content-length: 5\r\n", "bytes", "5"),
            ("content-length: 0\r\n", "", "0"),
            ("", "", if matches!(method, "GET" | "DELETE") { "" } else { "0" }),
        ] {
            sender.write(get(STREAMED, fields).replacen("GET", method, 1) + body).await;
            let flow = match &mut flow {
                Some(flow) => flow,
                none => none.insert(upstream.accept().await),
            };
            let (head, received) = flow.request().await;
            assert_eq!(head.line, format!("{method} /in HTTP/1.1"));
            assert_eq!(
                (head.get("content-length"), &received[..]),
                (length, body.as_bytes()),
                "{method} {fields:?}"
            );
            flow.write(OK).await;
            assert_eq!(sender.answer().await.body, b"ok");
        }
    }
}

#[tokio::test]
async fn malformed_chunks_are_refused() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let head = |token| {
        format!(
            "POST /hooks/{token} HTTP/1.1\r\nhost: x\r\nx-customer: C-1\r\ntransfer-encoding: chunked\r\n\r\n"
        )
    };
    for body in [
        "x\r\n\r\n",
        "5\r\nfirstX\r\n0\r\n\r\n",
        "-1\r\n",
        "fffffffffffffffff\r\n",
        "5\nfirst\n0\n\n",
        "0\r\nx\n\r\n",
    ] {
        let answer = first_answer(&edge.exchange(head(BUFFERED) + body).await);
        answer.expect(400, "bad_request");
        assert_eq!(answer.head.get("connection"), "close", "{body:?}");
    }
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn slow_bodies_are_refused_buffered_or_streamed() {
    let mut upstream = Upstream::start().await;
    let edge =
        Edge::with(&upstream, |config| config.limits.client_request = Duration::from_millis(200)).await;
    for token in [BUFFERED, STREAMED] {
        for start in [
            format!(
                "POST /hooks/{token} HTTP/1.1\r\nhost: x\r\nx-customer: C-1\r\ncontent-length: 10\r\n\r\nhalf"
            ),
            format!(
                "POST /hooks/{token} HTTP/1.1\r\nhost: x\r\nx-customer: C-1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nha"
            ),
        ] {
            let answer = async { first_answer(&edge.exchange(&start).await) };
            let flow = async {
                if token == STREAMED {
                    upstream.accept().await.rest().await;
                }
            };
            let (answer, ()) = tokio::join!(answer, flow);
            answer.expect(408, "request_timeout");
            assert_eq!(answer.head.get("connection"), "close");
        }
    }
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn a_sender_that_leaves_inside_its_body_takes_the_forwarded_request_along() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    sender.write("POST /hooks/streamed-token HTTP/1.1\r\nhost: x\r\nx-customer: C-1\r\ncontent-length: 10\r\n\r\nhalf").await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    assert_eq!(flow.bytes(4).await, b"half");
    drop(sender);
    assert_eq!(flow.rest().await, b"");
    edge.has_ended("client_closed", 1).await;
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn an_endpoint_that_echoes_while_it_receives_cannot_come_to_a_standstill() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::with(&upstream, |config| config.limits.body_memory_bytes = 64 * LIMIT).await;
    let body = noise(LIMIT);
    for token in [STREAMED, INSTANCE] {
        let mut sender = edge.connect().await;
        let sent = async {
            // All of it before any byte of the answer is read.
            sender.write(post(token, "", &body)).await;
            sender.answer().await
        };
        let echoed = async {
            let mut flow = upstream.accept().await;
            socket2::SockRef::from(&flow.stream).set_send_buffer_size(4096).unwrap();
            let head = flow.head().await;
            let length: usize = head.get("content-length").parse().unwrap();
            flow.write(format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"))
                .await;
            for at in (0..length).step_by(1000) {
                let bytes = flow.bytes(1000.min(length - at)).await;
                flow.write(bytes).await;
            }
        };
        let (answer, ()) = soon("an echo", async { tokio::join!(sent, echoed) }).await;
        assert!(answer.body == body, "{token}");
    }
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn an_endpoint_may_answer_without_reading_the_body() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    sender.write("POST /hooks/streamed-token HTTP/1.1\r\nhost: x\r\nx-customer: C-1\r\ncontent-length: 100000\r\n\r\nhalf").await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    flow.write("HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nno").await;
    let answer = sender.answer().await;
    assert_eq!((answer.status, answer.head.get("connection"), &answer.body[..]), (401, "close", &b"no"[..]));
}
