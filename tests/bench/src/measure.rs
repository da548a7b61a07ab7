//! The rounds: in each, every contestant has its turn in every case, between two turns of the yardstick, and they take turns
//! at being first. The speed of a machine changes within seconds, so nothing is compared but what is next to each other.

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
/// A virtual machine stands still for some milliseconds many times a second. Windows at a fixed rate are so short that some
/// have no such time in them, and few have several; there are as many of them in a round.
const PACED_WINDOW: Duration = Duration::from_millis(100);
const PACED_WINDOWS: usize = 4;
/// Requests in such a window at least, or its p99 would be one of few.
const PACED_REQUESTS: f64 = 100.0;

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
    /// At a fixed rate, several for each round; empty where that was not asked for.
    pub(crate) paced: Vec<Paced>,
    /// Why it is out.
    pub(crate) failure: Option<String>,
}

/// One turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// CPU-µs for each request.
    pub(crate) cpu: f64,
    /// Those of the yardstick, right before and after.
    pub(crate) base: f64,
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// A window at a fixed rate, and one of the yardstick at the same rate right before or after. p50 and p99 in microseconds.
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
            let rows: Vec<_> = results.rows.iter_mut().filter(|row| row.case == *case).collect();
            take_turns(servers, rows, round, window);
        }
    }
    if !args.no_latency {
        for round in 0..args.rounds {
            eprintln!("round {} of {} at a fixed rate", round + 1, args.rounds);
            pace(args, servers, &mut results);
        }
    }
    results
}

/// One round of a case: of the others in turn, each between two turns of the yardstick.
fn take_turns(servers: &Servers, rows: Vec<&mut Row>, round: usize, window: Duration) {
    let (base, mut others): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.contestant == Contestant::BASE);
    let Some(base) = base.into_iter().next().filter(|base| base.failure.is_none()) else { return };
    let first = round % others.len().max(1);
    others.rotate_left(first);
    let mut beside = Vec::new();
    let mut of_base = || {
        let sample = turn(servers, Contestant::BASE, &base.case, window)?;
        beside.push(sample);
        Ok(sample.cpu)
    };
    let turns = of_base().and_then(|mut before| {
        for row in others.into_iter().filter(|row| row.failure.is_none()) {
            let own = turn(servers, row.contestant, &row.case, window);
            let after = of_base()?;
            match own {
                Ok(sample) => row.turns.push(Sample { base: f64::midpoint(before, after), ..sample }),
                Err(error) => row.fail(&error),
            }
            before = after;
        }
        Ok(())
    });
    match turns {
        Ok(()) => base.turns.push(Sample::middle(&beside)),
        Err(error) => base.fail(&error),
    }
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
    servers.forget_logs();
    Ok(Sample {
        cpu: turn.cpu_per_request(),
        base: turn.cpu_per_request(),
        rate: turn.rate(),
        p50: turn.latencies.quantile(0.5).unwrap_or(f64::NAN),
        p99: turn.latencies.quantile(0.99).unwrap_or(f64::NAN),
    })
}

/// Every contestant and the yardstick, one after the other, at half of what the slower of the two can do.
fn pace(args: &Args, servers: &Servers, results: &mut Results) {
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
        match paced(servers, row.contestant, &row.case, rate) {
            Ok(paced) => row.paced.extend(paced),
            Err(error) => row.fail(&error),
        }
    }
}

fn paced(servers: &Servers, contestant: Contestant, case: &Case, rate: f64) -> Result<Vec<Paced>, LoadError> {
    let window = PACED_WINDOW.max(Duration::from_secs_f64(PACED_REQUESTS / rate));
    let connect = |contestant| Load::connect(servers.target(contestant, case, false), case.connections);
    let (mut base, mut own) = (connect(Contestant::BASE)?, connect(contestant)?);
    let at_rate = |load: &mut Load| -> Result<(f64, f64), LoadError> {
        let mut turn = load.open(rate, window)?;
        servers.forget_logs();
        let mut quantile = |share| turn.latencies.quantile(share).unwrap_or(f64::NAN);
        Ok((quantile(0.5), quantile(0.99)))
    };
    let mut windows = Vec::with_capacity(PACED_WINDOWS);
    for index in 0..PACED_WINDOWS {
        let (base, own) = if index % 2 == 0 {
            let base = at_rate(&mut base)?;
            (base, at_rate(&mut own)?)
        } else {
            let own = at_rate(&mut own)?;
            (at_rate(&mut base)?, own)
        };
        windows.push(Paced { rate, own, base });
    }
    Ok(windows)
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

impl Sample {
    /// What is in the middle of several, figure by figure.
    fn middle(samples: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(samples.iter().map(figure));
        let cpu = of(|sample| sample.cpu);
        Self {
            cpu,
            base: cpu,
            rate: of(|sample| sample.rate),
            p50: of(|sample| sample.p50),
            p99: of(|sample| sample.p99),
        }
    }

    /// In terms of the yardstick beside it.
    pub(crate) fn relative(&self) -> f64 {
        self.cpu / self.base
    }
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
