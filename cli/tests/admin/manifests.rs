//! `apply` and `export`: what is shown, what is done, and how they end.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::harness::{Up, of_repository};

const ACME: &str = "examples/acme-erp.yaml";

/// Three customers of an owner.
const THREE: &str = "customers:\n\
    - {name: customers/a, externalId: '1'}\n\
    - {name: customers/b, externalId: '2'}\n\
    - {name: customers/c, externalId: '3'}\n";
/// One is changed, one is gone, one is new.
const OTHERS: &str = "customers:\n\
    - {name: customers/a, externalId: '1', displayName: A}\n\
    - {name: customers/b, externalId: '20'}\n\
    - {name: customers/d, externalId: '4'}\n";

#[test]
fn a_change_is_shown_before_it_is_made() {
    let up = Up::start();
    let made = up.run_with(&["apply", "-f", "-", "--owner", "crm"], THREE);
    assert_eq!(
        (made.code, made.stdout.as_str()),
        (
            Some(0),
            "+ customers/a\n+ customers/b\n+ customers/c\n3 created, 0 updated, 0 unchanged; revision 1\n"
        ),
        "{made:?}"
    );
    let shown = "~ customers/a\n    display_name: none → \"A\"\n~ customers/b\n    external_id: \"2\" → \"20\"   \
                 re-routes\n+ customers/d\n- customers/c\n1 created, 2 updated (1 re-routed), 0 unchanged, 1 removed; ";
    let args = ["apply", "-f", "-", "--owner", "crm", "--prune"];
    let dry = up.run_with(&[&args[..], &["--dry-run"]].concat(), OTHERS);
    assert_eq!((dry.code, dry.stdout), (Some(0), format!("{shown}dry run: nothing was changed\n")));
    let looked = up.run_with(&[&args[..], &["--dry-run", "--exit-code", "-o", "json"]].concat(), OTHERS);
    assert_eq!(looked.code, Some(7), "{looked:?}");
    let document: serde_json::Value = serde_json::from_str(&looked.stdout).expect("one document");
    assert_eq!(document["changes"][3]["action"], "ACTION_REMOVED");
    // Without a terminal nobody is asked.
    let done = up.run_with(&args, OTHERS);
    assert_eq!((done.code, done.stdout), (Some(0), format!("{shown}revision 2\n")));
    // It is so already.
    let again = up.run_with(&[&args[..], &["--wait"]].concat(), OTHERS);
    assert_eq!(again.code, Some(0));
    assert!(again.stdout.starts_with("0 created, 0 updated, 3 unchanged; revision 2\n"), "{again:?}");
    let looked = up.run_with(&[&args[..], &["--dry-run", "--exit-code"]].concat(), OTHERS);
    assert_eq!(looked.code, Some(0), "{looked:?}");
}

#[test]
fn what_is_faulty_is_told_by_its_name_too() {
    let up = Up::start();
    let refused =
        up.run_with(&["apply", "-f", "-"], &format!("{THREE}- {{name: customers/d, externalId: '2'}}\n"));
    assert_eq!(refused.code, Some(3), "{refused:?}");
    let told =
        "error: manifest.customers[3].external_id (customers/d): \"2\" is the external id of customers/b (";
    assert!(refused.stderr.starts_with(told), "{}", refused.stderr);
}

#[test]
fn what_is_anothers_takes_a_flag() {
    let up = Up::start();
    up.run_with(&["apply", "-f", "-", "--owner", "crm"], THREE);
    let refused = up.run_with(&["apply", "-f", "-"], OTHERS);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), ""));
    for part in ["customers/a differs, and it is owned by \"crm\"", "customers/b differs", "hint: --adopt"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    let adopted = up.run_with(&["apply", "-f", "-", "--adopt"], OTHERS);
    assert_eq!(adopted.code, Some(0), "{adopted:?}");
    assert!(
        adopted.stdout.contains("~ customers/a   taken over from crm\n    owner: \"crm\" → \"default\"\n"),
        "{adopted:?}"
    );
    assert!(adopted.stdout.ends_with(", 2 taken over; revision 2\n"), "{adopted:?}");
}

