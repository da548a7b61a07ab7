//! `backup`: a copy of the database, beside a running control plane too.

use std::path::PathBuf;

use clap::Args;
use pointsman_control_plane::{self as control_plane, Existing};

use super::{End, Failure};
use crate::output;

/// What an operator has to know of every backup.
pub(super) const KEY_NOTE: &str = "The key that secrets are encrypted with is not in a backup. Keep a copy of it \
(pointsman.key in the data\nfolder, unless you keep it elsewhere) apart from the backups and as safe: without it the \
secrets in them are lost.\n";

#[derive(Args, Debug)]
pub(super) struct Backup {
    /// The folder of the database.
    #[arg(long, env = "POINTSMAN_DATA", value_name = "DIR")]
    data: PathBuf,
    /// The file to write. It appears once it is whole, readable by its owner only.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Replace the file where it is there already.
    #[arg(long)]
    force: bool,
}

impl Backup {
    pub(super) fn run(self) -> Result<End, Failure> {
        let made = control_plane::backup(&self.data, &self.to, existing(self.force))?;
        let (revision, epoch) = (made.head.revision.number(), made.head.epoch.as_str());
        let file = self.to.display();
        output::print(&format!("revision {revision} of epoch {epoch} is in {file}, {} bytes\n", made.bytes))?;
        output::note(KEY_NOTE);
        Ok(End::Fine)
    }
}

/// What `--force` means.
pub(super) fn existing(force: bool) -> Existing {
    if force { Existing::Replace } else { Existing::Keep }
}
