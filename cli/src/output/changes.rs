//! What a manifest changes, for people: a line for each resource, and below it what differs.

use std::fmt;

use pointsman_proto::admin::v1::{
    ApplyManifestResponse, FieldChange, ManifestChange, manifest_change::Action,
};

use super::style::{Style, shown};

/// So much of a value is shown.
const VALUE_CHARS_MAX: usize = 200;

/// How many resources are changed in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    created: usize,
    updated: usize,
    unchanged: usize,
    removed: usize,
    adopted: usize,
    rerouted: usize,
}

impl Counts {
    /// Of what an apply did or would do.
    pub(crate) fn of(answer: &ApplyManifestResponse) -> Self {
        let mut counts = Self::default();
        for change in &answer.changes {
            *match change.action() {
                Action::Created => &mut counts.created,
                Action::Updated => &mut counts.updated,
                Action::Unchanged | Action::Unspecified => &mut counts.unchanged,
                Action::Removed => &mut counts.removed,
            } += 1;
            counts.adopted += usize::from(!change.adopted_from.is_empty());
            counts.rerouted += usize::from(change.changes.iter().any(|field| field.reroutes));
        }
        counts
    }

    /// How many are changed.
    pub(crate) fn changed(&self) -> usize {
        self.created + self.updated + self.removed
    }

    /// What to ask before it is done, where something is lost to somebody.
    pub(crate) fn question(&self) -> Option<String> {
        match (self.removed, self.adopted) {
            (0, 0) => None,
            (removed, 0) => Some(format!("Remove {}?", resources(removed))),
            (0, adopted) => Some(format!("Take over {}?", resources(adopted))),
            (removed, adopted) => Some(format!("Remove {}, and take over {adopted}?", resources(removed))),
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, updated, unchanged, removed, adopted, rerouted } = self;
        write!(f, "{created} created, {updated} updated")?;
        if *rerouted > 0 {
            write!(f, " ({rerouted} re-routed)")?;
        }
        write!(f, ", {unchanged} unchanged")?;
        if *removed > 0 {
            write!(f, ", {removed} removed")?;
        }
        if *adopted > 0 {
            write!(f, ", {adopted} taken over")?;
        }
        Ok(())
    }
}

fn resources(count: usize) -> String {
    if count == 1 { "1 resource".to_owned() } else { format!("{count} resources") }
}

/// All that is not as it was.
pub(crate) fn listed(answer: &ApplyManifestResponse, style: Style) -> String {
    let mut text = String::new();
    for change in &answer.changes {
        add(&mut text, change, style);
    }
    if answer.without_fields > 0 {
        let left_out =
            format!("{} more are updated whose fields are too many to show", answer.without_fields);
        text.push_str(&format!("{}\n", style.dim(left_out)));
    }
    text
}

fn add(text: &mut String, change: &ManifestChange, style: Style) {
    let name = shown(&change.name);
    match change.action() {
        Action::Created => text.push_str(&style.good(format_args!("+ {name}"))),
        Action::Removed => text.push_str(&style.bad(format_args!("- {name}"))),
        Action::Updated => text.push_str(&style.changed(format_args!("~ {name}"))),
        Action::Unchanged | Action::Unspecified => return,
    }
    if !change.adopted_from.is_empty() {
        text.push_str(&format!("   taken over from {}", style.bold(shown(&change.adopted_from))));
    }
    text.push('\n');
    add_fields(text, &change.changes, style);
}

/// Adds a line for each field that differs.
pub(crate) fn add_fields(text: &mut String, changes: &[FieldChange], style: Style) {
    for FieldChange { field, before, after, reroutes } in changes {
        let before = before.as_deref().map_or_else(|| style.dim("none"), |value| style.bad(quoted(value)));
        let after = after.as_deref().map_or_else(|| style.dim("none"), |value| style.good(quoted(value)));
        text.push_str(&format!("    {}: {before} → {after}", shown(field)));
        if *reroutes {
            text.push_str(&format!("   {}", style.bold("re-routes")));
        }
        text.push('\n');
    }
}

/// A value, so that its ends can be seen.
fn quoted(value: &str) -> String {
    let mut chars = value.chars();
    let start: String = chars.by_ref().take(VALUE_CHARS_MAX).collect();
    let more = if chars.next().is_some() { "…" } else { "" };
    format!("\"{}{more}\"", shown(&start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, action: Action) -> ManifestChange {
        ManifestChange { name: name.to_owned(), action: action.into(), ..ManifestChange::default() }
    }

    fn field(field: &str, before: Option<&str>, after: Option<&str>, reroutes: bool) -> FieldChange {
        let [before, after] = [before, after].map(|value| value.map(str::to_owned));
        FieldChange { field: field.to_owned(), before, after, reroutes }
    }

    fn answer() -> ApplyManifestResponse {
        let mut updated = change("customers/b", Action::Updated);
        updated.adopted_from = "crm".to_owned();
        updated.changes = vec![
            field("display_name", None, Some("B\u{1b}[31m"), false),
            field("external_id", Some("1"), Some("2"), true),
            field("x", Some(&"y".repeat(201)), None, false),
        ];
        ApplyManifestResponse {
            changes: vec![
                change("customers/a", Action::Created),
                updated,
                change("customers/c", Action::Unchanged),
                change("customers/d", Action::Removed),
            ],
            without_fields: 3,
            ..ApplyManifestResponse::default()
        }
    }

    #[test]
    fn what_differs_stands_below_its_resource() {
        let text = listed(&answer(), Style::plain());
        assert_eq!(
            text,
            format!(
                "+ customers/a\n\
                 ~ customers/b   taken over from crm\n\
                 \x20   display_name: none → \"B\\u{{1b}}[31m\"\n\
                 \x20   external_id: \"1\" → \"2\"   re-routes\n\
                 \x20   x: \"{}…\" → none\n\
                 - customers/d\n\
                 3 more are updated whose fields are too many to show\n",
                "y".repeat(200)
            )
        );
    }

    #[test]
    fn colours_tell_what_comes_and_what_goes() {
        let text = listed(&answer(), Style::coloured());
        for line in ["\u{1b}[32m+ customers/a\u{1b}[0m\n", "\u{1b}[31m- customers/d\u{1b}[0m\n"] {
            assert!(text.contains(line), "{text:?}");
        }
        assert!(
            text.contains("external_id: \u{1b}[31m\"1\"\u{1b}[0m → \u{1b}[32m\"2\"\u{1b}[0m"),
            "{text:?}"
        );
    }

    #[test]
    fn everything_is_counted_and_losses_are_asked_about() {
        let counts = Counts::of(&answer());
        assert_eq!(
            counts.to_string(),
            "1 created, 1 updated (1 re-routed), 1 unchanged, 1 removed, 1 taken over"
        );
        assert_eq!(
            (counts.changed(), counts.question().as_deref()),
            (3, Some("Remove 1 resource, and take over 1?"))
        );
        let fresh = Counts { created: 2, ..Counts::default() };
        assert_eq!(
            (fresh.to_string().as_str(), fresh.question()),
            ("2 created, 0 updated, 0 unchanged", None)
        );
        assert_eq!(Counts { adopted: 2, ..fresh }.question().as_deref(), Some("Take over 2 resources?"));
    }
}
