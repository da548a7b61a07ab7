mod copies;

use pointsman_proto::edge::{hash::ConfigHash, v1};
use pointsman_routing::directory::Directory as _;
use tokio_util::task::AbortOnDropHandle;

use super::{
    fixtures::{EPOCH, chunk, customer, hash, junk, resource},
    scripted::{ControlPlaneStub, Stream, soon},
    *,
};
use crate::config::Config;

mod hold;

/// An edge's configuration, followed.
struct Edge {
    serving: Serving,
    metrics: Metrics,
    configured: CancellationToken,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Edge {
    fn follow(control_plane: &ControlPlaneStub) -> Self {
        Self::follow_with(control_plane, Times::default())
    }

    fn follow_with(control_plane: &ControlPlaneStub, times: Times) -> Self {
        Self::follow_by(Config::new("edge-1", control_plane.url()), times)
    }

    fn follow_by(config: Config, times: Times) -> Self {
        let sync = Sync {
            control_plane: ControlPlane::parse(&config).unwrap(),
            edge: EdgeId::parse("edge-1").unwrap(),
            serving: Serving::default(),
            metrics: Metrics::new(),
            configured: CancellationToken::new(),
            times,
            copy: config.copy.as_ref().map(|copy| Folder::open(copy).unwrap().tune(copies::tuning())),
        };
        let (serving, metrics) = (Arc::clone(&sync.serving), sync.metrics.clone());
        let (configured, stop) = (sync.configured.clone(), CancellationToken::new());
        let task = AbortOnDropHandle::new(tokio::spawn(sync.run(stop.clone())));
        Self { serving, metrics, configured, stop, task }
    }

    fn serves(&self, external_id: &str) -> bool {
        self.serving.load().table.customer_by_external_id(external_id).unwrap().is_some()
    }
}

fn customers<const N: usize>(customers: [(&str, i64); N]) -> Vec<v1::Resource> {
    customers.map(|(id, revision)| resource(&format!("customers/{id}"), revision, &customer(id))).into()
}

/// Gives the edge a snapshot.
async fn snapshot<const N: usize>(stream: &mut Stream, all: [(&str, i64); N]) -> v1::Ack {
    let resources = customers(all);
    let revision = resources.iter().map(|resource| resource.revision).max().unwrap_or(0);
    stream.send(chunk(revision, true, resources, &[])).await;
    stream.ack().await
}

#[tokio::test]
async fn a_snapshot_then_changes_are_served_and_acknowledged() {
    let mut control_plane = ControlPlaneStub::start().await;
    let edge = Edge::follow(&control_plane);
    let mut stream = control_plane.stream().await;
    assert_eq!(
        stream.hello,
        v1::Hello {
            edge: "edges/edge-1".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: String::new(),
            revision: 0,
            hash: ConfigHash::default().to_wire(),
        }
    );
    assert!(!edge.configured.is_cancelled());

    let ack = snapshot(&mut stream, [("a", 1), ("b", 2)]).await;
    assert_eq!(
        ack,
        v1::Ack { revision: 2, hash: hash(&customers([("a", 1), ("b", 2)])).to_wire(), ..v1::Ack::default() }
    );
    assert!(edge.configured.is_cancelled() && edge.serves("a") && edge.serves("b"));
    assert_eq!((edge.serving.load().revision, edge.serving.load().epoch.as_str()), (2, EPOCH));

    stream.send(chunk(4, false, customers([("c", 3)]), &["customers/a"])).await;
    assert_eq!(stream.ack().await.hash, hash(&customers([("b", 2), ("c", 3)])).to_wire());
    assert!(!edge.serves("a") && edge.serves("c"));
    assert!(edge.metrics.encode().contains("pointsman_edge_config_revision 4"));
    assert!(edge.metrics.encode().contains("pointsman_edge_config_connected 1"));
}

#[tokio::test]
async fn an_empty_configuration_counts_as_one() {
    let mut control_plane = ControlPlaneStub::start().await;
    let edge = Edge::follow(&control_plane);
    let mut stream = control_plane.stream().await;
    assert_eq!(snapshot(&mut stream, []).await.revision, 0);
    assert!(edge.configured.is_cancelled());
}

#[tokio::test]
async fn nothing_of_a_commit_is_visible_before_its_end() {
    let mut control_plane = ControlPlaneStub::start().await;
    let edge = Edge::follow(&control_plane);
    let mut stream = control_plane.stream().await;
    let names: Vec<String> = (0..2_000).map(|n| format!("c{n}")).collect();
    let parts: Vec<Vec<_>> = names
        .chunks(500)
        .map(|names| names.iter().flat_map(|name| customers([(name, 1)])).collect())
        .collect();
    for part in &parts {
        stream.send(v1::Chunk { commit: false, ..chunk(1, true, part.clone(), &[]) }).await;
    }
    // It has read all of them when it has seen the stream's end, and it serves none.
    stream.finish().await;
    assert!(edge.serving.load().table.is_empty() && !edge.configured.is_cancelled());

    let mut stream = control_plane.stream().await;
    for part in &parts {
        stream.send(v1::Chunk { commit: false, ..chunk(1, true, part.clone(), &[]) }).await;
    }
    stream.send(chunk(1, true, vec![], &[])).await;
    assert_eq!(stream.ack().await.hash, hash(parts.iter().flatten()).to_wire());
    assert_eq!(edge.serving.load().table.len(), 2_000);
}

#[tokio::test]
async fn what_is_unusable_is_rejected_alone_and_named_until_it_is_good() {
    let mut control_plane = ControlPlaneStub::start().await;
    let edge = Edge::follow(&control_plane);
    let mut stream = control_plane.stream().await;
    let mut resources = customers([("a", 1), ("b", 2)]);
    resources.push(junk("customers/bad", 3));
    let all = hash(&resources).to_wire();
    stream.send(chunk(3, true, resources, &[])).await;
    let ack = stream.ack().await;
    assert_eq!((ack.rejections.len(), ack.hash), (1, all));
    let rejection = &ack.rejections[0];
    assert_eq!((rejection.name.as_str(), rejection.revision), ("customers/bad", 3));
    assert!(edge.serves("a") && edge.serves("b"));
    assert!(edge.metrics.encode().contains("pointsman_edge_config_rejections 1"));

    // Still there after a commit that is about something else.
    stream.send(chunk(4, false, customers([("c", 4)]), &[])).await;
    assert_eq!(stream.ack().await.rejections.len(), 1);
    stream.send(chunk(5, false, customers([("bad", 5)]), &[])).await;
    assert_eq!(stream.ack().await.rejections, []);
    assert!(edge.serves("bad"));
}

#[tokio::test]
async fn a_new_stream_resumes_from_what_the_edge_holds() {
    let mut control_plane = ControlPlaneStub::start().await;
    let edge = Edge::follow(&control_plane);
    let mut stream = control_plane.stream().await;
    snapshot(&mut stream, [("a", 1)]).await;
    // What was not committed is forgotten.
    stream.send(v1::Chunk { commit: false, ..chunk(2, false, customers([("lost", 2)]), &[]) }).await;
    stream.finish().await;

    let mut stream = control_plane.stream().await;
    assert_eq!((stream.hello.epoch.as_str(), stream.hello.revision), (EPOCH, 1));
    assert_eq!(stream.hello.hash, hash(&customers([("a", 1)])).to_wire());
    stream.send(chunk(3, false, customers([("b", 3)]), &[])).await;
    assert_eq!(stream.ack().await.revision, 3);
    assert!(edge.serves("a") && edge.serves("b") && !edge.serves("lost"));
}

#[tokio::test]
async fn the_edge_serves_on_without_a_control_plane_and_finds_it_again() {
    let mut control_plane = ControlPlaneStub::start().await;
    let edge = Edge::follow(&control_plane);
    let mut stream = control_plane.stream().await;
    snapshot(&mut stream, [("a", 1)]).await;
    drop(stream);
    control_plane.stop().await;
    assert!(edge.serves("a"));
    control_plane.restart().await;
    assert_eq!(control_plane.stream().await.hello.revision, 1);
    assert!(edge.serves("a"));
}

#[tokio::test]
async fn an_edge_that_comes_first_waits_for_its_control_plane() {
    let mut control_plane = ControlPlaneStub::start().await;
    control_plane.stop().await;
    let _edge = Edge::follow(&control_plane);
    control_plane.restart().await;
    let mut stream = control_plane.stream().await;
    snapshot(&mut stream, [("a", 1)]).await;
}

#[tokio::test]
async fn drift_is_repaired_by_a_snapshot() {
    let right = |resources: &[v1::Resource]| hash(resources).to_wire();
    for (case, revision, sum) in [
        ("hash", 1, right(&customers([("b", 1)]))),
        ("revision", 2, right(&customers([("a", 1)]))),
        ("no hash", 1, Default::default()),
    ] {
        let mut control_plane = ControlPlaneStub::start().await;
        let edge = Edge::follow(&control_plane);
        let mut stream = control_plane.stream().await;
        snapshot(&mut stream, [("a", 1)]).await;
        stream.heartbeat(1, &right(&customers([("a", 1)]))).await;
        stream.heartbeat(revision, &sum).await;

        let mut stream = control_plane.stream().await;
        assert_eq!(stream.hello.revision, 0, "{case}");
        assert!(edge.serves("a"), "{case}: what there is is served meanwhile");
        snapshot(&mut stream, [("b", 1)]).await;
        assert!(edge.serves("b") && !edge.serves("a"), "{case}");
        drop(stream);
        assert_eq!(control_plane.stream().await.hello.revision, 1, "{case}: repaired");
        assert!(edge.metrics.encode().contains(r#"streams_ended_total{reason="drift"} 1"#), "{case}");
    }
}

#[tokio::test]
async fn a_snapshot_is_asked_for_until_it_comes() {
    let mut control_plane = ControlPlaneStub::start().await;
    let _edge = Edge::follow(&control_plane);
    let mut stream = control_plane.stream().await;
    snapshot(&mut stream, [("a", 1)]).await;
    stream.heartbeat(7, &[]).await;
    for _ in 0..3 {
        assert_eq!(control_plane.stream().await.hello.revision, 0);
    }
}

#[tokio::test]
async fn what_makes_no_sense_ends_the_stream_and_nothing_else() {
    let torn = |revision| v1::Chunk { commit: false, ..chunk(revision, false, vec![], &[]) };
    for nonsense in [
        vec![torn(2), torn(3)],
        vec![v1::Chunk { epoch: "epoch-2".to_owned(), ..chunk(9, false, vec![], &["customers/a"]) }],
        vec![v1::Chunk { epoch: String::new(), ..chunk(9, true, vec![], &[]) }],
        vec![chunk(-1, true, vec![], &[])],
    ] {
        let mut control_plane = ControlPlaneStub::start().await;
        let edge = Edge::follow(&control_plane);
        let mut stream = control_plane.stream().await;
        snapshot(&mut stream, [("a", 1)]).await;
        for chunk in nonsense {
            stream.send(chunk).await;
        }
        assert_eq!(control_plane.stream().await.hello.revision, 0);
        assert!(edge.serves("a"));
    }
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_stream() {
    let mut control_plane = ControlPlaneStub::start().await;
    let _edge = Edge::follow(&control_plane);
    let mut stream = control_plane.stream().await;
    let large = v1::Resource { name: "customers/x".to_owned(), revision: 1, body: vec![0; 17 << 20].into() };
    stream.send(chunk(1, true, vec![large], &[])).await;
    assert_eq!(control_plane.stream().await.hello.revision, 0);
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_begun_anew() {
    let mut control_plane = ControlPlaneStub::start().await;
    let times = Times { silence: Duration::from_millis(100), ..Times::default() };
    let _edge = Edge::follow_with(&control_plane, times);
    let mut first = control_plane.stream().await;
    snapshot(&mut first, [("a", 1)]).await;
    // `first` stays open and says nothing.
    assert_eq!(control_plane.stream().await.hello.revision, 1);
}

#[tokio::test]
async fn the_edge_says_that_it_is_there() {
    let mut control_plane = ControlPlaneStub::start().await;
    let times = Times { heartbeat: Duration::from_millis(20), ..Times::default() };
    let _edge = Edge::follow_with(&control_plane, times);
    let mut stream = control_plane.stream().await;
    snapshot(&mut stream, [("a", 1)]).await;
    for _ in 0..3 {
        let heartbeat = stream.next_heartbeat().await;
        assert_eq!(heartbeat.revision, 1);
        assert_eq!(heartbeat.hash, hash(&customers([("a", 1)])).to_wire());
    }
}

#[tokio::test]
async fn a_commit_that_is_not_new_is_acknowledged_with_what_is_held() {
    let mut control_plane = ControlPlaneStub::start().await;
    let edge = Edge::follow(&control_plane);
    let mut stream = control_plane.stream().await;
    let first = snapshot(&mut stream, [("a", 3)]).await;
    for revision in [3, 2] {
        stream.send(chunk(revision, false, vec![], &["customers/a"])).await;
        assert_eq!(stream.ack().await, first);
    }
    assert!(edge.serves("a"));
}

#[tokio::test]
async fn it_stops_wherever_it_is() {
    let mut control_plane = ControlPlaneStub::start().await;
    let edge = Edge::follow(&control_plane);
    let mut stream = control_plane.stream().await;
    snapshot(&mut stream, [("a", 1)]).await;
    edge.stop.cancel();
    soon("end", edge.task).await.unwrap();
    assert!(stream.has_ended().await);

    control_plane.stop().await;
    let edge = Edge::follow(&control_plane);
    edge.stop.cancel();
    soon("end while there is no control plane", edge.task).await.unwrap();
}
