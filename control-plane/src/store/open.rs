//! Opening the database file: its folder, its lock, its pragmas.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags};

use super::{OpenError, PageKey, migrations, snapshot::Head};

const DATABASE_FILE: &str = "pointsman.db";
const LOCK_FILE: &str = "pointsman.lock";
/// How long a process that is just stopping may hold the database.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_RETRY: Duration = Duration::from_millis(20);
/// Only SQLite's own recovery and checkpoints can make a connection wait here: one process, one writer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
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
}

pub(super) fn open(data: &Path) -> Result<Opened, OpenError> {
    create_folder(data).map_err(|source| OpenError::File { path: data.to_owned(), source })?;
    let lock = lock(data)?;
    let path = data.join(DATABASE_FILE);
    create_file(&path).map_err(|source| OpenError::File { path: path.clone(), source })?;

    let failed = |source| OpenError::Sqlite { path: path.clone(), source };
    let mut connection = writable(&path).map_err(failed)?;
    migrations::run(&mut connection, &path)?;
    let head = Head::read(&connection).map_err(failed)?;
    let page_key = PageKey::read(&connection).map_err(failed)?;
    Ok(Opened { path, connection, lock, head, page_key })
}

/// A connection that reads.
pub(super) fn readable(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn writable(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // A write that was answered survives a loss of power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))?;
    Ok(connection)
}

fn lock(data: &Path) -> Result<File, OpenError> {
    let path = data.join(LOCK_FILE);
    let failed = |source| OpenError::File { path: path.clone(), source };
    create_file(&path).map_err(failed)?;
    let file = File::open(&path).map_err(failed)?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_PATIENCE => thread::sleep(LOCK_RETRY),
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: data.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

/// Makes the folder where it is missing, for its owner only: tokens and secrets lie in it.
fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the file where it is missing, for its owner only. SQLite gives its own files beside it the same mode.
fn create_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
