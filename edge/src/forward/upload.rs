//! Writes a request, head and body, step by step.

use std::{future::poll_fn, io, pin::pin, task::Poll, time::Duration};

use bytes::{Buf, Bytes, buf::Chain};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::{Source, SourceError, head::Framing, link::Writer};
use crate::conn::Conn;

/// A request on its way to a flow endpoint.
#[derive(Debug)]
pub(super) struct Upload {
    pending: Chain<Bytes, Chain<Bytes, &'static [u8]>>,
    /// Whether bytes were written that still have to leave a buffer below.
    unflushed: bool,
    rest: Rest,
    /// Whether nothing was taken from the source, so that it can all be written again.
    untouched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// More comes from the source, of the length that is left of it.
    Streamed(Framing),
    /// What is pending is the end.
    Nothing,
    /// The endpoint takes no more.
    Refused,
}

/// What a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Some of the request was written.
    Progress,
    /// All of it was written.
    Complete,
    /// The endpoint takes no more of it. It may have answered all the same.
    Refused,
    /// The endpoint took nothing for too long.
    Stalled,
}

impl Upload {
    /// A request whose body is all there.
    pub(super) fn whole(head: Bytes, body: Bytes) -> Self {
        Self { pending: frame(head, body, b""), unflushed: true, rest: Rest::Nothing, untouched: true }
    }

    /// A request whose body comes from a source.
    pub(super) fn streamed(head: Bytes, framing: Framing) -> Self {
        let pending = frame(head, Bytes::new(), b"");
        Self { pending, unflushed: true, rest: Rest::Streamed(framing), untouched: true }
    }

    /// Whether there is nothing left to do.
    pub(super) fn is_over(&self) -> bool {
        match self.rest {
            Rest::Streamed(_) => false,
            Rest::Nothing => !self.pending.has_remaining() && !self.unflushed,
            Rest::Refused => true,
        }
    }

    /// Whether the whole request could be sent again.
    pub(super) fn can_be_repeated(&self) -> bool {
        self.untouched
    }

    /// Writes no more.
    pub(super) fn give_up(&mut self) {
        self.rest = Rest::Refused;
    }

    /// Writes a request whose body is all there as far as the connection takes it without waiting, which usually is to
    /// its end.
    pub(super) async fn write_at_once(&mut self, conn: &mut Conn) {
        if self.rest != Rest::Nothing {
            return;
        }
        let written = {
            let mut write = pin!(self.write(conn));
            poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx))).await
        };
        if let Poll::Ready(Err(_)) = written {
            self.give_up();
        }
    }

    /// Writes what is pending, or gets more of it, while there is anything left to do. May be dropped and called again.
    pub(super) async fn step(
        &mut self,
        writer: &mut Option<Writer>,
        source: &mut impl Source,
        stall: Duration,
    ) -> Result<Step, SourceError> {
        if let Some(writer) = writer {
            // While there is more of the body to read, its bytes are all that the sender could be heard by.
            let body_is_over = self.rest == Rest::Nothing;
            let written = tokio::select! {
                written = timeout(stall, self.write(writer)) => written,
                () = source.abandoned(), if body_is_over => return Err(SourceError::GaveUp),
            };
            match written {
                Ok(Ok(())) => {}
                Ok(Err(_)) => {
                    self.give_up();
                    return Ok(Step::Refused);
                }
                Err(_) => return Ok(Step::Stalled),
            }
        }
        let Rest::Streamed(framing) = self.rest else { return Ok(Step::Complete) };
        let next = source.next().await?;
        self.untouched = false;
        self.unflushed = true;
        self.pending = match (next, framing) {
            (Some(bytes), Framing::Chunked) => frame(format!("{:x}\r\n", bytes.len()).into(), bytes, b"\r\n"),
            (Some(bytes), Framing::Length(length)) => {
                let left = length.saturating_sub(bytes.len() as u64);
                self.rest = if left == 0 { Rest::Nothing } else { Rest::Streamed(Framing::Length(left)) };
                frame(Bytes::new(), bytes, b"")
            }
            (Some(bytes), Framing::None) => frame(Bytes::new(), bytes, b""),
            (None, framing) => {
                self.rest = Rest::Nothing;
                let end: &[u8] = if framing == Framing::Chunked { b"0\r\n\r\n" } else { b"" };
                frame(Bytes::new(), Bytes::new(), end)
            }
        };
        Ok(Step::Progress)
    }

    async fn write(&mut self, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        writer.write_all_buf(&mut self.pending).await?;
        // It may be large, and nobody needs it any more.
        self.pending = frame(Bytes::new(), Bytes::new(), b"");
        writer.flush().await?;
        self.unflushed = false;
        Ok(())
    }
}

fn frame(before: Bytes, bytes: Bytes, after: &'static [u8]) -> Chain<Bytes, Chain<Bytes, &'static [u8]>> {
    before.chain(Buf::chain(bytes, after))
}
