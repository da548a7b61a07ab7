//! JSON documents in strings: what `json(…)` steps into.

use std::borrow::Cow;

use super::{
    found::{Fault, Found, Read},
    json, nothing,
    paths::PathSet,
};
use crate::{outcome::Outcome, reference::Reference};

/// Why a reference cannot be read, and what the request is refused with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) outcome: Outcome,
    pub(super) fault: Fault,
}

impl Problem {
    pub(super) fn refused_with(outcome: Outcome) -> impl Fn(Fault) -> Self {
        move |fault| Self { outcome, fault }
    }
}

/// Follows each reference from the string that its first path found, through one document after the other. References
/// into the same document share one pass over it. `blame` says what a document that cannot be read is refused with.
pub(super) fn read<'d, const N: usize>(
    references: &[Option<&Reference>; N],
    read: &mut [Result<Found<'d>, Problem>; N],
    blame: impl Fn(&Reference) -> Outcome,
) {
    let paths = references.map(|reference| reference.map_or(&[][..], Reference::paths));
    let deepest = paths.iter().map(|paths| paths.len()).max().unwrap_or_default();
    for depth in 1..deepest {
        let mut left = PathSet::default();
        (0..N).filter(|place| paths[*place].len() > depth).for_each(|place| left.insert(place));
        while let Some(first) = left.iter().next() {
            let group = left.filter(|place| paths[place][..depth] == paths[first][..depth]);
            left = left.without(group);
            let outcome = references[first].map_or(Outcome::Internal, &blame);
            let Ok(found) = &read[first] else { continue };
            let inside: [Option<&[_]>; N] =
                std::array::from_fn(|place| group.contains(place).then(|| &*paths[place][depth]));
            let answers = match found {
                // Only a string holds a document, and an empty one none.
                Found::String(text) if !text.is_empty() => match text {
                    Cow::Borrowed(text) => document(text, &inside),
                    Cow::Owned(text) => document(text, &inside).map(|answer| answer.map(Found::into_owned)),
                },
                Found::String(_) | Found::Literal(_) | Found::Nothing => nothing(),
            };
            for (place, answer) in answers.into_iter().enumerate().filter(|(place, _)| group.contains(*place))
            {
                read[place] = answer.map_err(Problem::refused_with(outcome));
            }
        }
    }
}

/// Reads one document.
fn document<'d, const N: usize>(
    text: &'d str,
    paths: &[Option<&[crate::reference::Step]>; N],
) -> [Read<'d>; N] {
    let mut read = nothing();
    match json::read(text.as_bytes(), paths, &mut read) {
        Ok(()) => read,
        Err(fault) => std::array::from_fn(|_| Err(fault)),
    }
}
