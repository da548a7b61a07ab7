//! A third party: webhooks over HTTP/1.1 and HTTP/2, well-formed or written by hand.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::soon;

/// The answer to a webhook.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body's bytes.
    pub body: Bytes,
}

impl Answered {
    /// The `code` of a problem body; empty where the body is none.
    #[must_use]
    pub fn code(&self) -> String {
        self.problem()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn problem(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The text of the first field of this name; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header of visible ASCII"))
    }
}

/// Which HTTP a sender speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1
    Http1,
    /// HTTP/2 with prior knowledge
    Http2,
}

/// Posts a JSON body to the path of `url` at `addr`.
pub async fn post_json(addr: SocketAddr, path: &str, body: impl Into<Bytes>) -> Answered {
    let request = Request::post(path).header("content-type", "application/json").body(Full::new(body.into()));
    send(addr, Version::Http1, request.expect("a request")).await
}

/// Sends a request on a connection of its own and reads the whole answer. Its URI is a path; `Host` is set.
pub async fn send(addr: SocketAddr, version: Version, request: Request<Full<Bytes>>) -> Answered {
    soon("an answer of the edge", try_send(addr, version, request)).await.expect("an answer of the edge")
}

/// As [`send`], where the connection or the answer may break off.
pub async fn try_send(
    addr: SocketAddr,
    version: Version,
    mut request: Request<Full<Bytes>>,
) -> Result<Answered, hyper::Error> {
    let stream = TokioIo::new(TcpStream::connect(addr).await.expect("a connection to the edge"));
    match version {
        Version::Http1 => {
            let host = addr.to_string().parse().expect("an address is a header value");
            request.headers_mut().entry(http::header::HOST).or_insert(host);
            let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
            let _connection = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(connection));
            collect(sender.send_request(request).await?).await
        }
        Version::Http2 => {
            let uri = format!("http://{addr}{}", request.uri());
            *request.uri_mut() = uri.parse().expect("an absolute URI");
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await?;
            let _connection = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(connection));
            collect(sender.send_request(request).await?).await
        }
    }
}

async fn collect(response: Response<hyper::body::Incoming>) -> Result<Answered, hyper::Error> {
    let (head, body) = response.into_parts();
    Ok(Answered { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
}

/// Writes bytes by hand, then reads everything up to the end of the connection.
pub async fn exchange(addr: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(addr).await.expect("a connection to the edge");
    let mut answer = Vec::new();
    soon("the end of the connection", async {
        // The edge may refuse and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let _ = stream.read_to_end(&mut answer).await;
    })
    .await;
    answer
}

/// The status and the problem code of the first answer in raw bytes: `(0, "")` where there is none.
#[must_use]
pub fn first_answer(raw: &[u8]) -> (u16, String) {
    let text = String::from_utf8_lossy(raw);
    let status =
        text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    let code = text
        .split_once("\r\n\r\n")
        .and_then(|(_, body)| body.split_once("\"code\":"))
        .and_then(|(_, rest)| rest.split('"').nth(1));
    (status.unwrap_or_default(), code.unwrap_or_default().to_owned())
}
