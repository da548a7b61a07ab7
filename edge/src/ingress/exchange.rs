//! A request that is being answered, over either version of HTTP.

mod h1;
mod h2;

use std::{io, pin::pin, time::Duration};

use bytes::{Bytes, BytesMut};

pub(super) use self::{
    h1::{Http1, write_and_close},
    h2::Http2,
};
use crate::{answer::AnswerHead, conn::Conn, forward::ResponseLength, within::within};

/// A client that takes no byte of its answer for this long is given up.
const WRITE_STALL: Duration = Duration::from_secs(60);
/// How much of the body of a refused request is worth reading, and for how long, to keep its connection.
const DRAIN_BYTES: usize = 64 * 1024;
const DRAIN: Duration = Duration::from_millis(200);
/// Room behind what is wanted of a body, so that a read which brings all of it does not fill its buffer.
pub(super) const ONE_MORE: usize = 1;
/// What is read of a body at a time.
const READ_BYTES: usize = 64 * 1024;

/// A request that waits for its answer.
pub(super) enum Exchange {
    Http1(Box<Http1>),
    Http2(Box<Http2>),
}

/// An answer that is being written.
pub(super) enum Answer {
    Http1(Box<h1::Http1Answer>),
    Http2(Box<h2::Http2Answer>),
}

/// Why a body cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadError {
    /// The client is gone.
    Left,
    /// Its chunks are not as they must be.
    Malformed,
}

/// The client takes no more of its answer.
#[derive(Debug, thiserror::Error)]
#[error("the client took no more of the answer")]
pub(super) struct ClientGone;

impl From<io::Error> for ClientGone {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Exchange {
    /// Whether the edge is about to stop.
    pub(super) fn is_draining(&self) -> bool {
        match self {
            Self::Http1(exchange) => exchange.is_draining(),
            // Its connection has told the client which streams will still be answered.
            Self::Http2(_) => false,
        }
    }

    /// Reads and throws away a body that is as good as here, so that the connection can be used again.
    pub(super) async fn drain(&mut self) {
        let Self::Http1(exchange) = self else { return };
        let mut left = DRAIN_BYTES;
        let drained = async {
            while left > 0 && !exchange.waits_for_continue() {
                match exchange.read().await {
                    Ok(Some(bytes)) => left = left.saturating_sub(bytes.len()),
                    _ => break,
                }
            }
        };
        // What takes longer is not worth it.
        let _ = tokio::time::timeout(DRAIN, drained).await;
    }

    /// Whether there is no (more) body to read.
    pub(super) fn body_is_over(&mut self) -> bool {
        match self {
            Self::Http1(exchange) => exchange.body_is_over(),
            Self::Http2(exchange) => exchange.body_is_over(),
        }
    }

    /// The next bytes of the body, none at its end. May be dropped and called again.
    pub(super) async fn read(&mut self) -> Result<Option<Bytes>, ReadError> {
        loop {
            let read = match self {
                Self::Http1(exchange) => exchange.read().await,
                Self::Http2(exchange) => exchange.read().await,
            };
            match read {
                Ok(Some(bytes)) if bytes.is_empty() => {}
                read => return read,
            }
        }
    }

    /// Reads more of the body to the end of `body`: the number of bytes, 0 at its end. May be dropped and called again.
    pub(super) async fn read_to(&mut self, body: &mut BytesMut) -> Result<usize, ReadError> {
        if let Self::Http1(exchange) = self
            && let Some(read) = exchange.read_counted(body).await
        {
            return read;
        }
        let Some(bytes) = self.read().await? else { return Ok(0) };
        body.extend_from_slice(&bytes);
        Ok(bytes.len())
    }

    /// Ends when the client is gone. To be called once the body is read. May be dropped and called again.
    pub(super) async fn left(&mut self) {
        match self {
            Self::Http1(exchange) => exchange.left().await,
            Self::Http2(exchange) => exchange.left().await,
        }
    }

    /// Begins the answer. `close` ends the connection after it, where the version of HTTP leaves that to us.
    pub(super) async fn answer(
        self,
        head: AnswerHead,
        length: ResponseLength,
        close: bool,
    ) -> Result<Answer, ClientGone> {
        match self {
            Self::Http1(exchange) => Ok(Answer::Http1(Box::new(exchange.answer(head, length, close).await?))),
            Self::Http2(exchange) => Ok(Answer::Http2(Box::new(exchange.answer(&head, length)?))),
        }
    }
}

impl Answer {
    /// Writes what there is, without waiting for more, and ends when the client is gone. May be dropped and called
    /// again.
    pub(super) async fn flush_and_watch(&mut self) -> ClientGone {
        match self {
            Self::Http1(answer) => {
                if bounded(answer.flush()).await.is_ok() {
                    answer.left().await;
                }
            }
            // Its connection writes by itself.
            Self::Http2(answer) => answer.left().await,
        }
        ClientGone
    }

    /// Writes bytes of the body.
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), ClientGone> {
        match self {
            Self::Http1(answer) => bounded(answer.write(bytes)).await,
            Self::Http2(answer) => answer.write(bytes).await,
        }
    }

    /// Completes the answer. The connection comes back if it can take another request.
    pub(super) async fn finish(self) -> Result<Option<Finished>, ClientGone> {
        match self {
            Self::Http1(answer) => bounded(answer.finish()).await,
            Self::Http2(mut answer) => {
                answer.finish()?;
                Ok(None)
            }
        }
    }

    /// Breaks the answer off, so that the client sees that it is not complete.
    pub(super) fn cut(self) {
        match self {
            Self::Http1(answer) => answer.cut(),
            Self::Http2(answer) => answer.cut(),
        }
    }
}

/// A connection after an answer.
pub(super) enum Finished {
    /// It takes another request.
    Reusable(Box<Conn>),
    /// It ends; the client may still be sending.
    Closing(Box<Conn>),
}

async fn bounded<T>(write: impl Future<Output = io::Result<T>>) -> Result<T, ClientGone> {
    match within(WRITE_STALL, pin!(write)).await {
        Ok(written) => Ok(written?),
        Err(_) => Err(ClientGone),
    }
}
