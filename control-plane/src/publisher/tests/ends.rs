//! How streams end.

use std::time::Duration;

use pointsman_proto::edge::v1::{Ack, Heartbeat, Hello, Rejection, stream_config_request::Message};
use tonic::Code;

use super::super::Settings;
use crate::testkit::{
    Plane, Served,
    edge::{Edge, Holdings},
    patient, put_customer,
};

const SHORT: Duration = Duration::from_millis(100);

async fn served(settings: Settings) -> Served {
    Plane::new(settings).serve().await
}

fn hello() -> Hello {
    Hello { edge: "edges/a".to_owned(), ..Hello::default() }
}

#[tokio::test]
async fn a_stream_without_a_hello_ends() {
    let served = served(Settings { hello_timeout: SHORT, ..patient() }).await;
    let mut edge = Edge::silent(&served).await;
    assert_eq!(edge.end().await, Err((Code::DeadlineExceeded, "no hello within 100ms".to_owned())));
}

#[tokio::test]
async fn hellos_are_checked() {
    let served = served(patient()).await;
    let hellos = [
        (Message::Ack(Ack::default()), "the first message must be a hello"),
        (Message::Hello(Hello { edge: "a".to_owned(), ..hello() }), "hello.edge: not of the form"),
        (Message::Hello(Hello { edge: "edges/a/b".to_owned(), ..hello() }), "hello.edge: the id holds"),
        (Message::Hello(Hello { edge: "edges/".to_owned(), ..hello() }), "hello.edge: the id is empty"),
        (Message::Hello(Hello { revision: -1, ..hello() }), "a revision cannot be negative"),
        (Message::Hello(Hello { revision: 1, hash: "short".into(), ..hello() }), "a hash has 16 bytes"),
    ];
    for (hello, expected) in hellos {
        let mut edge = Edge::silent(&served).await;
        edge.say(hello).await;
        let (code, message) = edge.end().await.unwrap_err();
        assert_eq!(code, Code::InvalidArgument, "{expected}");
        assert!(message.starts_with(expected), "{message}");
    }
    assert!(served.plane.fleet.edges(None, 9).is_empty(), "nobody has joined");
}

