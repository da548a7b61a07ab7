//! Services that do what a test says.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use pointsman_proto::preprocess::v1::{
    PreprocessRequest, PreprocessResponse,
    preprocess_service_server::{PreprocessService, PreprocessServiceServer},
};
use pointsman_routing::integration::PreprocessAddress;
use prost::Message as _;
use prost_types::Struct;
use tokio::{
    net::{TcpListener, UnixListener},
    sync::mpsc,
};
use tokio_stream::{
    StreamExt as _,
    wrappers::{TcpListenerStream, UnixListenerStream},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::{
    Request, Status,
    metadata::MetadataMap,
    transport::{Identity, Server, ServerTlsConfig},
};

/// Waits for `fact`, not for ever.
pub(super) async fn soon<T>(what: &str, fact: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), fact).await.unwrap_or_else(|_| panic!("no {what}"))
}

pub(super) fn tcp(address: SocketAddr, tls: bool) -> PreprocessAddress {
    let host = if tls { "localhost".to_owned() } else { address.ip().to_string() };
    PreprocessAddress::Tcp { tls, host: host.into(), port: address.port() }
}

#[derive(Clone, Debug)]
pub(super) enum Answer {
    Results(Struct),
    Nothing,
    Status(Status),
    Never,
}

type Call = (MetadataMap, PreprocessRequest);

struct Scripted {
    answer: Answer,
    calls: mpsc::UnboundedSender<Call>,
}

#[tonic::async_trait]
impl PreprocessService for Scripted {
    async fn preprocess(
        &self,
        request: Request<PreprocessRequest>,
    ) -> Result<tonic::Response<PreprocessResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let _ = self.calls.send((metadata, request));
        let results = match self.answer.clone() {
            Answer::Results(results) => Some(results),
            Answer::Nothing => None,
            Answer::Status(status) => return Err(status),
            Answer::Never => std::future::pending().await,
        };
        Ok(tonic::Response::new(PreprocessResponse { results }))
    }
}

/// A real service over TCP.
pub(super) struct Service {
    address: SocketAddr,
    tls: Option<Identity>,
    answer: Answer,
    connections: Arc<AtomicUsize>,
    calls: mpsc::UnboundedReceiver<Call>,
    sender: mpsc::UnboundedSender<Call>,
    stop: CancellationToken,
    task: Option<AbortOnDropHandle<()>>,
}

impl Service {
    pub(super) async fn start(answer: Answer) -> Self {
        Self::start_with(answer, None).await
    }

    /// Over TLS for `localhost`; with the CA to trust.
    pub(super) async fn start_tls(answer: Answer) -> (Self, tempfile::NamedTempFile) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), made.cert.pem()).unwrap();
        let identity = Identity::from_pem(made.cert.pem(), made.signing_key.serialize_pem());
        (Self::start_with(answer, Some(identity)).await, ca)
    }

    async fn start_with(answer: Answer, tls: Option<Identity>) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut service = Self {
            address: listener.local_addr().unwrap(),
            tls,
            answer,
            connections: Arc::default(),
            calls,
            sender,
            stop: CancellationToken::new(),
            task: None,
        };
        service.serve(listener);
        service
    }

    fn serve(&mut self, listener: TcpListener) {
        let mut server = Server::builder();
        if let Some(identity) = self.tls.clone() {
            server = server.tls_config(ServerTlsConfig::new().identity(identity)).unwrap();
        }
        let scripted = Scripted { answer: self.answer.clone(), calls: self.sender.clone() };
        let router = server
            .add_service(PreprocessServiceServer::new(scripted).max_decoding_message_size(64 * 1024 * 1024));
        let connections = Arc::clone(&self.connections);
        let incoming = TcpListenerStream::new(listener).map(move |connection| {
            connections.fetch_add(1, Ordering::SeqCst);
            connection
        });
        let stop = self.stop.clone();
        self.task = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            router.serve_with_incoming_shutdown(incoming, stop.cancelled_owned()).await.unwrap();
        })));
    }

    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            soon("end of the service", task).await.unwrap();
        }
    }

    pub(super) async fn restart(&mut self) {
        self.stop = CancellationToken::new();
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    pub(super) async fn start_unix(answer: Answer, path: &Path) -> AbortOnDropHandle<()> {
        let incoming = UnixListenerStream::new(UnixListener::bind(path).unwrap());
        let (calls, _) = mpsc::unbounded_channel();
        let service = PreprocessServiceServer::new(Scripted { answer, calls });
        AbortOnDropHandle::new(tokio::spawn(async move {
            Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        }))
    }

    pub(super) fn address(&self) -> PreprocessAddress {
        tcp(self.address, self.tls.is_some())
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) async fn next(&mut self) -> Call {
        soon("call", self.calls.recv()).await.unwrap()
    }
}

/// An HTTP/2 server that knows nothing of gRPC.
pub(super) struct Bare {
    address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

impl Bare {
    pub(super) async fn start(status: StatusCode, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let answer = move |_| async move {
                    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
                    *response.status_mut() = status;
                    Ok::<_, Infallible>(response)
                };
                let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(connection), hyper::service::service_fn(answer));
                tokio::spawn(serving);
            }
        });
        Self { address, _task: AbortOnDropHandle::new(task) }
    }

    pub(super) fn address(&self) -> PreprocessAddress {
        tcp(self.address, false)
    }
}

/// A bare gRPC server that is always about to close a connection.
pub(super) struct Closing {
    address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

/// How it does so.
#[derive(Clone, Copy, Debug)]
pub(super) enum Closes {
    /// It says goodbye after each call.
    AfterEachCall,
    /// It refuses every second request, unread.
    EverySecondRequest,
}

impl Closing {
    pub(super) async fn start(how: Closes) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve_closing(connection, how));
            }
        });
        Self { address, _task: AbortOnDropHandle::new(task) }
    }

    pub(super) fn address(&self) -> PreprocessAddress {
        tcp(self.address, false)
    }
}

async fn serve_closing(connection: tokio::net::TcpStream, how: Closes) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(connection).await?;
    let mut requests = 0;
    while let Some(accepted) = connection.accept().await {
        let (_request, mut respond) = accepted?;
        requests += 1;
        match how {
            Closes::EverySecondRequest if requests % 2 == 0 => respond.send_reset(h2::Reason::REFUSED_STREAM),
            Closes::EverySecondRequest => answer(respond)?,
            Closes::AfterEachCall => {
                answer(respond)?;
                connection.graceful_shutdown();
            }
        }
    }
    Ok(())
}

fn answer(mut respond: h2::server::SendResponse<Bytes>) -> Result<(), h2::Error> {
    let message = PreprocessResponse { results: Some(Struct::default()) }.encode_to_vec();
    let mut framed = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
    framed.extend(message);
    let head = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
    let mut body = respond.send_response(head, false)?;
    body.send_data(framed.into(), false)?;
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    body.send_trailers(trailers)
}
