//! Edges that hold back what they are sent.

use std::time::Duration;

use super::super::Settings;
use crate::{
    domain::Revision,
    fleet::{AcceptError, Goal, Progress, Which},
    testkit::{
        Plane, Served,
        edge::{Edge, Holdings},
        patient,
    },
};

/// What an edge has of another database.
fn others() -> Holdings {
    Holdings { epoch: "other".to_owned(), revision: 77, ..Holdings::default() }
}

/// A control plane at revision 1, and an edge that holds that back.
async fn holding(settings: Settings) -> (Served, Edge) {
    let served = Plane::new(settings).serve().await;
    served.plane.customer("a", "1").await;
    let mut edge = Edge::connect(&served, "a", others()).await;
    let commit = edge.hold_back().await;
    assert!(commit.full && commit.revision == 1);
    served.plane.until("a", |edge| edge.held_back.is_some()).await;
    (served, edge)
}

async fn now(plane: &Plane, revision: i64) -> Progress {
    let goal = Goal { revision: Revision::new(revision), ..Goal::default() };
    plane.fleet.wait(&goal, Duration::ZERO).await
}

fn accept(plane: &Plane) {
    let held = plane.fleet.held_back(&Which::default()).unwrap();
    held.iter().for_each(|held| plane.fleet.accept(held));
}

#[tokio::test]
async fn an_edge_that_holds_back_goes_on_and_is_shown() {
    let (served, edge) = holding(patient()).await;
    edge.beat().await;
    let shown = served.plane.until("a", |edge| edge.held_back.is_some()).await;
    assert_eq!((shown.epoch.as_str(), shown.revision.number(), shown.is_connected()), ("other", 77, true));
    let held_back = shown.held_back.unwrap();
    assert_eq!(
        (held_back.epoch.as_str(), held_back.revision.number()),
        (served.plane.store.epoch().as_str(), 1)
    );
    // It is no use to wait, also for a revision that counts less than that of the other database.
    let goal = Goal { revision: Revision::new(1), ..Goal::default() };
    let waited = served.plane.fleet.wait(&goal, Duration::from_secs(600)).await;
    assert!(!waited.reached);
    assert_eq!(
        waited.lagging[0].1,
        format!(
            "holds back revision 1 of database {}, which removes 3 of the 4 endpoints and 2 of the 2 deployments that it \
             serves: see whether that is meant, and accept it by `pointsman edges accept`",
            served.plane.store.epoch().as_str()
        )
    );
}

#[tokio::test]
async fn an_accepted_configuration_is_sent_with_the_admins_word() {
    let (served, mut edge) = holding(patient()).await;
    // A change is not offered by itself so soon, and in what is sent then.
    served.plane.customer("b", "2").await;
    accept(&served.plane);
    let commit = edge.follow().await;
    assert_eq!((commit.accepted, commit.full), (Some(1), true));
    let shown = served.plane.until("a", |edge| edge.held_back.is_none()).await;
    assert_eq!(shown.epoch, served.plane.store.epoch().as_str());
    // From there on it is as every edge.
    served.plane.customer("c", "3").await;
    let commit = edge.follow().await;
    assert_eq!((commit.accepted, commit.full, commit.revision), (None, false, 3));
    served.plane.until("a", |edge| edge.revision.number() == 3).await;
    assert!(now(&served.plane, 3).await.reached);
    assert_eq!(served.plane.fleet.held_back(&Which::default()), Err(AcceptError::NobodyHolds));
}

#[tokio::test]
async fn a_later_state_is_offered_and_may_be_taken_in() {
    let (served, mut edge) = holding(Settings { offer_delay: Duration::ZERO, ..patient() }).await;
    served.plane.customer("b", "2").await;
    let offered = edge.hold_back().await;
    assert_eq!((offered.accepted, offered.full, offered.revision), (None, true, 2));
    served.plane.customer("c", "3").await;
    assert_eq!(edge.follow().await.revision, 3);
    assert!(served.plane.until("a", |edge| edge.revision.number() == 3).await.held_back.is_none());
}

#[tokio::test]
async fn a_stream_that_ends_in_between_shows_it_again() {
    let (served, edge) = holding(patient()).await;
    accept(&served.plane);
    drop(edge);
    served.plane.until("a", |edge| !edge.is_connected()).await;
    let which = Which { edge: Some("edges/a".parse().unwrap()), ..Which::default() };
    assert!(matches!(served.plane.fleet.held_back(&which), Err(AcceptError::NotConnected(_))));
    let mut edge = Edge::connect(&served, "a", others()).await;
    assert_eq!(edge.hold_back().await.accepted, None, "a word is for its stream");
    served.plane.until("a", |edge| edge.held_back.is_some()).await;
    accept(&served.plane);
    assert_eq!(edge.follow().await.accepted, Some(1));
}
