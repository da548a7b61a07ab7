//! A connection to a flow endpoint in use. What does not go out at once is written while the answer is read, so that an
//! endpoint which answers while it still receives cannot come to a standstill with us.

use std::{io, pin::Pin, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, ReadHalf, WriteHalf},
    time::Sleep,
};

use super::{
    pool::{Destination, Pool, Upstream},
    response::head::{self, Framing, Head, HeadFault, MAX_HEAD_BYTES, ResponseHead},
    upload::Upload,
};
use crate::conn::{ChunkScanner, Conn, MalformedChunks};

/// As many heads of class 1xx as an endpoint may send before the real one.
const MAX_INFORMATIONAL: usize = 32;
/// What is read of a head, and of a body, at a time.
const HEAD_READ_BYTES: usize = 4 * 1024;
const BODY_READ_BYTES: usize = 64 * 1024;

/// The writing half of a connection that was split.
pub(super) type Writer = WriteHalf<Box<Conn>>;

/// A connection in use.
pub(super) struct Link {
    pub(super) reader: Reader,
    /// There while the request is not written to its end.
    pub(super) writer: Option<Writer>,
    pub(super) home: Home,
}

/// A connection, or its reading half.
pub(super) struct Reader {
    side: Side,
    /// What was read and is not taken yet.
    unread: BytesMut,
    /// Whether there was ever room for more than a head in that.
    is_large: bool,
    /// Heads of class 1xx so far.
    informational: usize,
    rest: Rest,
    /// Whether the connection may be used again once the answer is over.
    keep: bool,
}

enum Side {
    /// The request is written.
    Whole(Box<Conn>),
    /// It is being written. The writer is there once it is.
    Half(ReadHalf<Box<Conn>>, Option<Writer>),
}

/// What is still to come of an answer.
enum Rest {
    Head,
    Counted(u64),
    Chunked(ChunkScanner),
    UntilClose,
}

/// Where a connection goes back to, and what stays with it.
pub(super) struct Home {
    pool: Arc<Pool>,
    destination: Destination,
    /// For what the answer is waited for.
    pub(super) timer: Pin<Box<Sleep>>,
}

/// Sends what of a request goes out at once. Where there is more of it, somebody has to write that while the answer is read.
pub(super) async fn begin(upstream: Upstream, pool: Arc<Pool>, upload: &mut Upload) -> Link {
    let Upstream { mut conn, destination, timer, memory } = upstream;
    upload.write_at_once(&mut conn).await;
    let (side, writer) = if upload.is_over() {
        (Side::Whole(conn), None)
    } else {
        let (half, writer) = tokio::io::split(conn);
        (Side::Half(half, None), Some(writer))
    };
    let reader =
        Reader { side, unread: memory, is_large: false, informational: 0, rest: Rest::Head, keep: false };
    Link { reader, writer, home: Home { pool, destination, timer } }
}

impl Reader {
    /// The head of the answer, once those of class 1xx are past. May be dropped and called again.
    pub(super) async fn head(&mut self, is_head: bool) -> Result<ResponseHead, HeadError> {
        loop {
            while let Some((head, length)) = head::parse(&self.unread, is_head)? {
                drop(self.unread.split_to(length));
                match head {
                    Head::Final(head) => {
                        self.rest = Rest::new(head.framing);
                        self.keep = head.keep;
                        return Ok(head);
                    }
                    Head::Switching => return Err(HeadError::Switched),
                    Head::Informational => self.informational += 1,
                }
                if self.informational == MAX_INFORMATIONAL {
                    return Err(HeadError::Chatty);
                }
            }
            if self.unread.len() > MAX_HEAD_BYTES {
                return Err(HeadFault::TooLarge.into());
            }
            self.is_large |= !self.unread.is_empty();
            self.unread.reserve(HEAD_READ_BYTES);
            let ended = match self.side.read(&mut self.unread).await {
                Ok(1..) => continue,
                Ok(0) => io::ErrorKind::UnexpectedEof.into(),
                Err(error) => error,
            };
            let is_silent = self.unread.is_empty() && self.informational == 0;
            return Err(if is_silent { HeadError::Closed(ended) } else { HeadError::Cut(ended) });
        }
    }

