//! The life of connections, and how it ends when the edge stops.

use std::time::Duration;

use tokio::net::TcpStream;

use crate::harness::{BUFFERED, Edge, ORDER, STREAMED, Upstream, get, post};

#[tokio::test]
async fn a_drain_ends_idle_connections_and_lets_requests_finish() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let addr = edge.addr;
    let (mut idle, mut fresh, mut busy) = (edge.connect().await, edge.connect().await, edge.connect().await);
    idle.write(get("none", "")).await;
    idle.answer().await;
    busy.write(post(BUFFERED, "", ORDER)).await;
    let mut flow = upstream.accept().await;
    flow.request().await;

    let drained = tokio::spawn(edge.drain());
    assert_eq!(idle.rest().await, b"");
    assert_eq!(fresh.rest().await, b"");
    assert!(TcpStream::connect(addr).await.is_err(), "no new connections");
    assert!(!drained.is_finished());
    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let answer = busy.answer().await;
    assert_eq!((answer.status, answer.head.get("connection"), &answer.body[..]), (200, "close", &b"ok"[..]));
    assert_eq!(busy.rest().await, b"");
    drained.await.unwrap();
    assert_eq!(flow.rest().await, b"", "connections to flow endpoints end as well");
}

#[tokio::test]
async fn a_drain_is_bounded() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::with(&upstream, |config| config.limits.drain = Duration::from_millis(100)).await;
    let metrics = edge.metrics.clone();
    let mut sender = edge.connect().await;
    sender.write(get(STREAMED, "")).await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    edge.drain().await;
    assert_eq!(sender.rest().await, b"");
    assert_eq!(flow.rest().await, b"");
    let text = metrics.encode();
    assert!(
        text.contains("requests_total{outcome=\"not_ready\",status=\"none\"} 1\n"),
        "it has its line: {text}"
    );
    assert!(text.contains("edge_connections 0\n"), "{text}");
}

#[tokio::test]
async fn no_task_is_left_over() {
    let mut upstream = Upstream::start().await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let edge = Edge::with(&upstream, |config| config.limits.drain = Duration::from_millis(50)).await;
    edge.serves(&mut upstream).await;
    let (mut stuck, http2) = (edge.connect().await, TcpStream::connect(edge.addr).await.unwrap());
    let (mut http2, connection) = h2::client::handshake(http2).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get(format!("http://x/hooks/{STREAMED}")).header("x-customer", "C-1");
    let _response = http2.send_request(request.body(()).unwrap(), true).unwrap();
    stuck.write(get(STREAMED, "")).await;
    let mut flows = [upstream.accept().await, upstream.accept().await];
    for flow in &mut flows {
        flow.head().await;
    }
    edge.drain().await;
    connection.abort();
    let _ = connection.await;
    crate::harness::soon("all tasks end", async {
        while tasks() > before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_head_that_is_complete_only_after_the_drain_began_is_sent_away() {
    let upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    let head = get(STREAMED, "");
    sender.write(&head[..20]).await;
    edge.until("the connection is taken", |text| text.contains("edge_connections 1\n")).await;
    let mut second = edge.connect().await;
    second.write(get("none", "")).await;
    // What was written before on another connection has been read by now.
    second.answer().await;
    let drained = tokio::spawn(edge.drain());
    assert_eq!(second.rest().await, b"", "the drain has begun");
    sender.write(&head[20..]).await;
    let refused = sender.answer().await;
    refused.expect(503, "not_ready");
    assert_ne!(refused.head.get("retry-after"), "");
    assert_eq!(sender.rest().await, b"");
    drained.await.unwrap();
}

#[tokio::test]
async fn a_listener_takes_a_socket_that_is_bound_already_and_one_port_after_the_other() {
    let upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let addr = edge.addr;
    // A connection that is left in TIME_WAIT does not keep the port.
    let mut sender = edge.connect().await;
    sender.write(get("none", "connection: close\r\n")).await;
    sender.answer().await;
    sender.rest().await;
    edge.drain().await;
    let edge = Edge::with(&upstream, |config| config.edge_listen = addr).await;
    assert_eq!(edge.addr, addr);
    drop(edge);

    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bound = socket.local_addr().unwrap();
    let config = pointsman_edge::Config::new("edge-1", "http://127.0.0.1:9");
    let listener = pointsman_edge::listener::Listener::from_socket(socket, &config).unwrap();
    assert_eq!(listener.local_addr(), bound);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let upstream = Upstream::start().await;
    let mut config = pointsman_edge::Config::new("edge-1", "http://127.0.0.1:9");
    config.edge_listen = upstream.addr;
    let error = pointsman_edge::listener::Listener::bind(&config).unwrap_err().to_string();
    assert!(error.contains(&upstream.addr.to_string()) && error.contains("cannot be bound"), "{error}");
}

/// Echoes each request's body on every connection.
async fn echo(mut upstream: Upstream) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let mut flow = upstream.accept_whenever().await;
        connections.spawn(async move {
            while let Some((_, body)) = flow.next_request().await {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                // The edge hangs up where its sender has left.
                if flow.try_write([head.as_bytes(), &body].concat()).await.is_err() {
                    break;
                }
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sender_gets_its_own_answer_however_many_there_are_and_whoever_leaves() {
    let upstream = Upstream::start().await;
    let edge = Edge::with(&upstream, |config| config.limits.body_memory_bytes = 1 << 30).await;
    let echo = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(echo(upstream)));
    let edge = std::sync::Arc::new(edge);
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..48_usize {
        let edge = edge.clone();
        senders.spawn(async move {
            let mut conn = edge.connect().await;
            for request in 0..12_usize {
                let size = [0, 10, 5_000, 70_000][(sender + request) % 4];
                let body =
                    format!("{{\"customer\":\"C-1\",\"n\":\"{sender}-{request}-{}\"}}", "x".repeat(size));
                let token = if request % 2 == 0 { BUFFERED } else { STREAMED };
                conn.write(post(token, "", &body)).await;
                if (sender + request) % 7 == 0 {
                    // It leaves: before its answer, or inside it.
                    if request % 2 == 0 {
                        conn.bytes(20).await;
                    }
                    conn = edge.connect().await;
                    continue;
                }
                let answer = conn.answer().await;
                assert!(
                    answer.status == 200 && answer.body == body.as_bytes(),
                    "{sender}-{request}: {:?}",
                    answer.head
                );
            }
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended.unwrap();
    }
    edge.until("nothing is in flight", |text| {
        text.contains("requests_in_flight 0\n") && text.contains("body_memory_bytes 0\n")
    })
    .await;
    drop(echo);
}
