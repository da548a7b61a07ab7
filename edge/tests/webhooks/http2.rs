//! HTTP/2 with prior knowledge.

use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::net::TcpStream;

use crate::harness::{BUFFERED, Edge, LIMIT, ORDER, STREAMED, Upstream, noise, soon};

/// A connection of a sender that speaks HTTP/2.
struct Client {
    send: SendRequest<Bytes>,
    connection: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Result<Vec<u8>, h2::Error>,
}

impl Client {
    async fn to(edge: &Edge) -> Self {
        let stream = TcpStream::connect(edge.addr).await.unwrap();
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(1 << 20);
        let (send, connection) = builder.handshake(stream).await.unwrap();
        Self { send, connection: tokio::spawn(connection) }
    }

    async fn send(&mut self, request: Request<()>, body: &[u8]) -> ResponseFuture {
        soon("the connection takes a request", std::future::poll_fn(|cx| self.send.poll_ready(cx)))
            .await
            .unwrap();
        let (response, mut stream) = self.send.send_request(request, body.is_empty()).unwrap();
        if !body.is_empty() {
            stream.reserve_capacity(body.len());
            stream.send_data(Bytes::copy_from_slice(body), true).unwrap();
        }
        response
    }

    async fn ask(&mut self, request: Request<()>, body: &[u8]) -> Answered {
        let response = self.send(request, body).await;
        read(soon("an answer", response).await.unwrap()).await
    }

    async fn end(self) -> Result<(), h2::Error> {
        soon("the end of the connection", self.connection).await.unwrap()
    }
}

async fn read(response: Response<h2::RecvStream>) -> Answered {
    let (head, mut stream) = response.into_parts();
    let mut body = Ok(Vec::new());
    while let Some(part) = soon("more of an answer", stream.data()).await {
        match part {
            Ok(part) => {
                let _ = stream.flow_control().release_capacity(part.len());
                body.as_mut().unwrap().extend_from_slice(&part);
            }
            Err(error) => {
                body = Err(error);
                break;
            }
        }
    }
    Answered { status: head.status, headers: head.headers, body }
}

impl Answered {
    #[track_caller]
    fn expect(&self, status: u16, code: &str) {
        let problem: serde_json::Value = serde_json::from_slice(self.body.as_ref().unwrap()).unwrap();
        assert_eq!((self.status.as_u16(), problem["code"].as_str().unwrap()), (status, code));
        assert_eq!(problem["executionId"], self.headers["pointsman-execution-id"].to_str().unwrap());
    }
}

fn request(method: &str, token: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("http://hooks.example/hooks/{token}"))
        .header("x-customer", "C-1")
}

#[tokio::test]
async fn the_same_bytes_arrive_and_the_answer_comes_back() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut client = Client::to(&edge).await;
    for (token, size, with_length) in [
        (STREAMED, 3, true),
        (STREAMED, 65_537, false),
        (STREAMED, LIMIT, true),
        (BUFFERED, LIMIT, false),
        (BUFFERED, 65_536, true),
    ] {
        let mut body = noise(size);
        if token == BUFFERED {
            body = ORDER.as_bytes().to_vec();
            body.resize(size, b' ');
        }
        let mut request = request("POST", token);
        if with_length {
            request = request.header("content-length", size);
        }
        let request = request.body(()).unwrap();
        let flow = async {
            let mut flow = upstream.accept().await;
            let (head, received) = flow.request().await;
            assert!(received == body, "{size} bytes to {token}");
            assert_eq!(head.get("via"), "2 edge-1");
            assert_eq!(head.get("x-forwarded-host"), "hooks.example");
            flow.write("HTTP/1.1 201 Created\r\nDate: then\r\nconnection: close\r\n\r\nbody").await;
        };
        let (answer, ()) = tokio::join!(client.ask(request, &body), flow);
        assert_eq!((answer.status.as_u16(), answer.body.unwrap()), (201, b"body".to_vec()));
        assert_eq!(answer.headers["date"], "then");
        assert!(answer.headers.contains_key("pointsman-execution-id"));
        for gone in ["connection", "transfer-encoding"] {
            assert!(!answer.headers.contains_key(gone), "{gone}");
        }
    }
}

#[tokio::test]
async fn what_is_said_in_other_words_means_the_same() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut client = Client::to(&edge).await;
    let cookies =
        request("GET", STREAMED).header("cookie", "a=1").header("cookie", "b=2").header("te", "trailers");
    let flow = async {
        let mut flow = upstream.accept().await;
        let head = flow.head().await;
        flow.write("HTTP/1.1 204 No Content\r\n\r\n").await;
        head
    };
    let (answer, head) = tokio::join!(client.ask(cookies.body(()).unwrap(), b""), flow);
    assert_eq!(answer.status, 204);
    assert_eq!(head.get("cookie"), "a=1; b=2");
    assert_eq!(head.get("host"), upstream.addr.to_string());
    assert_eq!(head.get("te"), "");
}

#[tokio::test]
async fn requests_of_one_connection_do_not_wait_for_each_other() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut client = Client::to(&edge).await;
    let first = client.send(request("GET", STREAMED).body(()).unwrap(), b"").await;
    let mut first_flow = upstream.accept().await;
    first_flow.head().await;
    client.ask(request("GET", "none").body(()).unwrap(), b"").await.expect(404, "unknown_endpoint");
    first_flow.write("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(soon("the first answer", first).await.unwrap().status(), 204);
}

