//! The nearest texts of a sorted index, found by seeking.
//!
//! The index is seen as a tree of prefixes. For each prefix on the way, a row of Levenshtein's matrix tells how far it
//! is at least from every prefix of the text; where the whole row is too far, nothing below that prefix is near, and
//! the next seek goes behind all of it. So the number of seeks depends on the text and on how dense the index is around
//! it, not on how large it is; and it is bounded whatever they are.

use super::{MAX_CHARS, distance};

/// Seeks of one search. One takes some ten microseconds in a database.
const MAX_SEEKS: usize = 10_000;
/// Near texts that are kept before they are ranked. Around a text in a dense index there are more than anybody needs.
const MAX_NEAR: usize = 256;

/// Looks for the texts nearest to `text`: those that differ only in the case of their letters; where there is none, those
/// with one letter wrong; and where there is none of these and the text is not short, those with two. Two wrong letters
/// are first looked for behind the beginning, which is quick; anywhere, a large and dense index is not searched to its
/// end.
///
/// `seek` gives the first entry of the index at or behind a text, in the order of their bytes. The entry that is `text`
/// itself is no mistake and must not be there.
pub(in crate::test_endpoint) fn nearest<T, E>(
    text: &str,
    mut seek: impl FnMut(&str) -> Result<Option<(String, T)>, E>,
) -> Result<Vec<(String, T)>, E> {
    let chars: Vec<char> = text.chars().take(MAX_CHARS + 1).collect();
    if chars.is_empty() || chars.len() > MAX_CHARS {
        return Ok(Vec::new());
    }
    let mut seeks = MAX_SEEKS;
    let mut stages = vec![(0, 0), (1, 0), (2, chars.len() / 3), (2, 0)];
    stages.retain(|(errors, _)| *errors <= max_errors(chars.len()));
    for (errors, exact) in stages {
        let walk = Walk { text: chars.iter().copied().map(folded).collect(), errors, exact };
        let mut near = walk.run(&mut seeks, &mut seek)?;
        if !near.is_empty() {
            near.sort_by_cached_key(|(known, _)| rank(&chars, known));
            near.truncate(super::NAMED);
            return Ok(near);
        }
    }
    Ok(Vec::new())
}

/// More wrong letters than these make another word.
fn max_errors(chars: usize) -> usize {
    match chars {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    }
}

/// The smaller, the likelier: few letters wrong, then of the same length, then alike at the beginning.
fn rank(text: &[char], known: &str) -> impl Ord + use<> {
    let known_chars: Vec<char> = known.chars().collect();
    let fold = |chars: &[char]| chars.iter().copied().map(folded).collect::<Vec<_>>();
    let alike = text.iter().zip(&known_chars).take_while(|(a, b)| a == b).count();
    (
        distance(&fold(text), &fold(&known_chars)),
        distance(text, &known_chars),
        text.len().abs_diff(known_chars.len()),
        std::cmp::Reverse(alike),
        known.to_owned(),
    )
}

struct Walk {
    /// Folded.
    text: Vec<char>,
    errors: usize,
    /// So many letters at the beginning must be right.
    exact: usize,
}

impl Walk {
    fn run<T, E>(
        &self,
        seeks: &mut usize,
        seek: &mut impl FnMut(&str) -> Result<Option<(String, T)>, E>,
    ) -> Result<Vec<(String, T)>, E> {
        let mut near = Vec::new();
        let mut from = Some(String::new());
        while let Some(place) = from.filter(|_| *seeks > 0 && near.len() < MAX_NEAR) {
            *seeks -= 1;
            let Some((known, entry)) = seek(&place)? else { break };
            let chars: Vec<char> = known.chars().collect();
            let rows = self.rows(&chars);
            let is_whole = rows.len() == chars.len() + 1;
            from = if is_whole { self.below(&known, &rows) } else { None }
                .or_else(|| self.behind(&chars, &rows));
            if is_whole && rows.last().is_some_and(|row| row[self.text.len()] <= self.errors) {
                near.push((known, entry));
            }
        }
        Ok(near)
    }

