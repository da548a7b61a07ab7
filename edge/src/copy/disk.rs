//! The folder of the copy: its files, their modes, the lock, and every operation on them.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

pub(super) const KEY_FILE: &str = "edge.key";
pub(super) const LOCK_FILE: &str = "edge.lock";
/// Generations are `edge-<number>.copy` …
const GENERATION: (&str, &str) = ("edge-", ".copy");
/// … and while they are written, with this behind.
const PART: &str = ".part";
const PROBE: &str = "edge-probe.part";
/// What has to fit to try again after a fault.
const PROBE_BYTES: usize = 64 * 1024;
/// How long a process that is just stopping may hold the folder.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// One kind of operation on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Append,
    Write,
    Sync,
    Truncate,
    Rename,
    Remove,
    SyncFolder,
}

/// Asked before each operation, so that tests can make it fail.
type Gate = Arc<dyn Fn(Operation) -> io::Result<()> + Send + Sync>;

/// The folder.
#[derive(Clone)]
pub(crate) struct Disk {
    folder: PathBuf,
    gate: Option<Gate>,
}

/// A file that is written.
pub(super) struct Output {
    file: File,
    gate: Option<Gate>,
}

impl Disk {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), gate: None }
    }

    #[cfg(test)]
    pub(crate) fn with_gate(folder: &Path, gate: Gate) -> Self {
        Self { folder: folder.to_owned(), gate: Some(gate) }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder where it is missing, for its owner only.
    pub(super) fn make_folder(&self) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)
    }

    /// Takes the lock; none where another process has it.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        let file = private(&mut options).open(self.folder.join(LOCK_FILE))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_PATIENCE => {
                    thread::sleep(LOCK_RETRY);
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// The numbers of the generations, the newest first.
    pub(super) fn generations(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            numbers.extend(entry?.file_name().to_str().and_then(generation_number));
        }
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        Ok(numbers)
    }

    /// Removes what was being written when a process ended.
    pub(super) fn remove_parts(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            if let Some(name) = name.to_str().filter(|name| name.starts_with("edge") && name.ends_with(PART))
            {
                self.remove(name)?;
            }
        }
        Ok(())
    }

    /// Whether the disk takes something.
    pub(super) fn probe(&self) -> io::Result<()> {
        let mut output = self.create(PROBE)?;
        let written = output.write(&vec![0xa5; PROBE_BYTES]).and_then(|()| output.sync());
        let removed = self.remove(PROBE);
        written.and(removed)
    }

    pub(super) fn open(&self, name: &str) -> io::Result<File> {
        File::open(self.folder.join(name))
    }

    pub(super) fn create(&self, name: &str) -> io::Result<Output> {
        self.step(Operation::Create)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let file = private(&mut options).open(self.folder.join(name))?;
        Ok(Output { file, gate: self.gate.clone() })
    }

    /// Opens a file to append to it, without what stands behind `len`.
    pub(super) fn append(&self, name: &str, len: u64) -> io::Result<Output> {
        self.step(Operation::Append)?;
        let file = OpenOptions::new().append(true).open(self.folder.join(name))?;
        keep_private(&file)?;
        let output = Output { file, gate: self.gate.clone() };
        if output.file.metadata()?.len() != len {
            self.step(Operation::Truncate)?;
            output.file.set_len(len)?;
            output.sync()?;
        }
        Ok(output)
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step(Operation::Rename)?;
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        self.step(Operation::Remove)?;
        match fs::remove_file(self.folder.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Makes sure that what was made, renamed and removed outlasts a loss of power.
    pub(super) fn sync_folder(&self) -> io::Result<()> {
        self.step(Operation::SyncFolder)?;
        sync_folder(&self.folder)
    }

    fn step(&self, operation: Operation) -> io::Result<()> {
        step(&self.gate, operation)
    }
}

impl Output {
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = step(&self.gate, Operation::Write) {
            // Only tests come here: a disk that is full takes a part.
            self.file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.file.write_all(bytes)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        step(&self.gate, Operation::Sync)?;
        self.file.sync_data()
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Disk").field(&self.folder).finish()
    }
}

fn step(gate: &Option<Gate>, operation: Operation) -> io::Result<()> {
    gate.as_ref().map_or(Ok(()), |gate| gate(operation))
}

/// The file of a generation.
pub(super) fn generation_file(number: u64) -> String {
    format!("{}{number}{}", GENERATION.0, GENERATION.1)
}

/// The same while it is written.
pub(super) fn part_file(number: u64) -> String {
    generation_file(number) + PART
}

fn generation_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix(GENERATION.0)?.strip_suffix(GENERATION.1)?.parse().ok()?;
    (generation_file(number) == name).then_some(number)
}

/// Writes a new file: durable once this answers, there as a whole or not at all, and its owner's only.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(PART);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let mut file = private(&mut options).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    sync_folder(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Takes a file from everybody but its owner.
#[cfg(unix)]
fn keep_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o777 == 0o600 { Ok(()) } else { file.set_permissions(fs::Permissions::from_mode(0o600)) }
}

/// Modes are a matter of Unix.
#[cfg(not(unix))]
fn keep_private(_file: &File) -> io::Result<()> {
    Ok(())
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere folders cannot be opened.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
