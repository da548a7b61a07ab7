//! Configurations that are held back.

use super::*;
use crate::sync::fixtures::{deployment, integration};

/// One endpoint, deployed to `a`.
fn acme() -> Vec<v1::Resource> {
    let mut resources = customers([("a", 1)]);
    resources.push(resource("integrations/i", 2, &integration(&["t"])));
    resources.push(resource("integrations/i/deployments/d", 3, &deployment("customers/a", "http://h/")));
    resources
}

fn empty(epoch: &str, revision: i64) -> v1::Chunk {
    v1::Chunk { epoch: epoch.to_owned(), ..chunk(revision, true, vec![], &[]) }
}

/// An edge that serves Acme and was offered an empty database.
async fn held_back(control_plane: &mut ControlPlaneStub) -> (Edge, Stream) {
    let edge = Edge::follow(control_plane);
    let mut stream = control_plane.stream().await;
    stream.send(chunk(3, true, acme(), &[])).await;
    assert_eq!(stream.ack().await.held_back, None);
    stream.send(empty("other", 0)).await;
    let ack = stream.ack().await;
    assert_eq!((ack.revision, ack.hash), (3, hash(&acme()).to_wire()), "what is served still");
    let held_back = v1::HeldBack {
        epoch: "other".to_owned(),
        revision: 0,
        endpoints_served: 1,
        endpoints_removed: 1,
        deployments_served: 1,
        deployments_removed: 1,
    };
    assert_eq!(ack.held_back, Some(held_back));
    assert!(edge.serves("a") && edge.metrics.encode().contains("pointsman_edge_config_held_back 1"));
    (edge, stream)
}

#[tokio::test]
async fn a_configuration_is_held_back_until_an_admin_accepts_it() {
    let mut control_plane = ControlPlaneStub::start().await;
    let (edge, mut stream) = held_back(&mut control_plane).await;
    // Heartbeats speak of what was sent, which is no drift.
    stream.heartbeat(7, &[0; 16]).await;
    stream.send(empty("other", 1)).await;
    assert_eq!(stream.ack().await.held_back.map(|held_back| held_back.revision), Some(1));
    assert!(edge.serves("a"));

    stream.accept("other", 1).await;
    stream.send(empty("other", 2)).await;
    let ack = stream.ack().await;
    assert_eq!((ack.revision, ack.held_back), (2, None));
    assert!(!edge.serves("a"));
    assert_eq!((edge.serving.load().revision, edge.serving.load().epoch.as_str()), (2, "other"));
    assert!(edge.metrics.encode().contains("pointsman_edge_config_held_back 0"));
}

#[tokio::test]
async fn one_that_is_better_needs_no_accept() {
    let mut control_plane = ControlPlaneStub::start().await;
    let (edge, mut stream) = held_back(&mut control_plane).await;
    let mut better = acme();
    better.extend(customers([("b", 4)]));
    stream.send(v1::Chunk { epoch: "other".to_owned(), ..chunk(4, true, better, &[]) }).await;
    let ack = stream.ack().await;
    assert_eq!((ack.revision, ack.held_back), (4, None));
    assert!(edge.serves("b"));
}

#[tokio::test]
async fn an_accept_is_good_for_one_snapshot_of_its_stream() {
    let mut control_plane = ControlPlaneStub::start().await;
    let (edge, mut stream) = held_back(&mut control_plane).await;
    // One for something else is used up by the snapshot behind it.
    stream.accept("third", 0).await;
    stream.send(empty("other", 1)).await;
    assert!(stream.ack().await.held_back.is_some());
    stream.accept("other", 1).await;
    stream.finish().await;

    // Cut off before the snapshot: it is held back and told again.
    let mut stream = control_plane.stream().await;
    assert_eq!((stream.hello.epoch.as_str(), stream.hello.revision), (EPOCH, 3));
    stream.send(empty("other", 1)).await;
    assert_eq!(stream.ack().await.held_back.map(|held_back| held_back.revision), Some(1));
    assert!(edge.serves("a"));
}

#[tokio::test]
async fn half_an_accepted_snapshot_is_nothing() {
    let mut control_plane = ControlPlaneStub::start().await;
    let (edge, mut stream) = held_back(&mut control_plane).await;
    stream.accept("other", 0).await;
    stream.send(v1::Chunk { commit: false, ..empty("other", 0) }).await;
    stream.finish().await;
    let mut stream = control_plane.stream().await;
    assert_eq!((stream.hello.epoch.as_str(), edge.serves("a")), (EPOCH, true));
    stream.send(empty("other", 0)).await;
    assert!(stream.ack().await.held_back.is_some() && edge.serves("a"));
}
