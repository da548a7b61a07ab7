//! Webhooks: at rest, and while mappings change.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use pointsman_proto::admin::v1::customer_mapping_row::Target;
use pointsman_tests::sender::post_json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Args, changes,
    data::Data,
    part::{ControlPlane, Edge},
    report::{Report, number},
};

/// Third parties that post at a time, each when it is answered.
const SENDERS: usize = 16;
/// Third parties that post at a fixed rate: so many that one has hardly ever to wait for the answer to another.
const SENDERS_AT_A_RATE: usize = 64;
/// Turns of rest and of changes, so that both see the same machine.
const TURNS: u32 = 5;
/// Mappings of a batch, and batches a second: 1,000 changes.
const BATCH: usize = 100;
const BETWEEN_BATCHES: Duration = Duration::from_millis(100);
/// Webhooks that are looked at one by one.
const CHECKED: usize = 50;

/// Looks whether webhooks of some mappings reach their customers.
pub(crate) async fn check(edge: &Edge, plane: &ControlPlane, data: &Data) {
    let hooks = data.hooks(plane).await;
    for mapping in (0..data.mappings).step_by((data.mappings / CHECKED).max(1)) {
        let answer = post_json(edge.addr(), &hooks[data.integration_of(mapping)], body(mapping)).await;
        let row = data.row(mapping, 0);
        let Some(Target::Customer(customer)) = row.target else { panic!("a customer by name") };
        let external_id = customer.replace("customers/customer-", "external-");
        assert_eq!((answer.status.as_u16(), answer.header("x-customer")), (200, &*external_id), "{answer:?}");
    }
}

/// Webhooks at half of what the edge can take, without changes and with them, in turns.
pub(crate) async fn beside_changes(report: &mut Report, edge: &Edge, plane: &ControlPlane, args: &Args) {
    let hooks = Arc::new(args.data.hooks(plane).await);
    let third = Duration::from_secs(args.seconds.div_ceil(3));
    let load = |rate| Load { addr: edge.addr(), hooks: Arc::clone(&hooks), data: args.data, rate };
    let most = number(load(None).send(third).await.len()) / third.as_secs_f64();
    let half = load(Some(most / 2.0));
    let turn = Duration::from_secs(args.seconds) / TURNS;
    let (mut rest, mut busy) = (Vec::new(), Vec::new());
    let (mut batches, mut changed) = (0.., 0);
    for _ in 0..TURNS {
        rest.extend(half.send(turn).await);
        let stop = CancellationToken::new();
        let beside = async {
            busy.extend(half.send(turn).await);
            stop.cancel();
        };
        changed += tokio::join!(beside, change(plane, &args.data, &mut batches, &stop)).1;
    }
    let changes = number(changed) / (turn * TURNS).as_secs_f64();
    report.webhooks(most, changes, rest, busy);
}

/// Changes mappings in batches until `stop`, and says how many.
async fn change(
    plane: &ControlPlane,
    data: &Data,
    batches: &mut impl Iterator<Item = usize>,
    stop: &CancellationToken,
) -> usize {
    let mut ticks = interval(BETWEEN_BATCHES);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut changed = 0;
    for batch in batches {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            break;
        }
        let integration = data.integration_of(batch);
        // From round to round they go to the next customer.
        let turn = 2 + batch / data.mapped();
        let rows: Vec<_> = data.of(integration).take(BATCH).map(|mapping| data.row(mapping, turn)).collect();
        changed += rows.len();
        changes::write(plane, integration, rows).await;
    }
    changed
}

/// Webhooks: at this rate, or from each sender as fast as it is answered.
struct Load {
    addr: SocketAddr,
    hooks: Arc<Vec<String>>,
    data: Data,
    rate: Option<f64>,
}

impl Load {
    /// Posts for so long, and says how long each took.
    async fn send(&self, time: Duration) -> Vec<Duration> {
        let senders = if self.rate.is_some() { SENDERS_AT_A_RATE } else { SENDERS };
        let mut connections = Vec::new();
        for _ in 0..senders {
            connections.push(Connection::open(self.addr).await);
        }
        let started = Instant::now();
        let sender = |(sender, mut connection): (usize, Connection)| {
            let (hooks, data, rate) = (Arc::clone(&self.hooks), self.data, self.rate);
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                for n in (sender..).step_by(senders) {
                    let due = match rate {
                        Some(rate) => wait_until(started + Duration::from_secs_f64(number(n) / rate)).await,
                        None => Instant::now(),
                    };
                    if started.elapsed() >= time {
                        break;
                    }
                    let mapping = n.wrapping_mul(7_919) % data.mappings;
                    connection.post(&hooks[data.integration_of(mapping)], &body(mapping)).await;
                    latencies.push(due.elapsed());
                }
                latencies
            })
        };
        let senders: Vec<_> = connections.into_iter().enumerate().map(sender).collect();
        let mut all = Vec::new();
        for sender in senders {
            all.extend(sender.await.expect("a sender"));
        }
        all
    }
}

/// Since when a webhook waits that is due `at`: where the one before took too long, since then.
async fn wait_until(at: Instant) -> Instant {
    if at <= Instant::now() {
        return at;
    }
    sleep_until(at.into()).await;
    Instant::now()
}

fn body(mapping: usize) -> String {
    format!("{{\"customerId\":\"{}\"}}", Data::source(mapping))
}

/// A connection that is kept.
struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.expect("a connection");
        stream.set_nodelay(true).expect("a setting");
        Self { stream, answer: vec![0; 4096] }
    }

    /// The answer must be 200 without a body.
    async fn post(&mut self, path: &str, body: &str) {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).await.expect("a request goes out");
        let mut filled = 0;
        while !self.answer[..filled].ends_with(b"\r\n\r\n") {
            let read = self.stream.read(&mut self.answer[filled..]).await.expect("an answer");
            assert!(read > 0, "the edge closed the connection");
            filled += read;
        }
        let head = String::from_utf8_lossy(&self.answer[..filled]);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }
}
