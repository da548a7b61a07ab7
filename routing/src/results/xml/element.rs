//! An element on the way to what a path looks for.

use std::borrow::Cow;

use super::{
    super::{
        found::{Fault, Found, Read},
        paths::{PathSet, Paths},
    },
    markup::{self, Attribute},
};
use crate::reference::Step;

/// An open element, or the document around the root.
#[derive(Debug, Default)]
pub(super) struct Element {
    followers: Vec<Follower>,
    /// It has attributes or children: it is an object, and its text is `#text`.
    is_object: bool,
    text: String,
    /// A path asks for its text.
    keeps_text: bool,
    /// There is more than white space in its text.
    has_text: bool,
    /// A child stands behind that.
    interrupted: bool,
    /// Why readers do not agree on its text.
    torn: Option<&'static str>,
}

/// A path that leads to an element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Follower {
    place: usize,
    /// How many steps led here.
    taken: usize,
    /// How many children of the wanted name there were.
    same: usize,
}

impl Element {
    /// The document, which all paths start from.
    pub(super) fn document(paths: &Paths<'_>) -> Self {
        let followers = PathSet::all(paths).iter().map(|place| Follower::new(place, 0)).collect();
        Self { followers, is_object: true, ..Self::default() }
    }

    /// An element that the followers lead to.
    pub(super) fn open(
        followers: Vec<Follower>,
        attributes: &[Attribute<'_>],
        paths: &Paths<'_>,
        read: &mut [Read<'_>],
    ) -> Self {
        for follower in &followers {
            let [Step::Key(key)] = follower.left(paths) else { continue };
            let Some(wanted) = key.strip_prefix('@') else { continue };
            let Some(attribute) = attributes.iter().find(|attribute| attribute.name == wanted) else {
                continue;
            };
            read[follower.place] = Ok(Found::String(attribute.value.clone().into_owned().into()));
        }
        let keeps_text = followers.iter().any(|follower| match follower.left(paths) {
            [] => true,
            [step] => step.is("#text"),
            _ => false,
        });
        Self { followers, is_object: !attributes.is_empty(), keeps_text, ..Self::default() }
    }

    /// A child begins. The paths that lead to it.
    pub(super) fn child(&mut self, name: &str, paths: &Paths<'_>, read: &mut [Read<'_>]) -> Vec<Follower> {
        self.is_object = true;
        self.interrupted |= self.has_text;
        self.followers.iter_mut().filter_map(|follower| follower.child(name, paths, read)).collect()
    }

    /// More of its text: as it was written, and what readers are given of it. Of a text with a child in the middle, some
    /// readers see only what is before the child.
    pub(super) fn text<'t>(&mut self, raw: &str, content: impl FnOnce() -> Cow<'t, str>) {
        let is_blank = markup::is_blank(raw);
        if self.interrupted && !is_blank {
            self.tear("an element stands in the middle of its text");
        }
        self.has_text |= !is_blank;
        if self.keeps_text {
            self.text.push_str(&content());
        }
    }

    /// Something that readers do not agree about stands in its text.
    pub(super) fn tear(&mut self, reason: &'static str) {
        self.torn.get_or_insert(reason);
    }

    /// It ends, and its text is known.
    pub(super) fn close(self, paths: &Paths<'_>, read: &mut [Read<'_>]) {
        for follower in &self.followers {
            let wants_text = match follower.left(paths) {
                [] => !self.is_object,
                [step] => self.is_object && step.is("#text"),
                _ => false,
            };
            if wants_text {
                read[follower.place] = match self.torn {
                    None => Ok(Found::String(markup::trim(&self.text).to_owned().into())),
                    Some(reason) => Err(Fault::new(reason)),
                };
            }
        }
    }
}

impl Follower {
    fn new(place: usize, taken: usize) -> Self {
        Self { place, taken, same: 0 }
    }

    /// The steps that it has not taken yet.
    fn left<'p>(&self, paths: &Paths<'p>) -> &'p [Step] {
        paths[self.place].and_then(|path| path.get(self.taken..)).unwrap_or_default()
    }

    /// A child of the element begins. Itself, one level down, if it leads there.
    fn child(&mut self, name: &str, paths: &Paths<'_>, read: &mut [Read<'_>]) -> Option<Self> {
        let [Step::Key(wanted), behind @ ..] = self.left(paths) else { return None };
        if **wanted != *name {
            return None;
        }
        let index = self.same;
        self.same += 1;
        match behind {
            [Step::Index(wanted), ..] => {
                (usize::try_from(*wanted) == Ok(index)).then(|| Self::new(self.place, self.taken + 2))
            }
            _ if index == 0 => Some(Self::new(self.place, self.taken + 1)),
            // It is an array, and what its first element held is not what the path leads to.
            _ => {
                if read[self.place].is_ok() {
                    read[self.place] = Ok(Found::Nothing);
                }
                None
            }
        }
    }
}
