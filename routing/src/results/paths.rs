//! Several paths through one document, followed in one pass.

use std::iter;

use super::likeness::Likeness;
use crate::reference::Step;

/// The paths to follow. The answer to each stands at the same place.
pub(super) type Paths<'p> = [Option<&'p [Step]>];

/// The most paths of one pass.
pub(super) const MAX_PATHS: usize = u64::BITS as usize;

/// A set of paths, by their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PathSet(u64);

impl PathSet {
    /// All that are there.
    pub(super) fn all(paths: &Paths<'_>) -> Self {
        debug_assert!(paths.len() <= MAX_PATHS);
        let mut set = Self::default();
        for (place, _) in paths.iter().enumerate().filter(|(_, path)| path.is_some()) {
            set.insert(place);
        }
        set
    }

    /// Those of the set that end after `depth` steps.
    pub(super) fn ending(self, paths: &Paths<'_>, depth: usize) -> Self {
        self.filter(|place| paths[place].is_some_and(|path| path.len() == depth))
    }

    /// Those of the set whose next step, after `depth` steps, is to an object's member.
    pub(super) fn to_member(self, paths: &Paths<'_>, depth: usize) -> Self {
        self.filter(|place| matches!(step(paths, place, depth), Some(Step::Key(_))))
    }

    /// Those of the set whose next step, after `depth` steps, is to an array's element.
    pub(super) fn to_element(self, paths: &Paths<'_>, depth: usize) -> Self {
        self.filter(|place| matches!(step(paths, place, depth), Some(Step::Index(_))))
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn insert(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    pub(super) fn contains(self, place: usize) -> bool {
        self.0 & 1 << place != 0
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those for whose place `keep` holds.
    pub(super) fn filter(self, mut keep: impl FnMut(usize) -> bool) -> Self {
        let mut kept = Self::default();
        for place in self.iter().filter(|place| keep(*place)) {
            kept.insert(place);
        }
        kept
    }

    /// The places.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        iter::from_fn(move || {
            let place = left.trailing_zeros();
            left &= left.checked_sub(1)?;
            Some(place as usize)
        })
    }
}

/// The step that the path at `place` takes after `depth` steps.
pub(super) fn step<'p>(paths: &Paths<'p>, place: usize, depth: usize) -> Option<&'p Step> {
    paths[place]?.get(depth)
}

/// The names met so far among those of one object, for the paths that lead into it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Met {
    same: PathSet,
    alike: PathSet,
}

/// What one more name means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meeting {
    /// The paths that lead on through it.
    pub(super) on: PathSet,
    /// The paths that could be meant twice from now on.
    pub(super) twice: PathSet,
}

impl Met {
    /// Meets a name.
    pub(super) fn meet(&mut self, active: PathSet, likeness: impl Fn(usize) -> Likeness) -> Meeting {
        let (mut same, mut alike) = (PathSet::default(), PathSet::default());
        for place in active.iter() {
            match likeness(place) {
                Likeness::Same => same.insert(place),
                Likeness::Alike => alike.insert(place),
                Likeness::Different => {}
            }
        }
        let twice = same.and(self.same.or(self.alike)).or(alike.and(self.same));
        self.same = self.same.or(same);
        self.alike = self.alike.or(alike);
        Meeting { on: same.without(twice), twice }
    }
}
