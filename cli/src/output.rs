//! What people and programs see.

use std::io::{self, Write as _};

use clap::ValueEnum;
use pointsman_sdk::admin::AdminError;

use crate::commands::Failure;

pub(crate) mod arrival;
pub(crate) mod profiles;
mod refused;
pub(crate) mod resources;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod trace;

/// A format for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    print_bytes(text.as_bytes())
}

/// Writes to standard output what need not be text.
pub(crate) fn print_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Writes to standard error what is no failure.
pub(crate) fn note(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Tells a failure, and what to do about it.
pub(crate) fn error(failure: &Failure) {
    if matches!(failure, Failure::Io(error) if error.kind() == io::ErrorKind::BrokenPipe) {
        return;
    }
    let mut text = match failure {
        Failure::Call(AdminError::Refused(found)) => format!("error: {}\n", refused::refused(found)),
        Failure::Partly { error: AdminError::Refused(found) } => {
            format!("error: only a part was done: {}\n", refused::refused(found))
        }
        _ => format!("error: {failure}\n"),
    };
    if let Some(hint) = failure.hint() {
        text.push_str(&format!("hint: {hint}\n"));
    }
    note(&text);
}
