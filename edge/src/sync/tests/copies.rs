//! An edge that keeps a copy on disk.

use super::*;
use crate::{config::CopyConfig, copy::Tuning};

/// Nobody waits for what is tried again.
pub(super) fn tuning() -> Tuning {
    let soon = Duration::from_millis(5);
    Tuning { first_retry: soon, tick: soon, ..Tuning::default() }
}

fn follow(control_plane: &ControlPlaneStub, folder: &std::path::Path) -> Edge {
    let mut config = Config::new("edge-1", control_plane.url());
    config.copy = Some(CopyConfig::new(folder));
    Edge::follow_by(config, Times::default())
}

async fn stop(edge: Edge) {
    edge.stop.cancel();
    soon("end", edge.task).await.unwrap();
}

#[tokio::test]
async fn it_starts_without_a_control_plane_and_then_gets_only_what_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut control_plane = ControlPlaneStub::start().await;
    let edge = follow(&control_plane, folder.path());
    let mut stream = control_plane.stream().await;
    snapshot(&mut stream, [("a", 1), ("b", 2)]).await;
    stream.send(chunk(3, false, vec![junk("customers/a", 3)], &[])).await;
    let ack = stream.ack().await;
    assert_eq!((ack.revision, ack.copy_fault.as_str(), ack.rejections.len()), (3, "", 1));
    stop(edge).await;
    control_plane.stop().await;

    let edge = follow(&control_plane, folder.path());
    soon("configuration", edge.configured.cancelled()).await;
    assert!(edge.serves("b") && !edge.serves("a"));
    assert_eq!((edge.serving.load().revision, edge.serving.load().epoch.as_str()), (3, EPOCH));
    control_plane.restart().await;
    let mut stream = control_plane.stream().await;
    assert_eq!((stream.hello.epoch.as_str(), stream.hello.revision), (EPOCH, 3));
    assert_eq!(stream.hello.hash, ack.hash);
    stream.send(chunk(4, false, customers([("a", 4)]), &[])).await;
    assert_eq!(stream.ack().await.rejections, []);
    stop(edge).await;

    let edge = follow(&control_plane, folder.path());
    soon("configuration", edge.configured.cancelled()).await;
    assert!(edge.serves("a") && edge.serves("b"));
}

#[tokio::test]
async fn what_is_damaged_is_fetched_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut control_plane = ControlPlaneStub::start().await;
    let edge = follow(&control_plane, folder.path());
    snapshot(&mut control_plane.stream().await, [("a", 1)]).await;
    stop(edge).await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "copy") {
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }
    }
    let edge = follow(&control_plane, folder.path());
    let mut stream = control_plane.stream().await;
    assert_eq!((stream.hello.epoch.as_str(), stream.hello.revision), ("", 0));
    assert!(!edge.configured.is_cancelled());
    assert!(edge.metrics.encode().contains(r#"copy_faults_total{reason="damaged"}"#));
    snapshot(&mut stream, [("b", 1)]).await;
    assert!(edge.serves("b") && !edge.serves("a"));
}

#[tokio::test]
async fn a_disk_that_fails_stops_nothing_and_is_tried_again() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("copy");
    // Neither a folder, nor to be made one.
    std::fs::write(&folder, "").unwrap();
    let mut control_plane = ControlPlaneStub::start().await;
    let edge = follow(&control_plane, &folder);
    let mut stream = control_plane.stream().await;
    let ack = snapshot(&mut stream, [("a", 1)]).await;
    assert!(edge.serves("a") && !ack.copy_fault.is_empty(), "{ack:?}");

    std::fs::remove_file(&folder).unwrap();
    let mut stream = control_plane.stream().await;
    assert_eq!(stream.hello.revision, 0, "only a snapshot brings a copy about");
    assert!(edge.serves("a"));
    let ack = snapshot(&mut stream, [("a", 1)]).await;
    assert_eq!(ack.copy_fault, "");
    assert!(edge.metrics.encode().contains(r#"streams_ended_total{reason="copy"} 1"#));
    stop(edge).await;
    control_plane.stop().await;
    let edge = follow(&control_plane, &folder);
    soon("configuration", edge.configured.cancelled()).await;
    assert!(edge.serves("a"));
}
