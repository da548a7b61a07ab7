//! The plot: CPU per request, a panel for each size, a bar for each contestant.

use std::fmt::Write as _;

use clap::ValueEnum as _;

use super::goals;
use crate::{
    cases::{Case, size},
    contestants::Contestant,
    measure::{Results, median},
};

const WIDTH: f64 = 760.0;
const BARS_FROM: f64 = 240.0;
const BARS_TO: f64 = 690.0;
const BAR: f64 = 18.0;
const HEAD: f64 = 40.0;
const GAP: f64 = 16.0;

/// As SVG.
pub(super) fn bars(results: &Results) -> String {
    let sizes = [512, 4 * 1024, 64 * 1024, 1024 * 1024].map(goals::case);
    let panels: Vec<_> = sizes.iter().map(|case| (case, figures(results, case))).collect();
    let panels: Vec<_> = panels.into_iter().filter(|(_, figures)| !figures.is_empty()).collect();
    let mut body = String::new();
    let mut y = GAP;
    for (case, figures) in &panels {
        panel(&mut body, y, case, figures);
        y += HEAD + BAR * figures.len() as f64 + GAP;
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
{body}</svg>
"#
    )
}

fn panel(out: &mut String, top: f64, case: &Case, figures: &[(Contestant, f64)]) {
    let most = figures.iter().map(|(_, cpu)| *cpu).fold(0.0, f64::max);
    let title =
        format!("CPU per request, {} of JSON, {} connections: µs", size(case.bytes), case.connections);
    let _ =
        writeln!(out, r#"<text x="12" y="{}" font-weight="bold" font-size="14">{title}</text>"#, top + 16.0);
    for (number, (contestant, cpu)) in figures.iter().enumerate() {
        let y = top + HEAD + BAR * number as f64 - 10.0;
        let width = (BARS_TO - BARS_FROM) * cpu / most;
        let colour = match contestant {
            Contestant::Nginx => "#888888",
            contestant if contestant.is_ours() => "#1f77b4",
            _ => "#d98f45",
        };
        let _ = writeln!(
            out,
            concat!(
                r#"<text x="{label}" y="{text}" text-anchor="end">{contestant}</text>"#,
                r#"<rect x="{from}" y="{y}" width="{width:.1}" height="{height}" fill="{colour}"/>"#,
                r#"<text x="{end:.1}" y="{text}">{cpu:.1}</text>"#
            ),
            label = BARS_FROM - 8.0,
            text = y + 11.0,
            contestant = contestant,
            from = BARS_FROM,
            y = y,
            width = width,
            height = BAR - 4.0,
            colour = colour,
            end = BARS_FROM + width + 6.0,
            cpu = cpu,
        );
    }
}

/// Who was measured in a case, as the contestants are listed.
fn figures(results: &Results, case: &Case) -> Vec<(Contestant, f64)> {
    let all = Contestant::value_variants().iter();
    let figures = all.filter_map(|contestant| {
        let row = results.row(*contestant, case)?;
        Some((*contestant, median(row.turns.iter().map(|turn| turn.cpu))))
    });
    figures.filter(|(_, cpu)| cpu.is_finite()).collect()
}
