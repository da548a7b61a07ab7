//! What routing costs by itself: reading two values out of a JSON body, and a whole decision among 100,000 deployments.
//!
//! ```text
//! cargo run --release -p pointsman-tests --bin bench-scan -- [--rounds 40] [--deployments 100000]
//! ```
//!
//! Each figure is the fastest of its rounds, in which all take turns: what else runs on the machine only adds. Beside
//! ours, on the same bytes: `memchr` for a byte that is not there (how fast the memory can be looked through), serde with
//! a struct of the two fields, and a `serde_json::Value`.

#![expect(clippy::print_stdout, reason = "a program for people")]

mod decision;
mod documents;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use http::Method;
use pointsman_routing::{headers::Headers, reference::Reference, results::Results, webhook::Webhook};

use documents::{Shape, document};

/// Sizes of documents, in bytes.
const SIZES: [usize; 4] = [512, 4 << 10, 64 << 10, 1 << 20];
/// How long one contestant has its turn.
const TURN: Duration = Duration::from_millis(2);

fn main() {
    let args = Args::read();
    println!("{:<8} {:>9}  {:<9} {:>10} {:>8} {:>10}", "shape", "bytes", "who", "ns", "GB/s", "÷ ours");
    for shape in Shape::ALL {
        for size in SIZES {
            scan(shape, size, args.rounds);
        }
    }
    println!();
    decision::measure(args.deployments, args.rounds);
}

/// One document, read by everybody.
fn scan(shape: Shape, size: usize, rounds: usize) {
    let body = document(shape, size);
    let body = body.as_bytes();
    let references = ["results.body.data.customerId", "results.body.data.type"]
        .map(|text| Reference::parse(text).expect("a reference"));
    let headers = Headers::from_iter([("content-type", "application/json")]);
    let read = || {
        let webhook =
            Webhook { method: &Method::POST, headers: &headers, query: "", path_fragment: "", body };
        let results = Results::Request(webhook);
        let [customer, kind] = results.read(references.each_ref().map(Some));
        let found = [customer, kind].map(|found| found.expect("readable").expect("a value").len());
        assert_eq!(found, [documents::CUSTOMER.len(), documents::KIND.len()]);
    };
    let memchr = || assert_eq!(memchr::memchr(0, black_box(body)), None);
    let partial = || {
        let found: documents::Partial<'_> = serde_json::from_slice(black_box(body)).expect("JSON");
        assert_eq!((&*found.customer_id, &*found.kind), (documents::CUSTOMER, documents::KIND));
    };
    let value = || {
        let found: serde_json::Value = serde_json::from_slice(black_box(body)).expect("JSON");
        assert_eq!(found["customerId"], documents::CUSTOMER);
        assert_eq!(found["type"], documents::KIND);
    };
    let best = fastest(rounds, &mut [&mut { read }, &mut { memchr }, &mut { partial }, &mut { value }]);
    for (who, took) in ["ours", "memchr", "struct", "Value"].into_iter().zip(&best) {
        println!(
            "{:<8} {:>9}  {who:<9} {took:>10.0} {:>8.2} {:>10.2}",
            shape.name(),
            body.len(),
            bytes_per_ns(body.len(), *took),
            took / best[0]
        );
    }
}

/// The least that each takes for one call, in nanoseconds.
fn fastest(rounds: usize, contestants: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut best = vec![f64::INFINITY; contestants.len()];
    for _ in 0..rounds {
        for (contestant, best) in contestants.iter_mut().zip(&mut best) {
            *best = best.min(turn(contestant));
        }
    }
    best
}

/// One turn of one contestant: nanoseconds for a call.
fn turn(contestant: &mut dyn FnMut()) -> f64 {
    // The first call finds cold caches, and says how many more there should be.
    let started = Instant::now();
    contestant();
    let calls = (TURN.as_nanos() / started.elapsed().as_nanos().max(1)).clamp(1, 100_000);
    let started = Instant::now();
    (0..calls).for_each(|_| contestant());
    as_float(started.elapsed().as_nanos()) / as_float(calls)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn as_float(count: u128) -> f64 {
    count as f64
}

fn bytes_per_ns(bytes: usize, nanoseconds: f64) -> f64 {
    as_float(bytes as u128) / nanoseconds
}

struct Args {
    rounds: usize,
    deployments: u64,
}

impl Args {
    fn read() -> Self {
        let mut this = Self { rounds: 40, deployments: 100_000 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let number =
                words.next().and_then(|word| word.parse::<u64>().ok()).expect("a number behind a flag");
            match word.as_str() {
                "--rounds" => this.rounds = usize::try_from(number).expect("a small number"),
                "--deployments" => this.deployments = number,
                other => panic!("{other:?} is not a flag of this program"),
            }
        }
        this
    }
}