#[test]
fn an_empty_manifest_prunes_nothing_by_mistake() {
    let up = Up::start();
    up.apply(THREE);
    let removals = "- customers/a\n- customers/b\n- customers/c\n";
    for dry in [&["--dry-run"][..], &[]] {
        let refused = up.run_with(&[&["apply", "-f", "-", "--prune"], dry].concat(), "");
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), removals), "{refused:?}");
        assert!(refused.stderr.contains("all 3 resources of the owner \"default\""), "{}", refused.stderr);
        assert!(refused.stderr.contains("--allow-mass-removal"), "{}", refused.stderr);
    }
    let meant = up.run_with(&["apply", "-f", "-", "--prune", "--allow-mass-removal"], "{}");
    assert_eq!(meant.code, Some(0), "{meant:?}");
    assert!(meant.stdout.ends_with("3 removed; revision 2\n"), "{meant:?}");
    assert_eq!(up.run(&["export"]).stdout, "{}\n");
}

#[test]
fn flags_that_need_another_say_so() {
    let up = Up::start();
    for args in [&["--allow-mass-removal"][..], &["--exit-code"]] {
        assert_eq!(up.run_with(&[&["apply", "-f", "-"], args].concat(), THREE).code, Some(2), "{args:?}");
    }
    assert_eq!(up.run_with(&["apply", "-f", "-", "--owner", "the crm"], THREE).code, Some(3));
}

#[test]
fn what_is_exported_applies_as_it_is() {
    let up = Up::start();
    up.apply(&of_repository(ACME));
    up.run_with(&["apply", "-f", "-", "--owner", "crm"], THREE);
    for format in ["yaml", "json"] {
        let exported = up.run(&["export", "-o", format, "--with-endpoint-tokens"]);
        assert_eq!(exported.code, Some(0), "{exported:?}");
        let again = up.run_with(&["apply", "-f", "-"], &exported.stdout);
        assert!(again.stdout.starts_with("0 created, 0 updated, "), "{again:?}");
        assert!(again.stdout.ends_with(" unchanged; revision 2\n"), "{again:?}");
    }
    assert_eq!(
        up.run(&["export", "--owner", "crm"]).stdout,
        "customers:\n- name: customers/a\n  externalId: \"1\"\n- name: customers/b\n  externalId: \"2\"\n\
         - name: customers/c\n  externalId: \"3\"\n"
    );
}

#[test]
fn a_file_with_tokens_is_for_its_owner_only() {
    let up = Up::start();
    up.apply(&of_repository(ACME));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("all.yaml");
    let path = file.to_str().expect("a path");
    let mode = || fs::metadata(&file).expect("the file").permissions().mode() & 0o777;
    let plain = up.run(&["export", "--to", path]);
    assert_eq!((plain.code, plain.stdout.as_str()), (Some(0), ""), "{plain:?}");
    assert!(plain.stderr.contains(&format!("wrote {path} at revision 1")), "{plain:?}");
    assert_ne!(mode(), 0o600);
    let secret = up.run(&["export", "--to", path, "--with-endpoint-tokens"]);
    assert_eq!(secret.code, Some(0), "{secret:?}");
    assert_eq!(mode(), 0o600);
    let text = fs::read_to_string(&file).expect("text");
    assert!(text.contains("endpointTokens:\n- endpoint: integrations/acme-erp\n"), "{text}");
    let nowhere = folder.path().join("no/all.yaml");
    let failed = up.run(&["export", "--to", nowhere.to_str().expect("a path")]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.stderr.starts_with("error: cannot write "), "{failed:?}");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing is left behind");
}

/// The public URLs of one control plane are those of another one, on a fresh database.
#[test]
fn a_configuration_moves_with_its_urls() {
    let (old, new) = (Up::start(), Up::start());
    old.apply(&of_repository(ACME));
    let exported = old.run(&["export", "--with-endpoint-tokens"]).stdout;
    new.apply(&exported);
    let path = |up: &Up| {
        let url = up.run(&["get", "integrations/acme-erp", "--url"]).stdout;
        url.split_once("/hooks/").expect("a webhook URL").1.to_owned()
    };
    assert_eq!(path(&new), path(&old));
}
