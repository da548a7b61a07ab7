//! Who changed what.

use serde_json::Value;

use crate::harness::{Up, of_repository};

#[test]
fn the_audit_says_what_changed_and_what_re_routes() {
    let up = Up::start();
    let manifest = of_repository("examples/acme-erp.yaml");
    up.apply(&manifest);
    let changed = manifest.replace("externalId: progix-1001", "externalId: progix-2001");
    assert_ne!(changed, manifest);
    up.apply(&changed);

    let ran = up.run(&["audit", "--since", "1h", "--reroutes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{ran:?}");
    assert!(lines[0].ends_with("Z  updated customers/bowlers-inc   re-routes"), "{ran:?}");
    assert!(lines[1].starts_with("    by somebody without a token from 127.0.0.1:"), "{ran:?}");
    assert!(lines[1].ends_with(", ManifestService/ApplyManifest, revision 2"), "{ran:?}");
    assert_eq!(lines[2], "    external_id: \"progix-1001\" → \"progix-2001\"   re-routes");

    let ran = up.run(&["audit", "--filter", "action = ACTION_CREATED", "-n", "2", "-o", "json"]);
    assert_eq!((ran.code, ran.stderr.contains("--limit")), (Some(0), true), "{ran:?}");
    let listed: Value = serde_json::from_str(&ran.stdout).expect("one document");
    assert_eq!(listed["auditEntries"].as_array().map(Vec::len), Some(2), "{listed}");
    assert_eq!(listed["auditEntries"][0]["action"], "ACTION_CREATED");

    let ran = up.run(&["audit", "--filter", "who = me"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{ran:?}");
    assert!(ran.stderr.contains("there is no field `who`"), "{ran:?}");
}
