//! How the store fails.

use std::{io, path::PathBuf};

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
    /// SQLite's own complaint.
    #[error("cannot open {path}: {source}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The complaint.
        source: rusqlite::Error,
    },
    /// No randomness for a new database's epoch and keys.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// No thread for the writer.
    #[error("cannot start the thread that writes: {0}")]
    Thread(io::Error),
}

/// Why a read or a write failed. For logs: clients learn only that something did.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite's complaint.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A row holds what this program never writes.
    #[error("the database is damaged: {name}: {reason}")]
    Damaged {
        /// The resource's name, or the table's.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A read or write ended in a panic; nothing of it was kept.
    #[error("the transaction panicked")]
    Panicked,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(super) fn damaged(name: impl ToString, reason: impl ToString) -> Self {
        Self::Damaged { name: name.to_string(), reason: reason.to_string() }
    }
}
