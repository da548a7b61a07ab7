//! Connections to flow endpoints that wait for their next request.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use futures::task::noop_waker_ref;
use hashbrown::HashMap;
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    time::{Sleep, sleep},
};

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

/// A connection to a flow endpoint, and what stays with it from one request to the next.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) conn: Box<Conn>,
    pub(super) destination: Destination,
    /// For what its answers are waited for.
    pub(super) timer: Pin<Box<Sleep>>,
    /// For what is read of its answers.
    pub(super) memory: BytesMut,
}

impl Upstream {
    /// One that is new.
    pub(super) fn new(conn: Conn, destination: Destination) -> Self {
        Self {
            conn: Box::new(conn),
            destination,
            timer: Box::pin(sleep(Duration::ZERO)),
            memory: BytesMut::new(),
        }
    }
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
    upstream: Upstream,
    since: Instant,
}

impl Pool {
    /// One that keeps connections for `keep`.
    pub(super) fn new(keep: Duration) -> Arc<Self> {
        Arc::new(Self { idle: Mutex::default(), keep })
    }

    /// The connection to one of `addresses` that has waited shortest and is still good.
    pub(super) fn take(&self, addresses: &[SocketAddr], host: &str, tls: bool) -> Option<Upstream> {
        let mut idle = self.lock();
        for address in addresses {
            while let Some(mut waiting) = idle.pop(*address, host, tls) {
                if self.is_good(&mut waiting) {
                    return Some(waiting.upstream);
                }
            }
        }
        None
    }

    fn is_good(&self, waiting: &mut Waiting) -> bool {
        waiting.since.elapsed() < self.keep && is_silent(&mut waiting.upstream.conn)
    }

    /// Lets a connection wait for its next request.
    pub(super) fn put(&self, upstream: Upstream) {
        if self.keep.is_zero() {
            return;
        }
        let mut idle = self.lock();
        if idle.count >= MAX_IDLE {
            return;
        }
        let waiting = idle.by_address.entry(upstream.destination.addr).or_default();
        if waiting.len() < MAX_IDLE_PER_ADDRESS {
            waiting.push(Waiting { upstream, since: Instant::now() });
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
            waiting.retain_mut(|waiting| self.is_good(waiting));
            !waiting.is_empty()
        });
        idle.count = idle.by_address.values().map(Vec::len).sum();
    }
}

impl Idle {
    fn pop(&mut self, address: SocketAddr, host: &str, tls: bool) -> Option<Waiting> {
        let waiting = self.by_address.get_mut(&address)?;
        let fits = |waiting: &Waiting| {
            let destination = &waiting.upstream.destination;
            destination.tls == tls && &*destination.host == host
        };
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
