//! Where a document is read: a file, or standard input.

use std::{
    convert::Infallible,
    fmt,
    fs::File,
    io::{self, Read},
    path::PathBuf,
    str::FromStr,
};

use crate::commands::Failure;

/// The longest file that is read, in bytes: 256 MiB, the longest message that a control plane takes.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A file, or standard input (`-`). Displays as people name it.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Stdin,
    File(PathBuf),
}

impl Source {
    /// All of it, as text.
    pub(crate) fn read(&self) -> Result<String, Failure> {
        String::from_utf8(self.read_bytes()?)
            .map_err(|_| self.failure(io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8")))
    }

    /// All of it.
    pub(crate) fn read_bytes(&self) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Stdin => bounded(io::stdin().lock()),
            Self::File(path) => File::open(path).and_then(bounded),
        }
        .map_err(|error| self.failure(error))
    }

    fn failure(&self, source: io::Error) -> Failure {
        Failure::Read { file: self.to_string(), source }
    }
}

fn bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(0..=FILE_BYTES_MAX) => Ok(bytes),
        _ => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 256 MiB")),
    }
}

impl FromStr for Source {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "-" { Self::Stdin } else { Self::File(text.into()) })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
