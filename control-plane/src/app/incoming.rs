//! Connections as they come in: so many at a time, and none that says nothing.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{Stream, StreamExt as _, future};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};

/// What a port bears.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Connections at a time. One more is closed at once: better a clear refusal than a wait without end.
    pub(super) connections: usize,
    /// For a client to say its first words.
    pub(super) first_words: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: 10_000, first_words: Duration::from_secs(10) }
    }
}

/// What the first words have at least: the preface of HTTP/2. A `ClientHello` is longer; the rest of a handshake has a
/// deadline of its own.
const FIRST_WORDS_BYTES: usize = 24;

/// The connections of a port.
pub(super) fn incoming(listener: TcpListener, bounds: Bounds) -> impl Stream<Item = io::Result<Connection>> {
    let permits = Arc::new(Semaphore::new(bounds.connections));
    let mut is_full = false;
    TcpIncoming::from(listener).with_nodelay(Some(true)).filter_map(move |accepted| {
        let connection = match (accepted, Arc::clone(&permits).try_acquire_owned()) {
            (Err(error), _) => Some(Err(error)),
            (Ok(stream), Ok(permit)) => {
                is_full = false;
                Some(Ok(Connection::new(stream, permit, bounds.first_words)))
            }
            (Ok(_closed), Err(_)) => {
                // Said once, and not for each of a flood.
                if !std::mem::replace(&mut is_full, true) {
                    tracing::warn!(
                        connections = bounds.connections,
                        "a port has as many connections as may be"
                    );
                }
                None
            }
        };
        future::ready(connection)
    })
}

/// A connection that counts, and fails where its client says nothing.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    silence: Option<Silence>,
    _permit: OwnedSemaphorePermit,
}

/// A client that has not said enough yet.
#[derive(Debug)]
struct Silence {
    heard_bytes: usize,
    over: Pin<Box<Sleep>>,
}

impl Connection {
    fn new(stream: TcpStream, permit: OwnedSemaphorePermit, first_words: Duration) -> Self {
        let silence = Silence { heard_bytes: 0, over: Box::pin(sleep(first_words)) };
        Self { stream, silence: Some(silence), _permit: permit }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let Some(silence) = &mut this.silence else { return read };
        if let Poll::Ready(read) = read {
            silence.heard_bytes += buffer.filled().len() - before;
            if silence.heard_bytes >= FIRST_WORDS_BYTES {
                this.silence = None;
            }
            return Poll::Ready(read);
        }
        ready!(silence.over.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn bound(
        bounds: Bounds,
    ) -> (impl Stream<Item = io::Result<Connection>> + Unpin, std::net::SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        (Box::pin(incoming(listener, bounds)), addr)
    }

    #[tokio::test]
    async fn one_connection_too_many_is_closed_and_one_that_ends_makes_room() {
        let bounds = Bounds { connections: 1, ..Bounds::default() };
        let (mut port, addr) = bound(bounds).await;
        let _first = TcpStream::connect(addr).await.unwrap();
        let first = port.next().await.unwrap().unwrap();
        let mut second = TcpStream::connect(addr).await.unwrap();
        let mut byte = [0];
        let end = tokio::select! {
            _ = port.next() => panic!("there is no room"),
            end = second.read(&mut byte) => end,
        };
        assert!(matches!(end, Ok(0) | Err(_)), "it is closed");
        drop(first);
        let _fourth = TcpStream::connect(addr).await.unwrap();
        port.next().await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_client_that_says_nothing_is_given_up_and_one_that_has_spoken_is_not() {
        let bounds = Bounds { first_words: Duration::from_millis(50), ..Bounds::default() };
        let (mut port, addr) = bound(bounds).await;
        let mut client = TcpStream::connect(addr).await.unwrap();
        let mut silent = port.next().await.unwrap().unwrap();
        client.write_all(&[0; FIRST_WORDS_BYTES - 1]).await.unwrap();
        silent.read_exact(&mut [0; FIRST_WORDS_BYTES - 1]).await.unwrap();
        let error = silent.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        let mut client = TcpStream::connect(addr).await.unwrap();
        let mut heard = port.next().await.unwrap().unwrap();
        client.write_all(&[0; FIRST_WORDS_BYTES]).await.unwrap();
        heard.read_exact(&mut [0; FIRST_WORDS_BYTES]).await.unwrap();
        assert!(heard.silence.is_none(), "no deadline is left");
    }
}
