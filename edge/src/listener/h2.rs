//! An HTTP/2 connection: Pingora's handshake, then one task per stream, all of them ended with the connection.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use h2::server::Connection;
use pingora::{
    protocols::{
        Stream,
        http::v2::server::{H2Options, handshake},
    },
    server::ShutdownWatch,
};
use tokio::{
    task::JoinSet,
    time::{Instant as Deadline, sleep_until, timeout, timeout_at},
};

use super::h1::draining;
use crate::{
    config::Limits,
    conn::Conn,
    ingress::{Arrival, Ingress, Peer},
};

/// How long a client that has nothing in flight may take to hear that the edge is about to stop.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long a client may take to read the last bytes of its answers.
const LAST_BYTES: Duration = Duration::from_secs(10);
const MAX_STREAMS: u32 = 100;
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// What one stream's answer may hold in memory before the client reads it.
const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// Header blocks up to this many times the limit are taken in to be answered; larger ones end the connection.
const HEADER_SLACK: usize = 4;

/// Serves requests until the client or the shutdown ends it.
pub(super) async fn serve(conn: Box<Conn>, peer: Peer, ingress: &Arc<Ingress>, mut shutdown: ShutdownWatch) {
    let limits = ingress.limits();
    let deadline = Deadline::now() + limits.client_head;
    let Ok(Ok(mut connection)) = timeout_at(deadline, handshake(conn, Some(options(limits)))).await else {
        return;
    };
    let mut streams = JoinSet::new();
    let mut idle_since = deadline;
    let (mut stopping, mut asked) = (false, false);
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                let Some(Ok((request, respond))) = accepted else { break };
                asked = true;
                let ingress = ingress.clone();
                let arrival = Arrival { peer, started: std::time::Instant::now() };
                streams.spawn(async move { ingress.handle_h2(request, respond, arrival).await });
            }
            Some(ended) = streams.join_next(), if !streams.is_empty() => {
                report(ended);
                idle_since = Deadline::now() + if stopping { GOODBYE } else { limits.client_keepalive };
            }
            () = sleep_until(idle_since), if streams.is_empty() => break,
            () = draining(&mut shutdown), if !stopping => {
                connection.graceful_shutdown();
                stopping = true;
                idle_since = idle_since.min(Deadline::now() + GOODBYE);
            }
        }
    }
    // To a client that has never asked there is nothing left to say.
    if asked {
        end(connection, streams).await;
    }
}

/// Lets go of the connection. Streams that are still there notice, and say so in their access lines.
async fn end(mut connection: Connection<Stream, Bytes>, mut streams: JoinSet<()>) {
    connection.graceful_shutdown();
    // What was written last may still be on its way out; a client that does not take it loses it.
    let _ = timeout(LAST_BYTES, std::future::poll_fn(|cx| connection.poll_closed(cx))).await;
    drop(connection);
    while let Some(ended) = streams.join_next().await {
        report(ended);
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a request has panicked");
    }
}

fn options(limits: &Limits) -> H2Options {
    let mut options = H2Options::default();
    options
        .max_header_list_size(u32::try_from(limits.header_bytes * HEADER_SLACK).unwrap_or(u32::MAX))
        .max_concurrent_streams(MAX_STREAMS)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buffer_size(SEND_BUFFER_BYTES);
    options
}
