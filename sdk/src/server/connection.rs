//! The connections of a server.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{Stream, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use super::listen::{Listener, Socket};

/// Accepts for ever; the connections break when `cut` is cancelled. A failure (no file descriptors left, a peer that
/// has gone again) must not end the server, and must not keep it busy either.
pub(super) fn accept(
    listener: Listener,
    cut: CancellationToken,
) -> impl Stream<Item = io::Result<Connection>> {
    const PAUSE: Duration = Duration::from_millis(50);
    stream::unfold((listener, cut), async |(listener, cut)| {
        loop {
            match accept_one(&listener.socket).await {
                Ok(stream) => {
                    let cut_off = Box::pin(cut.clone().cancelled_owned());
                    return Some((Ok(Connection { stream, cut_off }), (listener, cut)));
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    })
}

async fn accept_one(socket: &Socket) -> io::Result<ByteStream> {
    match socket {
        Socket::Tcp(listener) => {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok(ByteStream::Tcp(stream))
        }
        Socket::Unix(listener) => Ok(ByteStream::Unix(listener.accept().await?.0)),
    }
}

/// A connection of either kind, until it is cut off.
#[derive(Debug)]
pub(super) struct Connection {
    stream: ByteStream,
    cut_off: Pin<Box<WaitForCancellationFutureOwned>>,
}

#[derive(Debug)]
enum ByteStream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // HTTP/2 always has a read pending, so this is where the connection's task is woken.
        if self.cut_off.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        match &mut self.get_mut().stream {
            ByteStream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            ByteStream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            ByteStream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            ByteStream::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            ByteStream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            ByteStream::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            ByteStream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            ByteStream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
