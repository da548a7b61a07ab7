//! The known text that a mistyped one is most likely to mean.

/// Longer texts are nobody's typing mistake, and would cost too much to compare.
const MAX_CHARS: usize = 64;

/// The one of `known` that is nearest to `text`, if any is near: letters that differ only in their case cost nothing,
/// and about one in three may be wrong.
pub(super) fn nearest<'k>(text: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let text = letters(text)?;
    let known = known.into_iter().filter_map(|known| {
        let distance = distance(&text, &letters(known)?);
        (distance <= (text.len() / 3).max(1)).then_some((distance, known))
    });
    known.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
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

/// Levenshtein's: insertions, removals and replacements.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
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
    }

    #[test]
    fn the_nearest_is_found_where_one_is_near() {
        let known = ["Update Inventory", "Create Order"];
        assert_eq!(nearest("Update Inventroy", known), Some("Update Inventory"));
        assert_eq!(nearest("create_order", known), Some("Create Order"));
        assert_eq!(nearest("CREATE ORDERS", known), Some("Create Order"));
        assert_eq!(nearest("refund", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest("?", known), None);
        assert_eq!(nearest(&"Create Order".repeat(10_000), known), None);
    }
}
