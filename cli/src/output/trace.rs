//! The trace of a dry run, for people: the steps in columns, then where the request goes, or why not and what to do
//! about it.

use pointsman_proto::admin::v1::{
    TestEndpointResponse, TestRefusal, TestRoute, TraceStep, test_endpoint_response::End, trace_step::Stage,
};
use prost_types::{Struct, value::Kind};

use super::style::{Style, shown};

mod commands;

/// Values longer than this are cut.
const VALUE_CHARS_MAX: usize = 48;
/// A service's results may be longer: they are what is looked for.
const RESULTS_CHARS_MAX: usize = 120;
const GAP: &str = "  ";

/// The steps and how they end.
pub(crate) fn trace(integration: &str, response: &TestEndpointResponse, style: Style) -> String {
    let refusal = match &response.end {
        Some(End::Refusal(refusal)) => Some(refusal),
        _ => None,
    };
    let last = response.steps.len().saturating_sub(1);
    let row = |(place, step)| Row::of(step, refusal.filter(|_| place == last));
    let steps = table(&response.steps.iter().enumerate().map(row).collect::<Vec<_>>(), style);
    let end = match &response.end {
        Some(End::Route(route)) => routed(route, style),
        Some(End::Refusal(refusal)) => refused(integration, response, refusal, style),
        None => String::new(),
    };
    if steps.is_empty() || end.is_empty() { steps + &end } else { format!("{steps}\n{end}") }
}

/// A step: what was read, what was found there, what it became.
struct Row {
    label: &'static str,
    read: String,
    found: String,
    became: String,
    /// What made it so.
    by: String,
    /// What has a line of its own, because it is long.
    below: String,
    is_failed: bool,
}

impl Row {
    /// `refusal` is that of a step that failed.
    fn of(step: &TraceStep, refusal: Option<&TestRefusal>) -> Self {
        let mut row = Self {
            label: label(step.stage()),
            read: shown(&step.source),
            found: String::new(),
            became: shown(below_integration(&step.resolved)),
            by: String::new(),
            below: String::new(),
            is_failed: refusal.is_some(),
        };
        match (step.stage(), step.source.as_str()) {
            (Stage::Preprocess, _) => {
                row.found = took(step).map(|took| format!("in {took}")).unwrap_or_default();
                row.below = step.results.as_ref().map(compact).unwrap_or_default();
            }
            // Which customer it is stands in the row above.
            (Stage::Deployment, "customer") => row.read = "of this customer".to_owned(),
            (Stage::Deployment, _) => row.read = "the endpoint's".to_owned(),
            (_, "endpoint") => row.read = "the endpoint's".to_owned(),
            (_, "only flow") => row.read = "the only one".to_owned(),
            _ if !step.found.is_empty() => row.found = cut(&format!("{:?}", step.found), VALUE_CHARS_MAX),
            _ if refusal.is_some_and(|refusal| refusal.code.ends_with("_not_resolved")) => {
                row.found = "nothing".to_owned();
            }
            _ => row.found = "cannot be read".to_owned(),
        }
        if !step.through.is_empty() {
            row.by = format!("by {}", shown(below_integration(&step.through)));
        }
        row
    }
}

/// Rows whose columns are aligned. Colours come last: they have no width.
fn table(rows: &[Row], style: Style) -> String {
    let width = |cell: fn(&Row) -> &str| rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0);
    let (labels, reads, founds) = (width(|row| row.label), width(|row| &row.read), width(|row| &row.found));
    let line = |row: &Row| {
        let mark = if row.is_failed { style.bad("✗") } else { style.good("✓") };
        let label = pad(row.label, labels);
        let label = if row.is_failed { style.bold(label) } else { label };
        let became =
            if row.became.is_empty() { String::new() } else { format!("→ {}", style.bold(&row.became)) };
        // A column that is empty everywhere is none.
        let found = (founds > 0).then(|| pad(&row.found, founds));
        let cells: Vec<_> =
            [Some(label), Some(pad(&row.read, reads)), found, Some(became), Some(style.dim(&row.by))]
                .into_iter()
                .flatten()
                .collect();
        let line = format!("{mark} {}\n", cells.join(GAP).trim_end());
        match row.below.as_str() {
            "" => line,
            below => format!("{line}  {}{GAP}{below}\n", pad("", labels)),
        }
    };
    rows.iter().map(line).collect()
}

fn pad(text: &str, width: usize) -> String {
    format!("{text:width$}")
}

fn routed(route: &TestRoute, style: Style) -> String {
    let mut rows = vec![("goes to", style.good(shown(&route.url)))];
    let customer = below_integration(&route.customer);
    rows.push(("for", format!("{} ({})", shown(customer), shown(&route.customer_external_id))));
    if !route.customer_user.is_empty() {
        rows.push(("user", shown(&route.customer_user)));
    }
    block(&rows)
}

fn refused(
    integration: &str,
    response: &TestEndpointResponse,
    refusal: &TestRefusal,
    style: Style,
) -> String {
    let mut rows = vec![("refused", style.bad(shown(&refusal.code)))];
    rows.push(("why", shown(&refusal.detail)));
    for (place, candidate) in refusal.candidates.iter().enumerate() {
        let stands_for = match candidate.stands_for.as_str() {
            "" => String::new(),
            stands_for => format!("{GAP}{}", style.dim(shown(stands_for))),
        };
        let value = style.bold(cut(&format!("{:?}", candidate.value), VALUE_CHARS_MAX));
        rows.push((if place == 0 { "nearest" } else { "" }, format!("{value}{stands_for}")));
    }
    for (place, advice) in refusal.advice.iter().enumerate() {
        rows.push((if place == 0 { "to do" } else { "or" }, shown(advice)));
    }
    if let Some(command) = commands::command(integration, response, refusal) {
        rows.push(("run", style.bold(shown(&command))));
    }
    block(&rows)
}

/// Labelled lines.
fn block(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    let line = |(label, said): &(&str, String)| format!("{label:width$}{GAP}{said}\n");
    rows.iter().map(line).collect()
}

fn took(step: &TraceStep) -> Option<String> {
    let took = step.duration.and_then(pointsman_proto::duration::read)?;
    Some(format!("{:.1} ms", took.as_secs_f64() * 1_000.0))
}

/// A name without the integration's, which is the one that was asked for: a line fits on a screen.
fn below_integration(name: &str) -> &str {
    let below = name.strip_prefix("integrations/").and_then(|rest| rest.split_once('/'));
    below.map_or(name, |(_, below)| below)
}

fn label(stage: Stage) -> &'static str {
    match stage {
        Stage::Unspecified => "step",
        Stage::Preprocess => "preprocess",
        Stage::Customer => "customer",
        Stage::CustomerUser => "user",
        Stage::Deployment => "deployment",
        Stage::Flow => "flow",
    }
}

/// An object in one line.
fn compact(results: &Struct) -> String {
    let fields: Vec<_> =
        results.fields.iter().map(|(key, value)| format!("{}: {}", shown(key), value_text(value))).collect();
    cut(&format!("{{{}}}", fields.join(", ")), RESULTS_CHARS_MAX)
}

fn value_text(value: &prost_types::Value) -> String {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => "null".to_owned(),
        Some(Kind::NumberValue(number)) => number.to_string(),
        Some(Kind::StringValue(text)) => format!("{text:?}"),
        Some(Kind::BoolValue(value)) => value.to_string(),
        Some(Kind::StructValue(_)) => "{…}".to_owned(),
        Some(Kind::ListValue(_)) => "[…]".to_owned(),
    }
}

fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