    /// A row for each prefix that something near can begin with, the empty one first.
    fn rows(&self, chars: &[char]) -> Vec<Vec<usize>> {
        let mut rows = vec![(0..=self.text.len()).collect::<Vec<_>>()];
        for (place, c) in chars.iter().enumerate() {
            let next = self.step(&rows[rows.len() - 1], *c);
            let is_wrong_too_early = place < self.exact && folded(*c) != self.text[place];
            if is_wrong_too_early || next.iter().all(|distance| *distance > self.errors) {
                break;
            }
            rows.push(next);
        }
        rows
    }

    fn step(&self, row: &[usize], c: char) -> Vec<usize> {
        let c = folded(c);
        let mut next = Vec::with_capacity(row.len());
        next.push(row[0] + 1);
        for (j, expected) in self.text.iter().enumerate() {
            let changed = row[j] + usize::from(c != *expected);
            next.push(changed.min(row[j + 1] + 1).min(next[j] + 1));
        }
        next
    }

    /// The first place below `known` where something near can be.
    fn below(&self, known: &str, rows: &[Vec<usize>]) -> Option<String> {
        let next = self.next_char(rows.len() - 1, rows.last()?, None)?;
        Some(format!("{known}{next}"))
    }

    /// The first place behind everything that begins as `chars` does up to its first letter too far.
    fn behind(&self, chars: &[char], rows: &[Vec<usize>]) -> Option<String> {
        let deepest = rows.len().min(chars.len());
        (0..deepest).rev().find_map(|level| {
            let next = self.next_char(level, &rows[level], Some(chars[level]))?;
            Some(chars[..level].iter().copied().chain([next]).collect())
        })
    }

    /// The first letter behind `after` that something near can go on with, behind a prefix of this length and row.
    fn next_char(&self, level: usize, row: &[usize], after: Option<char>) -> Option<char> {
        let is_viable = |c: &char| after.is_none_or(|after| *c > after);
        if level < self.exact {
            return cases(self.text[level]).filter(is_viable).min();
        }
        if row.iter().any(|distance| *distance < self.errors) {
            return match after {
                None => Some('\0'),
                // Not over the gap of the surrogates by hand: `char` knows it.
                Some(after) => (after..=char::MAX).nth(1),
            };
        }
        // Not one letter more may be wrong: only those of the text can follow.
        let near = self.text.iter().zip(row).filter(|(_, distance)| **distance <= self.errors);
        near.flat_map(|(c, _)| cases(*c)).filter(is_viable).min()
    }
}

/// A folded letter, in both cases.
fn cases(c: char) -> impl Iterator<Item = char> {
    c.to_uppercase().chain([c])
}

