//! How the store fails.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::{ErrorCode, ffi};

use super::{SealError, SecretKeyError};
use crate::domain::RandomError;

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it.
    #[error("cannot use {path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it.
    #[error("{path} is in use by another process")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// Another program, which knows nothing of our lock, is in the middle of something.
    #[error("another program holds {path} locked")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Some other program's database.
    #[error("{path} is not a database of Pointsman (its application id is {found:#x})")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its application id.
        found: i32,
    },
    /// Made by a later version of this program.
    #[error(
        "{path} has schema version {found}, and this version of Pointsman knows versions up to {known}: use the newer \
         version that wrote it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// The latest version that this program knows.
        known: i32,
    },
    /// Something was found in the file that SQLite does not write, or rows that refer to nothing.
    #[error("{path} is damaged, and a backup of it should be restored: {}", faults.join("; "))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first things that were found, each in a line.
        faults: Vec<String>,
    },
    /// The file system cannot hold a write-ahead log: it is remote, or files of these names are in the way.
    #[error(
        "{path}-wal and {path}-shm cannot be used: the folder has to be on a local file system, and its files ours"
    )]
    NoLog {
        /// The database.
        path: PathBuf,
    },
    /// The disk is full, or a quota or a limit on the size of files is reached.
    #[error("there is no room on the disk of {path}")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Another complaint of SQLite's.
    #[error("cannot open {path} and the files that begin with its name: {complaint}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The complaint.
        complaint: String,
    },
    /// The keys that secrets are sealed under.
    #[error(transparent)]
    Key(#[from] SecretKeyError),
    /// A secret could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// No randomness for a new database's epoch and keys.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// No thread for the writer.
    #[error("cannot start the thread that writes: {0}")]
    Thread(io::Error),
}

impl OpenError {
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    /// What SQLite's complaint about `path` means.
    pub(super) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match StoreError::from(source) {
            StoreError::Busy(_) => Self::Busy { path },
            StoreError::Corrupt(source) => Self::Damaged { path, faults: vec![source.to_string()] },
            StoreError::Full(_) => Self::Full { path },
            StoreError::ReadOnly(complaint) | StoreError::Disk(complaint) | StoreError::Sqlite(complaint) => {
                Self::Sqlite { path, complaint: complaint.to_string() }
            }
            other => Self::Sqlite { path, complaint: other.to_string() },
        }
    }
}

/// Why a read or a write failed. For logs: clients learn only which of these it is.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk takes no more: it is full, or a quota or a limit on the size of files is reached. Goes by once there is
    /// room.
    #[error("there is no room on the disk: {0}")]
    Full(#[source] rusqlite::Error),
    /// Another program holds the database, and has held it for longer than we wait. Goes by once it lets go.
    #[error("another program holds the database: {0}")]
    Busy(#[source] rusqlite::Error),
    /// The files, or the file system that they are on, became read-only.
    #[error("the database cannot be written: {0}")]
    ReadOnly(#[source] rusqlite::Error),
    /// A file of the database cannot be read, written or synced.
    #[error("the disk of the database has failed: {0}")]
    Disk(#[source] rusqlite::Error),
    /// The file holds what SQLite never writes.
    #[error("the database file is damaged: {0}")]
    Corrupt(#[source] rusqlite::Error),
    /// Another complaint of SQLite's.
    #[error("the database failed: {0}")]
    Sqlite(#[source] rusqlite::Error),
    /// A row holds what this program never writes.
    #[error("the database is damaged: {name}: {reason}")]
    Damaged {
        /// The resource's name, or the table's.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A secret could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The rows of an import could not all be read back.
    #[error("an import came to {rows} of its {of} rows")]
    ImportIncomplete {
        /// So many were read.
        rows: u64,
        /// So many there are.
        of: u64,
    },
    /// A read or write ended in a panic; nothing of it was kept.
    #[error("the transaction panicked")]
    Panicked,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn damaged(name: impl ToString, reason: impl ToString) -> Self {
        Self::Damaged { name: name.to_string(), reason: reason.to_string() }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(ffi::Error { code, extended_code }, _) = &error else {
            return Self::Sqlite(error);
        };
        match code {
            ErrorCode::DiskFull => Self::Full(error),
            // SQLite says "full" only where the system says "no space". A quota or a limit on the size of files shows
            // as a failed write. A disk that is broken rather shows in reads and syncs.
            ErrorCode::SystemIoFailure
                if matches!(*extended_code, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE) =>
            {
                Self::Full(error)
            }
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy(error),
            ErrorCode::ReadOnly => Self::ReadOnly(error),
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                Self::Disk(error)
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt(error),
            _ => Self::Sqlite(error),
        }
    }
}
