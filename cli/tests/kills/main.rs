//! `kill -9` of the control plane in the middle of 10,000 writes from 8 clients: every answered write is there after the
//! restart, no unanswered one is half there, revisions have no gap, and a repeated request is done once.
//!
//! 3 rounds by default. More, and where the kills come from, by environment: `KILL_ROUNDS=50 KILL_SEED=7`. Figures are
//! printed with `--nocapture`.

use std::{
    env,
    time::{SystemTime, UNIX_EPOCH},
};

mod chance;
mod client;
mod imports;
mod process;
mod round;

use round::Figures;

const ROUNDS: u64 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_control_plane_loses_no_answered_write_and_keeps_no_half_of_another() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let rounds = number("KILL_ROUNDS").unwrap_or(ROUNDS);
    let seed = number("KILL_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
        now.as_nanos().try_into().unwrap_or(0)
    });
    println!("KILL_SEED={seed}");
    println!("{}", Figures::HEADER);
    for round in 0..rounds {
        println!("{}", round::play(seed.wrapping_add(round)).await);
    }
}
