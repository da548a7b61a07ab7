//! The files of the data folder: their names, their modes, the lock.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::OpenError;

/// All of our own files begin so.
pub(super) const PREFIX: &str = "pointsman.";
pub(super) const DATABASE_FILE: &str = "pointsman.db";
const LOCK_FILE: &str = "pointsman.lock";
/// What SQLite puts beside a database that others must not come to read: together with it they are its state.
pub(super) const SIDE_FILES: [&str; 2] = ["-wal", "-journal"];
/// SQLite's index of the write-ahead log, which it can make again.
pub(super) const LOG_INDEX: &str = "-shm";
/// How long a process that is just stopping may hold the database.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// The database in the folder `data`.
pub(super) fn database(data: &Path) -> PathBuf {
    data.join(DATABASE_FILE)
}

/// `path` with something behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Takes the lock of the folder, which whoever writes the database holds.
pub(super) fn lock(data: &Path) -> Result<File, OpenError> {
    let path = data.join(LOCK_FILE);
    let failed = |source| OpenError::file(&path, source);
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

/// Makes the folder where it is missing, for its owner only: tokens and secrets lie in it. One that is there keeps its
/// mode: it may be made for more than us.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the file where it is missing, for its owner only; takes it from others where it is there. SQLite gives its own
/// files beside it the same mode.
pub(super) fn create_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    keep_private(path)
}

/// Takes a file from everybody but its owner, who is to write it. Nothing where there is none.
#[cfg(unix)]
pub(super) fn keep_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = match fs::metadata(path) {
        // What is no file is told of when it is opened.
        Ok(metadata) if !metadata.is_file() => return Ok(()),
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if mode & 0o777 == 0o600 { Ok(()) } else { fs::set_permissions(path, fs::Permissions::from_mode(0o600)) }
}

/// Modes are a matter of Unix.
#[cfg(not(unix))]
pub(super) fn keep_private(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Which file is at `path`: another one, moved there, is not the same.
pub(super) fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(path)?;
    #[cfg(unix)]
    return {
        use std::os::unix::fs::MetadataExt as _;
        Ok((metadata.dev(), metadata.ino()))
    };
    #[cfg(not(unix))]
    return Ok((0, metadata.is_file().into()));
}

/// Makes sure that a file's bytes outlast a loss of power.
pub(super) fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes sure that what was made, renamed and removed in the folder outlasts a loss of power.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere folders cannot be opened.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
