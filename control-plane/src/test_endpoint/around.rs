//! What stands around a place where a reference finds nothing: what is there instead, and which other reference would
//! have found something.
//!
//! [`tree`] reads `results` as a tree, for a look around and nothing else: what a reference finds is only ever what
//! routing reads, and each candidate is read by it before it is named.

use std::{borrow::Cow, collections::VecDeque};

use pointsman_routing::{
    reference::{Path, Reference, Step},
    results::Results,
};
use serde_json::Value;

use super::{Candidate, nearest};

mod tree;

pub(super) use tree::Tree;

/// Values that are looked at in search of a name.
const MAX_LOOKED_AT: usize = 10_000;
/// References that are tried.
const MAX_TRIED: usize = 12;
/// Names of an object that are told.
const NAMES_TOLD: usize = 8;
/// A value that is told, in characters.
const VALUE_CHARS_TOLD: usize = 40;

/// What stands there instead.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Around {
    /// In a sentence; empty where there is nothing to say.
    pub(super) there: String,
    /// References that would have found something.
    pub(super) candidates: Vec<Candidate>,
}

/// Looks around where `reference` found nothing in `results`, which `tree` is.
pub(super) fn around(reference: &Reference, results: &Results<'_>, tree: &Tree) -> Around {
    let Some(stop) = find(&tree.root, "results", reference.paths()) else { return Around::default() };
    let mut candidates: Vec<Candidate> = Vec::new();
    for text in stop.proposals().into_iter().take(MAX_TRIED) {
        if candidates.len() < nearest::NAMED
            && candidates.iter().all(|known| known.value != text)
            && let Some(value) = read(&text, results)
        {
            candidates.push(Candidate { value: text, stands_for: quoted(&value) });
        }
    }
    let there = match &tree.no_data {
        Some(why) if stop.led == "results.body" && stop.misses("data") => why.clone(),
        _ => stop.sentence(),
    };
    Around { there, candidates }
}

/// What routing finds there.
fn read(reference: &str, results: &Results<'_>) -> Option<String> {
    let reference = Reference::parse(reference).ok()?;
    let [found] = results.read([Some(&reference)]);
    found.ok().flatten().map(Cow::into_owned)
}

/// Where the way of a reference ends.
struct Stop {
    /// The reference as far as it leads somewhere.
    led: String,
    /// What is there.
    value: Value,
    /// The steps that lead no further; none where the way is at its end.
    missing: Vec<Step>,
    /// What stands around it all: `)` of each `json(` that is still to come, with the steps behind it.
    wrapped: Vec<Path>,
}

fn find(root: &Value, led: &str, paths: &[Path]) -> Option<Stop> {
    let (path, wrapped) = paths.split_first()?;
    let (mut led, mut value) = (led.to_owned(), root);
    for (place, step) in path.iter().enumerate() {
        let Some(below) = below(value, step, &led) else {
            let missing = path[place..].to_vec();
            return Some(Stop { led, value: value.clone(), missing, wrapped: wrapped.to_vec() });
        };
        value = below;
        led.push_str(&step_text(step));
    }
    match (wrapped, value) {
        // A document in a string. Where it is none, the refusal has said so.
        ([_, ..], Value::String(text)) => {
            find(&serde_json::from_str(text).ok()?, &format!("json({led})"), wrapped)
        }
        _ => Some(Stop { led, value: value.clone(), missing: Vec::new(), wrapped: wrapped.to_vec() }),
    }
}

fn below<'v>(value: &'v Value, step: &Step, led: &str) -> Option<&'v Value> {
    match (step, value) {
        (Step::Key(key), Value::Object(members)) if led == "results.headers" => {
            members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
        }
        (Step::Key(key), Value::Object(members)) => members.get(&**key),
        (Step::Index(index), Value::Array(elements)) => elements.get(usize::try_from(*index).ok()?),
        _ => None,
    }
}

impl Stop {
    fn misses(&self, name: &str) -> bool {
        matches!(self.missing.first(), Some(Step::Key(key)) if **key == *name)
    }

