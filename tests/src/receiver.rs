//! A flow endpoint that records what reaches it.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_util::task::AbortOnDropHandle;

use crate::soon;

/// A request that reached a flow endpoint.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: Method,
    /// Path and query as they were on the wire.
    pub target: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body's bytes.
    pub body: Bytes,
}

impl Received {
    /// The text of the first field of this name; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header of visible ASCII"))
    }
}

/// What a flow endpoint answers.
pub type Answer = Response<Full<Bytes>>;

/// A running flow endpoint. It stops when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    addr: SocketAddr,
    received: mpsc::UnboundedReceiver<Received>,
    _server: AbortOnDropHandle<()>,
}

impl Receiver {
    /// One that answers 200 with an empty body.
    pub async fn start() -> Self {
        Self::answering(|_| Response::new(Full::default())).await
    }

    /// One that answers what `answer` says.
    pub async fn answering(answer: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("a bound port");
        let (sender, received) = mpsc::unbounded_channel();
        let server = AbortOnDropHandle::new(tokio::spawn(serve(listener, sender, Arc::new(answer))));
        Self { addr, received, _server: server }
    }

    /// Its URL for this path, as a flow's configuration holds it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The next request that reaches it.
    pub async fn next(&mut self) -> Received {
        soon("a request at the flow endpoint", self.received.recv()).await.expect("a running receiver")
    }

    /// Panics where a request has reached it that nobody asked about.
    pub fn expect_nothing(&mut self) {
        if let Ok(received) = self.received.try_recv() {
            panic!(
                "nothing should have reached the flow endpoint, but: {} {}",
                received.method, received.target
            );
        }
    }
}

async fn serve(
    listener: TcpListener,
    sender: mpsc::UnboundedSender<Received>,
    answer: Arc<impl Fn(&Received) -> Answer + Send + Sync + 'static>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (sender, answer) = (sender.clone(), answer.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (sender, answer) = (sender.clone(), answer.clone());
            async move { Ok::<_, Infallible>(take(request, &sender, &*answer).await) }
        });
        connections.spawn(async move {
            // A sender that leaves is none of this endpoint's business.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn take(
    request: Request<Incoming>,
    sender: &mpsc::UnboundedSender<Received>,
    answer: &(impl Fn(&Received) -> Answer + ?Sized),
) -> Answer {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        let mut cut = Response::new(Full::default());
        *cut.status_mut() = StatusCode::BAD_REQUEST;
        return cut;
    };
    let received = Received {
        method: head.method,
        target: target(&head.uri),
        headers: head.headers,
        body: body.to_bytes(),
    };
    let response = answer(&received);
    // The test may be over.
    let _ = sender.send(received);
    response
}

fn target(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(String::new, ToString::to_string)
}
