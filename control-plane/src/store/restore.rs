//! Putting a backup in the place of the database.
//!
//! The new database is made ready beside the old one, and then renamed to `pointsman.db.restored-<n>`. From this moment
//! on it counts: what is left to do is done here, or, where that is cut off, by whoever opens the folder next. The old
//! database, with a write-ahead log that may hold much of it, is moved to `pointsman.db.replaced-<n>`; only then does the
//! new one get its place, so that it never stands beside a log that is not its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::params;
use tempfile::TempPath;
use uuid::Uuid;

use super::{
    Existing, OpenError,
    copy::{self, CopyError},
    files, open,
    snapshot::Head,
};
use crate::domain::Epoch;

/// What is not ready yet, and worth nothing.
const DRAFT: &str = ".restoring-";
/// What is ready, and is to become the database.
const READY: &str = ".restored-";
/// What was the database.
const REPLACED: &str = ".replaced-";

/// A database that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Its new epoch, and the revision that it was backed up at.
    pub head: Head,
    /// The epoch that it was backed up with.
    pub backed_up: Epoch,
    /// Where the database is that was there before.
    pub replaced: Option<PathBuf>,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is a database.
    #[error("there is a database in {0} already")]
    Exists(PathBuf),
    /// The folder cannot be used; mostly since a control plane runs there.
    #[error(transparent)]
    Folder(OpenError),
    /// The backup cannot be used.
    #[error(transparent)]
    Backup(#[from] CopyError),
    /// The new database cannot be made ready.
    #[error("cannot write {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The new epoch cannot be written.
    #[error("cannot give {path} a new epoch: {source}")]
    Epoch {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
}

/// Makes the backup `from` the database of the folder `data`, which nobody may be using, under a new epoch: edges are to
/// notice that revisions mean something else from now on. A database that is there is kept beside it, where it is to be
/// replaced at all. Cut off at any time, this leaves the old database or the new one. Blocks.
pub fn restore(data: &Path, from: &Path, existing: Existing) -> Result<Restored, RestoreError> {
    if !from.is_file() {
        return Err(CopyError::Missing(from.to_owned()).into());
    }
    files::create_folder(data).map_err(|source| RestoreError::Folder(OpenError::file(data, source)))?;
    let _lock = files::lock(data).map_err(RestoreError::Folder)?;
    finish(data).map_err(RestoreError::Folder)?;
    let failed = |source| RestoreError::File { path: data.to_owned(), source };
    let occupied = old_files(data).map_err(failed)?;
    if existing == Existing::Keep && !occupied.is_empty() {
        return Err(RestoreError::Exists(data.to_owned()));
    }

    let prefix = files::beside(Path::new(files::DATABASE_FILE), DRAFT);
    let draft = tempfile::Builder::new().prefix(&prefix).tempfile_in(data).map_err(failed)?.into_temp_path();
    let (head, backed_up) = prepare(from, &draft)?;
    let number = free_number(data).map_err(failed)?;
    let ready = files::beside(&files::database(data), &format!("{READY}{number}"));
    draft.persist(&ready).map_err(|error| failed(error.error))?;
    files::sync_folder(data).map_err(failed)?;
    finish(data).map_err(RestoreError::Folder)?;
    let replaced = (!occupied.is_empty()).then(|| replaced(data, &number));
    Ok(Restored { head, backed_up, replaced })
}

/// The copy, with a new epoch, durable.
fn prepare(from: &Path, draft: &TempPath) -> Result<(Head, Epoch), RestoreError> {
    let backed_up = copy::copy(from, draft)?;
    let epoch = Uuid::new_v4().to_string();
    let renew = || {
        let connection = open::writable(draft)?;
        connection.execute("UPDATE meta SET epoch = ?1", params![epoch])?;
        connection.close().map_err(|(_, error)| error)
    };
    renew().map_err(|source| RestoreError::Epoch { path: draft.to_path_buf(), source })?;
    files::sync_file(draft).map_err(|source| RestoreError::File { path: draft.to_path_buf(), source })?;
    Ok((Head { epoch: Epoch::new(epoch), revision: backed_up.revision }, backed_up.epoch))
}

/// Finishes a restore that was cut off after the new database was ready, and clears away what is left of one that was
/// cut off before. The caller holds the folder's lock.
pub(super) fn finish(data: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::file(data, source);
    for draft in names(data, DRAFT).map_err(failed)? {
        fs::remove_file(data.join(draft)).map_err(failed)?;
    }
    for ready in unfinished(data).map_err(failed)? {
        take_place(data, &ready).map_err(failed)?;
    }
    Ok(())
}

/// The databases that are ready and have not got their place.
pub(super) fn unfinished(data: &Path) -> io::Result<Vec<String>> {
    names(data, READY)
}

/// Each step can be done again by whoever finds the rest of it to do.
fn take_place(data: &Path, ready: &str) -> io::Result<()> {
    let database = files::database(data);
    let number = ready.rsplit('-').next().unwrap_or_default();
    let replaced = replaced(data, number);
    for suffix in old_files(data)? {
        fs::rename(files::beside(&database, suffix), files::beside(&replaced, suffix))?;
    }
    match fs::remove_file(files::beside(&database, files::LOG_INDEX)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The old files are away before the new one comes, also after a loss of power.
    files::sync_folder(data)?;
    fs::rename(data.join(ready), database)?;
    files::sync_folder(data)
}

fn replaced(data: &Path, number: &str) -> PathBuf {
    files::beside(&files::database(data), &format!("{REPLACED}{number}"))
}

/// What is there of the old database: what is behind the name of each file, the database itself last.
fn old_files(data: &Path) -> io::Result<Vec<&'static str>> {
    there(&files::database(data))
}

fn there(database: &Path) -> io::Result<Vec<&'static str>> {
    let mut found = Vec::new();
    for suffix in files::SIDE_FILES.into_iter().chain([""]) {
        if files::beside(database, suffix).try_exists()? {
            found.push(suffix);
        }
    }
    Ok(found)
}

/// A number that no replaced database has.
fn free_number(data: &Path) -> io::Result<String> {
    let mut number = 1_u64;
    while !there(&replaced(data, &number.to_string()))?.is_empty() {
        number += 1;
    }
    Ok(number.to_string())
}

/// The files of the folder whose names are the database's with `kind` behind, in order; none where there is no folder.
fn names(data: &Path, kind: &str) -> io::Result<Vec<String>> {
    let prefix = format!("{}{kind}", files::DATABASE_FILE);
    let entries = match fs::read_dir(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        // Ours are text.
        if let Ok(name) = entry?.file_name().into_string()
            && name.starts_with(&prefix)
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests;
