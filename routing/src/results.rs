//! `results`: what references look into.

use std::{array, borrow::Cow, collections::BTreeMap};

use self::{embedded::Problem, found::Found};
use crate::{
    outcome::{Outcome, Refusal},
    reference::Reference,
    webhook::Webhook,
};

mod body;
mod embedded;
mod fields;
mod found;
mod json;
mod likeness;
mod multipart;
mod parameters;
mod paths;
mod reply;
mod request;
#[cfg(test)]
mod tests;
mod xml;

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
        const { assert!(N <= paths::MAX_PATHS, "more references than are read in one pass") };
        let firsts = references.map(|reference| reference.map(Reference::first));
        let mut read = match self {
            Self::Request(webhook) => request::read(webhook, firsts),
            Self::Reply(reply) => firsts.map(|path| match path {
                Some(path) => {
                    reply::read(reply, path).map_err(Problem::refused_with(Outcome::PreprocessFailed))
                }
                None => Ok(Found::Nothing),
            }),
        };
        embedded::read(&references, &mut read, |reference| self.blame(reference));

        let mut references = references.into_iter();
        read.map(|read| match (read, references.next().flatten()) {
            (Ok(found), _) => Ok(found.into_text()),
            (Err(Problem { outcome, fault }), Some(reference)) => {
                Err(Refusal::new(outcome, format!("{reference} cannot be read: {fault}")))
            }
            (Err(Problem { outcome, fault }), None) => Err(Refusal::new(outcome, fault.to_string())),
        })
    }

    /// What a request is refused with where a JSON document that `reference` finds in a string cannot be read.
    fn blame(&self, reference: &Reference) -> Outcome {
        match self {
            Self::Reply(_) => Outcome::PreprocessFailed,
            Self::Request(_) if reference.reads_body() => Outcome::BodyMalformed,
            Self::Request(_) => Outcome::RequestAmbiguous,
        }
    }
}

#[cfg(feature = "fuzzing")]
pub(crate) use json::fuzzing::check as check_json;

/// One answer for each of `N` paths: so far, nothing.
fn nothing<'d, E, const N: usize>() -> [Result<Found<'d>, E>; N] {
    array::from_fn(|_| Ok(Found::Nothing))
}
