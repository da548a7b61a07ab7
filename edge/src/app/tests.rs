use std::{path::PathBuf, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Handle,
};

use super::*;
use crate::{
    config::TlsFiles,
    sync::{
        fixtures::chunk,
        scripted::{ControlPlaneStub, soon},
    },
};

fn config(control_plane: &str) -> Config {
    let mut config = Config::new("edge-1", control_plane);
    config.edge_listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.status_listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.limits.drain = Duration::from_secs(5);
    config
}

/// The head and body of an answer.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("answer", connection.read_to_string(&mut answer)).await.unwrap();
    answer
}

/// An edge with an empty configuration.
async fn running() -> (Running, ControlPlaneStub) {
    let mut control_plane = ControlPlaneStub::start().await;
    let edge = App::build(config(&control_plane.url())).await.unwrap().spawn();
    let mut stream = control_plane.stream().await;
    stream.send(chunk(1, true, vec![], &[])).await;
    stream.ack().await;
    stream.keep();
    soon("webhook port", edge.edge_addr()).await.unwrap();
    (edge, control_plane)
}

#[tokio::test]
async fn the_webhook_port_waits_for_a_configuration_also_an_empty_one() {
    let mut control_plane = ControlPlaneStub::start().await;
    let app = App::build(config(&control_plane.url())).await.unwrap();
    let status = app.status_addr();
    let edge = app.spawn();
    assert_eq!(edge.status_addr(), status);
    let mut stream = control_plane.stream().await;
    assert!(get(status, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(get(status, "/readyz").await.starts_with("HTTP/1.1 503"));
    assert!(matches!(*edge.edge_addr.borrow(), Bound::Waiting));

    stream.send(chunk(0, true, vec![], &[])).await;
    let webhooks = soon("webhook port", edge.edge_addr()).await.unwrap();
    assert!(get(status, "/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(get(webhooks, "/hooks/nothing").await.starts_with("HTTP/1.1 404"));
    assert!(
        get(status, "/metrics").await.contains("pointsman_edge_requests_total{outcome=\"unknown_endpoint\"")
    );
}

#[tokio::test]
async fn the_webhook_port_is_bound_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut control_plane = ControlPlaneStub::start().await;
    let mut config = config(&control_plane.url());
    config.copy = Some(crate::config::CopyConfig::new(folder.path()));
    let edge = App::build(config.clone()).await.unwrap().spawn();
    let mut stream = control_plane.stream().await;
    stream.send(chunk(1, true, vec![], &[])).await;
    stream.ack().await;
    let other =
        App::build(Config { copy: config.copy.clone(), ..self::config("http://other.invalid") }).await;
    assert!(matches!(other, Err(BuildError::Copy(_))));
    soon("end of the drain", edge.drain()).await;
    control_plane.stop().await;

    let edge = App::build(config).await.unwrap().spawn();
    let webhooks = soon("webhook port", edge.edge_addr()).await.unwrap();
    assert!(get(webhooks, "/hooks/nothing").await.starts_with("HTTP/1.1 404"));
    assert!(get(edge.status_addr(), "/metrics").await.contains("pointsman_edge_config_revision 1"));
}

#[tokio::test]
async fn nothing_is_left_after_a_drain() {
    let before = Handle::current().metrics().num_alive_tasks();
    let (edge, control_plane) = running().await;
    let (webhooks, status) = (edge.edge_addr().await.unwrap(), edge.status_addr());
    assert!(get(webhooks, "/hooks/nothing").await.starts_with("HTTP/1.1 404"));
    // A client that keeps its connection holds nothing up.
    let _idle = TcpStream::connect(webhooks).await.unwrap();
    soon("end of the drain", edge.drain()).await;
    assert!(TcpStream::connect(webhooks).await.is_err());
    assert!(TcpStream::connect(status).await.is_err());
    drop(control_plane);
    soon("end of all tasks", async {
        while Handle::current().metrics().num_alive_tasks() > before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_edge_that_has_no_configuration_yet_stops_too() {
    let edge = App::build(config("http://127.0.0.1:1")).await.unwrap().spawn();
    let status = edge.status_addr();
    soon("end of the drain", edge.drain()).await;
    assert!(TcpStream::connect(status).await.is_err());
}

#[tokio::test]
async fn it_is_not_ready_while_it_drains() {
    let (edge, _control_plane) = running().await;
    let status = edge.status_addr();
    let webhooks = edge.edge_addr().await.unwrap();
    // A request under way: its head is not complete.
    let mut slow = TcpStream::connect(webhooks).await.unwrap();
    slow.write_all(b"POST /hooks/nothing HTTP/1.1\r\n").await.unwrap();
    let draining = tokio::spawn(edge.drain());
    soon("readiness to end", async {
        while TcpStream::connect(status).await.is_ok() {
            if get(status, "/readyz").await.ends_with("draining\n") {
                return;
            }
        }
    })
    .await;
    drop(slow);
    soon("end of the drain", draining).await.unwrap();
}

#[tokio::test]
async fn dropping_it_ends_it() {
    let (edge, _control_plane) = running().await;
    let (webhooks, status) = (edge.edge_addr().await.unwrap(), edge.status_addr());
    drop(edge);
    for address in [webhooks, status] {
        soon("end", async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_webhook_port_that_is_taken_is_a_failure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut control_plane = ControlPlaneStub::start().await;
    let mut config = config(&control_plane.url());
    config.edge_listen = address;
    let edge = App::build(config).await.unwrap().spawn();
    control_plane.stream().await.send(chunk(1, true, vec![], &[])).await;
    let reason = soon("failure", edge.failed()).await;
    assert!(reason.contains(&address.to_string()), "{reason}");
    assert_eq!(soon("answer", edge.edge_addr()).await, None);
    assert!(get(edge.status_addr(), "/readyz").await.starts_with("HTTP/1.1 503"));
    soon("end of the drain", edge.drain()).await;
}

type Spoil = Box<dyn FnOnce(&mut Config)>;

#[tokio::test]
async fn settings_that_cannot_be_used_are_named() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    let address = taken.to_string();
    let nowhere = || PathBuf::from("/nowhere/x.pem");
    let cases: [(&str, Spoil); 6] = [
        ("\"bad id\"", Box::new(|config| config.id = "bad id".to_owned())),
        ("gopher://x", Box::new(|config| config.control_plane = "gopher://x".to_owned())),
        ("/nowhere/x.pem", Box::new(move |config| config.upstream_ca = Some(nowhere()))),
        (
            "/nowhere/x.pem",
            Box::new(move |config| {
                config.control_plane = "https://x".to_owned();
                config.control_plane_ca = Some(nowhere());
            }),
        ),
        (
            "/nowhere/x.pem",
            Box::new(move |config| config.tls = Some(TlsFiles { cert: nowhere(), key: nowhere() })),
        ),
        (&address, Box::new(move |config| config.status_listen = taken)),
    ];
    for (named, spoil) in cases {
        let mut config = config("http://127.0.0.1:1");
        spoil(&mut config);
        let error = App::build(config).await.unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}
