//! The command that helps most with a refused request.

use pointsman_proto::admin::v1::{TestEndpointResponse, TestRefusal, TraceStep, trace_step::Stage};

/// What can be run for a request of `integration` that was refused, as it can be pasted into a shell; none where nothing helps that is known here.
pub(super) fn command(
    integration: &str,
    response: &TestEndpointResponse,
    refusal: &TestRefusal,
) -> Option<String> {
    let step = |stage: Stage| response.steps.iter().find(|step| step.stage() == stage);
    let command = match refusal.code.as_str() {
        "customer_unknown" => add_mapping(integration, step(Stage::Customer)?, refusal)?,
        "deployment_not_found" => format!("pointsman get {integration}/deployments"),
        "deployment_paused" => format!("pointsman resume {}", paused(step(Stage::Deployment)?)?),
        "flow_not_deployed" => format!("pointsman get {}", step(Stage::Deployment)?.resolved),
        "flow_unknown" | "flow_not_resolved" | "customer_not_resolved" | "customer_user_not_resolved" => {
            format!("pointsman get {integration}")
        }
        _ => return None,
    };
    Some(command)
}

/// For a customer that is missing from the customer mappings.
fn add_mapping(integration: &str, step: &TraceStep, refusal: &TestRefusal) -> Option<String> {
    let id = &step.found;
    // An id that a shell, `printf` and CSV take as it is.
    let is_plain = id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    let is_of_mappings = refusal.detail.contains("has no customer mapping");
    let integration = integration.trim_start_matches("integrations/");
    (is_plain && is_of_mappings).then(|| {
        format!(
            "printf 'source_customer_id,customer\\n{id},customers/ID\\n' | pointsman import-mappings {integration} \
             --format csv -f -"
        )
    })
}

/// The deployment that a step found paused: its sentence names it.
fn paused(step: &TraceStep) -> Option<&str> {
    let mut words = step.detail.split(' ');
    words.find(|word| word.starts_with("integrations/") && word.contains("/deployments/"))
}
