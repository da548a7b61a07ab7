use pointsman_proto::admin::v1::TestCandidate;

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

fn of_acme(response: &TestEndpointResponse) -> String {
    trace("integrations/acme-erp", response, Style::plain())
}

fn refused(steps: Vec<TraceStep>, refusal: TestRefusal) -> String {
    of_acme(&TestEndpointResponse { steps, end: Some(End::Refusal(refusal)) })
}

#[test]
fn a_route_is_read_at_a_glance() {
    let response = TestEndpointResponse {
        steps: vec![
            step(
                Stage::Customer,
                "results.body.data.customerId",
                "A06DFFAC",
                "customers/bowlers-inc",
                "integrations/acme-erp/customerMappings/a06dffac",
            ),
            step(
                Stage::Deployment,
                "customer",
                "customers/bowlers-inc",
                "integrations/acme-erp/deployments/bowlers-inc",
                "",
            ),
            step(Stage::Flow, "results.body.data.type", "inventory_update", "update-inventory", "values"),
        ],
        end: Some(End::Route(TestRoute {
            customer: "customers/bowlers-inc".into(),
            customer_external_id: "progix-1001".into(),
            url: "http://127.0.0.1:9001/inventory".into(),
            ..TestRoute::default()
        })),
    };
    assert_eq!(
        of_acme(&response),
        "✓ customer    results.body.data.customerId  \"A06DFFAC\"          → customers/bowlers-inc  by \
         customerMappings/a06dffac\n\
         ✓ deployment  of this customer                                  → deployments/bowlers-inc\n\
         ✓ flow        results.body.data.type        \"inventory_update\"  → update-inventory  by values\n\
         \n\
         goes to  http://127.0.0.1:9001/inventory\n\
         for      customers/bowlers-inc (progix-1001)\n"
    );
}

#[test]
fn a_refusal_says_why_and_what_to_do() {
    let candidate =
        |value: &str, stands_for: &str| TestCandidate { value: value.into(), stands_for: stands_for.into() };
    let refusal = TestRefusal {
        code: "customer_unknown".into(),
        detail: "integrations/acme-erp has no customer mapping for \"A06DFFAX\".".into(),
        advice: vec!["Correct what the sender sends.".into(), "Add a customer mapping.".into()],
        candidates: vec![
            candidate("A06DFFAC", "customers/bowlers-inc"),
            candidate("A06DFFA0", "customers/pencils-co"),
        ],
    };
    let steps = vec![step(Stage::Customer, "results.body.data.customerId", "A06DFFAX", "", "")];
    assert_eq!(
        refused(steps, refusal),
        "✗ customer  results.body.data.customerId  \"A06DFFAX\"\n\
         \n\
         refused  customer_unknown\n\
         why      integrations/acme-erp has no customer mapping for \"A06DFFAX\".\n\
         nearest  \"A06DFFAC\"  customers/bowlers-inc\n\
         \x20        \"A06DFFA0\"  customers/pencils-co\n\
         to do    Correct what the sender sends.\n\
         or       Add a customer mapping.\n\
         run      printf 'source_customer_id,customer\\nA06DFFAX,customers/ID\\n' | pointsman import-mappings acme-erp --format \
         csv -f -\n"
    );
}

#[test]
fn nothing_of_a_request_gets_into_a_command_that_a_shell_would_obey() {
    for id in ["'; rm -rf ~ #", "$(id)", "a b", "-f", "", "a\nb", "a,b", "a\\n"] {
        let refusal = TestRefusal {
            code: "customer_unknown".into(),
            detail: "integrations/acme-erp has no customer mapping for it.".into(),
            ..TestRefusal::default()
        };
        let said = refused(vec![step(Stage::Customer, "results.headers.x", id, "", "")], refusal);
        assert!(!said.contains("import-mappings"), "{said}");
    }
}

#[test]
fn what_others_wrote_is_shown_and_not_obeyed() {
    let refusal = TestRefusal {
        code: "customer_unknown".into(),
        detail: "no\u{1b}[31m such".into(),
        advice: vec!["do\u{7}".into()],
        candidates: vec![TestCandidate { value: "\u{1b}c".into(), stands_for: "\r".into() }],
    };
    let said = refused(vec![step(Stage::Customer, "results.headers.x", "X\n\u{1b}", "", "")], refusal);
    assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
    assert_eq!(said.lines().count(), 6, "{said}");
}

#[test]
fn a_call_is_shown_with_its_time_and_its_results() {
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
    let steps = vec![called, step(Stage::Flow, "endpoint", "", "create-order", "")];
    assert_eq!(
        of_acme(&TestEndpointResponse { steps, end: None }),
        "✓ preprocess  http://127.0.0.1:50061  in 1.2 ms\n\
         \x20             {customerExternalId: \"progix-1001\", flowName: \"Update Inventory\"}\n\
         ✓ flow        the endpoint's                     → create-order\n"
    );
}

#[test]
fn colours_change_no_widths() {
    let steps = vec![
        step(Stage::Customer, "results.a", "A", "customers/a", "values"),
        step(Stage::Flow, "results.body.data.b", "B", "b", ""),
    ];
    let response = TestEndpointResponse { steps, end: None };
    let coloured = trace("integrations/x", &response, Style::coloured());
    let mut plain = String::new();
    let mut in_code = false;
    for c in coloured.chars() {
        match c {
            '\u{1b}' => in_code = true,
            'm' if in_code => in_code = false,
            _ if in_code => {}
            c => plain.push(c),
        }
    }
    assert_ne!(coloured, plain);
    assert_eq!(plain, trace("integrations/x", &response, Style::plain()));
}
