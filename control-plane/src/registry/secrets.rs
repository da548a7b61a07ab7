//! `<redacted>` written back: it means the secret that is kept, as long as that goes where it went.
//!
//! Whoever reads a resource sees `<redacted>` in the place of each secret, and can write the resource back as it is. But
//! an editor may change where secrets are sent, and must not learn them by that: where scheme, host or port are others,
//! a secret has to be given anew. The same goes for what a manifest, a rollback or a test proposes.

use std::collections::{BTreeMap, HashMap};

use pointsman_routing::{
    fault::{Fault, entry_path},
    integration::PreprocessAddress,
};

use crate::domain::{Kind, REDACTED, Secrets};

/// What somebody wrote, with the secrets that are kept.
#[derive(Debug)]
pub(crate) struct Kept<K> {
    /// None where it is just what was written.
    pub(crate) spec: Option<K>,
    /// How many bytes longer it is than what was written.
    pub(crate) added_bytes: usize,
    /// The secrets that cannot stay.
    pub(crate) refused: Vec<RefusedSecret>,
}

/// A secret that is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefusedSecret {
    /// The field that holds it, as seen from the resource.
    pub(crate) field: String,
    /// Its name within that field.
    pub(crate) name: String,
    /// Why not, in words for an admin.
    pub(crate) reason: String,
}

/// Puts the secrets of `current` where `written` has what stands for them.
pub(crate) fn keep<K: Kind>(written: &K, current: Option<&K>) -> Kept<K> {
    let mut kept = Kept { spec: None, added_bytes: 0, refused: Vec::new() };
    if !written.secrets().iter().any(|secrets| secrets.values.values().any(|value| value == REDACTED)) {
        return kept;
    }
    let there: HashMap<_, _> =
        current.into_iter().flat_map(Kind::secrets).map(|secrets| (secrets.path.clone(), secrets)).collect();
    let mut spec = written.clone();
    for Secrets { path, destination, values } in spec.secrets_mut() {
        let there = there.get(&path);
        // An address that does not parse is a fault of its own.
        let goes_elsewhere = there.and_then(|there| elsewhere(there, &destination.origin()?));
        for (name, value) in values.iter_mut().filter(|(_, value)| *value == REDACTED) {
            let reason = match (there.and_then(|there| secret(there, name)), &goes_elsewhere) {
                (Some(secret), None) => {
                    kept.added_bytes += secret.len().saturating_sub(REDACTED.len());
                    value.clone_from(secret);
                    continue;
                }
                (Some(_), Some(reason)) => reason.clone(),
                (None, _) => {
                    format!("{REDACTED} stands for the value that is kept, and none is: give the value")
                }
            };
            kept.refused.push(RefusedSecret { field: path.clone(), name: name.clone(), reason });
        }
    }
    kept.spec = Some(spec);
    kept
}

/// Why secrets do not go along to `origin`; none where that is where they are sent now.
fn elsewhere(there: &Secrets<'_, &BTreeMap<String, String>>, origin: &PreprocessAddress) -> Option<String> {
    let before = there.destination.origin();
    if before.as_ref() == Some(origin) {
        return None;
    }
    let before = before.map_or_else(|| "another address".to_owned(), |before| before.to_string());
    Some(format!("the value that is kept is for {before} and is not sent to {origin}: give the value"))
}

/// The secret of this name. Headers have the same name in any case.
fn secret<'s>(there: &Secrets<'s, &'s BTreeMap<String, String>>, name: &str) -> Option<&'s String> {
    let likewise = || there.values.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    there.values.get(name).or_else(|| likewise().map(|(_, value)| value))
}

impl RefusedSecret {
    /// The fault of a resource that stands `at` a place of the request.
    pub(crate) fn fault(&self, at: &str) -> Fault {
        Fault::new(entry_path(&self.field, &self.name), &self.reason).within(at)
    }
}

#[cfg(test)]
mod tests;