/// A letter without its case. Few have a lower case of several letters; of those the first is as good.
fn folded(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, convert::Infallible, ops::Bound};

    use proptest::prelude::*;

    use super::*;

    /// The nearest, and how many seeks it took.
    fn search(text: &str, known: &BTreeSet<String>) -> (Vec<String>, usize) {
        let mut seeks = 0;
        let found = nearest(text, |from| {
            seeks += 1;
            let mut behind = known.range::<str, _>((Bound::Included(from), Bound::Unbounded));
            Ok::<_, Infallible>(behind.next().map(|known| (known.clone(), ())))
        });
        let Ok(found) = found;
        (found.into_iter().map(|(known, ())| known).collect(), seeks)
    }

    fn set(known: &[&str]) -> BTreeSet<String> {
        known.iter().map(|known| (*known).to_owned()).collect()
    }

    #[test]
    fn mistakes_of_each_kind_are_found_in_each_place() {
        let known = set(&["A06DFFAC", "C3E72B0C", "ZZZZZZZZ", "A", "ü-1001", "9f"]);
        for (text, expected) in [
            ("A06DFFAX", "A06DFFAC"),
            ("X06DFFAC", "A06DFFAC"),
            ("A06XFFAC", "A06DFFAC"),
            ("A06DFFA", "A06DFFAC"),
            ("06DFFAC", "A06DFFAC"),
            ("A06DFFACX", "A06DFFAC"),
            ("A06DDFFAC", "A06DFFAC"),
            ("0A6DFFAC", "A06DFFAC"),
            ("A06DFFCA", "A06DFFAC"),
            ("a06dffac", "A06DFFAC"),
            ("a06dffax", "A06DFFAC"),
            ("A06DXXAC", "A06DFFAC"),
            ("Ü-1001", "ü-1001"),
            ("u-1001", "ü-1001"),
            (" C3E72B0C ", "C3E72B0C"),
            ("a", "A"),
        ] {
            assert_eq!(search(text, &known).0, [expected], "{text}");
        }
        for far in ["B17E0011", "", "X", "é", "A06", &"A06DFFAC".repeat(100)] {
            assert!(search(far, &known).0.is_empty(), "{far}");
        }
    }

    #[test]
    fn the_likeliest_comes_first() {
        let known = set(&["10010", "10019", "1001", "11001", "2001"]);
        assert_eq!(search("1001x", &known).0[..2], ["10010", "10019"]);
        let known = set(&["ab-12", "ab-21", "ba-21"]);
        assert_eq!(search("ab-2l", &known).0, ["ab-21"]);
    }

    #[test]
    fn a_large_index_is_not_read() {
        let id = |number: u64| format!("{:08X}", number.wrapping_mul(0x9E37_79B9) & 0xFFFF_FFFF);
        let known: BTreeSet<String> = (0..200_000).map(id).collect();
        let wanted = id(4_711);
        for (place, wrong) in [(0, 'x'), (3, 'y'), (7, 'z')] {
            let mut text: Vec<char> = wanted.chars().collect();
            text[place] = wrong;
            let (found, seeks) = search(&text.iter().collect::<String>(), &known);
            assert_eq!(found, [wanted.as_str()]);
            assert!(seeks < 1_000, "{seeks}");
        }
        let (_, seeks) = search("no such thing at all", &known);
        assert!(seeks <= MAX_SEEKS, "{seeks}");
    }

    #[test]
    fn a_dense_index_is_searched_within_bounds() {
        let known: BTreeSet<String> = (0..100_000).map(|number| format!("customer-{number:06}")).collect();
        let (found, seeks) = search("customer-00471l", &known);
        assert_eq!(found[0], "customer-004710");
        assert!(seeks <= MAX_SEEKS, "{seeks}");
    }

    proptest! {
        /// What comparing all would find, seeking finds.
        #[test]
        fn nothing_near_is_missed(
            known in prop::collection::btree_set("[abAB0ü]{0,7}", 0..60),
            text in "[abAB0ü]{1,7}",
        ) {
            let fold = |text: &str| text.chars().map(folded).collect::<Vec<_>>();
            let errors = max_errors(text.chars().count());
            // Levenshtein's, as the walk counts: a swap is two letters wrong.
            let is_near = |known: &str, errors: usize| {
                let walk = Walk { text: fold(&text), errors, exact: 0 };
                let chars: Vec<char> = known.chars().collect();
                let rows = walk.rows(&chars);
                rows.len() == chars.len() + 1 && rows[chars.len()][walk.text.len()] <= errors
            };
            let begins = |known: &str, exact: usize| {
                fold(known).iter().take(exact).eq(fold(&text).iter().take(exact))
            };
            let chars_count = text.chars().count();
            let stages = [(0, 0), (1, 0), (2, chars_count / 3), (2, 0)];
            let mut stages = stages.into_iter().filter(|(stage, _)| *stage <= errors).map(|(errors, exact)| {
                let found = known.iter().filter(|known| is_near(known, errors) && begins(known, exact));
                found.cloned().collect::<Vec<_>>()
            });
            let mut all = stages.find(|found| !found.is_empty()).unwrap_or_default();
            let chars: Vec<char> = text.chars().collect();
            all.sort_by_cached_key(|known| rank(&chars, known));
            all.truncate(super::super::NAMED);
            prop_assert_eq!(search(&text, &known).0, all);
        }
    }
}
