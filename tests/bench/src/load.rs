//! The third parties: one thread that sends webhooks over many connections and checks every answer.
//!
//! [`Load::closed`] keeps a request under way on each connection: what a contestant can do. [`Load::open`] sends at a fixed
//! rate whatever the answers do, and counts a request's time from when it was due: a contestant that stalls is not spared
//! the requests that had to wait meanwhile.

mod connection;
mod latencies;
mod steady;

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    os::fd::OwnedFd,
    sync::Arc,
    time::{Duration, Instant},
};

use pointsman_bench::customers::{Customer, Flow};
use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
    io::Errno,
};

use self::connection::{Connection, Fault};
pub(crate) use self::{connection::Expected, latencies::Latencies, steady::Steady};
use crate::webhooks::Webhook;

/// Before a measurement: until this has passed, and every connection has had an answer.
const WARM_UP: Duration = Duration::from_millis(100);
/// A contestant that answers nothing for so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// A window is longer than asked for, up to so many times, where each connection would have had less than two answers.
const STRETCH: u32 = 5;

/// What the third party calls a customer that nobody knows.
const NOBODY: &str = "ZZZZZZZZ";

/// Where webhooks go, and where they belong.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) addr: SocketAddr,
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
    pub(crate) webhook: Webhook,
    pub(crate) route: Route,
    /// Webhooks are of the first so many customers.
    pub(crate) customers: u32,
}

/// Which flow a webhook belongs to.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// That of its customer and type.
    Routed,
    /// Always this path: the contestant does not look into the body.
    Fixed(String),
    /// None: the customer is not known, and the contestant must say so.
    Unknown,
}

/// What was measured in one turn of a contestant.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    /// The contestant's, over the same time.
    pub(crate) cpu: Duration,
    pub(crate) latencies: Latencies,
}

