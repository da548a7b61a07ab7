//! What every reader of a document answers for each path.

use std::borrow::Cow;

/// What one path found, or why it cannot be read.
pub(super) type Read<'d> = Result<Found<'d>, Fault>;

/// What one path found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found<'d> {
    /// Nothing, `null`, an object or an array.
    Nothing,
    /// A string.
    String(Cow<'d, str>),
    /// A number or a boolean, as it is written.
    Literal(Cow<'d, str>),
}

impl<'d> Found<'d> {
    /// The value as a text; none where it is empty.
    pub(super) fn into_text(self) -> Option<Cow<'d, str>> {
        match self {
            Self::Nothing => None,
            Self::String(text) | Self::Literal(text) => Some(text).filter(|text| !text.is_empty()),
        }
    }

    /// The same, borrowed from nothing.
    pub(super) fn into_owned<'o>(self) -> Found<'o> {
        match self {
            Self::Nothing => Found::Nothing,
            Self::String(text) => Found::String(Cow::Owned(text.into_owned())),
            Self::Literal(text) => Found::Literal(Cow::Owned(text.into_owned())),
        }
    }
}

/// Why a document, or a value in it, cannot be read. Words for the sender; they hold nothing of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}", place(.position))]
pub(super) struct Fault {
    /// What is wrong.
    pub(super) reason: &'static str,
    /// The byte offset in the document where it is, if that is known.
    pub(super) position: Option<usize>,
}

impl Fault {
    /// A fault at a byte of the document.
    pub(super) const fn at(position: usize, reason: &'static str) -> Self {
        Self { reason, position: Some(position) }
    }

    /// A fault of no place.
    pub(super) const fn new(reason: &'static str) -> Self {
        Self { reason, position: None }
    }

    /// The same fault seen from a document in which this one begins at byte `offset`.
    pub(super) fn shifted(self, offset: usize) -> Self {
        Self { position: self.position.map(|position| position + offset), ..self }
    }
}

fn place(position: &Option<usize>) -> String {
    position.map(|position| format!(" (at byte {position})")).unwrap_or_default()
}
