//! A router as one writes it with axum and `serde_json::Value`: parses the body, looks up its customer and type, passes it
//! on.

use std::{
    collections::HashMap, error::Error, fs, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Instant,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, DefaultBodyLimit, State},
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
    routing::post,
};
use clap::Parser;
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpSocket;
use uuid::Uuid;

#[derive(Parser)]
struct Flags {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    upstream: SocketAddr,
    /// The file of customers and flows.
    #[arg(long)]
    routes: PathBuf,
}

struct App {
    routes: Routes,
    upstream: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

#[derive(Deserialize)]
struct Routes {
    customers: HashMap<String, String>,
    flows: HashMap<String, String>,
}

// Multi-threaded with one worker, which is what `#[tokio::main]` makes on one core.
#[tokio::main(worker_threads = 1)]
async fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).init();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let app = App {
        routes: serde_json::from_slice(&fs::read(&flags.routes)?)?,
        upstream: flags.upstream,
        client: Client::builder(TokioExecutor::new()).build(connector),
    };
    let router = Router::new()
        .route("/hooks/{*token}", post(route))
        .layer(DefaultBodyLimit::max(6 * 1024 * 1024))
        .with_state(Arc::new(app));
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(flags.listen)?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(socket.listen(4096)?, service).await?;
    Ok(())
}

async fn route(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response<Body>, StatusCode> {
    let started = Instant::now();
    let bytes_in = body.len();
    let webhook: Value = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let known = |table: &HashMap<String, String>, field: &str| {
        webhook[field]
            .as_str()
            .and_then(|value| table.get(value).cloned())
            .ok_or(StatusCode::UNPROCESSABLE_ENTITY)
    };
    let deployment = known(&app.routes.customers, "customerId")?;
    let flow = known(&app.routes.flows, "type")?;

    let id = Uuid::now_v7().to_string();
    let url = format!("http://{}/d/{deployment}/{flow}", app.upstream);
    let mut request =
        Request::builder().method(Method::POST).uri(url).body(Full::new(body)).map_err(internal)?;
    *request.headers_mut() = forwarded(headers, peer, &id)?;
    let answer = app.client.request(request).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    tracing::info!(
        execution_id = id,
        status = answer.status().as_u16(),
        endpoint = "hooks",
        deployment,
        flow,
        method = "POST",
        peer = %peer.ip(),
        bytes_in,
        bytes_out = answer.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()),
        total_us = started.elapsed().as_micros(),
    );
    Ok(answer.map(Body::new))
}

/// The headers that go to the flow.
fn forwarded(mut headers: HeaderMap, peer: SocketAddr, id: &str) -> Result<HeaderMap, StatusCode> {
    let host = headers.remove(header::HOST);
    for name in [header::CONNECTION, header::TE, header::TRAILER, header::TRANSFER_ENCODING, header::UPGRADE]
    {
        headers.remove(name);
    }
    let text = |text: &str| HeaderValue::from_str(text).map_err(internal);
    headers.insert("x-forwarded-for", text(&peer.ip().to_string())?);
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    headers.insert("x-request-id", text(id)?);
    if let Some(host) = host {
        headers.insert("x-forwarded-host", host);
    }
    Ok(headers)
}

fn internal<E>(_: E) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}
