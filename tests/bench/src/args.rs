//! The flags.

use std::path::PathBuf;

use clap::Parser;

use crate::{cases::Case, contestants::Contestant, webhooks::Placement};

/// Measures Pointsman's edge beside what people would use instead.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Args {
    /// Check that every contestant routes every body right, and measure nothing.
    #[arg(long)]
    pub(crate) check: bool,
    /// Rounds. In each, every contestant has its turn in every case.
    #[arg(long, default_value_t = 10)]
    pub(crate) rounds: usize,
    /// How long a turn is measured, in seconds.
    #[arg(long, default_value_t = 0.5)]
    pub(crate) seconds: f64,
    /// Only these contestants. nginx, the yardstick, always takes part.
    #[arg(long, value_delimiter = ',', value_enum)]
    pub(crate) only: Vec<Contestant>,
    /// Every combination of size, placement and number of connections.
    #[arg(long)]
    pub(crate) all: bool,
    /// Only bodies of these sizes, in KB.
    #[arg(long, value_delimiter = ',', default_values_t = [0.5, 4.0, 64.0, 1024.0])]
    pub(crate) sizes: Vec<f64>,
    /// Only bodies whose routed fields are there.
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = [Placement::Early, Placement::Late, Placement::Escaped])]
    pub(crate) placements: Vec<Placement>,
    /// Only so many connections.
    #[arg(long, value_delimiter = ',', default_values_t = [32, 256])]
    pub(crate) connections: Vec<usize>,
    /// Leave out XML and TLS.
    #[arg(long)]
    pub(crate) plain: bool,
    /// Leave out the latencies at a fixed rate.
    #[arg(long)]
    pub(crate) no_latency: bool,
    /// Leave out the memory.
    #[arg(long)]
    pub(crate) no_memory: bool,
    /// Deployments and customer mappings in the table.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) deployments: u32,
    /// Where the report goes: `report.md`, `report.json`, `report.svg`.
    #[arg(long, default_value = "target/bench/report")]
    pub(crate) out: PathBuf,
    /// The folder of this benchmark's programs and of `pointsman`.
    #[arg(long)]
    pub(crate) programs: PathBuf,
    /// The folder that fastify was installed into.
    #[arg(long)]
    pub(crate) fastify: PathBuf,
    /// Leave everything running after the set-up, print where it listens, and measure nothing.
    #[arg(long)]
    pub(crate) serve: bool,
}

impl Args {
    /// The lengths of bodies.
    pub(crate) fn bytes(&self) -> Vec<usize> {
        self.sizes.iter().map(|kilobytes| (kilobytes * 1024.0) as usize).collect()
    }

    /// Whether a contestant takes part.
    pub(crate) fn plays(&self, contestant: Contestant) -> bool {
        contestant == Contestant::BASE || self.only.is_empty() || self.only.contains(&contestant)
    }

    /// Whether a case is not left out.
    pub(crate) fn takes(&self, case: &Case) -> bool {
        !self.plain || case.is_plain_json()
    }
}
