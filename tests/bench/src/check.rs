//! The short form: everybody routes every body right, byte for byte, and refuses a customer that nobody knows.

use crate::{
    cases::Case,
    contestants::Contestant,
    load::{Load, LoadError, Route, Target},
    servers::Servers,
};

/// Requests of one contestant in one case.
const REQUESTS: usize = 12;

/// Whether all is right.
pub(crate) fn run(servers: &Servers, cases: &[Case], contestants: &[Contestant]) -> bool {
    let (mut checked, mut failed) = (0, 0);
    for case in cases {
        for contestant in contestants.iter().filter(|contestant| contestant.plays(case)) {
            let target = servers.target(*contestant, case, true);
            let unknown = Target { route: Route::Unknown, ..target.clone() };
            let routed = send(target, case.connections, REQUESTS);
            let refused = if contestant.routes() { send(unknown, 1, 1) } else { Ok(()) };
            checked += 1;
            if let Err(error) = routed.and(refused) {
                failed += 1;
                println!("{contestant}: {case}: {error}");
            }
        }
    }
    println!("{checked} checked, {failed} wrong");
    failed == 0 && checked > 0
}

fn send(target: Target, connections: usize, requests: usize) -> Result<(), LoadError> {
    Load::connect(target, connections)?.check(requests)
}
