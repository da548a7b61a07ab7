//! Pointsman's edge beside what people would use instead, in one run: `tests/bench/run`, and docs/benchmarks.md.
//!
//! - [`cases`]: which bodies over how many connections; [`webhooks`] writes them.
//! - [`contestants`]: who takes part; [`servers`] starts them from their folders, [`process`] asks what they use.
//! - [`load`]: the third parties, who check every answer.
//! - [`measure`]: the rounds. [`check`]: the short form, which measures nothing.
//! - [`report`]: the table, the goals and the plot.

mod args;
mod cases;
mod check;
mod contestants;
mod load;
mod measure;
mod process;
mod report;
mod servers;
mod webhooks;

use std::{collections::BTreeSet, error::Error, num::NonZeroU64, process::ExitCode, thread};

use clap::{Parser, ValueEnum};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::{
    args::Args,
    cases::Case,
    contestants::{Contestant, Server},
    process::Cores,
    servers::Servers,
};

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(right) => ExitCode::from(u8::from(!right)),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all answers were right.
fn run(args: &Args) -> Result<bool, Box<dyn Error>> {
    let cores = cores()?;
    // To the nanosecond, for requests at a fixed rate.
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
    let cases = Case::chosen(args);
    let contestants: Vec<_> =
        Contestant::value_variants().iter().copied().filter(|contestant| args.plays(*contestant)).collect();
    let needed: BTreeSet<Server> = cases
        .iter()
        .flat_map(|case| {
            let playing = contestants.iter().filter(|contestant| contestant.plays(case));
            playing.map(|contestant| contestant.server(case))
        })
        .collect();
    let needed: Vec<_> = needed.into_iter().collect();
    eprintln!("{} cases, {} contestants; starting…", cases.len(), contestants.len());

    if args.check {
        let servers = Servers::start(args, cores, &needed)?;
        return Ok(check::run(&servers, &cases, &contestants));
    }
    let small = measure::small_table(args, cores)?;
    let servers = Servers::start(args, cores, &needed)?;
    if args.serve {
        println!("{}", servers.describe());
        loop {
            thread::park();
        }
    }
    let mut results = measure::run(args, &servers, &cases, &contestants);
    results.memory.extend(small);
    report::write(args, &results)?;
    Ok(results.all_right())
}

/// With two cores, the contestants have one for themselves, and we move to the other; with one, everybody shares it and
/// only checks make sense.
fn cores() -> rustix::io::Result<Cores> {
    if thread::available_parallelism().map_or(1, usize::from) == 1 {
        return Ok(Cores { proxy: None, rest: None });
    }
    let mut rest = CpuSet::new();
    rest.set(1);
    sched_setaffinity(None, &rest)?;
    Ok(Cores { proxy: Some(0), rest: Some(1) })
}
