//! The binary as a user meets it: help, exit codes, what is said where. Needs no server.

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// In the order of the help.
const COMMANDS: &[&str] = &[
    "demo",
    "up",
    "control-plane",
    "edge",
    "apply",
    "export",
    "get",
    "delete",
    "test",
    "edges",
    "profile",
    "backup",
    "restore",
    "secret-key",
    "completions",
    "receive",
];

fn pointsman(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    command.args(args).stdin(Stdio::null());
    // What is set around the tests is not what they are about.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("POINTSMAN_") {
            command.env_remove(name);
        }
    }
    // Nor is what whoever runs them has for profiles.
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

fn run(args: &[&str]) -> Output {
    pointsman(args).output().expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// An address that nobody listens on: bound, and let go.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("its address"))
}

fn file(folder: &Path, text: &str) -> PathBuf {
    let file = folder.join("manifest.yaml");
    fs::write(&file, text).expect("written");
    file
}

#[test]
fn each_command_has_help() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let listed = stdout(&help);
    for command in COMMANDS {
        assert!(listed.contains(&format!("\n  {command} ")), "{command} is listed in {listed}");
        let help = run(&[command, "--help"]);
        assert_eq!(help.status.code(), Some(0), "{command}");
        assert!(stdout(&help).contains(&format!("Usage: pointsman {command}")), "{command}");
        assert!(help.stderr.is_empty(), "{command}");
    }
}

