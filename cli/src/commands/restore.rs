//! `restore`: puts a backup in the place of the database.

use std::path::PathBuf;

use clap::Args;
use pointsman_control_plane as control_plane;

use super::{
    End, Failure,
    backup::{KEY_NOTE, existing},
};
use crate::output;

#[derive(Args, Debug)]
pub(super) struct Restore {
    /// The folder of the database; made where it is missing. No control plane may be running on it.
    #[arg(long, env = "POINTSMAN_DATA", value_name = "DIR")]
    data: PathBuf,
    /// The backup.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Put it in the place of a database that is there. The old one is kept beside it.
    #[arg(long)]
    force: bool,
}

impl Restore {
    pub(super) fn run(self) -> Result<End, Failure> {
        let restored = control_plane::restore(&self.data, &self.from, existing(self.force))?;
        let (revision, epoch) = (restored.head.revision.number(), restored.head.epoch.as_str());
        let mut said = format!(
            "{} holds revision {revision} of epoch {} now, under the new epoch {epoch}\n",
            self.data.display(),
            restored.backed_up.as_str()
        );
        if let Some(replaced) = restored.replaced {
            said.push_str(&format!("the database that was there is kept as {}\n", replaced.display()));
        }
        output::print(&said)?;
        output::note(KEY_NOTE);
        Ok(End::Fine)
    }
}
