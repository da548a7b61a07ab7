//! A file that can be read more than once: standard input, or what else comes only once, is kept aside for that.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::{
    commands::Failure,
    manifest::Source,
    mappings::{FileError, FileFormat, Rows},
};

const BUFFER_BYTES: usize = 256 * 1024;
/// How much of the hash is told: nobody makes two files alike, it is only to be seen that they are not.
const DIGEST_BYTES: usize = 6;

/// Where rows are read.
#[derive(Debug)]
pub(super) struct Spool {
    source: Source,
    /// What can be read only once.
    aside: Option<NamedTempFile>,
    pub(super) bytes: u64,
    /// Tells it from other files.
    pub(super) digest: String,
    /// How far the latest reader is.
    read: Arc<AtomicU64>,
}

/// A file whose bytes are counted as they are read.
#[derive(Debug)]
pub(super) struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Spool {
    pub(super) fn of(source: &Source) -> Result<Self, Failure> {
        let failed = |error| Failure::Read { file: source.to_string(), source: error };
        let (file, aside) = match source {
            Source::File(path) => {
                let file = File::open(path).map_err(failed)?;
                // The output of another command (`<(…)`) comes once, as standard input does.
                let is_lasting = file.metadata().map_err(failed)?.is_file();
                if is_lasting { (file, None) } else { keep(file).map_err(failed)? }
            }
            Source::Stdin => keep(io::stdin().lock()).map_err(failed)?,
        };
        let (digest, bytes) = digest(file).map_err(failed)?;
        Ok(Self { source: source.clone(), aside, bytes, digest, read: Arc::default() })
    }

    /// Reads the rows from the start.
    pub(super) fn rows(&self, format: FileFormat) -> Result<Rows<BufReader<Counted>>, Failure> {
        let file = match (&self.aside, &self.source) {
            (Some(aside), _) => aside.reopen(),
            (None, Source::File(path)) => File::open(path),
            (None, Source::Stdin) => Err(io::ErrorKind::NotFound.into()),
        };
        let file = file.map_err(|error| self.failure(FileError::Io(error)))?;
        self.read.store(0, Ordering::Relaxed);
        let counted = Counted { file, read: Arc::clone(&self.read) };
        let reader = BufReader::with_capacity(BUFFER_BYTES, counted);
        Rows::open(format, reader).map_err(|error| self.failure(error))
    }

    /// How many bytes were read since [`Self::rows`].
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(super) fn failure(&self, error: FileError) -> Failure {
        match error {
            FileError::Io(source) => Failure::Read { file: self.source.to_string(), source },
            header @ FileError::Header { .. } => Failure::Rows(format!("{}, {header}", self.source)),
        }
    }
}

/// Keeps aside what is read, and reads that from the start.
fn keep(mut from: impl Read) -> io::Result<(File, Option<NamedTempFile>)> {
    let mut aside = NamedTempFile::new()?;
    io::copy(&mut from, &mut aside)?;
    Ok((aside.reopen()?, Some(aside)))
}

/// The beginning of the hash of all of it, and how long it is.
fn digest(mut file: File) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
    let digest = hash.finalize();
    Ok((digest[..DIGEST_BYTES].iter().map(|byte| format!("{byte:02x}")).collect(), bytes))
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
