//! How fast customer mappings are imported while an edge serves, beside bare inserts of the same rows in the same run.
//!
//! ```text
//! cargo run --release -p pointsman-tests --bin bench-import -- [--rows 1000000] [--customers 10000] [--keep-going]
//! ```
//!
//! The control plane, the edge, the third party, the flow endpoint and another admin are all in this process and share
//! the machine, as they would with `pointsman up`.

#![expect(clippy::print_stdout, reason = "a program for people")]

mod load;
mod rows;
mod yardstick;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures::stream;
use http::Request;
use http_body_util::Full;
use pointsman_proto::admin::v1::{
    ImportCommit, ImportCustomerMappingsRequest, ImportCustomerMappingsResponse, ImportMode, ImportRows,
    ImportStart, WaitForRevisionRequest, customer_mapping_service_client::CustomerMappingServiceClient,
    edge_service_client::EdgeServiceClient, import_customer_mappings_request::Message,
};
use pointsman_tests::{
    acme,
    receiver::Receiver,
    sandbox::{EDGE_ID, Sandbox},
    sender::{self, Version},
};

use load::{Webhooks, Writer};
use rows::Rows;
use yardstick::Order;

/// Rows of a message.
const MESSAGE_ROWS: u64 = 5_000;
/// The goal: so many rows a second, or this share of what bare inserts reach.
const GOAL: (f64, f64) = (50_000.0, 0.5);

#[tokio::main]
async fn main() {
    let args = Args::read();
    let rows = Rows { count: args.rows, customers: args.customers };
    let flow = Receiver::start().await;
    let sandbox = Sandbox::start().await;
    sandbox.apply(&acme::manifest(&flow.url(""))).await;
    sandbox.apply(&rows.customers()).await;

    let webhooks = Webhooks::start(&sandbox).await;
    println!("bare inserts of {} rows…", args.rows);
    let bare = bare_inserts(rows, Order::File).await;
    println!("the same, sorted by their keys…");
    let sorted = bare_inserts(rows, Order::Sorted).await;
    let writer = Writer::start(&sandbox);
    println!("an import of {} rows…", args.rows);
    let started = Instant::now();
    let outcome = import(&sandbox, &rows, args.keep_going).await;
    let imported = started.elapsed();
    let writes = writer.stop().await;
    let hurried = webhooks.so_far();
    let served = serve(&sandbox, outcome.revision).await;
    let ended = streams_ended(&sandbox).await;
    let webhooks = webhooks.stop().await;
    assert_eq!((outcome.created, outcome.failed, outcome.committed), (rows.wire_count(), 0, true));

    let rate = rows.rate(imported);
    let (bare_rate, sorted_rate) = (rows.rate(bare), rows.rate(sorted));
    let lines = [
        ("rows", format!("{}", args.rows)),
        ("bare inserts, one transaction", format!("{bare_rate:.0} rows/s ({:.1} s)", bare.as_secs_f64())),
        (
            "bare inserts, sorted by their keys before",
            format!("{sorted_rate:.0} rows/s ({:.1} s)", sorted.as_secs_f64()),
        ),
        (
            "import, from the first row to the answer",
            format!("{rate:.0} rows/s ({:.1} s)", imported.as_secs_f64()),
        ),
        (
            "import ÷ bare inserts, ÷ sorted ones",
            format!("{:.2}, {:.2}", rate / bare_rate, rate / sorted_rate),
        ),
        ("revisions", format!("{}", outcome.revision)),
        (
            "another writer: writes, longest wait",
            format!("{}, {:.2} s", writes.count, writes.longest.as_secs_f64()),
        ),
        ("the edge serves the import after", format!("{:.1} s", served.as_secs_f64())),
        ("edge streams that ended", format!("{ended}")),
        ("webhooks, failed", format!("{}, {}", webhooks.count, webhooks.failed)),
        (
            "webhooks: longest until the answer, and until the edge served it",
            format!("{:.2} s, {:.2} s", hurried.longest.as_secs_f64(), webhooks.longest.as_secs_f64()),
        ),
        ("most memory of the whole process", peak_memory()),
        ("database", database_size(sandbox.stop().await.path())),
    ];
    for (what, figure) in &lines {
        println!("{what:66} {figure}");
    }
    let is_reached = rate >= GOAL.0 || rate / bare_rate >= GOAL.1;
    println!(
        "the goal, {} rows/s or {} of bare inserts, is {}",
        GOAL.0,
        GOAL.1,
        if is_reached { "reached" } else { "missed" }
    );
    assert!(is_reached && webhooks.failed == 0 && webhooks.count > 0, "see above");
}

