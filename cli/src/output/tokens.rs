//! Access tokens for people.

use std::time::SystemTime;

use pointsman_proto::admin::v1::{AccessToken, access_token::Role};
use prost_types::Timestamp;

use super::{
    resources::{NOTHING, counted},
    table::Table,
};

pub(crate) fn all(all: &[AccessToken]) -> String {
    let mut table = Table::with_head(["name", "role", "for", "state", "expires", "last used", "secret"]);
    for one in all {
        table.row([
            one.name.as_str(),
            role(one),
            &of(one),
            state(one),
            &time(one.expire_time.as_ref(), "never"),
            &time(one.last_used_time.as_ref(), NOTHING),
            &format!("{}…", one.prefix),
        ]);
    }
    counted(&table, all.len())
}

pub(crate) fn one(one: &AccessToken) -> String {
    let mut table = Table::plain();
    table.row(["name", one.name.as_str()]);
    if !one.display_name.is_empty() {
        table.row(["display name", &one.display_name]);
    }
    table.row(["role", role(one)]);
    table.row(["for", &of(one)]);
    table.row(["state", state(one)]);
    table.row(["created", &time(one.create_time.as_ref(), NOTHING)]);
    table.row(["expires", &time(one.expire_time.as_ref(), "never")]);
    if one.revoke_time.is_some() {
        table.row(["revoked", &time(one.revoke_time.as_ref(), NOTHING)]);
    }
    table.row(["last used", &time(one.last_used_time.as_ref(), NOTHING)]);
    table.row(["secret", &format!("{}…", one.prefix)]);
    table.to_string()
}

fn role(one: &AccessToken) -> &'static str {
    match one.role() {
        Role::Admin => "admin",
        Role::Editor => "editor",
        Role::Viewer => "viewer",
        Role::Edge => "edge",
        Role::Preprocess => "preprocess",
        Role::Unspecified => NOTHING,
    }
}

/// What it is for: an edge, some integrations, or everything.
fn of(one: &AccessToken) -> String {
    match (one.edge.as_str(), one.integrations.as_slice()) {
        ("", []) => "everything".to_owned(),
        ("", integrations) => integrations.join(", "),
        (edge, _) => edge.to_owned(),
    }
}

fn state(one: &AccessToken) -> &'static str {
    let is_over = |time: &Timestamp| SystemTime::try_from(*time).is_ok_and(|time| time <= SystemTime::now());
    if one.revoke_time.is_some() {
        "revoked"
    } else if one.expire_time.as_ref().is_some_and(is_over) {
        "expired"
    } else {
        "good"
    }
}

/// To the second.
fn time(time: Option<&Timestamp>, none: &str) -> String {
    time.map_or_else(|| none.to_owned(), |time| Timestamp { nanos: 0, ..*time }.to_string())
}
