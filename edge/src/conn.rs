//! A TCP connection, plain or TLS, of a client or to a flow endpoint, in the shape that Pingora's sessions take.

mod chunks;

use std::{
    future::{pending, poll_fn},
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::AsRawFd as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::{Buf as _, Bytes, BytesMut};
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType, raw_connect::ProxyDigest,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsStream;

pub(crate) use self::chunks::{ChunkScanner, MalformedChunks};

/// A connection, and bytes that were read from it and put back.
#[derive(Debug)]
pub(crate) struct Conn {
    transport: Transport,
    rewound: BytesMut,
    /// Judges what is read, while that is a chunked body.
    chunks: Option<ChunkScanner>,
}

#[derive(Debug)]
enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// How long a peer may take to read an answer that it did not let us finish asking about, and how much more it may
/// send meanwhile. A close with unread bytes is a reset, which can overtake the answer.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 64 * 1024 * 1024;
/// What is read of a peer's next words at a time, and altogether, to see whether it is still there.
const GLANCE_BYTES: usize = 256;
const MOST_GLANCED_BYTES: usize = 4 * 1024;

/// Parts of up to so many bytes are put together before they are written: a system call for one is cheaper.
const SMALL_WRITE_BYTES: usize = 4 * 1024;

impl Conn {
    pub(crate) fn plain(stream: TcpStream) -> Self {
        Self::over(Transport::Plain(stream))
    }

    pub(crate) fn tls(stream: impl Into<TlsStream<TcpStream>>) -> Self {
        Self::over(Transport::Tls(Box::new(stream.into())))
    }

    fn over(transport: Transport) -> Self {
        Self { transport, rewound: BytesMut::new(), chunks: None }
    }

    /// Puts bytes back that were read, before those that were put back earlier.
    pub(crate) fn rewind(&mut self, mut bytes: BytesMut) {
        bytes.unsplit(std::mem::take(&mut self.rewound));
        self.rewound = bytes;
    }

    /// From now on a chunked body is read, or none: reading fails with [`MalformedChunks`] where its framing is not as
    /// it must be.
    pub(crate) fn expect_chunks(&mut self, expected: bool) {
        self.chunks = expected.then(ChunkScanner::new);
    }

    /// Up to so many of the bytes that were put back.
    pub(crate) fn take_rewound(&mut self, most: usize) -> Option<Bytes> {
        let length = self.rewound.len().min(most);
        let taken = if length == self.rewound.len() {
            std::mem::take(&mut self.rewound)
        } else {
            self.rewound.split_to(length)
        };
        (length > 0).then(|| taken.freeze())
    }

    /// Ends when the peer is gone. What it says meanwhile is put behind what was put back, up to a bound: from there on
    /// there is no telling. May be dropped and called again.
    pub(crate) async fn left(&mut self) {
        let mut glance = [0; GLANCE_BYTES];
        while self.rewound.len() < MOST_GLANCED_BYTES {
            match poll_fn(|cx| self.transport.poll_some(cx, &mut glance)).await {
                Ok(read @ 1..) => self.rewound.extend_from_slice(&glance[..read]),
                Ok(0) | Err(_) => return,
            }
        }
        pending().await
    }

    /// Ends our side, then reads and throws away what still comes, within bounds.
    pub(crate) async fn linger(mut self) {
        self.chunks = None;
        // Whatever goes wrong here: the connection ends.
        let _ = timeout(LINGER, async {
            AsyncWriteExt::shutdown(&mut self).await?;
            let mut scratch = vec![0; 16 * 1024];
            let mut left = LINGER_BYTES;
            while left > 0 {
                match self.read(&mut scratch).await? {
                    0 => break,
                    read => left = left.saturating_sub(read),
                }
            }
            io::Result::Ok(())
        })
        .await;
    }

    /// Makes the coming close a reset, for a peer that would take any other close for the end of the message.
    pub(crate) fn reset_on_close(&self) {
        // Where the socket is gone already, there is nobody to tell.
        let _ = socket2::SockRef::from(self.socket()).set_linger(Some(Duration::ZERO));
    }

    fn socket(&self) -> &TcpStream {
        match &self.transport {
            Transport::Plain(stream) => stream,
            Transport::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = self.poll_bytes(cx, buf);
        match (&mut self.chunks, &polled) {
            (Some(chunks), Poll::Ready(Ok(()))) => {
                let judged = chunks.scan(&buf.filled()[before..]);
                Poll::Ready(judged.map_err(|malformed| io::Error::new(io::ErrorKind::InvalidData, malformed)))
            }
            _ => polled,
        }
    }
}

impl Conn {
    fn poll_bytes(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.rewound.is_empty() {
            let length = self.rewound.len().min(buf.remaining());
            buf.put_slice(&self.rewound[..length]);
            self.rewound.advance(length);
            return Poll::Ready(Ok(()));
        }
        self.transport.poll_read(cx, buf)
    }
}

impl Transport {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }

    fn poll_some(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(bytes);
        std::task::ready!(self.poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

impl AsyncWrite for Conn {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.iter().map(|buf| buf.len()).sum::<usize>() <= SMALL_WRITE_BYTES {
            let mut joined = [MaybeUninit::uninit(); SMALL_WRITE_BYTES];
            let mut joined = ReadBuf::uninit(&mut joined);
            bufs.iter().for_each(|buf| joined.put_slice(buf));
            return self.poll_write(cx, joined.filled());
        }
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[async_trait]
impl Shutdown for Conn {
    async fn shutdown(&mut self) {
        // The peer may have gone first.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for Conn {
    fn id(&self) -> UniqueIDType {
        self.socket().as_raw_fd()
    }
}

// What Pingora could tell about a connection, we know without it.
impl Ssl for Conn {}
impl Peek for Conn {}
impl GetTimingDigest for Conn {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}
impl GetProxyDigest for Conn {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}
impl GetSocketDigest for Conn {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}
