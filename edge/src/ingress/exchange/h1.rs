//! HTTP/1: Pingora's session reads the head, and the body where that comes in chunks. A body of known length is read
//! here, straight to where it is kept. So is the answer written, since a session would put a `Date` of its own in place
//! of the endpoint's, and completes what was cut.

use std::{io, sync::LazyLock};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{Version, header};
use pingora::{
    apps::ReusedHttpStream,
    http::RequestHeader,
    protocols::{Stream, http::v1::server::HttpSession},
    server::ShutdownWatch,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{ClientGone, Finished, READ_BYTES, ReadError, bounded};
use crate::{
    answer::AnswerHead,
    conn::{Conn, MalformedChunks},
    forward::ResponseLength,
};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// What a session is left with once its head is taken.
static NO_HEAD: LazyLock<RequestHeader> =
    LazyLock::new(|| RequestHeader::build_no_case("GET", b"/", None).expect("a method and a path of ours"));

/// A request whose head is read.
pub(in crate::ingress) struct Http1 {
    body: RequestBody,
    /// An HTTP/1.0 client knows neither chunks nor `100 Continue`.
    is_old: bool,
    expects_continue: bool,
    is_head: bool,
    keep: bool,
    shutdown: ShutdownWatch,
}

enum RequestBody {
    /// So many bytes of it are still to be read.
    Counted {
        conn: Box<Conn>,
        left: u64,
    },
    Chunked(Box<HttpSession>),
}

impl Http1 {
    /// Takes the head out of a session that has just read it, and nothing beyond it.
    pub(in crate::ingress) fn new(
        mut session: HttpSession,
        shutdown: ShutdownWatch,
    ) -> Option<(Self, RequestHeader)> {
        // This makes the session settle how the body is framed, before the head is taken from it.
        let is_done = session.is_body_done();
        let keep = session.will_keepalive();
        // Otherwise the interim answer would forbid to use the connection again.
        session.set_close_on_response_before_downstream_finish(false);
        let head = std::mem::replace(session.req_header_mut(), NO_HEAD.clone());
        let body = if head.headers.contains_key(header::TRANSFER_ENCODING) {
            RequestBody::Chunked(Box::new(session))
        } else {
            let left = if is_done { 0 } else { announced_length(&head)? };
            RequestBody::Counted { conn: conn(session.into_inner())?, left }
        };
        let is_old = head.version != Version::HTTP_11;
        let expects_continue = !is_old && !is_done && expects_continue(&head);
        let is_head = head.method == http::Method::HEAD;
        Some((Self { body, is_old, expects_continue, is_head, keep: keep && !is_old, shutdown }, head))
    }

    pub(super) fn is_draining(&self) -> bool {
        *self.shutdown.borrow()
    }

    /// Whether the client will send its body only when it is asked to.
    pub(super) fn waits_for_continue(&self) -> bool {
        self.expects_continue
    }

    pub(super) fn body_is_over(&mut self) -> bool {
        match &mut self.body {
            RequestBody::Counted { left, .. } => *left == 0,
            RequestBody::Chunked(session) => session.is_body_done(),
        }
    }

    pub(super) async fn read(&mut self) -> Result<Option<Bytes>, ReadError> {
        self.ask_for_body().await?;
        match &mut self.body {
            RequestBody::Counted { left: 0, .. } => Ok(None),
            RequestBody::Counted { conn, left } => {
                let wanted = at_most(*left, READ_BYTES);
                if let Some(bytes) = conn.take_rewound(wanted) {
                    *left -= bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                let mut bytes = BytesMut::with_capacity(wanted);
                *left -= read_some(conn, &mut bytes, wanted).await? as u64;
                Ok(Some(bytes.freeze()))
            }
            RequestBody::Chunked(session) => {
                session.read_body_bytes().await.map_err(|error| match error.etype() {
                    _ if is_malformed(&error) => ReadError::Malformed,
                    pingora::ErrorType::ConnectionClosed | pingora::ErrorType::ReadError => ReadError::Left,
                    _ => ReadError::Malformed,
                })
            }
        }
    }

    /// Reads more of the body to the end of `bytes`, where its length is known: none at its end. May be dropped and
    /// called again.
    pub(super) async fn read_counted(&mut self, bytes: &mut BytesMut) -> Option<Result<usize, ReadError>> {
        if let Err(error) = self.ask_for_body().await {
            return Some(Err(error));
        }
        match &mut self.body {
            RequestBody::Counted { left: 0, .. } => Some(Ok(0)),
            RequestBody::Counted { conn, left } => {
                // What is reserved grows with what has come, not with what is announced.
                let wanted = at_most(*left, READ_BYTES.max(bytes.len()));
                bytes.reserve(wanted);
                let read = read_some(conn, bytes, wanted).await;
                Some(read.inspect(|read| *left -= *read as u64))
            }
            RequestBody::Chunked(_) => None,
        }
    }

    async fn ask_for_body(&mut self) -> Result<(), ReadError> {
        if self.expects_continue {
            match &mut self.body {
                RequestBody::Counted { conn, .. } => {
                    conn.write_all(CONTINUE).await.map_err(|_| ReadError::Left)?;
                    conn.flush().await.map_err(|_| ReadError::Left)?;
                }
                RequestBody::Chunked(session) => {
                    session.write_continue_response().await.map_err(|_| ReadError::Left)?;
                }
            }
            self.expects_continue = false;
        }
        Ok(())
    }

    pub(super) async fn left(&mut self) {
        match &mut self.body {
            RequestBody::Counted { conn, .. } => conn.left().await,
            // It fails once the client is gone; the first byte of a further request is kept.
            RequestBody::Chunked(session) => while session.read_body_or_idle(true).await.is_ok() {},
        }
    }

    pub(super) async fn answer(
        mut self: Box<Self>,
        mut head: AnswerHead,
        length: ResponseLength,
        close: bool,
    ) -> Result<Http1Answer, ClientGone> {
        let body_is_over = self.body_is_over();
        let keep = self.keep && body_is_over && !close && !self.is_draining();
        let framing = match length {
            ResponseLength::None => Framing::None,
            _ if self.is_head => Framing::None,
            ResponseLength::Known => Framing::AsAnnounced,
            ResponseLength::Unknown if self.is_old => Framing::UntilClose,
            ResponseLength::Unknown => Framing::Chunked,
        };
        let conn = match self.body {
            RequestBody::Counted { conn, .. } => conn,
            RequestBody::Chunked(session) => Box::pin(leave(session, keep)).await.ok_or(ClientGone)?,
        };
        head.put("connection", if keep { b"keep-alive" } else { b"close" });
        if framing == Framing::Chunked {
            head.put("transfer-encoding", b"chunked");
        }
        Ok(Http1Answer { conn, pending: head.into_wire(), framing, keep, body_is_over })
    }
}

/// Takes the connection out of a session that has read a body, with what of the next request it has read already.
async fn leave(session: Box<HttpSession>, keep: bool) -> Option<Box<Conn>> {
    let (stream, next_request) =
        if keep { session.reuse().await.ok()??.into_parts() } else { (session.into_inner(), None) };
    let mut conn = conn(stream)?;
    // What comes from here on is not part of the body.
    conn.expect_chunks(false);
    if let Some(bytes) = next_request {
        conn.rewind(bytes);
    }
    Some(conn)
}

/// Reads at least one byte and at most `wanted` to the end of `bytes`, which has room for them.
async fn read_some(conn: &mut Conn, bytes: &mut BytesMut, wanted: usize) -> Result<usize, ReadError> {
    match conn.read_buf(&mut bytes.limit(wanted)).await {
        Ok(read @ 1..) => Ok(read),
        // It ended before its time.
        Ok(0) | Err(_) => Err(ReadError::Left),
    }
}

fn at_most(left: u64, bytes: usize) -> usize {
    usize::try_from(left).map_or(bytes, |left| left.min(bytes))
}

/// A head whose length is anything but one number, or too long a one, was refused.
fn announced_length(head: &RequestHeader) -> Option<u64> {
    head.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Whether the connection itself has refused what came.
fn is_malformed(error: &pingora::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<io::Error>();
    cause.and_then(io::Error::get_ref).is_some_and(|cause| cause.is::<MalformedChunks>())
}

/// Writes a whole answer on a connection without a session, which ends with it.
pub(in crate::ingress) async fn write_and_close(
    conn: Box<Conn>,
    mut head: AnswerHead,
    body: Bytes,
) -> Result<Finished, ClientGone> {
    head.put("connection", b"close");
    let mut pending = head.into_wire();
    pending.put_slice(&body);
    let mut answer =
        Http1Answer { conn, pending, framing: Framing::AsAnnounced, keep: false, body_is_over: false };
    bounded(answer.flush()).await?;
    Ok(Finished::Closing(answer.conn))
}

/// A session's stream is always a connection of ours.
pub(in crate::ingress) fn conn(stream: Stream) -> Option<Box<Conn>> {
    stream.into_any().downcast().ok()
}

fn expects_continue(head: &RequestHeader) -> bool {
    head.headers
        .get(header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// How the end of an answer's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    None,
    AsAnnounced,
    Chunked,
    UntilClose,
}

/// An answer that is being written.
pub(in crate::ingress) struct Http1Answer {
    conn: Box<Conn>,
    /// What is still to be written before anything else.
    pending: BytesMut,
    framing: Framing,
    keep: bool,
    body_is_over: bool,
}

impl Http1Answer {
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.conn.write_all_buf(&mut self.pending).await?;
        self.conn.flush().await
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        use bytes::Buf as _;
        match self.framing {
            Framing::None => return Ok(()),
            Framing::Chunked => self.pending.put_slice(format!("{:x}\r\n", bytes.len()).as_bytes()),
            Framing::AsAnnounced | Framing::UntilClose => {}
        }
        self.conn.write_all_buf(&mut (&mut self.pending).chain(bytes)).await?;
        if self.framing == Framing::Chunked {
            // It goes out with the next chunk, or with the flush while there is none.
            self.pending.put_slice(b"\r\n");
        }
        Ok(())
    }

    pub(super) async fn left(&mut self) {
        self.conn.left().await;
    }

    pub(super) async fn finish(mut self) -> io::Result<Option<Finished>> {
        if self.framing == Framing::Chunked {
            self.pending.put_slice(b"0\r\n\r\n");
        }
        self.flush().await?;
        if self.keep {
            return Ok(Some(Finished::Reusable(ReusedHttpStream::new(self.conn, None))));
        }
        if !self.body_is_over {
            return Ok(Some(Finished::Closing(self.conn)));
        }
        self.conn.shutdown().await?;
        Ok(None)
    }

    pub(super) fn cut(self) {
        if self.framing == Framing::UntilClose {
            self.conn.reset_on_close();
        }
    }
}
