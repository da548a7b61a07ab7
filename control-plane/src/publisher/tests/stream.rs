//! What an edge is sent, over a real socket.

use pointsman_proto::edge::v1::stream_config_request::Message;
use pointsman_proto::edge::{hash::ConfigHash, v1};

use super::super::Settings;
use crate::testkit::{
    Plane, Served, acme,
    edge::{Edge, Holdings},
    patient, put_acme, put_customer, put_deployment, put_mapping,
};
use std::time::Duration;

type Write = fn(&mut crate::store::WriteTransaction<'_>);

async fn served() -> Served {
    Plane::new(patient()).serve().await
}

/// An edge that holds the latest state, and was sent a snapshot to get there.
async fn up_to_date(served: &Served) -> Edge {
    let mut edge = Edge::connect(served, "a", Holdings::default()).await;
    assert!(edge.follow().await.full);
    edge
}

#[tokio::test]
async fn a_cold_edge_gets_a_snapshot_and_then_each_change_by_itself() {
    let served = served().await;
    let plane = &served.plane;
    plane
        .write(|tx| {
            put_customer(tx, "bowlers", "progix-1");
            put_acme(tx, "acme", acme());
            put_mapping(tx, "integrations/acme/customerMappings/m", "A06DFFAC", "bowlers");
            put_deployment(tx, "acme", "bowlers", "bowlers", false);
        })
        .await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    let snapshot = edge.follow().await;
    assert!(snapshot.full);
    assert_eq!(snapshot.epoch, plane.store.epoch().as_str());
    assert_eq!(snapshot.revision, 1);
    assert_eq!(
        snapshot.names(),
        [
            "customers/bowlers",
            "integrations/acme",
            "integrations/acme/customerMappings/m",
            "integrations/acme/deployments/bowlers",
        ]
    );

    let changes: [(&str, Write); 4] = [
        ("customers/bowlers", |tx| put_customer(tx, "bowlers", "progix-2")),
        ("integrations/acme", |tx| put_acme(tx, "acme", acme())),
        ("integrations/acme/customerMappings/m", |tx| {
            put_mapping(tx, "integrations/acme/customerMappings/m", "C3E72B0C", "bowlers");
        }),
        ("integrations/acme/deployments/bowlers", |tx| {
            put_deployment(tx, "acme", "bowlers", "bowlers", true)
        }),
    ];
    for (name, change) in changes {
        let revision = plane.write(change).await;
        let delta = edge.follow().await;
        assert!(!delta.full);
        assert_eq!(delta.revision, revision.number());
        assert_eq!(delta.names(), [name], "nothing but what has changed");
        assert_eq!(delta.upserts[0].revision, revision.number());
        assert!(delta.removals.is_empty());
    }
    assert!(edge.end_of_acks(plane).await);
}

impl Edge {
    /// Whether the control plane agrees with all that this edge has acknowledged.
    async fn end_of_acks(&self, plane: &Plane) -> bool {
        let goal = crate::fleet::Goal {
            revision: crate::domain::Revision::new(self.holdings.revision),
            ..crate::fleet::Goal::default()
        };
        plane.fleet.wait(&goal, Duration::from_secs(20)).await.reached
    }
}

#[tokio::test]
async fn edges_get_tokens_headers_and_every_field_that_they_need() {
    use prost::Message as _;
    let served = served().await;
    served
        .plane
        .write(|tx| {
            put_customer(tx, "bowlers", "progix-1");
            put_acme(tx, "acme", acme());
            put_deployment(tx, "acme", "bowlers", "bowlers", false);
        })
        .await;
    let edge = up_to_date(&served).await;
    let body = |name: &str| edge.holdings.resources[name].body.clone();
    let integration = v1::Integration::decode(body("integrations/acme")).unwrap();
    assert_eq!(integration.endpoint_tokens, ["secret-token-of-acme"]);
    assert!(integration.external_customer_id.unwrap().lookup_customer_mappings);
    let deployment = v1::Deployment::decode(body("integrations/acme/deployments/bowlers")).unwrap();
    assert_eq!(deployment.customer, "customers/bowlers");
    let orders = &deployment.flow_endpoints["create-order"];
    assert_eq!(orders.headers["authorization"], "Bearer secret-of-bowlers");
    assert_eq!(orders.endpoint_tokens, ["secret-token-of-acme-bowlers-create-order"]);
}

#[tokio::test]
async fn an_empty_configuration_is_a_snapshot_too() {
    let served = served().await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    let snapshot = edge.follow().await;
    assert!(snapshot.full);
    assert_eq!((snapshot.revision, snapshot.upserts.len()), (0, 0));
    // Revision 0 is what we sent, with or without the hash of nothing: no drift.
    edge.beat().await;
    edge.say(Message::Heartbeat(v1::Heartbeat::default())).await;
    served.plane.customer("a", "1").await;
    let delta = edge.follow().await;
    assert_eq!((delta.full, delta.revision), (false, 1));
}

#[tokio::test]
async fn removals_arrive_and_a_name_that_is_made_again_is_an_upsert() {
    let served = served().await;
    let plane = &served.plane;
    plane.customer("gone", "1").await;
    plane.customer("again", "2").await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    let name = |id: &str| format!("customers/{id}").parse().unwrap();
    // Not acknowledged yet, so that all of this is between two commits.
    edge.commit().await;
    let (gone, again) = (name("gone"), name("again"));
    plane
        .write(move |tx| {
            tx.remove::<crate::domain::CustomerSpec>(&gone).unwrap();
            tx.remove::<crate::domain::CustomerSpec>(&again).unwrap();
        })
        .await;
    plane.customer("again", "3").await;
    plane.customer("brief", "4").await;
    let brief = name("brief");
    plane.write(move |tx| tx.remove::<crate::domain::CustomerSpec>(&brief).unwrap()).await;
    edge.ack().await;
    let delta = edge.follow().await;
    assert!(!delta.full);
    assert_eq!(delta.names(), ["customers/again"]);
    assert_eq!(delta.removals, ["customers/gone", "customers/brief"]);
    assert_eq!(edge.holdings.resources.len(), 1);
    assert!(edge.end_of_acks(plane).await);
}

#[tokio::test]
async fn a_slow_edge_coalesces_and_nothing_queues() {
    let served = served().await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    edge.commit().await;
    for i in 0..20 {
        served.plane.customer("same", &i.to_string()).await;
        served.plane.customer(&format!("other-{i}"), &format!("other-{i}")).await;
    }
    edge.ack().await;
    let delta = edge.follow().await;
    assert_eq!(delta.revision, 40, "all forty in one commit, which is the next message");
    assert_eq!(delta.upserts.len(), 21);
    assert_eq!(delta.chunks, 1);
}

#[tokio::test]
async fn an_edge_that_comes_back_gets_only_what_it_missed() {
    let served = served().await;
    served.plane.customer("a", "1").await;
    let held = up_to_date(&served).await.holdings;

    let mut edge = Edge::connect(&served, "a", held.clone()).await;
    let nothing = edge.follow().await;
    assert_eq!((nothing.full, nothing.revision, nothing.upserts.len()), (false, 1, 0));
    drop(edge);

    served.plane.customer("b", "2").await;
    let mut edge = Edge::connect(&served, "a", held).await;
    let delta = edge.follow().await;
    assert_eq!((delta.full, delta.revision, delta.names()), (false, 2, vec!["customers/b"]));
    assert!(edge.end_of_acks(&served.plane).await);
}

#[tokio::test]
async fn a_restarted_control_plane_goes_on_without_a_snapshot() {
    let data = tempfile::tempdir().unwrap();
    let open = || crate::store::Store::open(data.path()).unwrap();
    let served = Plane::over(open(), patient()).serve().await;
    served.plane.customer("a", "1").await;
    let held = up_to_date(&served).await.holdings;
    served.plane.customer("b", "2").await;
    served.plane.store.close().await;
    drop(served);

    let served = Plane::over(open(), patient()).serve().await;
    let mut edge = Edge::connect(&served, "a", held).await;
    let delta = edge.follow().await;
    assert_eq!((delta.full, delta.names()), (false, vec!["customers/b"]));
    assert!(edge.end_of_acks(&served.plane).await);
}

#[tokio::test]
async fn a_state_that_is_not_ours_gets_a_snapshot() {
    let served = served().await;
    served.plane.customer("a", "1").await;
    let held = up_to_date(&served).await.holdings;
    let stranger = |change: fn(&mut Holdings)| {
        let mut held = held.clone();
        change(&mut held);
        held
    };
    let strangers = [
        ("another epoch", stranger(|held| held.epoch = "another".to_owned())),
        ("no epoch", stranger(|held| held.epoch.clear())),
        ("ahead of us", stranger(|held| held.revision = 9)),
        ("nothing taken in", stranger(|held| held.revision = 0)),
        ("another hash", stranger(|held| held.resources.clear())),
    ];
    for (case, held) in strangers {
        let mut edge = Edge::connect(&served, "a", held).await;
        let commit = edge.follow().await;
        assert!(commit.full, "{case}");
        assert_eq!((commit.revision, edge.holdings.resources.len()), (1, 1), "{case}");
    }
}

#[tokio::test]
async fn an_edge_that_holds_something_else_is_repaired_by_a_snapshot() {
    let served = served().await;
    served.plane.customer("a", "1").await;
    let mut edge = up_to_date(&served).await;
    served.plane.customer("b", "2").await;
    edge.commit().await;
    edge.holdings.resources.remove("customers/a");
    edge.ack().await;
    let repair = edge.follow().await;
    assert!(repair.full);
    assert_eq!((repair.revision, edge.holdings.resources.len()), (2, 2));
    assert!(edge.end_of_acks(&served.plane).await);
    // And then changes again.
    served.plane.customer("c", "3").await;
    assert!(!edge.follow().await.full);
}

#[tokio::test]
async fn a_heartbeat_betrays_drift_too() {
    let served = served().await;
    served.plane.customer("a", "1").await;
    let mut edge = up_to_date(&served).await;
    edge.beat().await;
    edge.holdings.resources.clear();
    edge.beat().await;
    let repair = edge.follow().await;
    assert!(repair.full);
    assert_eq!(edge.holdings.resources.len(), 1);
}

#[tokio::test]
async fn changes_go_on_while_a_repair_waits_its_time_and_can_mend_the_edge() {
    let served = served().await;
    served.plane.customer("a", "1").await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    for _ in 0..2 {
        assert!(edge.commit().await.full);
        edge.ack_with(ConfigHash::default(), vec![]).await;
    }
    // The next repair is a heartbeat away, which is ten minutes here.
    served.plane.customer("b", "2").await;
    let delta = edge.follow().await;
    assert!(!delta.full && delta.names() == ["customers/b"], "{delta:?}");
    assert!(edge.end_of_acks(&served.plane).await, "it holds the right thing after all");
}

#[tokio::test]
async fn heartbeats_say_what_was_sent() {
    let plane = Plane::new(Settings { heartbeat: Duration::from_millis(50), ..patient() });
    let served = plane.serve().await;
    served.plane.customer("a", "1").await;
    let mut edge = up_to_date(&served).await;
    let heartbeat = edge.heartbeat().await;
    assert_eq!(heartbeat.revision, 1);
    assert_eq!(heartbeat.hash, edge.holdings.hash().to_wire());
}

#[tokio::test]
async fn a_large_commit_comes_in_chunks_and_ends_with_the_last() {
    let plane = Plane::new(Settings { chunk_items: 10, ..patient() });
    let served = plane.serve().await;
    served.plane.write(|tx| (0..95).for_each(|i| put_customer(tx, &format!("c{i}"), &i.to_string()))).await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    let snapshot = edge.follow().await;
    assert_eq!((snapshot.chunks, snapshot.upserts.len()), (10, 95));
    assert!(edge.end_of_acks(&served.plane).await);
}

#[tokio::test]
async fn a_slow_edge_costs_the_others_nothing() {
    let plane = Plane::new(Settings { chunk_items: 1, ..patient() });
    let served = plane.serve().await;
    served
        .plane
        .write(|tx| {
            (0..2_000).for_each(|i| {
                put_customer(tx, &format!("c{i}"), &"x".repeat(200).replace('x', &i.to_string()))
            })
        })
        .await;
    // It reads nothing of its snapshot.
    let _slow = Edge::connect(&served, "slow", Holdings::default()).await;
    let mut quick = Edge::connect(&served, "quick", Holdings::default()).await;
    quick.follow().await;
    served.plane.customer("new", "new").await;
    assert_eq!(quick.follow().await.names(), ["customers/new"]);
}

#[tokio::test]
async fn rejections_reach_the_fleet_also_without_a_change() {
    let served = served().await;
    served.plane.customer("a", "1").await;
    let mut edge = Edge::connect(&served, "a", Holdings::default()).await;
    edge.commit().await;
    let rejection = v1::Rejection {
        name: "customers/a".to_owned(),
        revision: 1,
        reason: "cannot be used".to_owned(),
        serving_previous: true,
    };
    edge.ack_with(edge.holdings.hash(), vec![rejection]).await;
    let goal = crate::fleet::Goal { revision: crate::domain::Revision::new(1), ..Default::default() };
    let progress = served.plane.fleet.wait(&goal, Duration::from_secs(20)).await;
    assert!(!progress.reached);
    assert_eq!(progress.lagging[0].1, "rejects customers/a: cannot be used; its last good form is served");
    // The same revision once more, and it can be used after all.
    edge.ack().await;
    while !served.plane.fleet.wait(&goal, Duration::ZERO).await.reached {
        tokio::task::yield_now().await;
    }
    edge.say(Message::Heartbeat(v1::Heartbeat::default())).await;
}
