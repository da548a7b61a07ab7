//! A flow endpoint to try things with: takes whatever comes, answers 200, and tells what came.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

/// The longest body that is taken, in bytes: 64 MiB, more than an endpoint takes by default.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Webhooks that may wait to be looked at; senders wait with them.
const ARRIVALS_MAX: usize = 64;
/// Connections at a time.
const CONNECTIONS_MAX: usize = 256;
/// How long a request may take to say what it wants.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A webhook that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Arrival {
    /// A header's text; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A running receiver. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    addr: SocketAddr,
    arrivals: mpsc::Receiver<Arrival>,
    accepting: AbortHandle,
}

impl Receiver {
    /// Starts one. Port 0 works.
    pub(crate) async fn start(listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let (sender, arrivals) = mpsc::channel(ARRIVALS_MAX);
        let accepting = tokio::spawn(accept(listener, sender)).abort_handle();
        Ok(Self { addr, arrivals, accepting })
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The next webhook. Waits forever where none comes.
    pub(crate) async fn next(&mut self) -> Arrival {
        match self.arrivals.recv().await {
            Some(arrival) => arrival,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, arrivals: mpsc::Sender<Arrival>) {
    // Connections end with it.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, say: trying again at once would only burn the processor.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let arrivals = arrivals.clone();
        let service = service_fn(move |request| take(request, arrivals.clone()));
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        connections.spawn(async { drop(serving.await) });
    }
}

async fn take(
    request: Request<Incoming>,
    arrivals: mpsc::Sender<Arrival>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let answer = |status, text: &'static str| {
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        Ok(response)
    };
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        return answer(StatusCode::PAYLOAD_TOO_LARGE, "the body was cut or is too long\n");
    };
    let arrival =
        Arrival { method: head.method, uri: head.uri, headers: head.headers, body: body.to_bytes() };
    match arrivals.send(arrival).await {
        Ok(()) => answer(StatusCode::OK, "received\n"),
        Err(_) => answer(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
    }
}
