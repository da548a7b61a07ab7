use super::*;
use crate::testkit::{Plane, patient};

const NOTHING: Base = Base::Nothing { at_least: Revision::new(0) };

fn commits(plane: &Plane) -> Commits {
    Commits::new(plane.store.clone(), ChunkSize { items: 512, bytes: 1 << 18 })
}

#[tokio::test]
async fn edges_that_need_the_same_share_it() {
    let plane = Plane::new(patient());
    let first = plane.customer("a", "1").await;
    plane.customer("b", "2").await;
    let commits = commits(&plane);
    let snapshot = commits.commit(NOTHING).await.unwrap();
    assert!(Arc::ptr_eq(&snapshot, &commits.commit(NOTHING).await.unwrap()));
    let delta = commits.commit(Base::Revision(first)).await.unwrap();
    assert!(Arc::ptr_eq(&delta, &commits.commit(Base::Revision(first)).await.unwrap()));
    assert_eq!(delta.position(), snapshot.position());
}

#[tokio::test]
async fn a_change_makes_a_new_delta_and_a_snapshot_that_is_being_sent_still_serves() {
    let plane = Plane::new(patient());
    let first = plane.customer("a", "1").await;
    let commits = commits(&plane);
    let snapshot = commits.commit(NOTHING).await.unwrap();
    let empty = commits.commit(Base::Revision(first)).await.unwrap();
    let second = plane.customer("b", "2").await;
    assert_eq!(commits.commit(Base::Revision(first)).await.unwrap().position().revision, second);
    assert_eq!(empty.position().revision, first);
    assert!(Arc::ptr_eq(&snapshot, &commits.commit(NOTHING).await.unwrap()), "deltas go on from it");
    // But not for an edge that would go back by it, and not when nobody is being sent it any more.
    let newer = commits.commit(Base::Nothing { at_least: second }).await.unwrap();
    assert_eq!(newer.position().revision, second);
    drop((snapshot, newer));
    plane.customer("c", "3").await;
    assert_eq!(commits.commit(NOTHING).await.unwrap().position().revision, second.next());
}

#[tokio::test]
async fn what_the_database_cannot_tell_is_a_snapshot() {
    let plane = Plane::new(patient());
    let head = plane.customer("a", "1").await;
    let commits = commits(&plane);
    let commit = commits.commit(Base::Revision(head.next())).await.unwrap();
    assert!(commit.chunks()[0].full);
}

#[tokio::test]
async fn hashes_of_recent_revisions_are_remembered() {
    let plane = Plane::new(patient());
    let commits = commits(&plane);
    assert_eq!(commits.recall(Revision::new(0)), None, "nothing was read yet");
    commits.warm().await.unwrap();
    assert_eq!(commits.recall(Revision::new(0)), Some(ConfigHash::default()));
    let first = plane.customer("a", "1").await;
    let position = commits.commit(NOTHING).await.unwrap().position();
    assert_eq!(commits.recall(first), Some(position.hash));
    for i in 0..RECENT {
        plane.customer("a", &i.to_string()).await;
        commits.warm().await.unwrap();
    }
    assert_eq!(commits.recall(first), None, "the memory is bounded");
}
