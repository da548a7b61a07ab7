//! How a large configuration gets to edges: a cold start, a single change, many edges, memory, look-ups, and webhooks
//! meanwhile; each figure beside its yardstick from the same run.
//!
//! ```text
//! cargo run --release -p pointsman-tests --bin bench-push -- [--integrations 10000] [--deployments 100000]
//!     [--mappings 1000000] [--customers 10000] [--edges 500] [--rounds 200] [--seconds 10]
//! ```
//!
//! The control plane and the edge are processes of their own: this program, started as `pointsman`. Simulated edges,
//! third parties and the flow endpoint are in this one, and share the machine.

#![expect(clippy::print_stdout, reason = "a program for people")]

mod changes;
mod data;
mod flow;
mod load;
mod lookups;
mod part;
mod report;
mod simulated;
mod yardstick;

use std::{process::ExitCode, time::Instant};

use data::Data;
use part::{ControlPlane, Edge};
use report::Report;
use simulated::{Fleet, Position};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Args {
    pub(crate) data: Data,
    pub(crate) edges: usize,
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
}

fn main() -> ExitCode {
    if part::is_part() {
        return pointsman_cli::run();
    }
    let args = Args::read();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(args));
    ExitCode::SUCCESS
}

async fn measure(args: Args) {
    let mut report = Report::default();
    let folder = tempfile::TempDir::new().expect("a folder");
    let yardsticks = yardstick::measure(folder.path()).await;
    lookups::measure(&mut report, &args.data);

    let flow = flow::start().await;
    let plane = ControlPlane::start(&folder.path().join("plane")).await;
    let empty = Edge::start("empty", &plane, &folder.path().join("empty")).await;
    let empty_bytes = empty.settled_memory().await;
    drop(empty);
    println!("filling the control plane…");
    let started = Instant::now();
    args.data.fill(&plane, &flow).await;
    println!("filled within {:.0} s", started.elapsed().as_secs_f64());
    drop(plane);
    // It knows its own hash once it has sent everything to somebody.
    let plane = ControlPlane::start(&folder.path().join("plane")).await;
    Position::learn(&plane, &args.data).await;

    let edge = Edge::start("edge", &plane, &folder.path().join("edge")).await;
    report.cold_start(edge.ready_after(), &yardsticks);
    load::check(&edge, &plane, &args.data).await;
    report.memory(edge.settled_memory().await, empty_bytes, edge.peak_memory(), args.data.mappings);
    changes::single(&mut report, &plane, &args, &yardsticks).await;
    load::beside_changes(&mut report, &edge, &plane, &args).await;
    drop(edge);

    let edge = Edge::start_alone("edge", &plane, &folder.path().join("edge")).await;
    report.start_from_disk(edge.as_ref().map(Edge::ready_after));
    drop(edge);

    many_edges(&mut report, &plane, &args).await;
    report.print();
}

/// Simulated ones: all that read, and then some that do not.
async fn many_edges(report: &mut Report, plane: &ControlPlane, args: &Args) {
    let position = Position::learn(plane, &args.data).await;
    let rest_bytes = plane.memory();
    let fleet = Fleet::connect(plane, args.edges, &position).await;
    changes::to_fleet(report, plane, &fleet, args).await;
    let all_read = changes::flow(plane, &fleet, args, rest_bytes).await;
    drop(fleet);

    let position = Position::learn(plane, &args.data).await;
    let rest_bytes = plane.memory();
    let dead = args.edges / 5;
    let readers = Fleet::connect(plane, args.edges - dead, &position).await;
    let _dead = Fleet::connect_dead(plane, dead).await;
    let some_read = changes::flow(plane, &readers, args, rest_bytes).await;
    report.streams(args.edges, all_read, dead, some_read);
}

impl Args {
    fn read() -> Self {
        let mut this = Self {
            data: Data { integrations: 10_000, deployments: 100_000, mappings: 1_000_000, customers: 10_000 },
            edges: 500,
            rounds: 200,
            seconds: 10,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let number: usize =
                words.next().and_then(|word| word.parse().ok()).expect("a number behind a flag");
            match word.as_str() {
                "--integrations" => this.data.integrations = number,
                "--deployments" => this.data.deployments = number,
                "--mappings" => this.data.mappings = number,
                "--customers" => this.data.customers = number,
                "--edges" => this.edges = number,
                "--rounds" => this.rounds = number,
                "--seconds" => this.seconds = u64::try_from(number).expect("a small number"),
                other => panic!("{other:?} is not a flag of this program"),
            }
        }
        this
    }
}
