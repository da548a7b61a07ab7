//! Outages, with real processes: the control plane gone, the edge restarted without it, both; its disk damaged; its
//! stream stalled; clocks that jump. Webhooks go on meanwhile, and not one of them may fail or reach another customer.
//!
//! A short form by default. All of it, and where chance comes from, by environment: `OUTAGE_ROUNDS=20
//! OUTAGE_DAMAGES=200 OUTAGE_SEED=7`. Figures are printed with `--nocapture`.

use std::{
    env,
    time::{SystemTime, UNIX_EPOCH},
};

#[path = "../kills/chance.rs"]
mod chance;
mod clock;
mod damage;
mod flow;
mod gate;
mod load;
mod process;
mod restarts;
mod stalls;
mod world;

use chance::Chance;

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Chance, from a seed that is printed.
fn chance() -> Chance {
    let seed = number("OUTAGE_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
        now.as_nanos().try_into().unwrap_or(0)
    });
    println!("OUTAGE_SEED={seed}");
    Chance::new(seed)
}
