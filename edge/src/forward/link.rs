//! A connection to a flow endpoint in use. Reading and writing go on side by side, so that an endpoint which answers
//! while it still receives cannot come to a standstill with us.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_trait::async_trait;
use bytes::Bytes;
use pingora::{
    Error,
    http::ResponseHeader,
    protocols::{
        GetProxyDigest, GetSocketDigest, GetTimingDigest, IO, Peek, Shutdown, SocketDigest, Ssl,
        TimingDigest, UniqueID, UniqueIDType, http::v1::client::HttpSession, raw_connect::ProxyDigest,
    },
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};

use super::pool::{Destination, Pool};
use crate::conn::Conn;

/// As many heads of class 1xx as an endpoint may send before the real one.
const MAX_INFORMATIONAL: usize = 32;

/// The writing half of a connection.
pub(super) type Writer = WriteHalf<Box<Conn>>;

/// The reading half of a connection, in the hands of Pingora's parser.
pub(super) struct Reader {
    session: HttpSession,
    /// Where the connection goes back to, and what it takes to put it together again.
    home: Option<Home>,
}

struct Home {
    pool: Arc<Pool>,
    destination: Destination,
    writer: Option<Writer>,
}

/// Splits a connection that leads to `destination`.
pub(super) fn split(conn: Box<Conn>, destination: Destination, pool: Arc<Pool>) -> (Reader, Writer) {
    let (half, writer) = tokio::io::split(conn);
    let session = HttpSession::new(Box::new(OneWay { half, received: false }));
    let home = Some(Home { pool, destination, writer: None });
    (Reader { session, home }, writer)
}

impl Reader {
    /// The head of the answer, once those of class 1xx are past. May be dropped and called again.
    pub(super) async fn head(&mut self) -> Result<ResponseHeader, HeadError> {
        for _ in 0..MAX_INFORMATIONAL {
            if let Err(error) = self.session.read_response().await {
                return Err(if self.received() {
                    HeadError::Invalid(error)
                } else {
                    HeadError::Closed(error)
                });
            }
            match self.session.resp_header() {
                Some(head) if head.status == 101 => return Err(HeadError::Switched),
                Some(head) if head.status.is_informational() => {}
                Some(head) => return Ok(head.clone()),
                None => break,
            }
        }
        Err(HeadError::Chatty)
    }

    /// The next bytes of the body, none at its end. May be dropped and called again.
    pub(super) async fn body(&mut self) -> Result<Option<Bytes>, Box<Error>> {
        loop {
            match self.session.read_body_bytes().await? {
                Some(bytes) if bytes.is_empty() => {}
                read => return Ok(read),
            }
        }
    }

    /// Whether any byte of an answer has arrived.
    fn received(&self) -> bool {
        let stream: &dyn IO = &**self.session.stream();
        stream.as_any().downcast_ref::<OneWay>().is_none_or(|one_way| one_way.received)
    }

    /// The request is written in full: the connection may be used again after the answer.
    pub(super) fn request_is_written(&mut self, writer: Writer) {
        if let Some(home) = &mut self.home {
            home.writer = Some(writer);
        }
    }

    /// Gives the connection back, if it can be used again. There must be no more to read.
    pub(super) async fn release(mut self) {
        let Some(Home { pool, destination, writer: Some(writer) }) = self.home else { return };
        self.session.respect_keepalive();
        let Some(stream) = self.session.reuse().await else { return };
        if let Ok(one_way) = stream.into_any().downcast::<OneWay>() {
            pool.put(one_way.half.unsplit(writer), destination);
        }
    }
}

/// Why there is no head of an answer. For logs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeadError {
    #[error("the connection was closed before any byte of an answer: {0}")]
    Closed(Box<Error>),
    #[error("the head of the answer is not HTTP: {}", without_content(.0))]
    Invalid(Box<Error>),
    #[error("the endpoint switched protocols, which nobody asked for")]
    Switched,
    #[error("the endpoint sent one informational answer after the other")]
    Chatty,
}

/// What is wrong, without Pingora's context: that is the whole head, which may hold secrets and be large.
fn without_content(error: &Error) -> String {
    match &error.cause {
        Some(cause) => cause.to_string(),
        None => error.etype().as_str().to_owned(),
    }
}

/// A reading half, in the shape that Pingora's sessions take.
#[derive(Debug)]
struct OneWay {
    half: ReadHalf<Box<Conn>>,
    received: bool,
}

impl AsyncRead for OneWay {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.half).poll_read(cx, buf);
        self.received |= buf.filled().len() > before;
        polled
    }
}

/// Pingora only reads here; the other half writes.
impl AsyncWrite for OneWay {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl Shutdown for OneWay {
    async fn shutdown(&mut self) {}
}
impl UniqueID for OneWay {
    fn id(&self) -> UniqueIDType {
        0
    }
}
impl Ssl for OneWay {}
impl Peek for OneWay {}
impl GetTimingDigest for OneWay {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}
impl GetProxyDigest for OneWay {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}
impl GetSocketDigest for OneWay {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}
