//! What people and programs see.

use std::io::{self, Write as _};

use clap::ValueEnum;
use pointsman_sdk::admin::AdminError;

use crate::commands::Failure;

pub(crate) mod arrival;
pub(crate) mod audit;
pub(crate) mod changes;
pub(crate) mod edges;
pub(crate) mod history;
pub(crate) mod profiles;
pub(crate) mod progress;
mod refused;
pub(crate) mod resources;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod tokens;
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

/// Asks a person, who has to say yes.
pub(crate) fn ask(question: &str) -> io::Result<bool> {
    note(&format!("{question} [y/N] "));
    answered(io::stdin().lock())
}

fn answered(input: impl io::BufRead) -> io::Result<bool> {
    /// Nobody says more.
    const ANSWER_BYTES_MAX: u64 = 64;
    let mut answer = String::new();
    io::BufRead::read_line(&mut input.take(ANSWER_BYTES_MAX), &mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Tells a failure, and what to do about it.
pub(crate) fn error(failure: &Failure) {
    if matches!(failure, Failure::Io(error) if error.kind() == io::ErrorKind::BrokenPipe) {
        return;
    }
    let mut text = match failure {
        Failure::Call(AdminError::Refused(found))
        | Failure::Advised { error: AdminError::Refused(found), .. } => {
            format!("error: {}\n", refused::refused(found))
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (answer, meant) in
            [("y\n", true), ("YES\n", true), ("\n", false), ("", false), ("no\n", false), ("yy\n", false)]
        {
            assert_eq!(answered(answer.as_bytes()).expect("an answer"), meant, "{answer:?}");
        }
    }
}
