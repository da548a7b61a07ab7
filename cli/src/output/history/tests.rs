use pointsman_proto::admin::v1::{Endpoint, Preprocess};

use super::*;

fn change(field: &str, before: Option<&str>, after: Option<&str>) -> FieldChange {
    let [before, after] = [before, after].map(|value| value.map(str::to_owned));
    FieldChange { field: field.to_owned(), before, after, reroutes: false }
}

fn revision(number: i64, display_name: &str, changes: Vec<FieldChange>) -> IntegrationRevision {
    let service = Preprocess {
        address: "http://x".to_owned(),
        metadata: [("a".to_owned(), REDACTED.to_owned())].into(),
        ..Preprocess::default()
    };
    IntegrationRevision {
        revision: number,
        create_time: Some(prost_types::Timestamp { seconds: 1_795_000_000, nanos: 123_456_000 }),
        integration: Some(Integration {
            name: "integrations/x".to_owned(),
            display_name: display_name.to_owned(),
            endpoint: Some(Endpoint { preprocess: Some(service), ..Endpoint::default() }),
            ..Integration::default()
        }),
        changes,
        ..IntegrationRevision::default()
    }
}

const SECRET: &str = "endpoint.preprocess.metadata[\"a\"]";

/// The latest first: renamed and its secret changed, renamed and its URL rotated, renamed back.
fn history() -> [IntegrationRevision; 4] {
    let renamed = |before, after| change("display_name", Some(before), Some(after));
    let redacted = change(SECRET, Some(REDACTED), Some(REDACTED));
    let url = change("endpoint.url", Some("/hooks/aaaaaa…"), Some("/hooks/bbbbbb…"));
    [
        revision(9, "A", vec![renamed("C", "A"), change("owner", Some("default"), Some("crm"))]),
        revision(7, "C", vec![renamed("B", "C"), url]),
        revision(4, "B", vec![renamed("A", "B"), redacted]),
        revision(1, "A", Vec::new()),
    ]
}

#[test]
fn two_states_are_compared_and_what_they_hide_is_gathered_from_between() {
    let all = history();
    let fields = |from: usize, to: usize| {
        let changes = between(&all, &all[from], &all[to]).expect("a comparison");
        changes.into_iter().map(|change| (change.field, change.before, change.after)).collect::<Vec<_>>()
    };
    let some = |text: &str| Some(text.to_owned());
    let secret = (SECRET.to_owned(), some(REDACTED), some(REDACTED));
    let url = ("endpoint.url".to_owned(), some("/hooks/aaaaaa…"), some("/hooks/bbbbbb…"));
    let owner = ("owner".to_owned(), some("default"), some("crm"));
    // The name is what it was; that it was others between does not count.
    assert_eq!(fields(3, 0), [secret.clone(), url.clone(), owner]);
    assert_eq!(fields(2, 1), [("display_name".to_owned(), some("B"), some("C")), url]);
    let back = [("display_name".to_owned(), some("B"), some("A")), secret];
    assert_eq!(fields(2, 3), back);
    assert_eq!(fields(1, 1), []);
}

#[test]
fn each_revision_is_a_line() {
    let mut all = history().to_vec();
    all[0].caller = "accessTokens/alice".to_owned();
    all[0].rolled_back_to = 1;
    all[1].changes[0].reroutes = true;
    all[1].more_changes = 2;
    assert_eq!(
        revisions(&all, true),
        "REVISION   WHEN                   WHO     WHAT\n\
         9          2026-11-18T11:06:40Z   alice   back to 1: display_name, owner\n\
         7          2026-11-18T11:06:40Z   -       display_name, endpoint.url and 2 more; re-routes\n\
         4          2026-11-18T11:06:40Z   -       display_name, endpoint.preprocess.metadata[\"a\"]\n\
         1          2026-11-18T11:06:40Z   -       the first\n"
    );
}

#[test]
fn a_comparison_says_what_comes_and_what_goes() {
    let all = history();
    let changes = between(&all, &all[2], &all[1]).expect("a comparison");
    let text = comparison("integrations/x", (&all[2], &all[1]), &changes, Style::plain());
    assert_eq!(
        text,
        "integrations/x of revision 4 → 7 (2026-11-18T11:06:40Z)\n\
         \x20   display_name: \"B\" → \"C\"\n\
         \x20   endpoint.url: \"/hooks/aaaaaa…\" → \"/hooks/bbbbbb…\"\n"
    );
    let coloured = comparison("integrations/x", (&all[2], &all[1]), &changes, Style::coloured());
    assert!(coloured.contains("\u{1b}[31m\"B\"\u{1b}[0m → \u{1b}[32m\"C\"\u{1b}[0m"), "{coloured:?}");
    let same = comparison("integrations/x", (&all[2], &all[2]), &[], Style::plain());
    assert_eq!(same, "integrations/x of revision 4 is the same as of 4 (2026-11-18T11:06:40Z)\n");
}