#[tokio::test]
async fn messages_are_checked() {
    let served = served(patient()).await;
    let messages = [
        (Message::Hello(hello()), "a hello is only the first message"),
        (
            Message::Ack(Ack { revision: 7, hash: vec![0; 16].into(), ..Ack::default() }),
            "revision 7 was acknowledged and never sent",
        ),
        (Message::Ack(Ack { hash: "short".into(), ..Ack::default() }), "a hash has 16 bytes"),
        (
            Message::Heartbeat(Heartbeat { revision: -1, ..Heartbeat::default() }),
            "a revision cannot be negative",
        ),
    ];
    for (message, expected) in messages {
        let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
        edge.follow().await;
        edge.say(message).await;
        let (code, message) = edge.end().await.unwrap_err();
        assert_eq!((code, message.as_str()), (Code::InvalidArgument, expected));
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_stream_with_a_reason() {
    let served = served(patient()).await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    edge.commit().await;
    let rejection = Rejection { reason: "x".repeat(8 * 1024 * 1024), ..Rejection::default() };
    edge.ack_with(edge.holdings.hash(), vec![rejection]).await;
    let (code, message) = edge.end().await.unwrap_err();
    assert_eq!(code, Code::OutOfRange);
    assert!(message.starts_with("a message could not be read: "), "{message}");
}

#[tokio::test]
async fn a_silent_edge_is_gone_after_three_heartbeats() {
    let served = served(Settings { heartbeat: SHORT, ..patient() }).await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    edge.follow().await;
    let (code, message) = edge.end().await.unwrap_err();
    assert_eq!(
        (code, message.as_str()),
        (Code::DeadlineExceeded, "nothing was heard from the edge for 300ms")
    );
    assert!(!served.plane.fleet.edges(None, 1)[0].1.is_connected());
}

#[tokio::test]
async fn an_edge_that_answers_heartbeats_is_not_silent() {
    let served = served(Settings { heartbeat: SHORT, ..patient() }).await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    edge.follow().await;
    for _ in 0..8 {
        edge.heartbeat().await;
        edge.beat().await;
    }
    assert!(served.plane.fleet.edges(None, 1)[0].1.is_connected());
}

#[tokio::test]
async fn an_edge_that_lives_but_acknowledges_nothing_is_stalled() {
    let served = served(Settings { commit_timeout: SHORT, ..patient() }).await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    edge.beat().await;
    let (code, message) = edge.end().await.unwrap_err();
    assert_eq!((code, message.as_str()), (Code::DeadlineExceeded, "a commit was not taken in within 100ms"));
}

#[tokio::test]
async fn an_edge_that_lives_but_reads_nothing_is_stalled() {
    let plane = Plane::new(Settings { commit_timeout: SHORT, chunk_items: 1, ..patient() });
    plane.write(|tx| (0..20).for_each(|i| put_customer(tx, &format!("c{i}"), &i.to_string()))).await;
    let mut edge = Edge::attach(&plane, "a", Holdings::default()).await;
    let is_connected = || plane.fleet.edges(None, 1).first().map(|(_, edge)| edge.is_connected());
    while is_connected() != Some(true) {
        tokio::task::yield_now().await;
    }
    while is_connected() != Some(false) {
        edge.beat().await;
        tokio::task::yield_now().await;
    }
    assert_eq!(edge.end().await.unwrap_err().1, "a commit was not taken in within 100ms");
}

#[tokio::test]
async fn a_second_stream_of_an_edge_ends_the_first() {
    let served = served(patient()).await;
    let mut first = Edge::connect(&served, "a", Holdings::default()).await;
    first.follow().await;
    let mut second = Edge::connect(&served, "a", first.holdings.clone()).await;
    let (code, message) = first.end().await.unwrap_err();
    assert_eq!(code, Code::Aborted);
    assert!(message.contains("another stream of this edge"), "{message}");
    second.follow().await;
    served.plane.customer("a", "1").await;
    assert_eq!(second.follow().await.revision, 1);
}

#[tokio::test]
async fn streams_are_bounded_and_a_place_is_free_when_one_ends() {
    let served = served(Settings { streams: 1, ..patient() }).await;
    let mut first = Edge::connect(&served, "a", Holdings::default()).await;
    first.follow().await;
    let mut second = Edge::connect(&served, "b", Holdings::default()).await;
    assert_eq!(second.end().await.unwrap_err().0, Code::ResourceExhausted);
    drop(first);
    loop {
        let mut third = Edge::connect(&served, "c", Holdings::default()).await;
        match third.next().await {
            Some(Ok(_)) => break,
            other => assert!(matches!(other, Some(Err(_)) | None)),
        }
    }
}

#[tokio::test]
async fn draining_ends_all_streams_and_takes_no_new_ones() {
    let served = served(patient()).await;
    let mut connected = Edge::connect(&served, "a", Holdings::default()).await;
    connected.follow().await;
    let mut silent = Edge::silent(&served).await;
    served.plane.publisher.drain().await;
    for edge in [&mut connected, &mut silent] {
        assert_eq!(edge.end().await, Err((Code::Unavailable, "the control plane is stopping".to_owned())));
    }
    let mut late = Edge::connect(&served, "b", Holdings::default()).await;
    assert_eq!(late.end().await.unwrap_err().0, Code::Unavailable);
}

#[tokio::test]
async fn an_edge_that_leaves_is_no_longer_connected() {
    let served = served(patient()).await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    edge.follow().await;
    drop(edge);
    // Draining waits for the stream's task, which would wait for the edge if it had not noticed.
    while served.plane.fleet.edges(None, 1)[0].1.is_connected() {
        tokio::task::yield_now().await;
    }
}