    /// The next bytes of the body, none at its end. May be dropped and called again.
    pub(super) async fn body(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            if let Some(bytes) = self.rest.take(&mut self.unread)? {
                return Ok(Some(bytes));
            }
            let most = match &self.rest {
                Rest::Head | Rest::Counted(0) => return Ok(None),
                Rest::Chunked(chunks) if chunks.is_over() => return Ok(None),
                Rest::Counted(left) => usize::try_from(*left).unwrap_or(usize::MAX).min(BODY_READ_BYTES),
                Rest::Chunked(_) | Rest::UntilClose => BODY_READ_BYTES,
            };
            self.is_large = true;
            self.unread.reserve(most);
            match (self.side.read(&mut (&mut self.unread).limit(most)).await, &self.rest) {
                (Ok(1..), _) => {}
                (Ok(0), Rest::UntilClose) => return Ok(None),
                (Ok(0), _) => return Err(BodyError::Ended),
                (Err(error), _) => return Err(error.into()),
            }
        }
    }

    /// The request is written in full: the connection may be used again after the answer.
    pub(super) fn request_is_written(&mut self, writer: Writer) {
        if let Side::Half(_, place) = &mut self.side {
            *place = Some(writer);
        }
    }

    /// Gives the connection back, if it can be used again. There must be no more to read.
    pub(super) fn release(self, home: Home) {
        let Home { pool, destination, timer } = home;
        if let Some(conn) = self.side.into_conn()
            && self.keep
            && self.unread.is_empty()
        {
            // Many connections may wait, and most of their answers are small.
            let memory = if self.is_large { BytesMut::new() } else { self.unread };
            pool.put(Upstream { conn, destination, timer, memory });
        }
    }
}

impl Side {
    async fn read(&mut self, bytes: &mut impl BufMut) -> io::Result<usize> {
        match self {
            Self::Whole(conn) => conn.read_buf(bytes).await,
            Self::Half(half, _) => half.read_buf(bytes).await,
        }
    }

    /// The connection, where the request is written.
    fn into_conn(self) -> Option<Box<Conn>> {
        match self {
            Self::Whole(conn) => Some(conn),
            Self::Half(half, Some(writer)) => Some(half.unsplit(writer)),
            Self::Half(_, None) => None,
        }
    }
}

impl Rest {
    fn new(framing: Framing) -> Self {
        match framing {
            Framing::Counted(length) => Self::Counted(length),
            Framing::Chunked => Self::Chunked(ChunkScanner::new()),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    /// Bytes of the body out of what was read, never none of them.
    fn take(&mut self, unread: &mut BytesMut) -> Result<Option<Bytes>, MalformedChunks> {
        let bytes = match self {
            Self::Head => return Ok(None),
            Self::Chunked(chunks) => return chunks.next_data(unread),
            Self::Counted(left) => {
                let here = usize::try_from(*left).map_or(unread.len(), |left| left.min(unread.len()));
                *left -= here as u64;
                unread.split_to(here)
            }
            Self::UntilClose => unread.split(),
        };
        Ok((!bytes.is_empty()).then(|| bytes.freeze()))
    }
}

/// Why there is no head of an answer. For logs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeadError {
    #[error("the connection was closed before any byte of an answer: {0}")]
    Closed(io::Error),
    #[error("the connection was closed within the head of the answer: {0}")]
    Cut(io::Error),
    #[error("the head of the answer is not HTTP as it must be: {0}")]
    Invalid(#[from] HeadFault),
    #[error("the endpoint switched protocols, which nobody asked for")]
    Switched,
    #[error("the endpoint sent one informational answer after the other")]
    Chatty,
}

/// Why there is no more of a body that is not over. For logs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the connection was closed before its end")]
    Ended,
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error(transparent)]
    Malformed(#[from] MalformedChunks),
}
