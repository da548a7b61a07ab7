//! Profiles for people and programs. Neither sees a token.

use super::table::Table;
use crate::{
    manifest::{Node, Value},
    profiles::{Profile, ProfileName, Profiles},
    settings::units,
};

/// What is said of a token that is there.
const HIDDEN: &str = "(kept in the profile, not shown)";

pub(crate) fn all(profiles: &Profiles) -> String {
    if profiles.all.is_empty() {
        return "there is none; `pointsman profile set NAME --server URL` makes one\n".to_owned();
    }
    let mut table = Table::with_head(["current", "name", "server", "token"]);
    for (name, profile) in &profiles.all {
        let current = if profiles.current.as_ref() == Some(name) { "*" } else { "" };
        table.row([
            current,
            &name.to_string(),
            profile.server.as_deref().unwrap_or("-"),
            &token(profile).unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.to_string()
}

pub(crate) fn one(name: &ProfileName, profile: &Profile, is_current: bool) -> String {
    let mut table = Table::plain();
    table.row(["name", &name.to_string()]);
    table.row(["current", if is_current { "yes" } else { "no" }]);
    for (label, value) in rows(profile) {
        table.row([label, value.as_str()]);
    }
    table.to_string()
}

fn rows(profile: &Profile) -> Vec<(&'static str, String)> {
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    [
        ("server", profile.server.clone()),
        ("token", token(profile)),
        ("server ca", path(&profile.server_ca)),
        ("client cert", path(&profile.client_cert)),
        ("client key", path(&profile.client_key)),
        ("timeout", profile.timeout.map(units::duration_text)),
        ("output", profile.output.map(|output| output.name().to_owned())),
    ]
    .into_iter()
    .filter_map(|(label, value)| Some((label, value?)))
    .collect()
}

fn token(profile: &Profile) -> Option<String> {
    match (&profile.token, &profile.token_file) {
        (Some(_), _) => Some(HIDDEN.to_owned()),
        (None, Some(file)) => Some(format!("in {}", file.display())),
        (None, None) => None,
    }
}

/// All profiles, for programs.
pub(crate) fn document_of_all(profiles: &Profiles) -> Node {
    let one = |(name, profile)| document(name, profile, profiles.current.as_ref() == Some(name));
    let list = Value::List(profiles.all.iter().map(one).collect());
    Node::new(Value::Map(vec![("profiles".to_owned(), Node::new(list))]))
}

/// A profile, for programs: as it is in the file, but for the token.
pub(crate) fn document(name: &ProfileName, profile: &Profile, is_current: bool) -> Node {
    let entry = |key: &str, value| (key.to_owned(), Node::new(value));
    let mut entries = vec![
        entry("name", Value::String(name.to_string())),
        entry("current", Value::Bool(is_current)),
        entry("hasToken", Value::Bool(profile.token.is_some())),
    ];
    if let Value::Map(fields) = profile.without_token().to_node().value {
        entries.extend(fields);
    }
    Node::new(Value::Map(entries))
}