    /// References that may have been meant, the likeliest first.
    fn proposals(&self) -> Vec<String> {
        let mut proposed = Vec::new();
        match (self.missing.split_first(), &self.value) {
            // A name that is mistyped.
            (Some((Step::Key(key), rest)), Value::Object(members)) => {
                let names = nearest::nearest(key, members.keys().take(MAX_LOOKED_AT).map(String::as_str));
                proposed.extend(names.into_iter().map(|name| {
                    self.whole(&format!("{}{}{}", self.led, step_text(&Step::Key(name.into())), steps(rest)))
                }));
            }
            (Some((Step::Key(_), _)), Value::Array(_)) => {
                proposed.push(self.whole(&format!("{}[0]{}", self.led, steps(&self.missing))));
            }
            // A document in a string that was taken for an object.
            (Some(_), Value::String(text)) if text.trim_start().starts_with(['{', '[']) => {
                proposed.push(self.whole(&format!("json({}){}", self.led, steps(&self.missing))));
            }
            // An object, an array or an element where a text should be.
            (None, Value::Object(members)) => proposed.extend(members.keys().map(|name| {
                self.whole(&format!("{}{}", self.led, step_text(&Step::Key(name.as_str().into()))))
            })),
            (None, Value::Array(_)) => proposed.push(self.whole(&format!("{}[0]", self.led))),
            _ => {}
        }
        // The same name in another place.
        if let Some(Step::Key(name)) = self.missing.last() {
            proposed
                .extend(elsewhere(&self.value, &self.led, name).into_iter().map(|text| self.whole(&text)));
        }
        proposed
    }

    /// The reference with what stands around it.
    fn whole(&self, inner: &str) -> String {
        self.wrapped.iter().fold(inner.to_owned(), |inner, path| format!("json({inner}){}", steps(path)))
    }

    fn sentence(&self) -> String {
        let Self { led, value, missing, .. } = self;
        let is = match value {
            Value::Null => "is null".to_owned(),
            Value::Bool(value) => format!("is {value}"),
            Value::Number(number) => format!("is the number {number}"),
            Value::String(text) if text.is_empty() => "is empty".to_owned(),
            Value::String(text) => format!("is the text {}", quoted(text)),
            Value::Array(elements) => match elements.len() {
                0 => "is an empty array".to_owned(),
                1 => "is an array of one element".to_owned(),
                count => format!("is an array of {count} elements"),
            },
            Value::Object(members) if members.is_empty() => "holds nothing".to_owned(),
            Value::Object(members) => format!("holds {}", named(members.keys())),
        };
        match missing.is_empty() && matches!(value, Value::Object(_)) {
            true => format!("{led} {is}, and is no text itself"),
            false => format!("{led} {is}"),
        }
    }
}

/// The first few names.
fn named<'n>(names: impl ExactSizeIterator<Item = &'n String>) -> String {
    let count = names.len();
    let mut told: Vec<String> = names.take(NAMES_TOLD).map(|name| cut(name).into_owned()).collect();
    if count > NAMES_TOLD {
        told.push(format!("and {} more", count - NAMES_TOLD));
    }
    told.join(", ")
}

/// Where below `value` something has this name, the nearest places first.
fn elsewhere(value: &Value, led: &str, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut queue = VecDeque::from([(led.to_owned(), value)]);
    let mut looked_at = 0;
    while let Some((led, value)) = queue.pop_front().filter(|_| looked_at < MAX_LOOKED_AT) {
        looked_at += 1;
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    let led = format!("{led}{}", step_text(&Step::Key(key.as_str().into())));
                    if key == name {
                        found.push(led.clone());
                    }
                    queue.push_back((led, member));
                }
            }
            Value::Array(elements) => {
                let elements = elements.iter().enumerate().take(MAX_TRIED);
                queue.extend(elements.map(|(index, element)| (format!("{led}[{index}]"), element)));
            }
            _ => {}
        }
    }
    found
}

fn steps(steps: &[Step]) -> String {
    steps.iter().map(step_text).collect()
}

/// A step as a reference writes it.
fn step_text(step: &Step) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-$:@#".contains(c);
    match step {
        Step::Key(key) if !key.is_empty() && key.chars().all(is_bare) => format!(".{key}"),
        Step::Key(key) => format!("[{}]", Value::from(&**key)),
        Step::Index(index) => format!("[{index}]"),
    }
}

fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}

fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(VALUE_CHARS_TOLD) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

#[cfg(test)]
mod tests;
