//! The status port: `/healthz`, `/readyz`, `/metrics`.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Metrics;

/// Connections at a time; more wait.
const MAX_CONNECTIONS: usize = 64;
/// For a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// For all requests of a connection.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(300);
/// After an error of the listener, as when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Whether the edge should be sent requests. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicU8>);

const STARTING: u8 = 0;
const SERVING: u8 = 1;
const DRAINING: u8 = 2;

impl Readiness {
    /// From now on requests are taken, unless the edge drains.
    pub fn serving(&self) {
        let _ = self.0.compare_exchange(STARTING, SERVING, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// From now on no more requests should come.
    pub fn draining(&self) {
        self.0.store(DRAINING, Ordering::SeqCst);
    }

    /// Whether requests are taken.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.0.load(Ordering::SeqCst) == SERVING
    }

    fn describe(&self) -> (StatusCode, &'static str) {
        match self.0.load(Ordering::SeqCst) {
            SERVING => (StatusCode::OK, "ready\n"),
            DRAINING => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "waiting for the first configuration\n"),
        }
    }
}

/// The server of the status port.
#[derive(Debug)]
pub struct StatusServer {
    /// Whether the edge is ready.
    pub readiness: Readiness,
    /// The edge's metrics.
    pub metrics: Metrics,
}

impl StatusServer {
    /// Serves until `stop`, then ends when all connections have.
    pub async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let server = Arc::new(self);
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let connections = TaskTracker::new();
        let accepting = async {
            loop {
                // The semaphore is never closed.
                let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
                match listener.accept().await {
                    Ok((connection, _)) => {
                        let serving = Arc::clone(&server).connection(connection, stop.clone());
                        connections.spawn(async move {
                            serving.await;
                            drop(permit);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the status port cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        stop.run_until_cancelled(accepting).await;
        connections.close();
        connections.wait().await;
    }

    async fn connection(self: Arc<Self>, connection: TcpStream, stop: CancellationToken) {
        let service = service_fn(move |request| {
            let answer = self.answer(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(connection), service);
        let mut serving = std::pin::pin!(serving);
        let served = tokio::time::timeout(CONNECTION_TIMEOUT, async {
            tokio::select! {
                ended = serving.as_mut() => return ended,
                () = stop.cancelled() => serving.as_mut().graceful_shutdown(),
            }
            // What is being answered is short; a client that stalls is not waited for.
            tokio::time::timeout(HEAD_TIMEOUT, serving).await.unwrap_or(Ok(()))
        });
        if let Ok(Err(error)) = served.await {
            tracing::debug!(%error, "a connection to the status port failed");
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => {
                let (status, words) = self.readiness.describe();
                text(status, words)
            }
            "/metrics" => {
                let mut answer = text(StatusCode::OK, self.metrics.encode());
                let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(format));
                answer
            }
            _ => text(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics\n"),
        }
    }
}

fn text(status: StatusCode, words: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(words.into()));
    *answer.status_mut() = status;
    let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}

#[cfg(test)]
mod tests;
