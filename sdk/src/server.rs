//! Serving a preprocessor over gRPC.

use std::{fmt, future::Future, io, sync::Arc, time::Duration};

use futures::FutureExt as _;
use pointsman_proto::preprocess::v1::preprocess_service_server::PreprocessServiceServer;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tonic::transport;

pub use self::listen::{Listen, ListenError};
use self::{bounded::Bounded, listen::Listener, service::Service};
use crate::Preprocessor;

mod bounded;
mod connection;
mod listen;
mod reflection;
mod service;

/// A server of one preprocessor, with `grpc.health.v1` and reflection beside it.
///
/// ```no_run
/// # use pointsman_sdk::{Preprocessor, Server};
/// # async fn example(preprocessor: impl Preprocessor) -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::new(preprocessor).bind(&"127.0.0.1:50061".parse()?).await?;
/// println!("listening on {}", server.address());
/// server.serve_until_signal().await?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Server {
    preprocessor: Arc<dyn Preprocessor>,
    max_message_bytes: usize,
    max_concurrent: usize,
    drain: Duration,
}

impl Server {
    /// The longest message that is received or sent by default: 64 MiB, which is more than an endpoint's largest
    /// body by default. gRPC's own default is 4 MiB.
    pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;
    /// Calls at a time by default. More of them wait, unread, until their deadline.
    pub const MAX_CONCURRENT: usize = 256;
    /// How long calls under way may take to finish when the server stops, by default.
    pub const DRAIN: Duration = Duration::from_secs(30);

    /// A server of `preprocessor` with the defaults above.
    pub fn new(preprocessor: impl Preprocessor) -> Self {
        Self {
            preprocessor: Arc::new(preprocessor),
            max_message_bytes: Self::MAX_MESSAGE_BYTES,
            max_concurrent: Self::MAX_CONCURRENT,
            drain: Self::DRAIN,
        }
    }

    /// The longest message that is received or sent, in bytes.
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.max_message_bytes = bytes;
        self
    }

    /// How many calls run at a time; at least one.
    pub fn max_concurrent(mut self, calls: usize) -> Self {
        self.max_concurrent = calls.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How long calls under way may take to finish when the server stops.
    pub fn drain(mut self, time: Duration) -> Self {
        self.drain = time;
        self
    }

    /// Binds the address. From now on connections queue; they are served by [`BoundServer::serve_until`].
    pub async fn bind(self, listen: &Listen) -> Result<BoundServer, ListenError> {
        Ok(BoundServer { listener: Listener::bind(listen).await?, server: self })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("max_message_bytes", &self.max_message_bytes)
            .field("max_concurrent", &self.max_concurrent)
            .field("drain", &self.drain)
            .finish_non_exhaustive()
    }
}

/// A server that has its address.
#[derive(Debug)]
#[must_use]
pub struct BoundServer {
    server: Server,
    listener: Listener,
}

impl BoundServer {
    /// Where it listens: with port 0 asked for, the port that it got.
    #[must_use]
    pub fn address(&self) -> &Listen {
        self.listener.address()
    }

    /// Serves until the process gets SIGINT or SIGTERM, then stops as [`BoundServer::serve_until`] does.
    pub async fn serve_until_signal(self) -> Result<(), ServeError> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
        let stop = async move {
            tokio::select! {
                _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
                _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            }
        };
        self.serve_until(stop).await
    }

    /// Serves until `stop` is done. Then the health service says so, no further connection is taken, and calls under
    /// way may finish, in bounded time. A Unix socket's file is removed.
    pub async fn serve_until(self, stop: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
        let Self { server, listener } = self;
        let service = PreprocessServiceServer::new(Service::new(server.preprocessor))
            .max_decoding_message_size(server.max_message_bytes)
            .max_encoding_message_size(server.max_message_bytes);
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<PreprocessServiceServer<Service>>().await;

        let (stopping, stopped) = oneshot::channel();
        let stop = async move {
            stop.await;
            health.set_not_serving::<PreprocessServiceServer<Service>>().await;
            health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
            let _ = stopping.send(());
        };
        let cut = CancellationToken::new();
        let _cut_at_the_end = cut.clone().drop_guard();
        let serving = transport::Server::builder()
            .timeout(CALL_TIMEOUT)
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .max_concurrent_streams(MAX_STREAMS)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .add_service(Bounded::new(service, server.max_concurrent))
            .add_service(health_service)
            .add_service(reflection::v1()?)
            .add_service(reflection::v1alpha()?)
            .serve_with_incoming_shutdown(connection::accept(listener, cut), stop);
        let overdue = stopped.then(async |_| tokio::time::sleep(server.drain).await);
        tokio::select! {
            end = serving => end.map_err(ServeError::Transport),
            () = overdue => {
                tracing::warn!("calls were still under way after {:?}; they are cut", server.drain);
                Ok(())
            }
        }
    }
}

/// The longest deadline that an edge gives. A caller that gives none must not keep a place for ever.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Pings that find connections whose other side is gone.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Calls of one connection, running and waiting.
const MAX_STREAMS: u32 = 512;
/// What a call can send before it runs.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
/// Room for all of them: else calls that wait would take the room of those that run, and nothing would move.
const CONNECTION_WINDOW_BYTES: u32 = MAX_STREAMS * STREAM_WINDOW_BYTES;

/// Why a server stopped by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The process cannot listen for signals.
    #[error("cannot wait for signals: {0}")]
    Signals(#[source] io::Error),
    /// The reflection service could not be made.
    #[error("cannot describe the service: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("cannot serve: {0}")]
    Transport(#[source] transport::Error),
}

#[cfg(test)]
mod tests;
