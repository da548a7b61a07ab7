//! `import-mappings`: from files and standard input, with bad lines told by their numbers.

use std::fs;

use crate::harness::{Ran, Up, of_repository};

fn acme() -> Up {
    let up = Up::start();
    up.apply(&of_repository("examples/acme-erp.yaml"));
    up
}

fn import(up: &Up, args: &[&str], input: &str) -> Ran {
    up.run_with(&[&["import-mappings", "acme-erp"], args].concat(), input)
}

fn stdin(up: &Up, args: &[&str], input: &str) -> Ran {
    import(up, &[&["-f", "-"], args].concat(), input)
}

fn last_line(ran: &Ran) -> &str {
    ran.stdout.lines().last().unwrap_or_else(|| panic!("{ran:?}"))
}

#[test]
fn csv_and_json_lines_are_imported_from_files_and_standard_input() {
    let up = acme();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mappings.csv");
    fs::write(
        &file,
        "\u{feff}source_customer_id,external_id\r\nNEW1,progix-1001\r\n\"NEW,2\",progix-1002\r\n",
    )
    .expect("written");
    let file = file.to_str().expect("a path");
    let dry = import(&up, &["-f", file, "--dry-run"], "");
    assert_eq!(
        (dry.code, last_line(&dry)),
        (Some(0), "2 rows: 2 created, 0 updated, 0 unchanged, 0 bad; dry run: nothing was changed"),
        "{dry:?}"
    );
    let ran = import(&up, &["-f", file, "--wait"], "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stdout.starts_with("2 rows: 2 created, 0 updated, 0 unchanged, 0 bad; revision 2\n"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("revision 2 is served by"), "{ran:?}");
    assert_eq!(up.run(&["get", "integrations/acme-erp/customerMappings/NEW1"]).code, Some(0));

    let lines = "{\"sourceCustomerId\":\"NEW1\",\"externalId\":\"progix-1002\"}\n{\"source_customer_id\":\"NEW,2\",\"external_id\":\"progix-1002\"}\n";
    let ran = stdin(&up, &["--format", "jsonl", "-o", "json"], lines);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&answer["updated"], &answer["unchanged"]), (&"1".into(), &"1".into()), "{answer}");
}

#[test]
fn bad_lines_of_both_sides_are_told_in_order_and_nothing_is_written() {
    let up = acme();
    let input = "source_customer_id,external_id\n\
                 A,progix-1001\n\
                 B,\"progix\"-1001\n\
                 \"C\n1\",progix-1001\n\
                 D,nobody\n\
                 A,progix-1002\n\
                 E\n";
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.csv");
    let report_flag = report.to_str().expect("a path");
    let ran = stdin(&up, &["--format", "csv", "--report", report_flag], input);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let told: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(
        told,
        [
            "line 3: holds text behind a closing quote",
            "line 6: D: no customer has the external id \"nobody\"",
            "line 7: A: the source customer id stands in line 2 already",
            "line 8: has 1 fields, and the header 2",
            "6 rows: 0 created, 0 updated, 0 unchanged, 4 bad; nothing was changed",
        ]
    );
    let report = fs::read_to_string(&report).expect("a report");
    assert!(report.starts_with("line,source_customer_id,reason\r\n3,\"\",\"holds text"), "{report}");
    assert!(report.contains("6,\"D\",\"no customer has the external id \"\"nobody\"\"\"\r\n"), "{report}");

    let ran = stdin(&up, &["--format", "csv", "--keep-going"], input);
    assert_eq!(ran.code, Some(8), "{ran:?}");
    assert_eq!(last_line(&ran), "6 rows: 2 created, 0 updated, 0 unchanged, 4 bad; revision 2");
}

#[test]
fn an_import_with_an_id_is_made_once_and_a_failed_one_can_be_put_right() {
    let up = acme();
    let bad = "source_customer_id,external_id\nA,nobody\n";
    let good = "source_customer_id,external_id\nA,progix-1001\n";
    let ran = stdin(&up, &["--format", "csv", "--import-id", "mine"], bad);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    for _ in 0..2 {
        let ran = stdin(&up, &["--format", "csv", "--import-id", "mine"], good);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(last_line(&ran), "1 rows: 1 created, 0 updated, 0 unchanged, 0 bad; revision 2");
    }
    // Rows of another file are another import, however many there are.
    let other = good.replace('A', "B");
    let ran = stdin(&up, &["--format", "csv", "--import-id", "mine"], &other);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(last_line(&ran), "1 rows: 1 created, 0 updated, 0 unchanged, 0 bad; revision 3");
    assert_eq!(up.run(&["lookup", "acme-erp", "--source-id", "B"]).code, Some(0));
    let ran = stdin(&up, &["--format", "csv", "--import-id", &"x".repeat(51)], good);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("longer than 50 characters"), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn a_file_that_comes_only_once_is_kept_aside() {
    let up = acme();
    let input = "source_customer_id,external_id\nA,progix-1001\n";
    let ran = import(&up, &["-f", "/dev/stdin", "--format", "csv"], input);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(last_line(&ran), "1 rows: 1 created, 0 updated, 0 unchanged, 0 bad; revision 2");
}

#[test]
fn what_cannot_be_imported_is_refused_before_anything_is_sent() {
    let up = acme();
    let ran = stdin(&up, &["--format", "csv"], "A,progix-1001\n");
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("standard input, line 1: \"A\" is no column"), "{ran:?}");
    let ran = stdin(&up, &[], "");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--format csv"), "{ran:?}");
    assert_eq!(import(&up, &["-f", "/nonexistent.csv"], "").code, Some(1));
    let ran = up.run_with(
        &["import-mappings", "none", "-f", "-", "--format", "csv"],
        "source_customer_id,customer\nA,customers/a\n",
    );
    assert!(ran.code == Some(1) && ran.stderr.contains("integrations/none"), "{ran:?}");
}
