use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

struct Running {
    address: SocketAddr,
    readiness: Readiness,
    metrics: Metrics,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn running() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (readiness, metrics, stop) = (Readiness::default(), Metrics::new(), CancellationToken::new());
    let server = StatusServer { readiness: readiness.clone(), metrics: metrics.clone() };
    let task = tokio::spawn(server.run(listener, stop.clone()));
    Running { address, readiness, metrics, stop, task }
}

/// The whole response.
async fn ask(address: SocketAddr, line: &str) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!("{line} HTTP/1.1\r\nhost: status\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test]
async fn readiness_follows_the_edge_s_life() {
    let edge = running().await;
    assert!(ask(edge.address, "GET /healthz").await.starts_with("HTTP/1.1 200"));
    assert!(ask(edge.address, "GET /readyz").await.starts_with("HTTP/1.1 503"));
    edge.readiness.serving();
    assert!(ask(edge.address, "GET /readyz").await.starts_with("HTTP/1.1 200"));
    edge.readiness.draining();
    assert!(ask(edge.address, "GET /readyz").await.ends_with("draining\n"));
    edge.readiness.serving();
    assert!(!edge.readiness.is_serving(), "an edge that drains never serves again");
    assert!(ask(edge.address, "GET /healthz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn metrics_are_text() {
    let edge = running().await;
    edge.metrics.request("forwarded", 200, []);
    let response = ask(edge.address, "GET /metrics").await;
    assert!(response.contains("content-type: application/openmetrics-text"), "{response}");
    assert!(response.contains("pointsman_edge_requests_total{outcome=\"forwarded\""), "{response}");
    assert!(response.ends_with("# EOF\n"), "{response}");
}

#[tokio::test]
async fn other_requests_are_refused() {
    let edge = running().await;
    assert!(ask(edge.address, "GET /").await.starts_with("HTTP/1.1 404"));
    let response = ask(edge.address, "POST /metrics").await;
    assert!(response.starts_with("HTTP/1.1 405") && response.contains("allow: GET, HEAD"), "{response}");
}

#[tokio::test]
async fn it_stops_although_a_client_stays() {
    let edge = running().await;
    let mut idle = TcpStream::connect(edge.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: status\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    edge.stop.cancel();
    tokio::time::timeout(Duration::from_secs(20), edge.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(edge.address).await.is_err());
}
