//! The known name that a mistyped one is most likely to mean.

/// The name that was probably meant: at most a third of it has to be changed.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let name = plain(name);
    known
        .map(|known| (distance(&name, &plain(known)), known))
        .filter(|(distance, known)| *distance <= known.len().div_ceil(3).min(4))
        .min()
        .map(|(_, known)| known)
}

/// How many letters have to be added, dropped or changed.
fn distance(one: &str, other: &str) -> usize {
    /// Names are short; nobody means one of them with a longer text.
    const CHARS_MAX: usize = 64;
    let (one, other): (Vec<_>, Vec<_>) =
        (one.chars().take(CHARS_MAX).collect(), other.chars().take(CHARS_MAX).collect());
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
