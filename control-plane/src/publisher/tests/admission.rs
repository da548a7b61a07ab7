//! Who is sent a snapshot, and when.

use std::time::Duration;

use futures::FutureExt as _;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::super::Settings;
use crate::{
    domain::Revision,
    fleet::Goal,
    testkit::{
        Plane, Served,
        edge::{Edge, Holdings},
        patient, put_customer,
    },
};

/// So long that it never comes.
const NEVER: Duration = Duration::from_secs(600);

/// More chunks than are on their way to an edge that reads none.
async fn plane(settings: Settings) -> Plane {
    let plane = Plane::new(Settings { chunk_items: 1, ..settings });
    plane.write(|tx| (0..20).for_each(|i| put_customer(tx, &format!("c{i}"), &i.to_string()))).await;
    plane
}

/// Waits until an edge has said hello.
async fn connected(plane: &Plane, edge: &str) {
    plane.until(edge, crate::fleet::Edge::is_connected).await;
}

#[tokio::test]
async fn snapshots_are_sent_to_so_many_at_a_time_and_changes_to_all() {
    let plane = plane(Settings { snapshots: 1, slow: NEVER, ..patient() }).await;
    let mut warm = Edge::attach(&plane, "warm", Holdings::default()).await;
    warm.follow().await;
    let mut first = Edge::attach(&plane, "first", Holdings::default()).await;
    connected(&plane, "first").await;
    let mut second = Edge::attach(&plane, "second", Holdings::default()).await;
    connected(&plane, "second").await;
    // The one before it has not read it, so that its turn does not come; a change needs no turn.
    plane.customer("more", "more").await;
    assert!(!warm.follow().await.full);
    assert!(second.next().now_or_never().is_none());
    assert!(first.follow().await.full && second.follow().await.full);
}

#[tokio::test]
async fn an_edge_that_reads_nothing_takes_nobodys_turn() {
    let settings = Settings { snapshots: 1, slow: Duration::from_millis(1), ..patient() };
    let plane = plane(settings).await;
    let mut dead = Vec::new();
    for n in 0..5 {
        dead.push(Edge::attach(&plane, &format!("dead-{n}"), Holdings::default()).await);
        connected(&plane, &format!("dead-{n}")).await;
    }
    let mut alive = Edge::attach(&plane, "alive", Holdings::default()).await;
    assert!(alive.follow().await.full);
    plane.customer("more", "more").await;
    assert!(!alive.follow().await.full);
}

#[tokio::test]
async fn an_edge_that_is_far_too_slow_gives_its_snapshot_up() {
    let plane = plane(Settings { slow: Duration::from_millis(1), ..patient() }).await;
    let mut slow = Edge::attach(&plane, "slow", Holdings::default()).await;
    connected(&plane, "slow").await;
    let (mut held, mut others) = (Holdings::default(), Vec::new());
    for n in 0..4 {
        // Each needs a later snapshot than those before, which are still held by somebody.
        let revision = plane.customer("more", &format!("more-{n}")).await.number();
        held.epoch = plane.store.epoch().as_str().to_owned();
        held.revision = revision;
        // So that it is known that the edge holds something else.
        plane.publisher.warm().await.unwrap();
        others.push(Edge::attach(&plane, &format!("e{n}"), held.clone()).await);
        connected(&plane, &format!("e{n}")).await;
    }
    let (_, message) = slow.end().await.unwrap_err();
    assert_eq!(message, "a snapshot was not taken in before it was too old");
}

#[tokio::test]
async fn who_is_turned_away_is_told_for_how_long() {
    let served: Served = Plane::new(Settings { streams: 1, ..patient() }).serve().await;
    let mut first = Edge::connect(&served, "a", Holdings::default()).await;
    first.follow().await;
    let retry = |status: &tonic::Status| status.get_details_retry_info().unwrap().retry_delay.unwrap();
    let mut second = Edge::connect(&served, "b", Holdings::default()).await;
    let status = second.next().await.unwrap().unwrap_err();
    assert_eq!((status.code(), retry(&status)), (Code::ResourceExhausted, Duration::from_secs(5)));
    served.plane.publisher.drain().await;
    let status = first.next().await.unwrap().unwrap_err();
    assert_eq!((status.code(), retry(&status)), (Code::Unavailable, Duration::from_secs(1)));
}

#[tokio::test]
async fn a_hash_is_verified_after_a_restart_without_a_snapshot() {
    let served = Plane::new(patient()).serve().await;
    served.plane.customer("a", "1").await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    edge.follow().await;
    let right = edge.holdings.clone();
    let mut wrong = right.clone();
    wrong.resources.clear();
    for (held, is_repaired) in [(right, false), (wrong, true)] {
        // Nothing is remembered of hashes.
        let plane = Plane::over(served.plane.store.clone(), patient());
        let mut edge = Edge::attach(&plane, "a", held).await;
        assert!(!edge.follow().await.full);
        if is_repaired {
            assert!(edge.follow().await.full);
        }
        let goal = Goal { revision: Revision::new(1), ..Goal::default() };
        assert!(plane.fleet.wait(&goal, NEVER).await.reached);
    }
}
