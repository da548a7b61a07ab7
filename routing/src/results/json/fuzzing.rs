//! Any bytes, read by us and by others.

use std::sync::LazyLock;

use super::{
    skip::agreement,
    spec::{self, ours},
};
use crate::reference::{Path, Reference};

/// Paths to choose from.
static PATHS: LazyLock<Vec<Path>> = LazyLock::new(|| {
    let texts = [".id", ".a", ".a.id", ".a[0]", "[0]", "[1].id", ".a.a.b", "[\"\\u00e9\"]"];
    let path =
        |text| Reference::parse(&format!("results{text}")).map(|reference| reference.paths()[0].clone());
    texts.iter().filter_map(|text| path(text).ok()).collect()
});

/// Checks one input: a byte that chooses the paths, and a document.
///
/// # Panics
///
/// Where our answers are not those of strict `serde_json` for what it takes, or of `serde_json` with all that is skipped
/// taken out where that is as skipped values have to be; or where two ways of skipping disagree.
pub(crate) fn check(data: &[u8]) {
    let Some((choice, document)) = data.split_first() else { return };
    let paths: Vec<Path> = PATHS
        .iter()
        .enumerate()
        .filter(|(bit, _)| choice >> bit & 1 == 1)
        .map(|(_, path)| path.clone())
        .collect();
    let answers = ours(document, &paths);
    if let Some(strict) = spec::strict(document, &paths) {
        assert_eq!(answers, Some(strict), "strict serde_json reads it otherwise");
    }
    assert_eq!(answers, spec::read(document, &paths), "it is read otherwise without what is skipped");
    // So that a long document of brackets takes no time to speak of.
    let starts = document.iter().enumerate().filter(|(_, byte)| matches!(byte, b'{' | b'['));
    for (start, _) in starts.take(16) {
        for room in [128, 64, 3] {
            agreement::check(document, start, room);
        }
    }
}
