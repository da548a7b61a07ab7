//! The rounds: in each, every contestant has its turn in every case, and they take turns at being first.

use std::time::Duration;

use crate::{
    args::Args,
    cases::Case,
    contestants::{Contestant, Server},
    load::{Load, LoadError},
    process::Cores,
    servers::{Servers, StartError},
    webhooks::{Format, Placement},
};

/// The memory is that of so many connections with bodies of so many bytes.
const MEMORY: (usize, usize) = (256, 64 * 1024);
/// Deployments of a table that is nearly empty.
pub(crate) const FEW: u32 = 2;
/// How long they send.
const MEMORY_WINDOW: Duration = Duration::from_secs(2);

/// All that was measured.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) rows: Vec<Row>,
    pub(crate) memory: Vec<Memory>,
}

/// A contestant in a case.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) case: Case,
    pub(crate) contestant: Contestant,
    /// One for each round.
    pub(crate) turns: Vec<Sample>,
    /// At a fixed rate; empty where that was not asked for.
    pub(crate) paced: Vec<Paced>,
    /// Why it is out.
    pub(crate) failure: Option<String>,
}

/// One turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// CPU-µs for each request.
    pub(crate) cpu: f64,
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// One turn at a fixed rate, and one of the yardstick at the same rate right before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paced {
    pub(crate) rate: f64,
    pub(crate) own: (f64, f64),
    pub(crate) base: (f64, f64),
}

/// What a process holds in memory, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pub(crate) contestant: Contestant,
    /// Of an edge: in its table.
    pub(crate) deployments: u32,
    pub(crate) idle: u64,
    pub(crate) busy: u64,
}

impl Results {
    /// No answer was wrong or missing.
    pub(crate) fn all_right(&self) -> bool {
        self.rows.iter().all(|row| row.failure.is_none())
    }
}

pub(crate) fn run(args: &Args, servers: &Servers, cases: &[Case], contestants: &[Contestant]) -> Results {
    let mut results = Results::default();
    if !args.no_memory {
        let measured = contestants.iter().filter(|contestant| **contestant != Contestant::PassThrough);
        results.memory =
            measured.filter_map(|contestant| memory(servers, *contestant, args.deployments)).collect();
    }
    results.rows = cases
        .iter()
        .flat_map(|case| {
            let playing = contestants.iter().filter(|contestant| contestant.plays(case));
            playing.map(|contestant| Row::new(case.clone(), *contestant))
        })
        .collect();
    let window = Duration::from_secs_f64(args.seconds);
    for round in 0..args.rounds {
        eprintln!("round {} of {}", round + 1, args.rounds);
        for case in cases {
            let mut rows: Vec<_> = results.rows.iter_mut().filter(|row| row.case == *case).collect();
            let first = round % rows.len();
            rows.rotate_left(first);
            for row in rows.into_iter().filter(|row| row.failure.is_none()) {
                match turn(servers, row.contestant, case, window) {
                    Ok(sample) => row.turns.push(sample),
                    Err(error) => row.fail(&error),
                }
                servers.forget_logs();
            }
        }
    }
    if !args.no_latency {
        for round in 0..args.rounds {
            eprintln!("round {} of {} at a fixed rate", round + 1, args.rounds);
            pace(args, servers, &mut results, window);
        }
    }
    results
}

fn turn(
    servers: &Servers,
    contestant: Contestant,
    case: &Case,
    window: Duration,
) -> Result<Sample, LoadError> {
    let mut load = Load::connect(servers.target(contestant, case, false), case.connections)?;
    let family = servers.family(contestant, case);
    let mut turn = load.closed(window, || family.cpu())?;
    Ok(Sample {
        cpu: turn.cpu_per_request(),
        rate: turn.rate(),
        p50: turn.latencies.quantile(0.5).unwrap_or(f64::NAN),
        p99: turn.latencies.quantile(0.99).unwrap_or(f64::NAN),
    })
}

/// Every contestant and the yardstick, one after the other, at half of what the slower of the two can do.
fn pace(args: &Args, servers: &Servers, results: &mut Results, window: Duration) {
    let rates: Vec<_> =
        results.rows.iter().map(|row| (row.case.clone(), row.contestant, row.rate())).collect();
    for row in &mut results.rows {
        let base =
            rates.iter().find(|(case, contestant, _)| *case == row.case && *contestant == Contestant::BASE);
        let Some((_, _, base)) = base else { continue };
        let is_asked_for = args.all || row.case.is_main();
        if !is_asked_for || row.contestant == Contestant::BASE || row.failure.is_some() {
            continue;
        }
        let rate = 0.5 * row.rate().min(*base);
        let at_rate = |contestant| -> Result<(f64, f64), LoadError> {
            let mut load = Load::connect(servers.target(contestant, &row.case, false), row.case.connections)?;
            let mut turn = load.open(rate, window)?;
            servers.forget_logs();
            let mut quantile = |share| turn.latencies.quantile(share).unwrap_or(f64::NAN);
            Ok((quantile(0.5), quantile(0.99)))
        };
        match at_rate(Contestant::BASE).and_then(|base| Ok((base, at_rate(row.contestant)?))) {
            Ok((base, own)) => row.paced.push(Paced { rate, own, base }),
            Err(error) => row.fail(&error),
        }
    }
}

/// The memory of an edge whose table is nearly empty.
pub(crate) fn small_table(args: &Args, cores: Cores) -> Result<Option<Memory>, StartError> {
    if args.no_memory || args.serve || !args.plays(Contestant::References) {
        return Ok(None);
    }
    let few = Args { deployments: FEW, ..args.clone() };
    let servers = Servers::start(&few, cores, &[Server::Edge])?;
    Ok(memory(&servers, Contestant::References, FEW))
}

/// Before anything else is sent.
fn memory(servers: &Servers, contestant: Contestant, deployments: u32) -> Option<Memory> {
    let (connections, bytes) = MEMORY;
    let case = Case { format: Format::Json, tls: false, bytes, placement: Placement::Early, connections };
    let family = servers.family(contestant, &case);
    let idle = family.resident();
    family.forget_peak();
    let mut load = Load::connect(servers.target(contestant, &case, false), connections).ok()?;
    let turn = load.closed(MEMORY_WINDOW, || family.cpu());
    if let Err(error) = turn {
        eprintln!("{contestant}: {error}");
        return None;
    }
    let busy = family.peak();
    servers.forget_logs();
    Some(Memory { contestant, deployments, idle, busy })
}

impl Row {
    fn new(case: Case, contestant: Contestant) -> Self {
        Self { case, contestant, turns: Vec::new(), paced: Vec::new(), failure: None }
    }

    /// Requests a second, as the median of the rounds.
    pub(crate) fn rate(&self) -> f64 {
        median(self.turns.iter().map(|turn| turn.rate))
    }

    fn fail(&mut self, error: &LoadError) {
        eprintln!("{}: {}: {error}", self.contestant, self.case);
        self.failure = Some(error.to_string());
    }
}

/// NaN of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}
