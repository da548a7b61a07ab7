use std::{collections::BTreeSet, sync::Mutex};

use super::*;

fn id(id: &str) -> EdgeId {
    EdgeId::parse(id).unwrap()
}

fn fleet() -> Arc<Fleet> {
    Arc::new(Fleet::new(|| SystemTime::UNIX_EPOCH))
}

fn rejection(name: &str, revision: i64) -> Rejection {
    let revision = Revision::new(revision);
    Rejection { name: name.to_owned(), revision, reason: "no".to_owned(), serving_previous: false }
}

fn connected(revision: i64) -> Goal {
    Goal { revision: Revision::new(revision), ..Goal::default() }
}

/// The state right now.
async fn now(fleet: &Fleet, goal: &Goal) -> Progress {
    fleet.wait(goal, Duration::ZERO).await
}

fn names(ids: &[EdgeId]) -> Vec<&str> {
    ids.iter().map(EdgeId::as_str).collect()
}

fn reason<'a>(progress: &'a Progress, edge: &str) -> &'a str {
    let lagging = progress.lagging.iter().find(|(id, _)| id.as_str() == edge);
    &lagging.unwrap_or_else(|| panic!("{edge} does not lag: {progress:?}")).1
}

#[tokio::test]
async fn a_wait_answers_when_all_connected_edges_serve_the_revision() {
    let fleet = fleet();
    let (a, b) = (fleet.connect(id("a"), "1"), fleet.connect(id("b"), "1"));
    let waiting = tokio::spawn({
        let fleet = Arc::clone(&fleet);
        async move { fleet.wait(&connected(7), Duration::from_secs(60)).await }
    });
    a.acknowledged("e", Revision::new(7), vec![]);
    let progress = now(&fleet, &connected(7)).await;
    assert!(!progress.reached);
    assert_eq!(names(&progress.serving), ["a"]);
    assert!(reason(&progress, "b").contains("not yet acknowledged"), "{progress:?}");
    b.acknowledged("e", Revision::new(6), vec![]);
    assert!(reason(&now(&fleet, &connected(7)).await, "b").contains("revision 6"));
    b.acknowledged("e", Revision::new(9), vec![]);
    let progress = waiting.await.unwrap();
    assert!(progress.reached, "{progress:?}");
    assert_eq!(names(&progress.serving), ["a", "b"]);
    assert_eq!(progress.lagging, []);
}

