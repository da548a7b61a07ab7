//! What the documents say holds.

use std::{collections::BTreeSet, fs, path::Path};

const README: &str = include_str!("../../README.md");
const OUTCOMES: &str = include_str!("../../docs/outcomes.md");
const CLI: &str = include_str!("../../docs/cli.md");
/// The source itself, so that an outcome that is added is missed here.
const OUTCOME_RS: &str = include_str!("../../routing/src/outcome.rs");

/// The first cells of a table's rows that hold a name in backticks.
fn rows(document: &str) -> BTreeSet<&str> {
    document.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', ' ']).next()).collect()
}

#[test]
fn each_outcome_has_its_row() {
    let codes: BTreeSet<_> = OUTCOME_RS
        .lines()
        .filter_map(|line| line.trim().split_once(" => \"")?.1.strip_suffix("\","))
        .collect();
    assert!(codes.len() > 20, "{codes:?}");
    assert_eq!(rows(OUTCOMES), codes);
}

#[test]
fn each_command_has_its_row() {
    let help =
        std::process::Command::new(env!("CARGO_BIN_EXE_pointsman")).arg("--help").output().expect("runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let commands: BTreeSet<_> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| *name != "help" && !name.is_empty())
        .collect();
    assert!(commands.len() > 5, "{commands:?}");
    assert_eq!(rows(CLI), commands);
}

/// Scripts find the README's commands by these marks.
#[test]
fn the_readmes_commands_are_marked() {
    for name in
        ["demo", "test", "quick-start-build", "quick-start-up", "quick-start-apply", "quick-start-send"]
    {
        let mark = format!("<!-- run: {name} -->\n```sh\n");
        assert_eq!(README.matches(&mark).count(), 1, "{mark}");
    }
}

#[test]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut documents = vec![root.join("README.md")];
    documents
        .extend(fs::read_dir(root.join("docs")).expect("docs").map(|entry| entry.expect("an entry").path()));
    for document in documents {
        let text = fs::read_to_string(&document).expect("read");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let target = document.parent().expect("a folder").join(path);
            assert!(target.exists(), "{} links to {link}", document.display());
        }
    }
}
