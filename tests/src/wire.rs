//! Both sides of the edge, byte by byte: a sender that a test writes by hand, and a flow endpoint that it acts out.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsConnector;

use crate::{sender::Answered, soon};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One end of a connection. Dropping it closes the connection.
pub struct Wire {
    stream: Box<dyn Stream>,
    read: BytesMut,
}

impl Wire {
    /// Connects in plain text.
    pub async fn connect(addr: SocketAddr) -> Self {
        Self::over(tcp(addr).await)
    }

    /// Connects with TLS, taking the other side for `localhost`.
    pub async fn connect_tls(addr: SocketAddr, config: Arc<rustls::ClientConfig>) -> Self {
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(config).connect(name, tcp(addr).await);
        Self::over(soon("a TLS handshake", stream).await.expect("a TLS connection"))
    }

    fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), read: BytesMut::new() }
    }

    /// Writes bytes. The other side may have gone, which shows when its answer is read.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        // See above.
        let _ = self.try_write(bytes).await;
    }

    /// Writes bytes; fails once the other side has gone.
    pub async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        soon("the other side reads", async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        })
        .await
    }

    /// The head of the next message, with the empty line; none where the connection ends first.
    pub async fn head(&mut self) -> Option<String> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.read_more().await {
                return None;
            }
        };
        Some(String::from_utf8_lossy(&self.read.split_to(end)).into_owned())
    }

    /// So many bytes; fewer where the connection ends first.
    pub async fn bytes(&mut self, count: usize) -> Bytes {
        while self.read.len() < count && self.read_more().await {}
        let count = count.min(self.read.len());
        self.read.split_to(count).freeze()
    }

    /// Everything up to the end of the connection.
    pub async fn rest(&mut self) -> Bytes {
        while self.read_more().await {}
        self.read.split().freeze()
    }

    /// One whole answer; none where the connection ends before or in it. Answers of class 1xx are passed over.
    pub async fn answer(&mut self) -> Option<Answered> {
        self.answer_to("POST").await
    }

    /// As [`Wire::answer`], to a request of this method.
    pub async fn answer_to(&mut self, method: &str) -> Option<Answered> {
        let (status, headers) = loop {
            let (status, headers) = parse_head(&self.head().await?);
            if !status.is_informational() {
                break (status, headers);
            }
        };
        let length = headers.get("content-length").map(|length| {
            length.to_str().ok().and_then(|length| length.parse::<usize>().ok()).expect("a length")
        });
        let body = if method == "HEAD" || matches!(status.as_u16(), 204 | 304) {
            Bytes::new()
        } else if headers.contains_key("transfer-encoding") {
            assert_eq!(length, None, "an answer has one framing: {headers:?}");
            self.chunks().await?
        } else if let Some(length) = length {
            let body = self.bytes(length).await;
            (body.len() == length).then_some(body)?
        } else {
            self.rest().await
        };
        Some(Answered { status, headers, body })
    }

    /// The bodies of chunks up to the last; none where the connection ends before it.
    pub async fn chunks(&mut self) -> Option<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let line = loop {
                if let Some(at) = self.read.windows(2).position(|window| window == b"\r\n") {
                    let line = self.read.split_to(at);
                    self.read.advance(2);
                    break line;
                }
                if !self.read_more().await {
                    return None;
                }
            };
            let size = std::str::from_utf8(&line).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.unwrap_or_else(|| panic!("a chunk's size, not {line:?}"));
            let chunk = self.bytes(size + 2).await;
            if chunk.len() < size + 2 {
                return None;
            }
            assert!(chunk.ends_with(b"\r\n"), "a chunk ends as it must");
            if size == 0 {
                return Some(body.freeze());
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    async fn read_more(&mut self) -> bool {
        let read = soon("bytes or the end of the connection", self.stream.read_buf(&mut self.read)).await;
        // A reset is an end too.
        matches!(read, Ok(1..))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("read", &self.read).finish_non_exhaustive()
    }
}

async fn tcp(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).await.expect("a connection");
    stream.set_nodelay(true).expect("an option of every socket");
    stream
}

fn parse_head(head: &str) -> (StatusCode, HeaderMap) {
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header field");
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a field's name");
        headers.append(name, HeaderValue::from_bytes(value.trim().as_bytes()).expect("a field's value"));
    }
    (status.unwrap_or_else(|| panic!("a status line in {head:?}")), headers)
}

/// A flow endpoint that a test acts out, connection by connection.
#[derive(Debug)]
pub struct Stage {
    listener: TcpListener,
}

impl Stage {
    /// One on a free port.
    pub async fn open() -> Self {
        Self { listener: TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port") }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("a bound port")
    }

    /// Its URL without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// The next connection.
    pub async fn enter(&self) -> Wire {
        soon("a connection to the stage", self.enter_patiently()).await
    }

    /// As [`Stage::enter`], where perhaps none will come.
    pub async fn enter_patiently(&self) -> Wire {
        let (stream, _) = self.listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("an option of every socket");
        Wire::over(stream)
    }
}
