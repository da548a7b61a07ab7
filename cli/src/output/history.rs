//! What integrations were, for people: a line for each revision, and what differs between two.

use std::collections::{BTreeMap, HashSet};

use pointsman_proto::admin::v1::{FieldChange, Integration, IntegrationRevision};

use super::{
    changes::add_fields,
    style::{Style, shown},
    table::Table,
};
use crate::manifest::{self, ManifestError};

/// So many fields of a revision are named.
const FIELDS_MAX: usize = 3;
/// What stands for a secret.
const REDACTED: &str = "<redacted>";

/// A table of revisions; `complete` where the last of them is the first there was.
pub(crate) fn revisions(revisions: &[IntegrationRevision], complete: bool) -> String {
    let mut table = Table::with_head(["revision", "when", "who", "what"]);
    for (index, kept) in revisions.iter().enumerate() {
        let first = complete && index + 1 == revisions.len();
        let who = if kept.caller.is_empty() { "-" } else { who(kept) };
        table.row([&kept.revision.to_string(), &when(kept), who, &what(kept, first)]);
    }
    table.to_string()
}

/// What differs between two revisions.
pub(crate) fn comparison(
    name: &str,
    (from, to): (&IntegrationRevision, &IntegrationRevision),
    changes: &[FieldChange],
    style: Style,
) -> String {
    let head = format!("{} of revision {}", shown(name), from.revision);
    let who = if to.caller.is_empty() { String::new() } else { format!(", by {}", shown(who(to))) };
    let tail = format!("{} ({}{who})", to.revision, when(to));
    if changes.is_empty() {
        return format!("{head} is the same as of {tail}\n");
    }
    format!("{}\n{}", style.bold(format_args!("{head} → {tail}")), changed(changes, style))
}

/// The lines of what differs.
pub(crate) fn changed(changes: &[FieldChange], style: Style) -> String {
    let mut text = String::new();
    add_fields(&mut text, changes, style);
    text
}

/// What differs between two states, as far as it can be seen of them: secrets are redacted in both.
pub(crate) fn differences(
    before: &Integration,
    after: &Integration,
) -> Result<Vec<FieldChange>, ManifestError> {
    let (before, after) = (manifest::flat(before)?, manifest::flat(after)?);
    let old: BTreeMap<&str, &str> = by_path(&before);
    let new: BTreeMap<&str, &str> = by_path(&after);
    let changed = after.iter().filter(|(path, value)| old.get(path.as_str()) != Some(&value.as_str()));
    let changed = changed.map(|(path, value)| FieldChange {
        field: path.clone(),
        before: old.get(path.as_str()).map(|&value| value.to_owned()),
        after: Some(value.clone()),
        reroutes: false,
    });
    let gone = before.iter().filter(|(path, _)| !new.contains_key(path.as_str()));
    let gone = gone.map(|(path, value)| FieldChange {
        field: path.clone(),
        before: Some(value.clone()),
        after: None,
        reroutes: false,
    });
    Ok(changed.chain(gone).collect())
}

/// The same changes, marked where webhooks can go elsewhere because of them: what is to be as it was `at` a revision has
/// changed in one of the `revisions` since, which says so.
pub(crate) fn marked(
    mut changes: Vec<FieldChange>,
    revisions: &[IntegrationRevision],
    at: i64,
) -> Vec<FieldChange> {
    let since = revisions.iter().filter(|kept| kept.revision > at).flat_map(|kept| &kept.changes);
    let rerouting: HashSet<&str> =
        since.filter(|change| change.reroutes).map(|change| change.field.as_str()).collect();
    for change in &mut changes {
        change.reroutes |= rerouting.contains(change.field.as_str());
    }
    changes
}

/// What differs between two of `revisions`, which are those of between and in their order, the latest first. What cannot
/// be seen of the two states (a secret, an owner, a URL) is gathered from what each revision between changed.
pub(crate) fn between(
    revisions: &[IntegrationRevision],
    from: &IntegrationRevision,
    to: &IntegrationRevision,
) -> Result<Vec<FieldChange>, ManifestError> {
    let state = |kept: &IntegrationRevision| kept.integration.clone().unwrap_or_default();
    let mut changes = differences(&state(from), &state(to))?;
    let (older, newer) = (from.revision.min(to.revision), from.revision.max(to.revision));
    let between = revisions.iter().rev().filter(|kept| kept.revision > older && kept.revision <= newer);
    let mut gathered = BTreeMap::<&str, FieldChange>::new();
    for change in between.flat_map(|kept| &kept.changes) {
        gathered
            .entry(&change.field)
            .and_modify(|all| {
                all.after.clone_from(&change.after);
                all.reroutes |= change.reroutes;
            })
            .or_insert_with(|| change.clone());
    }
    for change in &mut changes {
        change.reroutes = gathered.get(change.field.as_str()).is_some_and(|all| all.reroutes);
    }
    let known: Vec<(String, String)> = [manifest::flat(&state(from))?, manifest::flat(&state(to))?].concat();
    for mut change in gathered.into_values() {
        let redacted = change.before.as_deref() == Some(REDACTED) && change.after == change.before;
        let seen = known.iter().any(|(path, _)| *path == change.field);
        let same = change.before == change.after;
        if redacted || (!seen && !same) {
            if from.revision > to.revision {
                std::mem::swap(&mut change.before, &mut change.after);
            }
            changes.push(change);
        }
    }
    Ok(changes)
}

fn by_path(fields: &[(String, String)]) -> BTreeMap<&str, &str> {
    fields.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect()
}

fn what(kept: &IntegrationRevision, first: bool) -> String {
    let named: Vec<&str> = kept.changes.iter().take(FIELDS_MAX).map(|change| change.field.as_str()).collect();
    let more = kept.changes.len() - named.len() + usize::try_from(kept.more_changes).unwrap_or_default();
    let mut what = match (named.is_empty(), first) {
        (true, true) => "the first".to_owned(),
        (true, false) => "nothing that is seen".to_owned(),
        (false, _) => named.join(", "),
    };
    if more > 0 {
        what.push_str(&format!(" and {more} more"));
    }
    if kept.changes.iter().any(|change| change.reroutes) {
        what.push_str("; re-routes");
    }
    if kept.rolled_back_to > 0 { format!("back to {}: {what}", kept.rolled_back_to) } else { what }
}

/// Callers are known by their tokens.
fn who(kept: &IntegrationRevision) -> &str {
    kept.caller.strip_prefix("accessTokens/").unwrap_or(&kept.caller)
}

/// To the second.
fn when(kept: &IntegrationRevision) -> String {
    kept.create_time
        .map(|time| prost_types::Timestamp { nanos: 0, ..time }.to_string())
        .unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests;
