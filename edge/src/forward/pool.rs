//! Connections to flow endpoints that wait for their next request.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::task::noop_waker_ref;
use hashbrown::HashMap;
use tokio::io::{AsyncRead as _, ReadBuf};

use crate::conn::Conn;

/// Waiting connections to one address; further ones are closed.
const MAX_IDLE_PER_ADDRESS: usize = 128;
/// Waiting connections altogether; further ones are closed.
const MAX_IDLE: usize = 4096;
/// How often connections that have waited too long are closed.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Where a connection leads: it is used again only for the same of all of these. Whose certificates count is the same
/// for all connections of an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) addr: SocketAddr,
    pub(super) host: Box<str>,
    pub(super) tls: bool,
}

#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<Idle>,
    keep: Duration,
}

#[derive(Debug, Default)]
struct Idle {
    by_address: HashMap<SocketAddr, Vec<Waiting>>,
    count: usize,
}

#[derive(Debug)]
struct Waiting {
    conn: Box<Conn>,
    destination: Destination,
    since: Instant,
}

impl Pool {
    /// One that keeps connections for `keep`.
    pub(super) fn new(keep: Duration) -> Arc<Self> {
        Arc::new(Self { idle: Mutex::default(), keep })
    }

    /// The connection to one of `addresses` that has waited shortest and is still good.
    pub(super) fn take(
        &self,
        addresses: &[SocketAddr],
        host: &str,
        tls: bool,
    ) -> Option<(Box<Conn>, Destination)> {
        let mut idle = self.lock();
        for address in addresses {
            while let Some(waiting) = idle.pop(*address, host, tls) {
                if let Some(conn) = self.still_good(waiting.conn, waiting.since) {
                    return Some((conn, waiting.destination));
                }
            }
        }
        None
    }

    fn still_good(&self, mut conn: Box<Conn>, since: Instant) -> Option<Box<Conn>> {
        (since.elapsed() < self.keep && is_silent(&mut conn)).then_some(conn)
    }

    /// Lets a connection wait for its next request.
    pub(super) fn put(&self, conn: Box<Conn>, destination: Destination) {
        if self.keep.is_zero() {
            return;
        }
        let mut idle = self.lock();
        if idle.count >= MAX_IDLE {
            return;
        }
        let waiting = idle.by_address.entry(destination.addr).or_default();
        if waiting.len() < MAX_IDLE_PER_ADDRESS {
            waiting.push(Waiting { conn, destination, since: Instant::now() });
            idle.count += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        // A poisoned lock is taken all the same: at worst the count is off by one.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sweep(&self) {
        let mut idle = self.lock();
        idle.by_address.retain(|_, waiting| {
            waiting.retain_mut(|waiting| waiting.since.elapsed() < self.keep && is_silent(&mut waiting.conn));
            !waiting.is_empty()
        });
        idle.count = idle.by_address.values().map(Vec::len).sum();
    }
}

impl Idle {
    fn pop(&mut self, address: SocketAddr, host: &str, tls: bool) -> Option<Waiting> {
        let waiting = self.by_address.get_mut(&address)?;
        let fits = |waiting: &Waiting| waiting.destination.tls == tls && &*waiting.destination.host == host;
        let found = waiting.swap_remove(waiting.iter().rposition(fits)?);
        self.count -= 1;
        Some(found)
    }
}

/// Closes connections that have waited too long or that the other side has closed, for as long as there is a pool.
pub(super) async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.sweep();
    }
}

/// Whether the other side has neither closed nor said anything that nobody asked for.
fn is_silent(conn: &mut Conn) -> bool {
    let mut byte = [0];
    let mut context = Context::from_waker(noop_waker_ref());
    matches!(Pin::new(conn).poll_read(&mut context, &mut ReadBuf::new(&mut byte)), Poll::Pending)
}