/// Why a turn failed. There is no turn in which only some answers were wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("{0}")]
    Fault(#[from] Fault),
    #[error("no answer for {PATIENCE:?}")]
    Stalled,
    #[error("polling failed: {0}")]
    Poll(#[from] Errno),
}

/// Open connections to a contestant.
pub(crate) struct Load {
    poll: OwnedFd,
    events: Vec<Event>,
    connections: Vec<Connection>,
    target: Target,
    random: u64,
}

impl Load {
    pub(crate) fn connect(target: Target, connections: usize) -> Result<Self, LoadError> {
        let poll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut opened = Vec::with_capacity(connections);
        for index in 0..connections {
            let connection =
                Connection::open(target.addr, target.tls.as_ref()).map_err(LoadError::Connect)?;
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            epoll::add(&poll, connection.stream(), EventData::new_u64(index as u64), flags)?;
            opened.push(connection);
        }
        let events = Vec::with_capacity(connections);
        Ok(Self { poll, events, connections: opened, target, random: 0x9E37_79B9_7F4A_7C15 })
    }

    /// A request under way on each connection, for `window`; `cpu` tells what the contestant has used so far.
    pub(crate) fn closed(&mut self, window: Duration, cpu: impl Fn() -> Duration) -> Result<Turn, LoadError> {
        let enough = 2 * self.connections.len() as u64;
        for index in 0..self.connections.len() {
            self.send(index, Instant::now())?;
        }
        let mut fresh: Vec<bool> = vec![true; self.connections.len()];
        let mut fresh_left = fresh.len();
        let opened = Instant::now();
        let mut measured: Option<(Instant, Duration)> = None;
        let mut turn = Turn::default();
        loop {
            let done = self.answers(Some(PATIENCE))?;
            if done.is_empty() {
                return Err(LoadError::Stalled);
            }
            let now = Instant::now();
            for index in done {
                if std::mem::take(&mut fresh[index]) {
                    fresh_left -= 1;
                }
                if measured.is_some() {
                    turn.requests += 1;
                    turn.latencies.add(self.connections[index].answered_after());
                }
                self.send(index, now)?;
            }
            match measured {
                None if fresh_left == 0 && opened.elapsed() >= WARM_UP => {
                    measured = Some((Instant::now(), cpu()));
                }
                None => {}
                Some((started, before)) => {
                    let elapsed = started.elapsed();
                    if elapsed >= window && (turn.requests >= enough || elapsed >= window * STRETCH) {
                        turn.cpu = cpu().saturating_sub(before);
                        turn.elapsed = started.elapsed();
                        return Ok(turn);
                    }
                }
            }
        }
    }

    /// Requests at `rate` a second for `window`, each counted from when it was due.
    pub(crate) fn open(&mut self, rate: f64, window: Duration) -> Result<Turn, LoadError> {
        let mut schedule = Steady::new(rate, WARM_UP, window);
        let mut idle: VecDeque<usize> = (0..self.connections.len()).collect();
        let mut turn = Turn { elapsed: window, ..Turn::default() };
        while idle.len() < self.connections.len() || !schedule.is_over() {
            while let Some(index) = idle.front().copied() {
                let Some(due) = schedule.due(Instant::now()) else { break };
                idle.pop_front();
                self.send(index, due)?;
            }
            let pause = if idle.is_empty() { None } else { schedule.pause(Instant::now()) };
            let done = self.answers(pause.or(Some(PATIENCE)))?;
            if done.is_empty() && pause.is_none() {
                return Err(LoadError::Stalled);
            }
            for index in done {
                if schedule.counts(self.connections[index].due()) {
                    turn.requests += 1;
                    turn.latencies.add(self.connections[index].answered_after());
                }
                idle.push_back(index);
            }
        }
        Ok(turn)
    }

    /// One request after the other, `count` of them over all connections.
    pub(crate) fn check(&mut self, count: usize) -> Result<(), LoadError> {
        for request in 0..count {
            self.send(request % self.connections.len(), Instant::now())?;
            if self.answers(Some(PATIENCE))?.is_empty() {
                return Err(LoadError::Stalled);
            }
        }
        Ok(())
    }

    /// Sends the next webhook on a connection that has none under way.
    fn send(&mut self, index: usize, due: Instant) -> Result<(), LoadError> {
        let random = self.next_random();
        let customer = Customer((random >> 33) as u32 % self.target.customers);
        let flow = Flow::ALL[(random >> 32) as usize % 2];
        let webhook = &self.target.webhook;
        let (fields, expected) = match &self.target.route {
            Route::Unknown => (webhook.fields(NOBODY, flow), Expected::Refusal),
            route => {
                let fields = webhook.fields(&customer.source_id(), flow);
                let answer = match route {
                    Route::Fixed(path) => webhook.answer(path, &fields),
                    _ => webhook.answer(&customer.path(flow), &fields),
                };
                (fields, Expected::Answer(answer))
            }
        };
        Ok(self.connections[index].send(webhook, fields, expected, due)?)
    }

    /// Waits for something to happen, and says which connections have their answers.
    fn answers(&mut self, wait: Option<Duration>) -> Result<Vec<usize>, LoadError> {
        let until = wait.map(|wait| Instant::now() + wait);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let left = left.map(|left| Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            });
            match epoll::wait(&self.poll, spare_capacity(&mut self.events), left.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let mut done = Vec::new();
            for event in self.events.drain(..) {
                let index = event.data.u64() as usize;
                if self.connections[index].pump(&self.target.webhook)? {
                    done.push(index);
                }
            }
            if !done.is_empty() || until.is_some_and(|until| Instant::now() >= until) {
                return Ok(done);
            }
        }
    }

    /// xorshift64*
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self { requests: 0, elapsed: Duration::ZERO, cpu: Duration::ZERO, latencies: Latencies::default() }
    }
}

impl Turn {
    /// Microseconds of the contestant's CPU for each request.
    pub(crate) fn cpu_per_request(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.requests as f64
    }

    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }
}
