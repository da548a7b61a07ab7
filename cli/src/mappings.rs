//! Files of customer mappings: CSV and JSON Lines, a row at a time, however long they are.
//!
//! What cannot be read is a fault of its line, and the next line is read.

use std::{
    io::{self, BufRead},
    path::Path,
};

use clap::ValueEnum;
use pointsman_proto::admin::v1::CustomerMappingRow;

mod csv;
mod jsonl;
mod lines;

use csv::Csv;
use jsonl::JsonLines;

/// The longest line, or row of several lines, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// A header line, then one row for each mapping (RFC 4180).
    Csv,
    /// One JSON object in each line.
    Jsonl,
}

/// A row of a file, or what is wrong with it.
#[derive(Debug, PartialEq)]
pub(crate) struct FileRow {
    /// Counted from 1.
    pub(crate) line: u64,
    pub(crate) row: Result<CustomerMappingRow, String>,
}

/// Why a file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// Its header line.
    #[error("line {line}: {reason}")]
    Header {
        /// Where it is.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The file itself.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The rows of a file.
#[derive(Debug)]
pub(crate) enum Rows<R> {
    Csv(Csv<R>),
    Jsonl(JsonLines<R>),
}

impl FileFormat {
    /// What the name of a file says.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

impl<R: BufRead> Rows<R> {
    /// Reads up to the first row.
    pub(crate) fn open(format: FileFormat, reader: R) -> Result<Self, FileError> {
        Ok(match format {
            FileFormat::Csv => Self::Csv(Csv::open(reader)?),
            FileFormat::Jsonl => Self::Jsonl(JsonLines::open(reader)),
        })
    }
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = io::Result<FileRow>;

    fn next(&mut self) -> Option<io::Result<FileRow>> {
        match self {
            Self::Csv(csv) => csv.next_row().transpose(),
            Self::Jsonl(lines) => lines.next_row().transpose(),
        }
    }
}

fn too_long() -> String {
    format!("is longer than {} KiB", LINE_BYTES_MAX / 1024)
}

#[cfg(test)]
mod tests;
