//! The report: for people a table (`report.md`) and a plot (`report.svg`), for programs all turns (`report.json`).

mod goals;
mod json;
mod machine;
mod plot;
mod table;

use std::{fs, io};

use crate::{
    args::Args,
    cases::Case,
    contestants::Contestant,
    measure::{Results, Row, median},
};

/// Writes the three files, and the table to standard output.
pub(crate) fn write(args: &Args, results: &Results) -> io::Result<()> {
    fs::create_dir_all(&args.out)?;
    let machine = machine::describe(args);
    let table = format!("{}\n{}{}", machine.join("\n"), goals::table(results), table::all(results));
    let json = json::all(&machine, results);
    fs::write(args.out.join("report.md"), &table)?;
    fs::write(args.out.join("report.json"), json)?;
    fs::write(args.out.join("report.svg"), plot::bars(results))?;
    println!("{table}\nwritten to {}", args.out.display());
    Ok(())
}

impl Results {
    fn row(&self, contestant: Contestant, case: &Case) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.contestant == contestant && row.case == *case && row.failure.is_none())
    }

    /// CPU per request of one in terms of another's: the median of the rounds' ratios, each of what the two used in terms of
    /// the yardstick beside them, so that what changes within and between rounds weighs on neither.
    fn ratio(&self, one: Contestant, other: Contestant, case: &Case) -> Option<f64> {
        let (one, other) = (self.row(one, case)?, self.row(other, case)?);
        let ratios = one.turns.iter().zip(&other.turns).map(|(one, other)| one.relative() / other.relative());
        Some(median(ratios)).filter(|ratio| ratio.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Sample;

    #[test]
    fn a_ratio_is_that_of_neighbours_and_a_failure_has_none() {
        let case = goals::case(512);
        let row = |contestant, cpus: [(f64, f64); 3], failure: Option<&str>| Row {
            case: case.clone(),
            contestant,
            turns: cpus.map(|(cpu, base)| Sample { cpu, base, rate: 1.0, p50: 1.0, p99: 1.0 }).to_vec(),
            paced: Vec::new(),
            failure: failure.map(str::to_owned),
        };
        let rows = vec![
            row(Contestant::Nginx, [(10.0, 10.0), (20.0, 20.0), (40.0, 40.0)], None),
            row(Contestant::References, [(11.0, 10.0), (24.0, 20.0), (22.0, 20.0)], None),
            row(Contestant::PassThrough, [(20.0, 20.0), (40.0, 40.0), (10.0, 10.0)], None),
            row(Contestant::Haproxy, [(1.0, 1.0); 3], Some("a wrong answer | of another flow")),
        ];
        let results = Results { rows, memory: Vec::new() };
        let ratio = |one, other| results.ratio(one, other, &case);
        for other in [Contestant::Nginx, Contestant::PassThrough] {
            let ratio = ratio(Contestant::References, other);
            assert!(ratio.is_some_and(|ratio| (ratio - 1.1).abs() < 1e-9), "{ratio:?}");
        }
        assert_eq!(ratio(Contestant::Haproxy, Contestant::Nginx), None);

        let goals = goals::table(&results);
        assert!(
            goals.contains("| 0.5 KB, references ÷ nginx pass-through | ≤ 1.250 | 1.100 | holds |"),
            "{goals}"
        );
        assert!(
            goals.contains("| 64 KB, references ÷ nginx + Lua | ≤ 0.125 | – | not measured |"),
            "{goals}"
        );
        let table = table::all(&results);
        assert!(
            table.contains("| HAProxy json_query | failed: a wrong answer   of another flow |"),
            "{table}"
        );
        assert!(!plot::bars(&results).contains("HAProxy"));
    }
}
