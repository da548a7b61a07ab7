//! A file that can be read more than once: standard input is kept aside for that.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tempfile::NamedTempFile;

use crate::{
    commands::Failure,
    manifest::Source,
    mappings::{FileError, FileFormat, Rows},
};

const BUFFER_BYTES: usize = 256 * 1024;

/// Where rows are read.
#[derive(Debug)]
pub(super) struct Spool {
    source: Source,
    /// What came through standard input.
    aside: Option<NamedTempFile>,
    pub(super) bytes: u64,
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
        let (aside, bytes) = match source {
            Source::File(path) => (None, path.metadata().map_err(failed)?.len()),
            Source::Stdin => {
                let mut aside = NamedTempFile::new().map_err(failed)?;
                let bytes = io::copy(&mut io::stdin().lock(), &mut aside).map_err(failed)?;
                aside.rewind().map_err(failed)?;
                (Some(aside), bytes)
            }
        };
        Ok(Self { source: source.clone(), aside, bytes, read: Arc::default() })
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

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
