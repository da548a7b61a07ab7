//! The known texts that a mistyped one is most likely to mean.
//!
//! - [`nearest`]: among a few, which are all compared.
//! - [`walk`]: in a sorted index of any size, which is never read as a whole.

pub(super) mod walk;

/// So many are worth naming.
pub(super) const NAMED: usize = 3;

/// Longer texts are nobody's typing mistake, and would cost too much to compare.
const MAX_CHARS: usize = 64;

/// Those of `known` that are nearest to `text`, the nearest first, if any are near: letters that differ only in their
/// case cost nothing, and about one in three may be wrong.
pub(super) fn nearest<'k>(text: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    let Some(text) = letters(text) else { return Vec::new() };
    let mut near: Vec<_> = known
        .into_iter()
        .filter_map(|known| {
            let distance = distance(&text, &letters(known)?);
            (distance <= (text.len() / 3).max(1)).then_some((distance, known))
        })
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(NAMED).map(|(_, known)| known).collect()
}

/// Lower-case letters and digits alone: `create_order` and `Create Order` are the same.
fn letters(text: &str) -> Option<Vec<char>> {
    let letters: Vec<_> = text
        .chars()
        .take(MAX_CHARS + 1)
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    (1..=MAX_CHARS).contains(&letters.len()).then_some(letters)
}

/// How many letters were added, dropped, changed, or swapped with the next one.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut next = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            let changed = row[j] + usize::from(a[i] != b[j]);
            next[j + 1] = changed.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                next[j + 1] = next[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let distance =
            |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
        assert_eq!(distance("smae", "same"), 1);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("abcd", "badc"), 2);
    }

    #[test]
    fn the_nearest_are_found_where_any_are_near() {
        let known = ["Update Inventory", "Create Order", "Create Orders"];
        assert_eq!(nearest("Update Inventroy", known), ["Update Inventory"]);
        assert_eq!(nearest("create_order", known), ["Create Order", "Create Orders"]);
        assert_eq!(nearest("CREATE ORDERS", known), ["Create Orders", "Create Order"]);
        for far in ["refund", "", "?", &"Create Order".repeat(10_000)] {
            assert!(nearest(far, known).is_empty(), "{far}");
        }
    }
}
