//! What a start does with the keys and the secrets of a database.
//!
//! A database that has sealed nothing yet is sealed as a whole: a new one, or one of a version that kept secrets in the
//! clear. Of one that is sealed, everything is opened once, and sealed again where the first key at hand is another one.
//! Either is one transaction. Afterwards the file is written anew, so that nothing of the old form is left in its free
//! space or in the write-ahead log; a start that was cut off before that is made up for by the next one.

use std::{collections::BTreeMap, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::{
    KeyId, KeySource, PREFIX, Place, SALT_BYTES, SecretKeyError, Vault,
    keys::KeyRing,
    walk::{self, Faults},
};
use crate::{domain::RandomError, store::OpenError};

/// The name under which the salt is sealed.
const SALT: &str = "salt";
/// Without the salt that they were made with, no request is known again.
const FORGET_DIGESTS: &str = "DELETE FROM requests";

/// A database whose secrets are sealed under the first key at hand.
#[derive(Debug)]
pub(in crate::store) struct Settled {
    pub(in crate::store) vault: Vault,
    /// The key that they were sealed under before, where that is another one.
    pub(in crate::store) changed_from: Option<KeyId>,
}

/// What the database says about its secrets.
struct State {
    key: String,
    salt: String,
    /// Nothing of an older form is left in the file.
    scrubbed: bool,
}

/// Makes sure that all secrets are sealed under the first of `keys`, and nowhere in the clear. `is_new`: there never were
/// any.
pub(in crate::store) fn settle(
    connection: &mut Connection,
    path: &Path,
    is_new: bool,
    keys: &KeySource,
) -> Result<Settled, OpenError> {
    let failed = |source| OpenError::sqlite(path, source);
    let Some(state) = State::read(connection).map_err(failed)? else {
        let vault = seal(connection, path, is_new, &keys.read_or_make()?)?;
        if !is_new {
            scrub(connection, path)?;
        }
        return Ok(Settled { vault, changed_from: None });
    };
    let damaged = |fault: String| OpenError::Damaged { path: path.to_owned(), faults: vec![fault] };
    let key = KeyId::parse(&state.key).ok_or_else(|| damaged("the table secrets names no key".to_owned()))?;
    let ring = keys.read()?;
    let held: Vec<_> = ring.iter().flat_map(|ring| ring.keys().map(|key| key.id())).collect();
    let Some(ring) = ring.filter(|_| held.contains(&key)) else {
        // A backup that came without its key is good for everything else: where there is no secret, nothing is lost.
        if !has_secrets(connection, path)? {
            connection.execute_batch(FORGET_DIGESTS).map_err(failed)?;
            let vault = seal(connection, path, state.scrubbed, &keys.read_or_make()?)?;
            return Ok(Settled { vault, changed_from: None });
        }
        let (database, source_of_keys) = (path.to_owned(), keys.describe());
        return Err(SecretKeyError::Missing { database, needed: key, source_of_keys, held }.into());
    };
    let vault = Vault::new(&ring);
    let salt = vault.open(Place::Salt, SALT, &state.salt);
    let salt = salt.map_err(|error| damaged(format!("the salt in the table secrets {error}")))?;
    let vault = vault.with_salt(&salt);
    if key == vault.current() {
        check(connection, path, &vault)?;
        if !state.scrubbed {
            scrub(connection, path)?;
        }
        return Ok(Settled { vault, changed_from: None });
    }
    reseal(connection, path, &vault, &salt, &mut || ())?;
    scrub(connection, path)?;
    tracing::info!(from = %key, to = %vault.current(), "secrets are encrypted with another key now");
    Ok(Settled { vault, changed_from: Some(key) })
}

/// Seals everything under the first key of `vault`, in one transaction. `at` is called wherever a process could be cut
/// off.
pub(super) fn reseal(
    connection: &mut Connection,
    path: &Path,
    vault: &Vault,
    salt: &str,
    at: &mut dyn FnMut(),
) -> Result<(), OpenError> {
    let failed = |source| OpenError::sqlite(path, source);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let mut faults = Faults::default();
    walk::rewrite(&transaction, &mut faults, |place, sealed, faults| {
        at();
        let Some(values) = faults.open(vault, place, sealed) else { return Ok(None) };
        vault.seal_all(place, &values).map(Some)
    })
    .map_err(|error| error.at(path))?;
    faults.into_result(path)?;
    State::write(&transaction, vault, salt, false).map_err(|error| error.at(path))?;
    at();
    transaction.commit().map_err(failed)?;
    at();
    Ok(())
}

/// The salt of a database that `vault` opens.
pub(super) fn salt(connection: &Connection, path: &Path, vault: &Vault) -> Result<String, OpenError> {
    let damaged = |fault: &str| OpenError::Damaged { path: path.to_owned(), faults: vec![fault.to_owned()] };
    let state = State::read(connection).map_err(|source| OpenError::sqlite(path, source))?;
    let state = state.ok_or_else(|| damaged("the table secrets is empty"))?;
    vault.open(Place::Salt, SALT, &state.salt).map_err(|_| damaged("the salt in the table secrets"))
}

/// Writes the file anew, without anything that was deleted, and empties the write-ahead log.
pub(super) fn scrub(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let scrub = || -> rusqlite::Result<bool> {
        // Also for the temporary database that VACUUM works in: SQLite does not clear the pages that it uses again.
        connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
        connection.execute_batch("VACUUM")?;
        let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        connection.pragma_update_and_check(None, "secure_delete", false, |_| Ok(()))?;
        if !busy {
            connection.execute("UPDATE secrets SET scrubbed = 1", [])?;
        }
        Ok(busy)
    };
    match scrub().map_err(|source| OpenError::sqlite(path, source))? {
        true => Err(OpenError::Busy { path: path.to_owned() }),
        false => Ok(()),
    }
}

/// Seals everything for the first time.
fn seal(connection: &mut Connection, path: &Path, is_new: bool, ring: &KeyRing) -> Result<Vault, OpenError> {
    let failed = |source| OpenError::sqlite(path, source);
    let mut bytes = [0; SALT_BYTES];
    getrandom::fill(&mut bytes).map_err(RandomError::from)?;
    let salt = STANDARD_NO_PAD.encode(bytes);
    let vault = Vault::new(ring).with_salt(&salt);

    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let mut faults = Faults::default();
    walk::rewrite(&transaction, &mut faults, |place, values, faults| {
        if let Some((name, _)) = values.iter().find(|(_, value)| value.starts_with(PREFIX)) {
            faults.add(place, name, "is sealed, and the table secrets does not say under which key");
            return Ok(None);
        }
        vault.seal_all(place, values).map(Some)
    })
    .map_err(|error| error.at(path))?;
    faults.into_result(path)?;
    State::write(&transaction, &vault, &salt, is_new).map_err(|error| error.at(path))?;
    transaction.commit().map_err(failed)?;
    Ok(vault)
}

fn has_secrets(connection: &Connection, path: &Path) -> Result<bool, OpenError> {
    let mut found = false;
    walk::rewrite(connection, &mut Faults::default(), |_, _, _| {
        found = true;
        Ok(None)
    })
    .map_err(|error| error.at(path))?;
    Ok(found)
}

/// Refuses a database with a secret that does not open: better now than when somebody's webhook needs it.
fn check(connection: &Connection, path: &Path, vault: &Vault) -> Result<(), OpenError> {
    let mut faults = Faults::default();
    walk::rewrite(connection, &mut faults, |place, sealed: &BTreeMap<_, _>, faults| {
        faults.open(vault, place, sealed);
        Ok(None)
    })
    .map_err(|error| error.at(path))?;
    faults.into_result(path)
}

impl State {
    fn read(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        let sql = "SELECT key_id, salt, scrubbed FROM secrets";
        let read =
            |row: &rusqlite::Row<'_>| Ok(Self { key: row.get(0)?, salt: row.get(1)?, scrubbed: row.get(2)? });
        connection.query_row(sql, [], read).optional()
    }

    fn write(
        connection: &Connection,
        vault: &Vault,
        salt: &str,
        scrubbed: bool,
    ) -> Result<(), walk::WalkError> {
        let sealed = vault.seal(Place::Salt, SALT, salt)?;
        connection.execute(
            "INSERT OR REPLACE INTO secrets (id, key_id, salt, scrubbed) VALUES (1, ?1, ?2, ?3)",
            params![vault.current().to_string(), sealed, scrubbed],
        )?;
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests;
