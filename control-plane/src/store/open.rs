//! Opening the database file: its lock, its pragmas, what is checked and mended first.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig};

use super::{
    OpenError, PageKey, files,
    integrity::{self, Depth},
    migrations, restore,
    secrets::{self, KeyId, KeySource, Settled, Vault},
    snapshot::Head,
};

/// SQLite's own recovery and checkpoints can make a connection wait, and other programs: there is one writer of ours.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The kind of journal.
const WAL: &str = "wal";
/// The write-ahead log is cut back to this after it was folded in, in bytes.
const WAL_BYTES: i64 = 64 * 1024 * 1024;
const CACHED_STATEMENTS: usize = 128;

/// An open database.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    /// Held as long as somebody writes: the revision that watchers are told of is counted in one process.
    pub(super) lock: File,
    pub(super) head: Head,
    pub(super) page_key: PageKey,
    pub(super) vault: Vault,
    /// The key that secrets were sealed under before, where that is another one.
    pub(super) changed_from: Option<KeyId>,
}

pub(super) fn open(data: &Path, keys: Option<&KeySource>) -> Result<Opened, OpenError> {
    files::create_folder(data).map_err(|source| OpenError::file(data, source))?;
    let lock = files::lock(data)?;
    restore::finish(data)?;
    let path = files::database(data);
    files::create_file(&path).map_err(|source| OpenError::file(&path, source))?;
    for suffix in files::SIDE_FILES.into_iter().chain([files::LOG_INDEX]) {
        let side = files::beside(&path, suffix);
        files::keep_private(&side).map_err(|source| OpenError::file(&side, source))?;
    }

    let failed = |source| OpenError::sqlite(&path, source);
    let mut connection = writable(&path).map_err(failed)?;
    // Before anything is written: it may be another program's.
    let version = migrations::version(&connection, &path)?;
    check(&connection, &path)?;
    if log_ahead(&connection).map_err(failed)? != WAL {
        return Err(OpenError::NoLog { path });
    }
    begin(&mut connection).map_err(failed)?;
    migrations::run(&mut connection, &path, version)?;
    let Settled { vault, changed_from } = match keys {
        Some(keys) => secrets::settle(&mut connection, &path, version == 0, keys)?,
        None => Settled { vault: Vault::locked(), changed_from: None },
    };
    let head = Head::read(&connection).map_err(failed)?;
    let page_key = PageKey::read(&connection).map_err(failed)?;
    Ok(Opened { path, connection, lock, head, page_key, vault, changed_from })
}

/// A connection that reads.
pub(super) fn readable(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A connection that writes, with the references checked.
pub(super) fn writable(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(path, flags)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// A connection with what all of them have.
pub(super) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // A statement is planned once, and not again for each value: with a partial index in sight SQLite would.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// Readers and the writer do not wait for each other, and a write that was answered survives a loss of power. Gives the
/// kind of journal that is kept now: SQLite says nothing else where it cannot keep this one.
fn log_ahead(connection: &Connection) -> rusqlite::Result<String> {
    let mode = connection.pragma_update_and_check(None, "journal_mode", WAL, |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))?;
    Ok(mode)
}

/// Whether a write can begin, which shows files that can only be read. A lock of another program goes by.
fn begin(connection: &mut Connection) -> rusqlite::Result<()> {
    match connection.transaction_with_behavior(TransactionBehavior::Immediate).map(drop) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(()),
        begun => begun,
    }
}

fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let started = Instant::now();
    integrity::check(connection, path, Depth::Quick)?;
    tracing::debug!(path = %path.display(), took = ?started.elapsed(), "the database is whole");
    Ok(())
}
