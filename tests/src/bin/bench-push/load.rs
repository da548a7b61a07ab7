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

/// Third parties that post at a time.
const SENDERS: usize = 16;
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

/// Webhooks at half of what the edge can take, without changes and with them.
pub(crate) async fn beside_changes(report: &mut Report, edge: &Edge, plane: &ControlPlane, args: &Args) {
    let hooks = Arc::new(args.data.hooks(plane).await);
    let sent = |rate, seconds| send(edge.addr(), Arc::clone(&hooks), args.data, rate, seconds);
    let short = Duration::from_secs(args.seconds.div_ceil(3));
    let long = Duration::from_secs(args.seconds);
    let most = number(sent(None, short).await.len()) / short.as_secs_f64();
    let rate = most / 2.0;
    let rest = sent(Some(rate), long).await;
    let stop = CancellationToken::new();
    let (busy, changed) = tokio::join!(
        async {
            let busy = sent(Some(rate), long).await;
            stop.cancel();
            busy
        },
        change(plane, &args.data, &stop)
    );
    report.webhooks(rate, number(changed) / long.as_secs_f64(), rest, busy);
}

/// Changes mappings in batches until `stop`, and says how many.
async fn change(plane: &ControlPlane, data: &Data, stop: &CancellationToken) -> usize {
    let mut ticks = interval(BETWEEN_BATCHES);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut changed = 0;
    for batch in 0.. {
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

/// Posts webhooks and says how long each took: at this rate, or each sender as fast as it is answered.
async fn send(
    addr: SocketAddr,
    hooks: Arc<Vec<String>>,
    data: Data,
    rate: Option<f64>,
    time: Duration,
) -> Vec<Duration> {
    let started = Instant::now();
    let sender = |sender: usize| {
        let hooks = Arc::clone(&hooks);
        tokio::spawn(async move {
            let mut connection = Connection::open(addr).await;
            let mut latencies = Vec::new();
            for round in 0.. {
                let n = round * SENDERS + sender;
                let mut due = Instant::now();
                if let Some(rate) = rate {
                    let at = started + Duration::from_secs_f64(number(n) / rate);
                    // Where the one before took too long, this one has waited since it was due.
                    if at > due {
                        sleep_until(at.into()).await;
                        due = Instant::now();
                    } else {
                        due = at;
                    }
                }
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
    let senders: Vec<_> = (0..SENDERS).map(sender).collect();
    let mut all = Vec::new();
    for sender in senders {
        all.extend(sender.await.expect("a sender"));
    }
    all
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
