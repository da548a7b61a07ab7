//! What routing costs by itself: reading two values out of a JSON or an XML body, and a whole decision among 100,000
//! deployments.
//!
//! ```text
//! cargo run --release -p pointsman-tests --bin bench-scan -- [--rounds 40] [--deployments 100000]
//! ```
//!
//! Each figure is the fastest of its rounds, in which all take turns: what else runs on the machine only adds. Beside
//! ours, on the same bytes: `memchr` for a byte that is not there (how fast the memory can be looked through), serde with
//! a struct of the two fields, and a `serde_json::Value`; for XML, quick-xml stepping through all events.

#![expect(clippy::print_stdout, reason = "a program for people")]

mod decision;
mod documents;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use http::Method;
use pointsman_routing::{headers::Headers, reference::Reference, results::Results, webhook::Webhook};
use quick_xml::events::Event;

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
    for size in SIZES {
        scan_xml(size, args.rounds);
    }
    println!();
    decision::measure(args.deployments, args.rounds);
}

/// One document, read by everybody.
fn scan(shape: Shape, size: usize, rounds: usize) {
    let body = document(shape, size);
    let body = body.as_bytes();
    let mut read = reading(body, "application/json", "");
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
    let best = fastest(rounds, &mut [&mut read, &mut { memchr }, &mut { partial }, &mut { value }]);
    print(shape.name(), body, &["ours", "memchr", "struct", "Value"], &best);
}

/// The same of XML.
fn scan_xml(size: usize, rounds: usize) {
    let body = documents::xml(size);
    let mut read = reading(body.as_bytes(), "application/xml", "order.");
    let events = || {
        let mut events = quick_xml::Reader::from_str(black_box(&body));
        while !matches!(events.read_event().expect("XML"), Event::Eof) {}
    };
    let best = fastest(rounds, &mut [&mut read, &mut { events }]);
    print("XML", body.as_bytes(), &["ours", "events"], &best);
}

/// What reads the two values, which members of `root` lead to.
fn reading<'b>(body: &'b [u8], content_type: &str, root: &str) -> impl FnMut() + 'b {
    let references = ["customerId", "type"]
        .map(|name| Reference::parse(&format!("results.body.data.{root}{name}")).expect("a reference"));
    let headers = Headers::from_iter([("content-type", content_type)]);
    move || {
        let webhook =
            Webhook { method: &Method::POST, headers: &headers, query: "", path_fragment: "", body };
        let results = Results::Request(webhook);
        let [customer, kind] = results.read(references.each_ref().map(Some));
        let found = [customer, kind].map(|found| found.expect("readable").expect("a value").len());
        assert_eq!(found, [documents::CUSTOMER.len(), documents::KIND.len()]);
    }
}

fn print(name: &str, body: &[u8], who: &[&str], best: &[f64]) {
    for (who, took) in who.iter().zip(best) {
        println!(
            "{name:<8} {:>9}  {who:<9} {took:>10.0} {:>8.2} {:>10.2}",
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