struct Args {
    rows: u64,
    customers: u64,
    keep_going: bool,
}

impl Args {
    fn read() -> Self {
        let mut this = Self { rows: 1_000_000, customers: 10_000, keep_going: false };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number =
                || words.next().and_then(|word| word.parse().ok()).expect("a number behind a flag");
            match word.as_str() {
                "--rows" => this.rows = number(),
                "--customers" => this.customers = number(),
                "--keep-going" => this.keep_going = true,
                other => panic!("{other:?} is not a flag of this program"),
            }
        }
        this
    }
}

async fn bare_inserts(rows: Rows, order: Order) -> Duration {
    tokio::task::spawn_blocking(move || yardstick::insert(&rows, order)).await.expect("inserts")
}

/// How many streams from the control plane ended, for whatever reason.
async fn streams_ended(sandbox: &Sandbox) -> u64 {
    let request = Request::get("/metrics").body(Full::default()).expect("a request");
    let page = sender::send(sandbox.status_addr(), Version::Http1, request).await;
    let page = String::from_utf8(page.body.to_vec()).expect("text");
    let lines = page.lines().filter(|line| line.starts_with("pointsman_edge_config_streams_ended_total"));
    lines
        .map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<u64>().ok()).expect("a number"))
        .sum()
}

async fn import(sandbox: &Sandbox, rows: &Rows, keep_going: bool) -> ImportCustomerMappingsResponse {
    let message = |message| ImportCustomerMappingsRequest { message: Some(message) };
    let mode = if keep_going { ImportMode::KeepGoing } else { ImportMode::AllOrNothing };
    let start = ImportStart {
        parent: "integrations/acme-erp".to_owned(),
        import_id: "benchmark".to_owned(),
        mode: mode.into(),
        ..ImportStart::default()
    };
    let (all, count) = (*rows, rows.wire_count());
    let chunks = (0..rows.count).step_by(usize::try_from(MESSAGE_ROWS).expect("a small number"));
    let messages = chunks.map(move |first| {
        let last = (first + MESSAGE_ROWS).min(all.count);
        message(Message::Rows(ImportRows { rows: (first..last).map(|n| all.row(n)).collect() }))
    });
    let first = message(Message::Start(start));
    let last = message(Message::Commit(ImportCommit { row_count: count }));
    let messages = std::iter::once(first).chain(messages).chain(std::iter::once(last));
    let mut client = CustomerMappingServiceClient::new(sandbox.admin());
    client.import_customer_mappings(stream::iter(messages)).await.expect("an import").into_inner()
}

/// How long it takes until the edge serves a revision.
async fn serve(sandbox: &Sandbox, revision: i64) -> Duration {
    let started = Instant::now();
    let request = WaitForRevisionRequest {
        revision,
        edges: vec![format!("edges/{EDGE_ID}")],
        timeout: Some(prost_types::Duration { seconds: 300, nanos: 0 }),
        ..WaitForRevisionRequest::default()
    };
    let waited = EdgeServiceClient::new(sandbox.admin()).wait_for_revision(request).await;
    let waited = waited.expect("an answer").into_inner();
    assert!(waited.reached, "{waited:?}");
    started.elapsed()
}

fn database_size(data: &Path) -> String {
    let bytes = std::fs::metadata(data.join("pointsman.db")).expect("a database").len();
    format!("{} MB", bytes / 1_000_000)
}

/// As Linux tells it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(|| "not known".to_owned(), |peak| peak.trim().to_owned())
}
