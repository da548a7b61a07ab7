//! Connections to flow endpoints: made, used again, replaced, and never made where they may not.

use std::{net::SocketAddr, time::Duration};

use crate::harness::{BUFFERED, Edge, ORDER, Peer, STREAMED, Upstream, get, post};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A connection to the flow endpoint that has answered once and waits in the edge.
async fn used(edge: &Edge, upstream: &mut Upstream) -> (Peer, Peer) {
    let mut sender = edge.connect().await;
    sender.write(get(STREAMED, "")).await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    flow.write(OK).await;
    assert_eq!(sender.answer().await.status, 200);
    (sender, flow)
}

#[tokio::test]
async fn a_connection_is_used_again_whatever_the_framing_of_its_answers() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let (mut sender, mut flow) = used(&edge, &mut upstream).await;
    for answer in [
        OK,
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        for request in [get(STREAMED, "").into_bytes(), post(BUFFERED, "", ORDER), post(STREAMED, "", ORDER)]
        {
            sender.write(request).await;
            flow.request().await;
            flow.write(answer).await;
            assert!(matches!(sender.answer().await.status, 200 | 204));
        }
    }
    assert!(!upstream.is_called().await, "one connection was enough");
}

#[tokio::test]
async fn a_connection_that_cannot_be_trusted_is_not_used_again() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
    ] {
        sender.write(get(STREAMED, "")).await;
        let mut flow = upstream.accept().await;
        flow.head().await;
        flow.write(answer).await;
        assert_eq!(sender.answer().await.body, b"ok");
        assert_eq!(flow.rest().await, b"");
    }
    let (mut sender, mut flow) = used(&edge, &mut upstream).await;
    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil").await;
    edge.until("the edge hangs up on who speaks unasked", |_| true).await;
    assert_eq!(flow.rest().await, b"");
    sender.write(get(STREAMED, "")).await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    flow.write(OK).await;
    assert_eq!(sender.answer().await.body, b"ok");
}

#[tokio::test]
async fn unused_connections_are_closed() {
    let mut upstream = Upstream::start().await;
    let edge =
        Edge::with(&upstream, |config| config.limits.upstream_keepalive = Duration::from_millis(50)).await;
    let (_sender, mut flow) = used(&edge, &mut upstream).await;
    assert_eq!(flow.rest().await, b"");
}

/// Lets a used connection take a request and then closes it; what the sender gets, and whether it was asked again.
async fn reset_after(edge: &Edge, upstream: &mut Upstream, request: Vec<u8>) -> (u16, bool) {
    let (mut sender, mut flow) = used(edge, upstream).await;
    sender.write(request).await;
    flow.request().await;
    drop(flow);
    let answered = async { sender.answer().await.status };
    let again = async {
        let called = tokio::time::timeout(Duration::from_millis(300), upstream.accept()).await;
        if let Ok(mut flow) = called {
            flow.request().await;
            flow.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
            return true;
        }
        false
    };
    tokio::join!(answered, again)
}

#[tokio::test]
async fn a_used_connection_that_closes_before_any_byte_is_replaced_for_requests_that_may_be_repeated() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    assert_eq!(reset_after(&edge, &mut upstream, get(STREAMED, "").into()).await, (200, true));
    assert_eq!(reset_after(&edge, &mut upstream, post(BUFFERED, "", ORDER)).await, (502, false));
    assert_eq!(reset_after(&edge, &mut upstream, post(STREAMED, "", ORDER)).await, (502, false));
    let edge = Edge::start(&upstream, |_| {}, |flow| flow.retry_on_reset = true).await;
    assert_eq!(reset_after(&edge, &mut upstream, post(BUFFERED, "", ORDER)).await, (200, true));
    // Its bytes are gone.
    assert_eq!(reset_after(&edge, &mut upstream, post(STREAMED, "", ORDER)).await, (502, false));
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn nothing_is_repeated_once_there_was_a_byte_or_on_a_new_connection() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let (mut sender, mut flow) = used(&edge, &mut upstream).await;
    sender.write(get(STREAMED, "")).await;
    flow.head().await;
    flow.write("H").await;
    drop(flow);
    sender.answer().await.expect(502, "upstream_invalid");

    sender.write(get(STREAMED, "")).await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    drop(flow);
    sender.answer().await.expect(502, "upstream_invalid");
    assert!(!upstream.is_called().await);
    drop(sender);
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn a_second_address_is_tried() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    // Where this name has two addresses, one of them does not listen.
    edge.redirect(&format!("http://localhost:{}/in", upstream.addr.port()));
    let mut sender = edge.connect().await;
    sender.write(get(STREAMED, "")).await;
    let mut flow = upstream.accept().await;
    assert_eq!(flow.head().await.get("host"), format!("localhost:{}", upstream.addr.port()));
    flow.write(OK).await;
    assert_eq!(sender.answer().await.status, 200);
}

#[tokio::test]
async fn what_cannot_or_may_not_be_reached_is_unreachable() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    edge.egress.add_own_listener(edge.addr);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [
        format!("http://{free}/"),
        "http://no-such-host.invalid/".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://[fe80::1]/".to_owned(),
        "http://0.0.0.0:9/".to_owned(),
        format!("http://{}/", edge.addr),
        format!("https://{}/", upstream.addr),
    ] {
        edge.redirect(&url);
        let mut sender = edge.connect().await;
        sender.write(get(STREAMED, "")).await;
        if url.starts_with("https") {
            for _ in 0..2 {
                // Not a word of TLS.
                upstream.accept().await.write("HTTP/1.1 400 Bad Request\r\n\r\n").await;
            }
        }
        let answer = sender.answer().await;
        answer.expect(502, "upstream_unreachable");
        let host = url.split('/').nth(2).unwrap();
        assert!(!String::from_utf8_lossy(&answer.body).contains(host), "{url}");
    }
}

#[tokio::test]
async fn an_address_that_takes_no_connection_is_given_up_in_time() {
    let upstream = Upstream::start().await;
    let edge =
        Edge::with(&upstream, |config| config.limits.upstream_connect = Duration::from_millis(50)).await;
    // A listener whose queue is full takes no further connection.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let addr = full.local_addr().unwrap().as_socket().unwrap();
    let fill = || tokio::time::timeout(Duration::from_millis(50), tokio::net::TcpStream::connect(addr));
    let mut queue = Vec::new();
    while let Ok(connected) = fill().await {
        queue.push(connected.unwrap());
        assert!(queue.len() < 100, "the queue never fills");
    }
    edge.redirect(&format!("http://{addr}/"));
    let mut sender = edge.connect().await;
    sender.write(get(STREAMED, "")).await;
    sender.answer().await.expect(502, "upstream_unreachable");
}
