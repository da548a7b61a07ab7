//! Another key for the secrets of a database that nobody is using.
//!
//! The new key is in the file, and on the disk, before anything is sealed with it; the old one leaves the file after
//! nothing is sealed with it any more. Cut off anywhere between, the file holds both, and a start goes on with them.

use std::path::{Path, PathBuf};

use super::{
    KeyId, KeySource, SecretKey, SecretKeyError, Vault,
    keys::{self, IfThere},
    settle,
};
use crate::{
    domain::RandomError,
    store::{OpenError, files, open},
};

/// What becomes of the keys before the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldKey {
    /// They leave the file.
    Drop,
    /// They stay in it, for backups from before.
    Keep,
}

/// Secrets that are sealed under another key now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key that they were sealed under.
    pub from: KeyId,
    /// The key that they are sealed under.
    pub to: KeyId,
    /// The file that the new key is in, where it is in one.
    pub file: Option<PathBuf>,
}

/// Why the key was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// There is nothing to rotate in.
    #[error("there is no database in {0}")]
    NoDatabase(PathBuf),
    /// The database cannot be opened, or not be written.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The keys.
    #[error(transparent)]
    Key(#[from] SecretKeyError),
    /// No randomness for a new key.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Only whoever gives the keys can give another one.
    #[error(
        "everything is encrypted with the key {0}, the first of those that are given: give a new one, and that as an old one"
    )]
    NothingToDo(KeyId),
}

/// Seals all secrets of the database in the folder `data` under another key: a new one, which is put first into the file,
/// or the first of those that are given. Nobody may be using the database. No revision comes of it. Blocks.
pub fn rotate_secret_key(data: &Path, keys: &KeySource, old: OldKey) -> Result<Rotated, RotateError> {
    rotate(data, keys, old, &mut || ())
}

/// `at` is called wherever a process could be cut off.
fn rotate(data: &Path, keys: &KeySource, old: OldKey, at: &mut dyn FnMut()) -> Result<Rotated, RotateError> {
    let database = files::database(data);
    if !database.is_file() {
        return Err(RotateError::NoDatabase(data.to_owned()));
    }
    let mut opened = open::open(data, Some(keys))?;
    let from = opened.vault.current();
    let file = match keys {
        KeySource::File(file) => file,
        // Opening has done it.
        KeySource::Given(_) => {
            let from = opened.changed_from.ok_or(RotateError::NothingToDo(from))?;
            return Ok(Rotated { from, to: opened.vault.current(), file: None });
        }
    };
    let ring = keys.read_or_make()?.behind(SecretKey::random()?);
    let salt = settle::salt(&opened.connection, &database, &opened.vault)?;
    at();
    keys::write(file, &ring, IfThere::Replace)?;
    at();
    settle::reseal(&mut opened.connection, &database, &Vault::new(&ring), &salt, at)?;
    settle::scrub(&opened.connection, &database)?;
    at();
    if old == OldKey::Drop {
        keys::write(file, &ring.without_older(), IfThere::Replace)?;
    }
    at();
    Ok(Rotated { from, to: ring.current().id(), file: Some(file.clone()) })
}

#[cfg(test)]
mod tests;
