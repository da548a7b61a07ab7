use futures::FutureExt as _;

use super::*;
use crate::testkit::{Plane, patient};

const ANY: Revision = Revision::new(0);

fn commits(plane: &Plane) -> Commits {
    Commits::new(plane.store.clone(), ChunkSize { items: 512, bytes: 1 << 18 })
}

#[tokio::test]
async fn edges_that_need_the_same_share_it() {
    let plane = Plane::new(patient());
    let first = plane.customer("a", "1").await;
    plane.customer("b", "2").await;
    let commits = commits(&plane);
    let snapshot = commits.snapshot(ANY).await.unwrap();
    assert!(Arc::ptr_eq(&snapshot, &commits.snapshot(ANY).await.unwrap()));
    let delta = commits.delta(first).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&delta, &commits.delta(first).await.unwrap().unwrap()));
    assert_eq!(delta.position(), snapshot.position());
}

#[tokio::test]
async fn a_change_makes_a_new_delta_and_a_snapshot_that_is_being_sent_still_serves() {
    let plane = Plane::new(patient());
    let first = plane.customer("a", "1").await;
    let commits = commits(&plane);
    let snapshot = commits.snapshot(ANY).await.unwrap();
    let empty = commits.delta(first).await.unwrap().unwrap();
    let second = plane.customer("b", "2").await;
    assert_eq!(commits.delta(first).await.unwrap().unwrap().position().revision, second);
    assert_eq!(empty.position().revision, first);
    assert!(Arc::ptr_eq(&snapshot, &commits.snapshot(ANY).await.unwrap()), "deltas go on from it");
    // But not for an edge that would go back by it, and not when nobody is being sent it any more.
    let newer = commits.snapshot(second).await.unwrap();
    assert_eq!(newer.position().revision, second);
    drop((snapshot, newer));
    plane.customer("c", "3").await;
    assert_eq!(commits.snapshot(ANY).await.unwrap().position().revision, second.next());
}

#[tokio::test]
async fn what_the_database_cannot_tell_is_a_snapshot() {
    let plane = Plane::new(patient());
    let head = plane.customer("a", "1").await;
    let commits = commits(&plane);
    assert!(commits.delta(head).await.unwrap().is_some());
    assert!(commits.delta(head.next()).await.unwrap().is_none());
    assert!(commits.snapshot(ANY).await.unwrap().chunk(0).await.unwrap().unwrap().full);
}

#[tokio::test]
async fn hashes_of_recent_revisions_are_remembered() {
    let plane = Plane::new(patient());
    let commits = commits(&plane);
    assert_eq!(commits.recall(Revision::new(0)), None, "nothing was read yet");
    commits.warm().await.unwrap();
    assert_eq!(commits.recall(Revision::new(0)), Some(ConfigHash::default()));
    let first = plane.customer("a", "1").await;
    let position = commits.snapshot(ANY).await.unwrap().position();
    assert_eq!(commits.recall(first), Some(position.hash));
    for i in 0..RECENT {
        plane.customer("a", &i.to_string()).await;
        commits.warm().await.unwrap();
    }
    assert_eq!(commits.recall(first), None, "the memory is bounded");
}

/// Each is held by somebody who is slow, and the next one is needed all the same.
#[tokio::test]
async fn old_snapshots_are_given_up_where_later_ones_are_needed() {
    let plane = Plane::new(patient());
    let commits = commits(&plane);
    let mut held = Vec::new();
    for n in 0..5 {
        let revision = plane.customer(&format!("c{n}"), &n.to_string()).await;
        held.push(commits.snapshot(revision).await.unwrap());
    }
    let given_up: Vec<_> = held.iter().map(|snapshot| snapshot.outrun().now_or_never().is_some()).collect();
    assert_eq!(given_up, [true, true, true, false, false]);
    // Those that are gone do not count.
    held.drain(..4);
    let revision = plane.customer("more", "more").await;
    let next = commits.snapshot(revision).await.unwrap();
    assert!(held[0].outrun().now_or_never().is_none() && next.outrun().now_or_never().is_none());
}
