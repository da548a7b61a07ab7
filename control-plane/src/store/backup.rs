//! Backups: a copy of the database in one file, made while a control plane runs or while none does.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    copy::{self, CopyError},
    files, restore,
    snapshot::Head,
};

/// What to do where the file to be written is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it, and fail.
    Keep,
    /// Put the new one in its place.
    Replace,
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Which database it is of, and its revision.
    pub head: Head,
    /// The size of the file.
    pub bytes: u64,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is a file of that name.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// The file would be one of those that the control plane works with.
    #[error("{0} is a name that the control plane uses itself: write the backup elsewhere")]
    Ours(PathBuf),
    /// The name is none of a file.
    #[error("{0} does not name a file")]
    NoFile(PathBuf),
    /// The database could not be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A restore was cut off: which of two databases is to be copied would be a guess.
    #[error(
        "a restore in {0} was cut off: start the control plane, or repeat the restore, and it is finished"
    )]
    Unfinished(PathBuf),
    /// Somebody restored a backup meanwhile.
    #[error("{0} was replaced while it was copied")]
    Replaced(PathBuf),
    /// The backup's file or its folder.
    #[error("cannot write {path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Copies the database in the folder `data` to the file `to`, as it is at one revision. The file appears as a whole,
/// durable and checked, readable by its owner only; where this fails, nothing is there, or what was there before. Holds
/// no writer up; the write-ahead log of a running control plane grows meanwhile. Blocks.
///
/// The key that secrets are encrypted with is not in the database, and so in no backup.
pub fn backup(data: &Path, to: &Path, existing: Existing) -> Result<Backup, BackupError> {
    let (folder, name) = place(to)?;
    let failed = |source| BackupError::File { path: to.to_owned(), source };
    if name.as_encoded_bytes().starts_with(files::PREFIX.as_bytes()) && same_folder(folder, data) {
        return Err(BackupError::Ours(to.to_owned()));
    }
    if existing == Existing::Keep && fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let database = files::database(data);
    if !restore::unfinished(data).map_err(failed)?.is_empty() {
        return Err(BackupError::Unfinished(data.to_owned()));
    }
    let identity = || files::identity(&database).map_err(|_| CopyError::Missing(database.clone()));
    let before = identity()?;

    let mut prefix = OsString::from(".");
    prefix.push(name);
    let part =
        tempfile::Builder::new().prefix(&prefix).suffix(".partial").tempfile_in(folder).map_err(failed)?;
    let head = copy::copy(&database, part.path())?;
    // SQLite opens the write-ahead log by its name, and it must be the one of the same database.
    if identity()? != before {
        return Err(BackupError::Replaced(database));
    }
    let bytes = part.as_file().metadata().map_err(failed)?.len();
    match existing {
        Existing::Replace => part.persist(to).map_err(|error| failed(error.error))?,
        Existing::Keep => part.persist_noclobber(to).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
            _ => failed(error.error),
        })?,
    };
    files::sync_folder(folder).map_err(failed)?;
    Ok(Backup { head, bytes })
}

/// The folder and the name of a file.
fn place(to: &Path) -> Result<(&Path, &OsStr), BackupError> {
    let name = to.file_name().ok_or_else(|| BackupError::NoFile(to.to_owned()))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((folder, name))
}

fn same_folder(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests;
