//! An HTTP/1 connection: one head after the other, each under its deadline and judged raw, then handed on.

use std::{io, pin::pin, sync::Arc, time::Instant};

use bytes::BytesMut;
use pingora::server::ShutdownWatch;
use pointsman_routing::outcome::{Outcome, Refusal};
use tokio::{
    io::AsyncReadExt as _,
    time::{Instant as Deadline, sleep_until, timeout_at},
};

use super::head::{self, HeadFault, HeadScanner};
use crate::{
    config::Limits,
    conn::Conn,
    ingress::{Arrival, Ingress, Peer},
    request::{Hop, RequestHead},
    within::passed,
};

/// What an HTTP/2 client with prior knowledge says first.
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const READ_BYTES: usize = 8 * 1024;

/// What the first bytes of a plain connection are.
pub(super) enum Opening {
    /// HTTP/1, as far as can be told.
    Http1,
    /// HTTP/2: the whole preface is there.
    Http2,
    /// Nobody to talk to.
    Nothing,
}

/// Reads as much of a plain connection as it takes to tell HTTP/2 from HTTP/1, within the time for a head. The bytes
/// are put back.
pub(super) async fn opening(conn: &mut Conn, deadline: Deadline, shutdown: &mut ShutdownWatch) -> Opening {
    let mut bytes = BytesMut::new();
    let opening = loop {
        let read = tokio::select! {
            biased;
            read = timeout_at(deadline, read_more(conn, &mut bytes)) => read,
            // Nothing has been asked for yet.
            () = draining(shutdown) => return Opening::Nothing,
        };
        if !matches!(read, Ok(Ok(1..))) {
            return Opening::Nothing;
        }
        if bytes.starts_with(H2_PREFACE) {
            break Opening::Http2;
        }
        if !H2_PREFACE.starts_with(&bytes) {
            break Opening::Http1;
        }
    };
    conn.rewind(bytes);
    opening
}

/// Serves requests until the client or the shutdown ends it.
pub(super) async fn serve(mut conn: Box<Conn>, peer: Peer, ingress: &Arc<Ingress>, shutdown: ShutdownWatch) {
    let limits = ingress.limits();
    let mut watch = shutdown.clone();
    let mut stop = pin!(draining(&mut watch));
    let mut idle_deadline = Deadline::now() + limits.client_head;
    let mut timer = pin!(sleep_until(idle_deadline));
    let mut bytes = BytesMut::new();
    loop {
        // The same memory again, where nobody holds on to what was in it.
        bytes.reserve(READ_BYTES);
        let idle = tokio::select! {
            // A request that is here is worth an answer, if only that the edge is about to stop.
            biased;
            read = conn.read_buf(&mut bytes) => !matches!(read, Ok(1..)),
            () = passed(timer.as_mut(), idle_deadline) => true,
            () = &mut stop => true,
        };
        if idle {
            return;
        }
        let arrival = Arrival { peer, started: Instant::now() };
        let (head, hop) = match read_head(&mut conn, &mut bytes, limits, arrival.started).await {
            Ok(head) => head,
            Err(NoHead::Left) => return,
            Err(NoHead::Refused(refusal)) => return ingress.refuse_head(conn, &refusal, arrival).await,
        };
        // The body is read through the connection, which judges it where that is needed.
        if !bytes.is_empty() {
            conn.rewind(bytes.split());
        }
        let Some(reused) = ingress.handle_h1(conn, head, hop, arrival, &shutdown).await else { return };
        conn = reused;
        idle_deadline = Deadline::now() + limits.client_keepalive;
    }
}

enum NoHead {
    Left,
    Refused(Refusal),
}

impl From<HeadFault> for NoHead {
    fn from(fault: HeadFault) -> Self {
        Self::Refused(fault.refusal())
    }
}

/// Reads on until `bytes` starts with a complete head, and takes it off.
async fn read_head(
    conn: &mut Conn,
    bytes: &mut BytesMut,
    limits: &Limits,
    started: Instant,
) -> Result<(RequestHead, Hop), NoHead> {
    let deadline = Deadline::from_std(started) + limits.client_head;
    let mut scanner = HeadScanner::default();
    loop {
        // A client may send an empty line after a body, which belongs to nothing.
        while bytes.starts_with(b"\r\n") {
            let _ = bytes.split_to(2);
        }
        let end = scanner_end(&mut scanner, bytes)?;
        if end.unwrap_or(bytes.len()) > limits.header_bytes {
            return Err(HeadFault::TooLarge(limits.header_bytes).into());
        }
        if let Some(end) = end {
            return Ok(head::parse(bytes.split_to(end))?);
        }
        match timeout_at(deadline, read_more(conn, bytes)).await {
            Ok(Ok(1..)) => {}
            Ok(_) => return Err(NoHead::Left),
            Err(_) => {
                let detail = format!("the header did not arrive within {:?}", limits.client_head);
                return Err(NoHead::Refused(Refusal::new(Outcome::RequestTimeout, detail)));
            }
        }
    }
}

/// A lone `\r` may become an empty line that belongs to nothing, so it is not judged yet.
fn scanner_end(scanner: &mut HeadScanner, bytes: &[u8]) -> Result<Option<usize>, HeadFault> {
    if bytes == b"\r" { Ok(None) } else { scanner.find_end(bytes) }
}

async fn read_more(conn: &mut Conn, bytes: &mut BytesMut) -> io::Result<usize> {
    bytes.reserve(READ_BYTES);
    conn.read_buf(bytes).await
}

/// Waits until the edge is about to stop.
pub(super) async fn draining(shutdown: &mut ShutdownWatch) {
    // A sender that is gone has stopped too.
    let _ = shutdown.wait_for(|stopping| *stopping).await;
}
