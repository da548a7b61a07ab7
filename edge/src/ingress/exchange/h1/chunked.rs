//! A chunked body, taken out of its chunks by a session of Pingora's. The connection has judged each byte before.

use std::io;

use bytes::{Bytes, BytesMut};
use pingora::{
    ErrorType,
    protocols::{Stream, http::v1::server::HttpSession},
};

use crate::{
    conn::{Conn, MalformedChunks},
    ingress::exchange::ReadError,
};

/// What a session gets to see of a head: all that it has to know.
const HEAD: &[u8] = b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";

/// A chunked body that is being read.
pub(super) struct Chunked(HttpSession);

impl Chunked {
    /// `conn` is past the head.
    pub(super) async fn begin(mut conn: Box<Conn>) -> Option<Self> {
        conn.expect_chunks(true);
        let mut session = HttpSession::new(conn);
        session.set_pipelined_prefix(BytesMut::from(HEAD));
        session.set_pipelining_enabled(true);
        // We have deadlines of our own, for the whole body.
        session.set_read_timeout(None);
        session.read_request().await.ok()??;
        // Otherwise an interim answer would forbid to use the connection again.
        session.set_close_on_response_before_downstream_finish(false);
        Some(Self(session))
    }

    pub(super) fn is_over(&mut self) -> bool {
        self.0.is_body_done()
    }

    pub(super) async fn ask_for_body(&mut self) -> Result<(), ReadError> {
        self.0.write_continue_response().await.map_err(|_| ReadError::Left)
    }

    pub(super) async fn read(&mut self) -> Result<Option<Bytes>, ReadError> {
        self.0.read_body_bytes().await.map_err(|error| match error.etype() {
            _ if is_malformed(&error) => ReadError::Malformed,
            ErrorType::ConnectionClosed | ErrorType::ReadError => ReadError::Left,
            _ => ReadError::Malformed,
        })
    }

    /// Ends when the client is gone; the first byte of a further request is kept.
    pub(super) async fn left(&mut self) {
        while self.0.read_body_or_idle(true).await.is_ok() {}
    }

    /// The connection, with what of the next request was read already, if it is to be used again.
    pub(super) async fn leave(self, keep: bool) -> Option<Box<Conn>> {
        let (stream, next_request) =
            if keep { self.0.reuse().await.ok()??.into_parts() } else { (self.0.into_inner(), None) };
        let mut conn = conn(stream)?;
        // What comes from here on is not part of the body.
        conn.expect_chunks(false);
        if let Some(bytes) = next_request {
            conn.rewind(bytes);
        }
        Some(conn)
    }
}

/// A session's stream is always a connection of ours.
fn conn(stream: Stream) -> Option<Box<Conn>> {
    stream.into_any().downcast().ok()
}

/// Whether the connection itself has refused what came.
fn is_malformed(error: &pingora::Error) -> bool {
    let cause = error.root_cause().downcast_ref::<io::Error>();
    cause.and_then(io::Error::get_ref).is_some_and(|cause| cause.is::<MalformedChunks>())
}