#[tokio::test]
async fn refusals_are_ours() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut client = Client::to(&edge).await;
    let big = "b".repeat(70_000);
    for (request, body, status, code) in [
        (request("OPTIONS", STREAMED), &b""[..], 405, "method_not_allowed"),
        (request("GET", "streamed-token/%2e%2e"), b"", 400, "path_invalid"),
        (request("GET", STREAMED).header("via", "1.1 edge-1"), b"", 508, "loop_detected"),
        (request("GET", STREAMED).header("host", "other.example"), b"", 400, "bad_request"),
        (
            request("POST", STREAMED).header("content-length", "2").header("content-length", "2"),
            b"xx",
            400,
            "bad_request",
        ),
        (request("GET", STREAMED).header("x-big", &big), b"", 431, "headers_too_large"),
        (
            request("POST", STREAMED).header("content-length", LIMIT + 1),
            &noise(LIMIT + 1)[..],
            413,
            "body_too_large",
        ),
        (request("POST", BUFFERED), &noise(LIMIT + 1), 413, "body_too_large"),
        (request("POST", BUFFERED), b"nonsense", 400, "body_malformed"),
    ] {
        client.ask(request.body(()).unwrap(), body).await.expect(status, code);
    }
    for _ in 0..10 {
        // Together they are larger than the connection's window: what is not read is given back.
        client
            .ask(request("POST", BUFFERED).body(()).unwrap(), &noise(LIMIT + 1))
            .await
            .expect(413, "body_too_large");
    }
    edge.redirect("http://0.0.0.0/");
    client.ask(request("GET", STREAMED).body(()).unwrap(), b"").await.expect(502, "upstream_unreachable");
    edge.redirect(&upstream.url("/in"));
    drop(client);
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn head_and_empty_answers_end_with_their_head() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut client = Client::to(&edge).await;
    for (method, answer) in [
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n"),
    ] {
        let flow = async {
            let mut flow = upstream.accept().await;
            flow.head().await;
            flow.write(answer).await;
        };
        let (answer, ()) = tokio::join!(client.ask(request(method, STREAMED).body(()).unwrap(), b""), flow);
        assert_eq!(answer.body.unwrap(), b"", "{method}");
    }
    let answer = client.ask(request("HEAD", "none").body(()).unwrap(), b"").await;
    assert_eq!((answer.status.as_u16(), answer.body.unwrap()), (404, Vec::new()));
}

#[tokio::test]
async fn a_cut_answer_resets_its_stream_and_no_other() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut client = Client::to(&edge).await;
    let response = client.send(request("GET", STREAMED).body(()).unwrap(), b"").await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    let response = soon("the head of an answer", response).await.unwrap();
    assert_eq!(response.headers()["content-length"], "100");
    drop(flow);
    let answer = read(response).await;
    assert!(answer.body.unwrap_err().is_reset());
    edge.has_ended("upstream_aborted", 1).await;
    client.ask(request("GET", "none").body(()).unwrap(), b"").await.expect(404, "unknown_endpoint");
}

#[tokio::test]
async fn a_stream_that_is_reset_or_a_connection_that_is_lost_takes_the_forwarded_request_along() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    for (ended, body) in [(1, &b""[..]), (2, b"body")] {
        let mut client = Client::to(&edge).await;
        let response = client.send(request("POST", STREAMED).body(()).unwrap(), body).await;
        let mut flow = upstream.accept().await;
        assert_eq!(flow.request().await.1, body);
        drop(response);
        assert_eq!(flow.rest().await, b"");
        edge.has_ended("client_closed", ended).await;
    }
    let mut client = Client::to(&edge).await;
    let _response = client.send(request("GET", STREAMED).body(()).unwrap(), b"").await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    client.connection.abort();
    assert_eq!(flow.rest().await, b"");
    edge.has_ended("client_closed", 3).await;
    drop(client);
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn slow_bodies_are_refused() {
    let mut upstream = Upstream::start().await;
    let edge =
        Edge::with(&upstream, |config| config.limits.client_request = Duration::from_millis(150)).await;
    let mut client = Client::to(&edge).await;
    let (response, mut stream) =
        client.send.send_request(request("POST", BUFFERED).body(()).unwrap(), false).unwrap();
    stream.send_data(Bytes::from_static(b"half"), false).unwrap();
    read(soon("an answer", response).await.unwrap()).await.expect(408, "request_timeout");
    drop((stream, client));
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn idle_connections_and_those_that_never_ask_are_closed() {
    let upstream = Upstream::start().await;
    let edge = Edge::with(&upstream, |config| {
        config.limits.client_head = Duration::from_millis(150);
        config.limits.client_keepalive = Duration::from_millis(100);
    })
    .await;
    Client::to(&edge).await.end().await.unwrap();
    let mut client = Client::to(&edge).await;
    client.ask(request("GET", "none").body(()).unwrap(), b"").await.expect(404, "unknown_endpoint");
    client.end().await.unwrap();
    assert_ne!(edge.exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, b"", "settings, then the end");
}

#[tokio::test]
async fn a_drain_lets_streams_finish_and_says_goodbye() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let (mut client, idle) = (Client::to(&edge).await, Client::to(&edge).await);
    let response = client.send(request("GET", STREAMED).body(()).unwrap(), b"").await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    let drained = tokio::spawn(edge.drain());
    idle.end().await.unwrap();
    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    assert_eq!(read(soon("an answer", response).await.unwrap()).await.body.unwrap(), b"ok");
    client.end().await.unwrap();
    drained.await.unwrap();
}
