//! HTTP/1: a body of known length is read here, straight to where it is kept, and the answer written. A session of
//! Pingora's reads the others, but does not answer, since it would put a `Date` of its own in place of the endpoint's,
//! and completes what was cut.

mod chunked;

use std::io;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{Method, Version};
use pingora::server::ShutdownWatch;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use self::chunked::Chunked;
use super::{ClientGone, Finished, ONE_MORE, READ_BYTES, ReadError, bounded};
use crate::{
    answer::AnswerHead,
    conn::Conn,
    forward::ResponseLength,
    request::{self, Hop, RequestHead},
};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A request whose head is read.
pub(in crate::ingress) struct Http1 {
    body: RequestBody,
    /// An HTTP/1.0 client knows no chunks.
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
    Chunked(Box<Chunked>),
}

impl Http1 {
    /// `conn` is past the head.
    pub(in crate::ingress) async fn new(
        conn: Box<Conn>,
        head: &RequestHead,
        hop: Hop,
        shutdown: ShutdownWatch,
    ) -> Option<Self> {
        let body = match hop.framing {
            request::Framing::Counted(left) => RequestBody::Counted { conn, left },
            request::Framing::Chunked => RequestBody::Chunked(Box::pin(Chunked::begin(conn)).await?.into()),
        };
        Some(Self {
            body,
            is_old: head.version == Version::HTTP_10,
            expects_continue: hop.expects_continue,
            is_head: head.method == Method::HEAD,
            keep: hop.keep,
            shutdown,
        })
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
            RequestBody::Chunked(body) => body.is_over(),
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
                let mut bytes = BytesMut::with_capacity(wanted + ONE_MORE);
                *left -= read_some(conn, &mut bytes, wanted).await? as u64;
                Ok(Some(bytes.freeze()))
            }
            RequestBody::Chunked(body) => body.read().await,
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
                bytes.reserve(wanted + ONE_MORE);
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
                RequestBody::Chunked(body) => body.ask_for_body().await?,
            }
            self.expects_continue = false;
        }
        Ok(())
    }

    pub(super) async fn left(&mut self) {
        match &mut self.body {
            RequestBody::Counted { conn, .. } => conn.left().await,
            RequestBody::Chunked(body) => body.left().await,
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
            RequestBody::Chunked(body) => Box::pin(body.leave(keep)).await.ok_or(ClientGone)?,
        };
        head.put("connection", if keep { b"keep-alive" } else { b"close" });
        if framing == Framing::Chunked {
            head.put("transfer-encoding", b"chunked");
        }
        Ok(Http1Answer { conn, pending: head.into_wire(), framing, keep, body_is_over })
    }
}

/// Reads at least one byte and at most `wanted` to the end of `bytes`, which has room for one more. A read that did not
/// fill its buffer shows that nothing more is there, which spares whoever waits for more a system call.
async fn read_some(conn: &mut Conn, bytes: &mut BytesMut, wanted: usize) -> Result<usize, ReadError> {
    match conn.read_buf(&mut bytes.limit(wanted + ONE_MORE)).await {
        Ok(read @ 1..) if read <= wanted => Ok(read),
        Ok(read @ 1..) => {
            let next_request = bytes.split_off(bytes.len() - (read - wanted));
            conn.rewind(next_request);
            Ok(wanted)
        }
        // It ended before its time.
        Ok(0) | Err(_) => Err(ReadError::Left),
    }
}

fn at_most(left: u64, bytes: usize) -> usize {
    usize::try_from(left).map_or(bytes, |left| left.min(bytes))
}

/// Writes a whole answer to a request that could not be read, which ends the connection.
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
            return Ok(Some(Finished::Reusable(self.conn)));
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
