//! What an integration was, going back to it, URLs that change, deployments that pause, and who is who.

use serde_json::Value;

use crate::harness::{Ran, Up, of_repository};

const DEPLOYMENT: &str = "acme-erp/bowlers-inc";

fn acme() -> Up {
    let up = Up::start();
    up.apply(&of_repository("examples/acme-erp.yaml"));
    up
}

fn json(ran: &Ran) -> Value {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    serde_json::from_str(&ran.stdout).expect("one document")
}

impl Up {
    /// Runs a command that must work, and gives what it prints.
    fn prints(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        ran.stdout
    }

    fn rename(&self, display_name: &str) {
        let manifest = of_repository("examples/acme-erp.yaml");
        let renamed = manifest.replace("displayName: Acme ERP", &format!("displayName: {display_name}"));
        assert_ne!(renamed, manifest);
        self.apply(&renamed);
    }
}

#[test]
fn revisions_are_listed_compared_and_gone_back_to() {
    let up = acme();
    up.rename("Acme Two");
    up.rename("Acme Three");
    let listed = up.prints(&["revisions", "acme-erp"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 4, "{listed}");
    assert!(lines[1].starts_with("3 ") && lines[1].ends_with("-     display_name"), "{listed}");
    assert!(lines[3].starts_with("1 ") && lines[3].ends_with("-     the first"), "{listed}");
    let few = up.run(&["revisions", "integrations/acme-erp", "-n", "2"]);
    assert_eq!((few.stdout.lines().count(), few.stderr.contains("--limit")), (3, true), "{few:?}");
    let programs = json(&up.run(&["revisions", "acme-erp", "-o", "json"]));
    assert_eq!(programs["revisions"][0]["revision"], "3");
    assert_eq!(programs["revisions"][0]["changes"][0]["before"], "Acme Two");

    for (args, from, to, difference) in [
        (&["--diff"][..], 2, 3, r#""Acme Two" → "Acme Three""#),
        (&["--diff", "1"], 1, 3, r#""Acme ERP" → "Acme Three""#),
        (&["--diff", "2", "1"], 2, 1, r#""Acme Two" → "Acme ERP""#),
    ] {
        let shown = up.prints(&[&["revisions", "acme-erp"], args].concat());
        assert!(shown.starts_with(&format!("integrations/acme-erp of revision {from} → {to} (")), "{shown}");
        assert!(shown.ends_with(&format!("\n    display_name: {difference}\n")), "{shown}");
    }
    let programs = json(&up.run(&["revisions", "acme-erp", "--diff", "1", "2", "-o", "json"]));
    let expected = serde_json::json!({
        "from": "1",
        "to": "2",
        "changes": [{ "field": "display_name", "before": "Acme ERP", "after": "Acme Two" }],
    });
    assert_eq!(programs, expected);
    let unknown = up.run(&["revisions", "acme-erp", "--diff", "99"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("revision 99 is none of its revisions"), "{unknown:?}");

    let tried = up.prints(&["rollback", "acme-erp", "1", "--dry-run"]);
    assert_eq!(
        tried,
        "    display_name: \"Acme Three\" → \"Acme ERP\"\n\
         integrations/acme-erp would go back to revision 1; dry run: nothing was changed\n"
    );
    let done = up.prints(&["rollback", "acme-erp", "1", "--wait"]);
    assert!(
        done.contains("is what it was at revision 1; revision 4\nrevision 4 is served by edges/"),
        "{done}"
    );
    assert!(up.prints(&["revisions", "acme-erp", "-n", "1"]).contains("back to 1: display_name"));
    let again = up.prints(&["rollback", "acme-erp", "1"]);
    assert_eq!(again, "integrations/acme-erp is as it was at revision 1: nothing was changed\n");
    let programs = json(&up.run(&["rollback", "acme-erp", "3", "-o", "json"]));
    assert_eq!(programs["integration"]["displayName"], "Acme Three");
    let nothing = up.run(&["rollback", "acme-erp", "99"]);
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert!(nothing.stderr.contains("integrations/acme-erp has no revision 99"), "{nothing:?}");
    assert!(nothing.stderr.contains("`pointsman revisions acme-erp` lists"), "{nothing:?}");
}

#[test]
fn a_rollback_that_re_routes_says_so_before_it_is_made() {
    let up = acme();
    let other =
        of_repository("examples/acme-erp.yaml").replace("results.body.data.type", "results.body.data.kind");
    up.apply(&other);
    for flags in [&["--dry-run"][..], &[]] {
        let told = up.prints(&[&["rollback", "acme-erp", "1"], flags].concat());
        let line = "reference: \"results.body.data.kind\" → \"results.body.data.type\"   re-routes\n";
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn a_secret_for_a_rollback_comes_from_a_file_and_is_nowhere_to_be_seen() {
    let up = Up::start();
    let manifest = |address: &str| {
        format!(
            "integrations:\n- name: integrations/x\n  flows: [{{key: main}}]\n  endpoint:\n    \
             type: ENDPOINT_TYPE_INSTANCE_SPECIFIC\n    \
             preprocess: {{address: \"{address}\", metadata: {{authorization: Bearer old-secret}}}}\n"
        )
    };
    up.apply(&manifest("http://127.0.0.1:1"));
    up.apply(&manifest("http://127.0.0.1:2"));
    let refused = up.run(&["rollback", "x", "1"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains(r#"preprocess_metadata["authorization"]"#), "{refused:?}");
    let plain = up.run(&["rollback", "x", "1", "--metadata", "authorization=Bearer new-secret"]);
    assert_eq!(plain.code, Some(2));
    assert!(plain.stderr.contains("NAME=file:PATH"), "{plain:?}");

    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "Bearer new-secret\n").expect("written");
    let metadata = format!("authorization=file:{}", file.path().display());
    let done = up.run(&["rollback", "x", "1", "--metadata", &metadata]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("endpoint.preprocess.address"), "{done:?}");
    let shown = up.prints(&["revisions", "x", "--diff", "2", "3"]);
    assert!(shown.contains(r#"metadata["authorization"]: "<redacted>" → "<redacted>""#), "{shown}");
    let all = up.prints(&["revisions", "x", "-o", "yaml"]) + &shown + &done.stdout + &refused.stderr;
    assert!(!all.contains("-secret"), "{all}");
}

#[test]
fn a_url_is_rotated_step_by_step() {
    let up = acme();
    let old = up.prints(&["get", "integrations/acme-erp", "--url"]);
    let tried = up.run(&["rotate-url", "acme-erp", "--dry-run"]);
    assert_eq!((tried.code, tried.stdout.as_str()), (Some(0), ""));
    assert_eq!(tried.stderr, "1 older URL works on, until --finish; dry run: nothing was changed\n");

    let started = up.run(&["rotate-url", "acme-erp", "--wait"]);
    assert_eq!(started.code, Some(0), "{started:?}");
    assert!(started.stdout.starts_with("http") && started.stdout.lines().count() == 1, "{started:?}");
    assert_ne!(started.stdout, old);
    assert!(started.stderr.starts_with("1 older URL works on, until --finish; revision 2\n"), "{started:?}");
    assert!(started.stderr.contains("revision 2 is served by edges/"), "{started:?}");
    assert_eq!(up.prints(&["get", "integrations/acme-erp", "--url"]), started.stdout);

    let finished = up.run(&["rotate-url", "integrations/acme-erp", "--finish"]);
    assert_eq!(
        (finished.stdout, finished.stderr),
        (started.stdout.clone(), "no older URL works; revision 3\n".to_owned())
    );
    let replaced = json(&up.run(&["rotate-url", "acme-erp", "--replace", "-o", "json"]));
    assert_ne!(replaced["integration"]["endpoint"]["url"], started.stdout.trim());

    let shared = up.run(&["rotate-url", DEPLOYMENT]);
    assert_eq!(shared.code, Some(3));
    assert!(shared.stderr.contains("share its endpoint: rotate that one"), "{shared:?}");
    assert_eq!(up.run(&["rotate-url", "acme-erp", "--flow", "create-order"]).code, Some(2));
    assert_eq!(up.run(&["rotate-url", "acme-erp", "--finish", "--replace"]).code, Some(2));
}

#[test]
fn a_flow_has_a_url_of_its_own() {
    let up = Up::start();
    up.apply(
        "integrations:\n- {name: integrations/x, flows: [{key: main}], endpoint: {type: ENDPOINT_TYPE_FLOW_SPECIFIC}}\n\
         customers:\n- {name: customers/c, externalId: c}\n\
         deployments:\n- {name: integrations/x/deployments/d, customer: customers/c, flowEndpoints: {main: {url: \"http://127.0.0.1:1/\"}}}\n",
    );
    let rotated = up.run(&["rotate-url", "x/d", "--flow", "main"]);
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    assert_eq!(rotated.stdout, up.prints(&["get", "integrations/x/deployments/d", "--url"]));
    let missing = up.run(&["rotate-url", "x/d"]);
    assert_eq!(missing.code, Some(3));
    assert!(missing.stderr.contains("flow"), "{missing:?}");
}

#[test]
fn a_deployment_pauses_and_resumes() {
    let up = acme();
    let name = "integrations/acme-erp/deployments/bowlers-inc";
    let tried = up.prints(&["pause", DEPLOYMENT, "--dry-run"]);
    assert_eq!(tried, format!("{name} would be paused\ndry run: nothing was changed\n"));
    let paused = up.prints(&["pause", DEPLOYMENT, "--wait"]);
    assert!(
        paused.starts_with(&format!("{name} is paused\nrevision 2\nrevision 2 is served by edges/")),
        "{paused}"
    );
    assert!(up.prints(&["get", name]).contains("paused"));
    assert_eq!(up.prints(&["pause", name]), format!("{name} is paused\nrevision 2\n"));
    assert_eq!(up.prints(&["resume", name]), format!("{name} is enabled\nrevision 3\n"));
    let programs = json(&up.run(&["pause", DEPLOYMENT, "-o", "json"]));
    assert_eq!(programs["deployment"]["state"], "STATE_PAUSED");
    let stale = up.run(&["resume", DEPLOYMENT, "--etag", "stale"]);
    assert_eq!(stale.code, Some(3), "{stale:?}");
    assert_eq!(up.run(&["pause", "acme-erp/nobody"]).code, Some(1));
}

#[test]
fn customers_are_looked_up_both_ways() {
    let up = acme();
    let by_source = up.prints(&["lookup", "acme-erp", "--source-id", "A06DFFAC"]);
    assert!(by_source.contains("progix-1001") && by_source.contains("customers/bowlers-inc"), "{by_source}");
    for args in [["--external-id", "progix-1001"], ["--customer", "bowlers-inc"]] {
        let found = up.prints(&[&["lookup", "acme-erp"], &args[..]].concat());
        assert!(found.contains("A06DFFAC"), "{found}");
    }
    let programs = json(&up.run(&["lookup", "acme-erp", "--source-id", "A06DFFAC", "-o", "json"]));
    assert_eq!(programs["customer"]["externalId"], "progix-1001");
    let unknown = up.run(&["lookup", "acme-erp", "--source-id", "FFFFFFFF"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""));
    assert!(unknown.stderr.contains("CUSTOMER_UNKNOWN"), "{unknown:?}");
    assert_eq!(up.run(&["lookup", "acme-erp"]).code, Some(2));
    let both = up.run(&["lookup", "acme-erp", "--source-id", "A", "--customer", "b"]);
    assert_eq!(both.code, Some(2));
}
