//! A control plane that says what a test says.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use pointsman_proto::edge::v1::{
    Accept, Ack, Chunk, GetConfigRequest, GetConfigResponse, Heartbeat, Hello, StreamConfigRequest,
    StreamConfigResponse,
    config_service_server::{ConfigService, ConfigServiceServer},
    stream_config_request::Message as FromEdge,
    stream_config_response::Message as ToEdge,
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status, Streaming, transport::Server};

/// Waits for `fact`, not for ever.
pub(crate) async fn soon<T>(what: &str, fact: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), fact).await.unwrap_or_else(|_| panic!("no {what}"))
}

pub(crate) struct ControlPlaneStub {
    address: SocketAddr,
    opened: mpsc::UnboundedSender<Stream>,
    streams: mpsc::UnboundedReceiver<Stream>,
    server: Option<AbortOnDropHandle<()>>,
}

/// A stream to an edge that has said hello. Dropping it ends it.
pub(crate) struct Stream {
    pub(crate) hello: Hello,
    inbound: Streaming<StreamConfigRequest>,
    outbound: mpsc::Sender<Result<StreamConfigResponse, Status>>,
}

impl ControlPlaneStub {
    pub(crate) async fn start() -> Self {
        let (opened, streams) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut control_plane = Self { address, opened, streams, server: None };
        control_plane.serve(listener);
        control_plane
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next stream of an edge.
    pub(crate) async fn stream(&mut self) -> Stream {
        soon("stream of an edge", self.streams.recv()).await.unwrap()
    }

    /// Gone as if it was killed.
    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            let _ = server.await;
        }
    }

    pub(crate) async fn restart(&mut self) {
        let listener = soon("free port", async {
            loop {
                match TcpListener::bind(self.address).await {
                    Ok(listener) => return listener,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        });
        let listener = listener.await;
        self.serve(listener);
    }

    fn serve(&mut self, listener: TcpListener) {
        let service = ConfigServiceServer::new(Service(self.opened.clone()))
            .max_encoding_message_size(64 * 1024 * 1024);
        self.server = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        })));
    }
}

impl Stream {
    pub(crate) async fn send(&mut self, chunk: Chunk) {
        self.tell(ToEdge::Chunk(chunk)).await;
    }

    pub(crate) async fn heartbeat(&mut self, revision: i64, hash: &[u8]) {
        self.tell(ToEdge::Heartbeat(Heartbeat { revision, hash: Bytes::copy_from_slice(hash) })).await;
    }

    pub(crate) async fn accept(&mut self, epoch: &str, revision: i64) {
        self.tell(ToEdge::Accept(Accept { epoch: epoch.to_owned(), revision })).await;
    }

    async fn tell(&mut self, message: ToEdge) {
        let message = StreamConfigResponse { message: Some(message) };
        self.outbound.send(Ok(message)).await.expect("an edge that listens");
    }

    pub(crate) async fn ack(&mut self) -> Ack {
        loop {
            match self.hear().await {
                FromEdge::Ack(ack) => return ack,
                FromEdge::Heartbeat(_) => {}
                FromEdge::Hello(hello) => panic!("{hello:?}"),
            }
        }
    }

    pub(crate) async fn next_heartbeat(&mut self) -> Heartbeat {
        loop {
            if let FromEdge::Heartbeat(heartbeat) = self.hear().await {
                return heartbeat;
            }
        }
    }

    /// Stays open as long as the edge wants it, unheard.
    pub(crate) fn keep(self) {
        tokio::spawn(async move {
            let Self { mut inbound, outbound, .. } = self;
            while let Ok(Some(_)) = inbound.message().await {}
            drop(outbound);
        });
    }

    /// Ends the stream behind all that was said, and waits until the edge has seen that.
    pub(crate) async fn finish(mut self) {
        let (closed, _) = mpsc::channel(1);
        self.outbound = closed;
        while !matches!(soon("end of the stream", self.inbound.message()).await, Ok(None) | Err(_)) {}
    }

    pub(crate) async fn has_ended(&mut self) -> bool {
        matches!(soon("end of the stream", self.inbound.message()).await, Ok(None) | Err(_))
    }

    async fn hear(&mut self) -> FromEdge {
        let message = soon("word of the edge", self.inbound.message()).await;
        message.expect("a stream").expect("a message").message.expect("something in it")
    }
}

struct Service(mpsc::UnboundedSender<Stream>);

#[tonic::async_trait]
impl ConfigService for Service {
    type StreamConfigStream = ReceiverStream<Result<StreamConfigResponse, Status>>;

    async fn stream_config(
        &self,
        request: Request<Streaming<StreamConfigRequest>>,
    ) -> Result<Response<Self::StreamConfigStream>, Status> {
        let mut inbound = request.into_inner();
        let first = inbound.message().await?.and_then(|request| request.message);
        let Some(FromEdge::Hello(hello)) = first else {
            return Err(Status::invalid_argument("the first message must be a hello"));
        };
        let (outbound, messages) = mpsc::channel(16);
        // The test may be over.
        let _ = self.0.send(Stream { hello, inbound, outbound });
        Ok(Response::new(ReceiverStream::new(messages)))
    }

    async fn get_config(
        &self,
        _request: Request<GetConfigRequest>,
    ) -> Result<Response<GetConfigResponse>, Status> {
        Err(Status::unimplemented("edges do not ask for pages"))
    }
}
