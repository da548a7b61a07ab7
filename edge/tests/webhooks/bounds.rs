//! What requests may take of what there is.

use crate::harness::{BUFFERED, Edge, ORDER, STREAMED, Upstream, first_answer, get, post, soon};

#[tokio::test]
async fn a_deployment_has_so_many_requests_in_flight() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::with(&upstream, |config| config.limits.deployment_requests = 1).await;
    let mut first = edge.connect().await;
    first.write(get(STREAMED, "")).await;
    let mut flow = upstream.accept().await;
    flow.head().await;
    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n").await;
    first.head().await;

    // The first one's answer is still on its way.
    let mut second = edge.connect().await;
    second.write(get(STREAMED, "")).await;
    let refused = second.answer().await;
    refused.expect(503, "overloaded");
    assert_eq!(refused.head.get("retry-after"), "1");
    let mut other = edge.connect().await;
    other.write(post(BUFFERED, "", ORDER)).await;
    let mut other_flow = upstream.accept().await;
    other_flow.request().await;
    other_flow.write("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
    assert_eq!(other.answer().await.status, 204, "another deployment is not touched");

    flow.write("ok").await;
    assert_eq!(first.bytes(2).await, b"ok");
    edge.has_ended("forwarded", 2).await;
    drop((first, second, other));
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn bodies_in_memory_are_counted_as_they_arrive_and_one_endpoint_has_a_quarter() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::with(&upstream, |config| config.limits.body_memory_bytes = 4000).await;
    let head =
        |length| format!("POST /hooks/{BUFFERED} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    // To announce much takes nothing.
    let mut announced = edge.connect().await;
    announced.write(head(200_000)).await;
    let mut first = edge.connect().await;
    first.write(head(1000) + &" ".repeat(900)).await;
    edge.until("900 bytes are in memory", |text| text.contains("body_memory_bytes 900\n")).await;

    let mut second = edge.connect().await;
    second.write(head(200) + &" ".repeat(101)).await;
    let refused = second.answer().await;
    refused.expect(503, "overloaded");
    assert_ne!(refused.head.get("retry-after"), "");

    drop(first);
    edge.has_ended("client_closed", 1).await;
    let mut third = edge.connect().await;
    third.write(post(BUFFERED, "", format!("{ORDER}{}", " ".repeat(500)))).await;
    let mut flow = upstream.accept().await;
    flow.request().await;
    flow.write("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
    assert_eq!(third.answer().await.status, 204, "what is over takes nothing");
    drop((announced, second, third));
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn connections_above_the_limit_are_told_so() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::with(&upstream, |config| config.limits.connections = 2).await;
    let (mut first, second) = (edge.connect().await, edge.connect().await);
    edge.until("both connections are taken", |text| text.contains("edge_connections 2\n")).await;
    let refused = first_answer(&edge.exchange(get(STREAMED, "")).await);
    refused.expect(503, "overloaded");
    assert_ne!(refused.head.get("retry-after"), "");
    edge.until("it is counted", |text| text.contains("edge_connections_refused_total 1\n")).await;

    first.write(get("none", "")).await;
    assert_eq!(first.answer().await.status, 404, "those that are there go on");
    drop((first, second));
    edge.until("the places are free again", |text| text.contains("edge_connections 0\n")).await;
    edge.serves(&mut upstream).await;
}

#[tokio::test]
async fn a_request_sees_one_revision_for_its_whole_life() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let mut sender = edge.connect().await;
    let request = post(BUFFERED, "", ORDER);
    sender.write(&request[..request.len() - 5]).await;
    edge.until("the request is there", |text| text.contains("requests_in_flight 1\n")).await;
    let mut elsewhere = Upstream::start().await;
    edge.redirect(&elsewhere.url("/new"));
    sender.write(&request[request.len() - 5..]).await;
    let mut flow = upstream.accept().await;
    assert_eq!(flow.request().await.0.line, "POST /in HTTP/1.1");
    flow.write("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(sender.answer().await.status, 204);
    sender.write(request).await;
    let mut flow = soon("the next request goes the new way", elsewhere.accept()).await;
    assert_eq!(flow.request().await.0.line, "POST /new HTTP/1.1");
}
