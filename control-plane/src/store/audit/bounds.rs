//! How much of a change an entry keeps.

use crate::domain::FieldChange;

/// The longest text that is kept of a value.
const VALUE_BYTES_MAX: usize = 2 * 1024;
/// All texts of an entry together.
const ENTRY_BYTES_MAX: usize = 64 * 1024;
/// Stands for fields that are left out.
const LEFT_OUT: &str = "…";

/// The changes as they are kept. Where they are too many, those that say where webhooks go come first.
pub(super) fn bounded(changes: &[FieldChange]) -> Vec<FieldChange> {
    let mut kept: Vec<FieldChange> = changes.iter().map(cut).collect();
    if kept.iter().map(bytes).sum::<usize>() <= ENTRY_BYTES_MAX {
        return kept;
    }
    kept.sort_by_key(|change| !change.reroutes);
    let mut left = ENTRY_BYTES_MAX;
    let fitting = kept.iter().take_while(|change| {
        let rest = left.checked_sub(bytes(change));
        left = rest.unwrap_or_default();
        rest.is_some()
    });
    let left_out = kept.split_off(fitting.count());
    kept.push(FieldChange {
        field: LEFT_OUT.to_owned(),
        before: None,
        after: Some(format!("{} more fields", left_out.len())),
        reroutes: left_out.iter().any(|change| change.reroutes),
    });
    kept
}

fn cut(change: &FieldChange) -> FieldChange {
    let cut = |value: &Option<String>| value.as_deref().map(cut_value);
    FieldChange { before: cut(&change.before), after: cut(&change.after), ..change.clone() }
}

fn cut_value(value: &str) -> String {
    if value.len() <= VALUE_BYTES_MAX {
        return value.to_owned();
    }
    let kept = &value[..value.floor_char_boundary(VALUE_BYTES_MAX)];
    format!("{kept}… ({} bytes in all)", value.len())
}

fn bytes(change: &FieldChange) -> usize {
    let value = |value: &Option<String>| value.as_ref().map_or(0, String::len);
    change.field.len() + value(&change.before) + value(&change.after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(field: &str, after: String, reroutes: bool) -> FieldChange {
        FieldChange { reroutes, ..FieldChange::added(field, after) }
    }

    #[test]
    fn small_changes_are_kept_as_they_are() {
        let changes = [change("a", "x".repeat(VALUE_BYTES_MAX), false), change("b", String::new(), true)];
        assert_eq!(bounded(&changes), changes);
    }

    #[test]
    fn a_long_value_is_cut_between_characters_and_says_so() {
        let kept = bounded(&[change("a", "é".repeat(10_000), false)]);
        let value = kept[0].after.as_ref().unwrap();
        assert!(value.ends_with("é… (20000 bytes in all)"), "{value}");
        assert!(value.len() < VALUE_BYTES_MAX + 40);
    }

    #[test]
    fn of_too_many_those_that_reroute_are_kept_first() {
        let mut changes: Vec<_> =
            (0..1_000).map(|n| change(&format!("f{n}"), "x".repeat(1_000), false)).collect();
        changes.push(change("external_id", "new".to_owned(), true));
        let kept = bounded(&changes);
        assert_eq!(kept[0].field, "external_id");
        assert_eq!(kept[1].field, "f0");
        assert!(kept.iter().map(bytes).sum::<usize>() <= ENTRY_BYTES_MAX + 40);
        let last = kept.last().unwrap();
        let expected = format!("{} more fields", changes.len() - (kept.len() - 1));
        assert_eq!((last.field.as_str(), last.after.as_ref()), (LEFT_OUT, Some(&expected)));
    }
}
