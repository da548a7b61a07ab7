//! `secret-key`: the key that secrets in the database are encrypted with.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pointsman_control_plane::store::{OldKey, RotateError, SecretKey, rotate_secret_key};

use super::{End, Failure};
use crate::{
    output,
    settings::{SecretKeySettings, secret_key::SecretKeySettingsError},
};

#[derive(Args, Debug)]
pub(super) struct SecretKeyCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Encrypt all secrets with another key, while no control plane runs on the database.
    Rotate(Rotate),
    /// Print a new key, for POINTSMAN_SECRET_KEY or a file. Nothing is changed.
    New,
}

#[derive(Args, Debug)]
struct Rotate {
    /// The folder of the database.
    #[arg(long, env = "POINTSMAN_DATA", value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    keys: SecretKeySettings,
    /// Leave the old key in the file, behind the new one: backups from before need it.
    #[arg(long)]
    keep_old: bool,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretKeyFailure {
    /// The keys make no sense.
    #[error(transparent)]
    Settings(#[from] SecretKeySettingsError),
    /// The key is what it was, or there are two.
    #[error(transparent)]
    Rotate(#[from] RotateError),
    /// The system has no randomness.
    #[error(transparent)]
    Random(#[from] pointsman_control_plane::domain::RandomError),
}

impl SecretKeyCommand {
    pub(super) fn run(self) -> Result<End, Failure> {
        let said = match self.command {
            Command::Rotate(rotate) => rotate.run()?,
            Command::New => format!("{}\n", SecretKey::random().map_err(SecretKeyFailure::from)?.to_text()),
        };
        output::print(&said)?;
        Ok(End::Fine)
    }
}

impl Rotate {
    fn run(self) -> Result<String, SecretKeyFailure> {
        let old = if self.keep_old { OldKey::Keep } else { OldKey::Drop };
        let keys = self.keys.source(&self.data)?;
        let rotated = rotate_secret_key(&self.data, &keys, old)?;
        let mut said =
            format!("secrets are encrypted with the key {} now, and not with {}\n", rotated.to, rotated.from);
        match rotated.file {
            Some(file) if self.keep_old => {
                said.push_str(&format!("{} holds both; copy it to where you keep the key\n", file.display()));
            }
            Some(file) => said.push_str(&format!(
                "{} holds the new one alone; copy it to where you keep the key. Backups from before need a copy of the \
                 old one\n",
                file.display()
            )),
            None => said.push_str("the old key is not needed any more, but for backups from before\n"),
        }
        Ok(said)
    }
}
