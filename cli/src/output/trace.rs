//! The trace of a dry run, for people.

use pointsman_proto::admin::v1::{
    TestEndpointResponse, TraceStep, test_endpoint_response::End, trace_step::Stage,
};
use prost_types::{Struct, value::Kind};

use super::style::{Style, shown};

/// Values longer than this are cut.
const VALUE_CHARS_MAX: usize = 120;

/// The steps and how they end.
pub(crate) fn trace(response: &TestEndpointResponse, style: Style) -> String {
    let mut lines: Vec<(&str, String)> =
        response.steps.iter().map(|step| (label(step.stage()), line(step, style))).collect();
    match &response.end {
        Some(End::Route(route)) => lines.push(("goes to", style.good(shown(&route.url)))),
        Some(End::Refusal(refusal)) => {
            lines.push((
                "refused",
                format!("{}: {}", style.bad(shown(&refusal.code)), shown(&refusal.detail)),
            ));
        }
        None => {}
    }
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    lines.iter().map(|(label, said)| format!("  {label:width$}   {said}\n")).collect()
}

/// One step in words: what was read, what was found, what it became.
fn line(step: &TraceStep, style: Style) -> String {
    let mut said = Vec::new();
    if step.stage() == Stage::Preprocess {
        said.push(shown(&step.source));
        if let Some(results) = &step.results {
            said.push(format!("→ {}", compact(results)));
        }
        if let Some(took) = step.duration.and_then(pointsman_proto::duration::read) {
            said.push(style.dim(format!("{:.1} ms", took.as_secs_f64() * 1_000.0)));
        }
    } else {
        if !step.source.is_empty() {
            said.push(shown(&step.source));
        }
        if !step.found.is_empty() {
            said.push(format!("= {}", cut(&format!("{:?}", step.found))));
        }
        if !step.resolved.is_empty() {
            said.push(format!("→ {}", style.bold(shown(&step.resolved))));
        }
        if !step.through.is_empty() {
            said.push(style.dim(format!("by {}", shown(below_integration(&step.through)))));
        }
    }
    if said.is_empty() {
        said.push(shown(&step.detail));
    }
    said.join(" ")
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
    cut(&format!("{{{}}}", fields.join(", ")))
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

fn cut(text: &str) -> String {
    if text.chars().count() <= VALUE_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(VALUE_CHARS_MAX).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use pointsman_proto::admin::v1::{TestRefusal, TestRoute};

    use super::*;

    fn step(stage: Stage, source: &str, found: &str, resolved: &str, through: &str) -> TraceStep {
        TraceStep {
            stage: stage.into(),
            source: source.into(),
            found: found.into(),
            resolved: resolved.into(),
            through: through.into(),
            ..TraceStep::default()
        }
    }

    #[test]
    fn a_route_reads_like_a_sentence() {
        let response = TestEndpointResponse {
            steps: vec![
                step(
                    Stage::Customer,
                    "results.body.data.customerId",
                    "A06DFFAC",
                    "customers/bowlers-inc",
                    "integrations/acme-erp/customerMappings/a06dffac",
                ),
                step(Stage::Deployment, "", "", "integrations/acme-erp/deployments/bowlers-inc", ""),
                step(Stage::Flow, "results.body.data.type", "inventory_update", "update-inventory", "values"),
            ],
            end: Some(End::Route(TestRoute {
                url: "http://127.0.0.1:9001/inventory".into(),
                ..Default::default()
            })),
        };
        assert_eq!(
            trace(&response, Style::plain()),
            "  customer     results.body.data.customerId = \"A06DFFAC\" → customers/bowlers-inc by customerMappings/a06dffac\n\
             \x20 deployment   → integrations/acme-erp/deployments/bowlers-inc\n\
             \x20 flow         results.body.data.type = \"inventory_update\" → update-inventory by values\n\
             \x20 goes to      http://127.0.0.1:9001/inventory\n"
        );
    }

    #[test]
    fn a_refusal_has_its_code_and_its_reason() {
        let refusal = TestRefusal { code: "customer_unknown".into(), detail: "no\u{1b}[31m such".into() };
        let response = TestEndpointResponse {
            steps: vec![step(Stage::Customer, "results.body.data.customerId", "X\n", "", "")],
            end: Some(End::Refusal(refusal)),
        };
        assert_eq!(
            trace(&response, Style::plain()),
            "  customer   results.body.data.customerId = \"X\\n\"\n  refused    customer_unknown: no\\u{1b}[31m such\n"
        );
    }

    #[test]
    fn a_reply_is_shown_in_one_line() {
        let text = |text: &str| prost_types::Value { kind: Some(Kind::StringValue(text.into())) };
        let results = Struct {
            fields: [
                ("customerExternalId".to_owned(), text("progix-1001")),
                ("flowName".to_owned(), text("Update Inventory")),
            ]
            .into(),
        };
        let called = TraceStep {
            results: Some(results),
            duration: Some(prost_types::Duration { seconds: 0, nanos: 1_250_000 }),
            ..step(Stage::Preprocess, "http://127.0.0.1:50061", "", "", "")
        };
        let response = TestEndpointResponse { steps: vec![called], end: None };
        assert_eq!(
            trace(&response, Style::plain()),
            "  preprocess   http://127.0.0.1:50061 → {customerExternalId: \"progix-1001\", flowName: \"Update Inventory\"} \
             1.2 ms\n"
        );
    }
}