#[tokio::test(start_paused = true)]
async fn a_wait_with_no_edge_at_all_is_not_reached_and_ends_in_time() {
    let fleet = fleet();
    let started = tokio::time::Instant::now();
    let progress = fleet.wait(&connected(1), Duration::from_secs(30)).await;
    assert!(!progress.reached);
    assert_eq!(started.elapsed(), Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_fleet_that_is_closed() {
    let fleet = fleet();
    let started = tokio::time::Instant::now();
    let waiting = tokio::spawn({
        let fleet = Arc::clone(&fleet);
        async move { fleet.wait(&connected(1), Duration::from_secs(300)).await }
    });
    tokio::task::yield_now().await;
    fleet.close();
    assert!(!waiting.await.unwrap().reached);
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn named_edges_count_alone_and_must_be_connected() {
    let fleet = fleet();
    let (a, _b) = (fleet.connect(id("a"), "1"), fleet.connect(id("b"), "1"));
    a.acknowledged("e", Revision::new(3), vec![]);
    let goal = |edges: &[&str]| Goal {
        revision: Revision::new(3),
        edges: edges.iter().map(|edge| id(edge)).collect::<BTreeSet<_>>(),
        ..Goal::default()
    };
    assert!(now(&fleet, &goal(&["a"])).await.reached);
    let progress = now(&fleet, &goal(&["a", "zz"])).await;
    assert!(!progress.reached);
    assert!(reason(&progress, "zz").contains("never connected"));
    drop(a);
    let progress = now(&fleet, &goal(&["a"])).await;
    assert!(!progress.reached);
    assert_eq!(reason(&progress, "a"), "is not connected; it last acknowledged revision 3");
}

#[tokio::test]
async fn min_edges_is_satisfied_by_any_of_them() {
    let fleet = fleet();
    let (a, b) = (fleet.connect(id("a"), "1"), fleet.connect(id("b"), "1"));
    let _c = fleet.connect(id("c"), "1");
    let goal = Goal { revision: Revision::new(3), min_edges: 2, ..Goal::default() };
    a.acknowledged("e", Revision::new(3), vec![]);
    assert!(!now(&fleet, &goal).await.reached);
    b.acknowledged("e", Revision::new(4), vec![]);
    let progress = now(&fleet, &goal).await;
    assert!(progress.reached);
    assert!(reason(&progress, "c").contains("not yet acknowledged"), "the third is shown all the same");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_resource_of_the_revision_is_named_at_once() {
    let fleet = fleet();
    let (a, b) = (fleet.connect(id("a"), "1"), fleet.connect(id("b"), "1"));
    let of_5 = ["integrations/x", "integrations/y", "integrations/z"].map(|name| rejection(name, 5));
    a.acknowledged("e", Revision::new(5), [&of_5[..], &[rejection("integrations/old", 2)]].concat());
    b.acknowledged("e", Revision::new(5), vec![]);
    let started = tokio::time::Instant::now();
    let progress = fleet.wait(&connected(5), Duration::from_secs(30)).await;
    assert_eq!(started.elapsed(), Duration::ZERO, "no later acknowledgement can mend it");
    assert!(!progress.reached);
    assert_eq!(names(&progress.serving), ["b"]);
    assert_eq!(reason(&progress, "a"), "rejects integrations/x: no (and 2 more)");

    // One that was rejected before is no fault of a later revision, and a good version clears it.
    a.acknowledged("e", Revision::new(6), vec![rejection("integrations/old", 2)]);
    b.acknowledged("e", Revision::new(6), vec![]);
    assert!(now(&fleet, &connected(6)).await.reached);
    assert!(now(&fleet, &connected(5)).await.reached);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_waits_for_the_edges_that_are_not_done() {
    let fleet = fleet();
    let (a, b) = (fleet.connect(id("a"), "1"), fleet.connect(id("b"), "1"));
    a.acknowledged("e", Revision::new(5), vec![rejection("integrations/x", 5)]);
    let waiting = tokio::spawn({
        let fleet = Arc::clone(&fleet);
        async move { fleet.wait(&connected(5), Duration::from_secs(30)).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    b.acknowledged("e", Revision::new(5), vec![]);
    let progress = waiting.await.unwrap();
    assert!(!progress.reached);
    assert_eq!(names(&progress.serving), ["b"]);
}

#[tokio::test]
async fn an_edge_in_trouble_serves_nothing_until_it_is_repaired() {
    let fleet = fleet();
    let a = fleet.connect(id("a"), "1");
    a.acknowledged("e", Revision::new(5), vec![]);
    a.in_trouble("holds something else");
    assert_eq!(reason(&now(&fleet, &connected(5)).await, "a"), "holds something else");
    a.acknowledged("e", Revision::new(5), vec![]);
    assert!(now(&fleet, &connected(5)).await.reached);
}

#[tokio::test]
async fn a_newer_stream_replaces_the_older_one() {
    let fleet = fleet();
    let older = fleet.connect(id("a"), "1");
    older.acknowledged("e", Revision::new(5), vec![]);
    let newer = fleet.connect(id("a"), "2");
    older.replaced().await;
    // What the older one still says, and its end, change nothing.
    older.acknowledged("e", Revision::new(9), vec![]);
    drop(older);
    let edge = fleet.edge(&id("a")).unwrap();
    assert!(edge.is_connected());
    assert_eq!((edge.revision.number(), edge.version.as_str()), (5, "2"));
    let progress = now(&fleet, &connected(5)).await;
    assert!(!progress.reached, "what the edge served on its older stream says nothing of it now");
    newer.acknowledged("e", Revision::new(6), vec![]);
    assert!(now(&fleet, &connected(5)).await.reached);
    drop(newer);
    assert!(!fleet.edge(&id("a")).unwrap().is_connected());
}

#[tokio::test]
async fn a_sign_of_life_is_noted_and_wakes_nobody() {
    let time = Arc::new(Mutex::new(SystemTime::UNIX_EPOCH));
    let fleet = Arc::new(Fleet::new({
        let time = Arc::clone(&time);
        move || *time.lock().unwrap()
    }));
    let a = fleet.connect(id("a"), "1");
    let mut states = fleet.state.subscribe();
    states.mark_unchanged();
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
    *time.lock().unwrap() = later;
    a.seen();
    assert!(!states.has_changed().unwrap());
    assert_eq!(fleet.edge(&id("a")).unwrap().last_seen, later);
}

#[test]
fn edges_are_listed_in_the_order_of_their_ids() {
    let fleet = fleet();
    let _connections = ["b", "a", "c"].map(|edge| fleet.connect(id(edge), "1"));
    let page = |after: Option<&str>, limit| {
        let edges = fleet.edges(after.map(id).as_ref(), limit);
        edges.into_iter().map(|(id, _)| id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2), ["a", "b"]);
    assert_eq!(page(Some("b"), 2), ["c"]);
    assert_eq!(page(Some("aa"), 1), ["b"], "also behind one that is gone");
}

#[test]
fn the_fleet_is_bounded() {
    let mut state = State::default();
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for (edge, seen) in [("old", 1), ("older", 0), ("new", 2)] {
        let (accept, _) = watch::channel(None);
        state.connect(&id(edge), "1", CancellationToken::new(), accept, at(seen));
    }
    state.forget_all_but(2);
    assert_eq!(state.edges.len(), 3, "those who are connected are never forgotten");
    for edge in state.edges.values_mut() {
        edge.link = None;
    }
    state.forget_all_but(2);
    assert_eq!(state.edges.keys().map(EdgeId::as_str).collect::<Vec<_>>(), ["new", "old"]);

    let fleet = fleet();
    let a = fleet.connect(id("a"), &"v".repeat(1_000));
    let noisy = Rejection { reason: "\u{1b}[2J".repeat(10_000), ..rejection("x", 1) };
    a.acknowledged("e", Revision::new(1), vec![noisy; 5_000]);
    let edge = fleet.edge(&id("a")).unwrap();
    assert_eq!(edge.rejections.len(), 1_000);
    assert_eq!(edge.rejections[0].reason.chars().count(), 512);
    assert!(!edge.rejections[0].reason.contains('\u{1b}'));
    assert!(edge.version.len() < 100);
}