#[test]
fn the_version_is_told() {
    let version = run(&["--version"]);
    assert_eq!(stdout(&version), format!("pointsman {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_ends_with_2() {
    for args in [
        &[][..],
        &["frobnicate"],
        &["up"],
        &["up", "--data", "d", "--edge-listen", "localhost:80"],
        &["up", "--data", "d", "--body-memory", "256MB"],
        &["up", "--data", "d", "--drain", "5"],
        &["up", "--data", "d", "--tls-cert", "c.pem"],
        &["up", "--data", "d", "--public-url", "example.com"],
        &["up", "--data", "d", "--log-level", "pointsman=loud"],
        &["edge"],
        &["edge", "--edge-id", "a/b"],
        &["edge", "--edge-id", "a", "--control-plane", "localhost:7070"],
        &["apply"],
        &["apply", "-f", "x", "--dry-run", "--wait"],
        &["get", "acme-erp"],
        &["get", "customers", "-o", "xml"],
        &["get", "customers", "--profile", "a/b"],
        &["get", "customers", "--token", "a", "--token-file", "b"],
        &["get", "customers", "--client-cert", "c.pem"],
        &["apply", "-f", "x", "--wait=soon"],
        &["delete"],
        &["delete", "customers"],
        &["delete", "edges/local"],
        &["delete", "customers/a", "customers/b", "--etag", "x"],
        &["test", "acme-erp", "-H", "no-colon"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_wrong_value_is_told_with_what_would_be_right() {
    let said = stderr(&run(&["up", "--data", "d", "--body-memory", "256MB"]));
    assert!(said.contains("'256MB' for '--body-memory <SIZE>': write a size as 6MiB"), "{said}");
    let said = stderr(&run(&["get", "flows"]));
    assert!(said.contains("integrations/ID/deployments"), "{said}");
}

#[test]
fn variables_set_what_flags_set() {
    let output = pointsman(&["up", "--data", "d"]).env("POINTSMAN_DRAIN", "soon").output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("'soon' for '--drain <DURATION>'"), "{}", stderr(&output));
}

#[test]
fn no_control_plane_ends_with_1_and_says_what_to_do() {
    let server = nobody();
    for args in [&["get", "customers"][..], &["export"], &["edges"], &["test", "acme-erp"]] {
        let output = run(&[args, &["--server", &server]].concat());
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let said = stderr(&output);
        assert!(said.starts_with("error: ") && said.contains(&server), "{said}");
        assert!(said.contains("hint: is it running? start one with `pointsman up --data DIR`"), "{said}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn waiting_for_a_control_plane_ends() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/acme-erp.yaml");
    let manifest = manifest.to_str().expect("a path");
    let output = run(&["apply", "-f", manifest, "--wait", "--wait-timeout", "300ms", "--server", &nobody()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("hint: is it running?"), "{}", stderr(&output));
}

#[test]
fn a_server_that_is_no_address_ends_with_2() {
    let output = run(&["edges", "--server", "127.0.0.1:7070"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("http://host:port"), "{}", stderr(&output));
}

#[test]
fn a_bad_manifest_ends_with_3_before_anything_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = file(folder.path(), "customers:\n- name: customers/a\n  externalID: 7\n  extra: 1\n");
    let manifest = manifest.to_str().expect("a path");
    // Nobody listens there: the file is read first.
    let output = run(&["apply", "-f", manifest, "--server", &nobody()]);
    assert_eq!(output.status.code(), Some(3));
    let said = stderr(&output);
    let expected = format!(
        "error: {manifest}: 2 faults\n  line 3: customers[0]: unknown field `externalID`; did you mean `externalId`?\n"
    );
    assert!(said.starts_with(&expected), "{said}");
    assert!(said.contains("  line 4: customers[0]: unknown field `extra`; there are name, "), "{said}");
    assert!(said.ends_with("hint: nothing was sent; docs/manifest.md has all fields\n"), "{said}");
}

#[test]
fn a_manifest_comes_from_standard_input_too() {
    let mut child = pointsman(&["apply", "-f", "-", "--server", &nobody()])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    child.stdin.take().expect("a pipe").write_all(b"customers: [").expect("written");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).starts_with("error: standard input: line 1"), "{}", stderr(&output));
}

#[test]
fn a_file_that_cannot_be_read_ends_with_1() {
    let output = run(&["apply", "-f", "/nonexistent.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: cannot read /nonexistent.yaml: "), "{}", stderr(&output));
    let folder = tempfile::tempdir().expect("a folder");
    let binary = folder.path().join("binary");
    fs::write(&binary, b"\xff\xfe").expect("written");
    let output = run(&["apply", "-f", binary.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("it is not UTF-8"), "{}", stderr(&output));
}

#[test]
fn each_example_is_a_manifest() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let server = nobody();
    let mut checked = 0;
    for entry in fs::read_dir(examples).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            // A manifest of the right shape goes on to the control plane, which is not there.
            let output =
                run(&["apply", "--dry-run", "-f", path.to_str().expect("a path"), "--server", &server]);
            assert_eq!(output.status.code(), Some(1), "{}: {}", path.display(), stderr(&output));
            checked += 1;
        }
    }
    assert!(checked > 0, "there are no examples");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    // Its end of the pipe is closed before anything is written.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = pointsman(&["--help"]).stdout(writer).output().expect("runs");
    assert!(stderr(&output).is_empty(), "{}", stderr(&output));
}

#[test]
fn each_shell_can_complete_each_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}: {}", stderr(&output));
        let script = stdout(&output);
        for word in COMMANDS.iter().chain(&["validate-only", "token-file"]) {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn bash_completes_commands_flags_and_values() {
    let script = stdout(&run(&["completions", "bash"]));
    let complete = |words: &[&str]| {
        let last = words.last().expect("a word");
        let asked = format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD={}; _pointsman pointsman '{last}' '{}'; echo \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words.len() - 1,
            words[words.len() - 2],
        );
        let output = Command::new("bash").args(["-c", &asked]).output().expect("bash runs");
        stdout(&output).trim_end().to_owned()
    };
    assert_eq!(complete(&["pointsman", "exp"]), "export");
    assert_eq!(complete(&["pointsman", "get", "--token-f"]), "--token-file");
    assert_eq!(complete(&["pointsman", "get", "-o", "j"]), "json");
    assert_eq!(complete(&["pointsman", "profile", "sh"]), "show");
}

#[test]
fn help_and_the_document_tell_each_exit_code() {
    let help = stdout(&run(&["--help"]));
    let codes = |text: &str, before: &str| -> Vec<String> {
        let rows = text.lines().filter_map(|line| line.strip_prefix(before));
        let code = |row: &str| row.split([' ', '|']).next().unwrap_or_default().to_owned();
        rows.map(code).filter(|code| code.parse::<u8>().is_ok()).collect()
    };
    let (_, listed) = help.split_once("Exit codes:\n").expect("a table");
    let told = codes(listed, "  ");
    assert!(told.starts_with(&["0", "1", "2", "3", "4", "5", "6"].map(str::to_owned)), "{told:?}");
    let document = include_str!("../../docs/cli.md");
    let (_, table) = document.split_once("## Exit codes").expect("a table");
    assert_eq!(codes(table, "| "), told);
}
