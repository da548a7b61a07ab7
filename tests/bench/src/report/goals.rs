//! The goals, each beside its figure. They are shown, and nothing fails where one is missed.

use std::fmt::Write as _;

use crate::{
    cases::Case,
    contestants::Contestant,
    measure::{FEW, Results, median},
    webhooks::{Format, Placement},
};

const SMALL: usize = 512;
const LARGE: usize = 64 * 1024;
const MB: f64 = 1e6;

struct Goal {
    what: String,
    limit: f64,
    figure: Option<f64>,
}

/// As Markdown.
pub(super) fn table(results: &Results) -> String {
    let mut out =
        "## Goals\n\nCPU per request as ratios, 32 connections, fields early where nothing else is said.\n\n\
                   | what | goal | figure | |\n|---|---|---|---|\n"
            .to_owned();
    for Goal { what, limit, figure } in goals(results) {
        let digits = if limit >= 10.0 { 0 } else { 3 };
        let (figure, holds) = match figure {
            Some(figure) => {
                (format!("{figure:.digits$}"), if figure <= limit { "holds" } else { "**missed**" })
            }
            None => ("–".to_owned(), "not measured"),
        };
        let _ = writeln!(out, "| {what} | ≤ {limit:.digits$} | {figure} | {holds} |");
    }
    out
}

fn goals(results: &Results) -> Vec<Goal> {
    use Contestant::{Fastify, Haproxy, Nginx, NginxLua, NginxNjs, PassThrough, PreprocessUnix, References};
    let ratio = |what: &str, one, other, bytes, limit| Goal {
        what: what.to_owned(),
        limit,
        figure: results.ratio(one, other, &case(bytes)),
    };
    let memory = |what: &str, few: bool, busy: bool, limit| {
        let found = results
            .memory
            .iter()
            .find(|memory| memory.contestant == References && (memory.deployments == FEW) == few);
        let bytes = found.map(|memory| if busy { memory.busy } else { memory.idle });
        Goal { what: what.to_owned(), limit, figure: bytes.map(|bytes| bytes as f64 / MB) }
    };
    let late = Case { placement: Placement::Late, ..case(LARGE) };
    vec![
        ratio("0.5 KB, references ÷ nginx pass-through", References, Nginx, SMALL, 1.25),
        ratio("0.5 KB, references ÷ nginx + Lua", References, NginxLua, SMALL, 0.90),
        ratio("64 KB, references ÷ nginx pass-through", References, Nginx, LARGE, 1.30),
        ratio("64 KB, references ÷ nginx + Lua", References, NginxLua, LARGE, 1.0 / 8.0),
        ratio("64 KB, references ÷ nginx + njs", References, NginxNjs, LARGE, 1.0 / 8.0),
        ratio("64 KB, references ÷ HAProxy json_query", References, Haproxy, LARGE, 1.0 / 8.0),
        // It stops at the first match, which then is nearly at the end.
        Goal {
            what: "64 KB, fields late, references ÷ HAProxy json_query".to_owned(),
            limit: 1.0 / 8.0,
            figure: results.ratio(References, Haproxy, &late),
        },
        ratio("0.5 KB, references ÷ fastify", References, Fastify, SMALL, 1.0 / 5.0),
        ratio("64 KB, references ÷ fastify", References, Fastify, LARGE, 1.0 / 12.0),
        ratio(
            "0.5 KB, Preprocess over a Unix socket ÷ nginx pass-through",
            PreprocessUnix,
            Nginx,
            SMALL,
            2.7,
        ),
        p99(results, "0.5 KB, p99 of references ÷ nginx pass-through", SMALL),
        p99(results, "64 KB, p99 of references ÷ nginx pass-through", LARGE),
        ratio("0.5 KB, references ÷ our pass-through", References, PassThrough, SMALL, 1.03),
        ratio("64 KB, references ÷ our pass-through", References, PassThrough, LARGE, 1.20),
        memory("idle, 2 deployments, MB", true, false, 25.0),
        memory("idle, with the whole table, MB", false, false, 25.0),
        memory("256 connections with 64 KB bodies, 2 deployments, MB", true, true, 80.0),
        memory("256 connections with 64 KB bodies, with the whole table, MB", false, true, 80.0),
    ]
}

fn p99(results: &Results, what: &str, bytes: usize) -> Goal {
    let row = results.row(Contestant::References, &case(bytes));
    let figure = row.map(|row| median(row.paced.iter().map(|paced| paced.own.1 / paced.base.1)));
    Goal { what: what.to_owned(), limit: 1.1, figure: figure.filter(|figure| figure.is_finite()) }
}

/// The case of the goals with bodies of this length.
pub(super) fn case(bytes: usize) -> Case {
    Case { format: Format::Json, tls: false, bytes, placement: Placement::Early, connections: 32 }
}
