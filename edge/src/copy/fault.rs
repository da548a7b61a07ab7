//! What can go wrong with the copy.

use std::io;

use super::reader::ReadError;

/// Why the copy on disk is not what it should be. Serving goes on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{}", words(.0))]
    Disk(#[from] io::Error),
    #[error("what was written cannot be read: {0}")]
    Read(#[from] ReadError),
    #[error("the configuration is larger than the copy may be, {0} bytes for all of its files")]
    TooLarge(u64),
    #[error("what was written is not what is served")]
    Different,
    #[error("the disk takes nothing")]
    Stalled,
    #[error("another process has it")]
    InUse,
    #[error("its key: {0}")]
    Key(#[from] super::key::CopyKeyError),
    #[error("it was given up")]
    Stopped,
}

impl Fault {
    /// The label of metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Disk(error) => match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    "full"
                }
                io::ErrorKind::ReadOnlyFilesystem => "read_only",
                io::ErrorKind::PermissionDenied => "denied",
                _ => "io",
            },
            Self::Read(error) => error.label(),
            Self::TooLarge(_) => "too_large",
            Self::Different => "damaged",
            Self::Stalled => "stalled",
            Self::InUse => "in_use",
            Self::Key(_) => "key",
            Self::Stopped => "stopped",
        }
    }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => error.to_string(),
    }
}
