//! A Preprocess service that does what a test says, written against the bare proto.

use std::{net::SocketAddr, sync::Arc};

use pointsman_proto::preprocess::v1::{
    PreprocessRequest, PreprocessResponse,
    preprocess_service_server::{PreprocessService, PreprocessServiceServer},
};
use prost_types::{Struct, Value, value::Kind};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status, metadata::MetadataMap};

use crate::soon;

type Answer = dyn Fn(&PreprocessRequest) -> Result<Option<Struct>, Status> + Send + Sync;

/// A running service. It stops when it is dropped.
#[derive(Debug)]
pub struct StubPreprocess {
    addr: SocketAddr,
    calls: mpsc::UnboundedReceiver<(MetadataMap, PreprocessRequest)>,
    _server: AbortOnDropHandle<()>,
}

impl StubPreprocess {
    /// Starts a service that answers what `answer` says; `None` stands for a response without `results`.
    pub async fn start(
        answer: impl Fn(&PreprocessRequest) -> Result<Option<Struct>, Status> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("a bound port");
        let (sender, calls) = mpsc::unbounded_channel();
        let service = PreprocessServiceServer::new(Stub { answer: Arc::new(answer), calls: sender })
            .max_decoding_message_size(64 * 1024 * 1024)
            .max_encoding_message_size(64 * 1024 * 1024);
        let server = tokio::spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming)
                .await
                .expect("a gRPC server");
        });
        Self { addr, calls, _server: AbortOnDropHandle::new(server) }
    }

    /// Its address, as an integration's configuration holds it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The next call: its metadata and its request.
    pub async fn next(&mut self) -> (MetadataMap, PreprocessRequest) {
        soon("a call of the Preprocess service", self.calls.recv()).await.expect("a running service")
    }
}

/// An object of strings.
#[must_use]
pub fn strings<const N: usize>(fields: [(&str, &str); N]) -> Struct {
    values(fields.map(|(name, value)| (name, Kind::StringValue(value.to_owned()))))
}

/// An object.
#[must_use]
pub fn values<const N: usize>(fields: [(&str, Kind); N]) -> Struct {
    let fields = fields.into_iter().map(|(name, kind)| (name.to_owned(), Value { kind: Some(kind) }));
    Struct { fields: fields.collect() }
}

struct Stub {
    answer: Arc<Answer>,
    calls: mpsc::UnboundedSender<(MetadataMap, PreprocessRequest)>,
}

#[tonic::async_trait]
impl PreprocessService for Stub {
    async fn preprocess(
        &self,
        request: Request<PreprocessRequest>,
    ) -> Result<Response<PreprocessResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let answer = (self.answer)(&request);
        // The test may be over.
        let _ = self.calls.send((metadata, request));
        answer.map(|results| Response::new(PreprocessResponse { results }))
    }
}
