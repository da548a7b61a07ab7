//! `results`: what references look into.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{outcome::Refusal, reference::Reference, webhook::Webhook};

/// The object that references look into.
#[derive(Debug)]
pub enum Results<'a> {
    /// The request itself: `{method, headers, queryParameters, pathFragment, body: {data, contentType}}`.
    Request(Webhook<'a>),
    /// What a Preprocess service returned.
    Reply(Reply),
}

/// An object that a Preprocess service returned. Its numbers are doubles.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Reply(pub BTreeMap<String, ReplyValue>);

/// A value of a [`Reply`].
#[derive(Clone, Debug, PartialEq)]
pub enum ReplyValue {
    /// `null`, or a value of no kind.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A string.
    String(String),
    /// An array.
    List(Vec<ReplyValue>),
    /// An object.
    Object(BTreeMap<String, ReplyValue>),
}

impl Results<'_> {
    /// Reads each reference, in order: its text, or `None` where it does not resolve.
    ///
    /// The body is parsed at most once for all of them. A refusal is one of `body_malformed`, `request_ambiguous` and
    /// `preprocess_failed`, and stands where reading that reference met it.
    pub fn read<'s, const N: usize>(
        &'s self,
        references: [Option<&Reference>; N],
    ) -> [Result<Option<Cow<'s, str>>, Refusal>; N] {
        todo!("{references:?}")
    }
}
