//! A copy of a database: at one revision, checked, and a file by itself.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::{
    OpenFlags,
    types::{ToSql, ToSqlOutput, ValueRef},
};

use super::{
    OpenError, StoreError, files,
    integrity::{self, Depth},
    migrations, open,
    snapshot::Head,
};

/// Why a database cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// It is not there, or a folder.
    #[error("there is no database at {0}")]
    Missing(PathBuf),
    /// It is there, and nothing was ever written to it.
    #[error("{0} is empty")]
    Empty(PathBuf),
    /// It cannot be read, is not ours, is too new or is damaged.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The copy cannot be written.
    #[error("cannot copy {from} to {to}: {source}")]
    Write {
        /// The database.
        from: PathBuf,
        /// The copy.
        to: PathBuf,
        /// Why not.
        source: StoreError,
    },
    /// The copy cannot be brought to the disk.
    #[error("cannot sync {to}: {source}")]
    Sync {
        /// The copy.
        to: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Copies the database at `from`, which may be in use, to the empty file `to`. Both are checked in full. The copy
/// holds no deleted rows, is durable, and has no files beside it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<Head, CopyError> {
    if !from.is_file() {
        return Err(CopyError::Missing(from.to_owned()));
    }
    let failed = |source| OpenError::sqlite(from, source);
    // No `query_only`, which would keep SQLite from writing the copy.
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = open::connect(from, flags).map_err(failed)?;
    if migrations::version(&source, from)? == 0 {
        return Err(CopyError::Empty(from.to_owned()));
    }
    // Copying could leave out what a damaged page leads to, and the copy would be whole.
    integrity::check(&source, from, Depth::Full)?;
    source.execute("VACUUM INTO ?1", [Name(to)]).map_err(|source| CopyError::Write {
        from: from.to_owned(),
        to: to.to_owned(),
        source: source.into(),
    })?;
    files::sync_file(to).map_err(|source| CopyError::Sync { to: to.to_owned(), source })?;
    let copy = open::readable(to).map_err(|source| OpenError::sqlite(to, source))?;
    integrity::check(&copy, to, Depth::Full)?;
    Ok(Head::read(&copy).map_err(|source| OpenError::sqlite(to, source))?)
}

/// A file's name in SQL. Its bytes need not be text.
struct Name<'p>(&'p Path);

impl ToSql for Name<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0.as_os_str().as_encoded_bytes())))
    }
}
