//! One connection: writes a webhook, reads the answer, checks it.

use std::{
    io::{self, IoSlice, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use crate::webhooks::Webhook;

/// An answer's head and body.
const ANSWER: usize = 4 * 1024;

/// What must come back.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// This body, with status 200.
    Answer(String),
    /// A status of 4xx.
    Refusal,
}

/// What was wrong about a connection or an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the connection was closed")]
    Closed,
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("not an answer in HTTP: {0}")]
    Http(#[from] httparse::Error),
    #[error("an answer without a length, or too long a one")]
    Length,
    #[error("a wrong answer: {status} {answer:?} where {expected:?} was right")]
    Wrong { status: u16, answer: String, expected: Expected },
}

#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    request: Option<Request>,
    answer: Vec<u8>,
    due: Instant,
    answered: Instant,
}

/// The request under way.
#[derive(Debug)]
struct Request {
    fields: String,
    expected: Expected,
    written: usize,
}

impl Connection {
    pub(crate) fn open(addr: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        let tcp = TcpStream::connect(addr)?;
        tcp.set_nodelay(true)?;
        let stream = match tls {
            None => {
                tcp.set_nonblocking(true)?;
                Stream::Plain(tcp)
            }
            Some(config) => {
                let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
                let session = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
                let mut stream = StreamOwned::new(session, tcp);
                while stream.conn.is_handshaking() {
                    stream.conn.complete_io(&mut stream.sock)?;
                }
                stream.sock.set_nonblocking(true)?;
                Stream::Tls(Box::new(stream))
            }
        };
        let now = Instant::now();
        Ok(Self { stream, request: None, answer: Vec::with_capacity(ANSWER), due: now, answered: now })
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
        }
    }

    /// Sends a webhook that was due then.
    pub(crate) fn send(
        &mut self,
        webhook: &Webhook,
        fields: String,
        expected: Expected,
        due: Instant,
    ) -> Result<(), Fault> {
        self.request = Some(Request { fields, expected, written: 0 });
        self.due = due;
        self.answer.clear();
        self.write(webhook)
    }

    /// Goes on as far as it can; true where the answer has come and is right.
    pub(crate) fn pump(&mut self, webhook: &Webhook) -> Result<bool, Fault> {
        self.write(webhook)?;
        let Some(request) = &self.request else { return Ok(false) };
        let mut chunk = [0; ANSWER];
        loop {
            match self.stream.reader().read(&mut chunk) {
                Ok(0) => return Err(Fault::Closed),
                Ok(read) => self.answer.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            if is_right(&self.answer, &request.expected)? {
                self.request = None;
                self.answered = Instant::now();
                return Ok(true);
            }
        }
    }

    /// When the last request was due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// How long after that its answer was there.
    pub(crate) fn answered_after(&self) -> Duration {
        self.answered.saturating_duration_since(self.due)
    }

    fn write(&mut self, webhook: &Webhook) -> Result<(), Fault> {
        let Some(request) = &mut self.request else { return Ok(()) };
        let parts = [&webhook.lead[..], request.fields.as_bytes(), &webhook.trail[..]];
        let all: usize = parts.iter().map(|part| part.len()).sum();
        while request.written < all {
            let mut skipped = request.written;
            let left = parts.map(|part| {
                let skip = skipped.min(part.len());
                skipped -= skip;
                IoSlice::new(&part[skip..])
            });
            match self.stream.writer().write_vectored(&left) {
                Ok(written) => request.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Whether the answer is complete; an error where it is, and is wrong.
fn is_right(bytes: &[u8], expected: &Expected) -> Result<bool, Fault> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(false) };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length =
        length.and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse::<usize>().ok());
    let length = length.filter(|length| *length <= ANSWER).ok_or(Fault::Length)?;
    let body = &bytes[head..];
    if body.len() < length {
        return Ok(false);
    }
    let status = response.code.unwrap_or_default();
    let right = match expected {
        Expected::Answer(expected) => status == 200 && body == expected.as_bytes(),
        Expected::Refusal => (400..500).contains(&status),
    };
    if right {
        return Ok(true);
    }
    let answer = String::from_utf8_lossy(body).chars().take(300).collect();
    Err(Fault::Wrong { status, answer, expected: expected.clone() })
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn reader(&mut self) -> &mut dyn Read {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream,
        }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream,
        }
    }
}
