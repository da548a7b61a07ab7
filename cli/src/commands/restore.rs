//! `restore`: puts a backup in the place of the database.

use std::path::PathBuf;

use clap::Args;
use pointsman_control_plane::{self as control_plane, Restored};

use super::{
    End, Failure,
    backup::{KEY_NOTE, document, existing, path},
};
use crate::{
    manifest::{self, Node, Value},
    output,
    settings::OutputSettings,
};

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
    #[command(flatten)]
    output: OutputSettings,
}

impl Restore {
    pub(super) fn run(self) -> Result<End, Failure> {
        let restored = control_plane::restore(&self.data, &self.from, existing(self.force))?;
        output::print(&match self.output.alone() {
            Some(format) => manifest::write_node(&self.for_programs(&restored), format)?,
            None => self.for_people(&restored),
        })?;
        output::note(KEY_NOTE);
        Ok(End::Fine)
    }

    fn for_programs(&self, Restored { head, backed_up, replaced }: &Restored) -> Node {
        document([
            ("data", path(&self.data)),
            ("revision", Value::Number(head.revision.number().into())),
            ("epoch", Value::String(head.epoch.as_str().to_owned())),
            ("backedUpEpoch", Value::String(backed_up.as_str().to_owned())),
            ("replaced", replaced.as_deref().map_or(Value::Null, path)),
        ])
    }

    fn for_people(&self, Restored { head, backed_up, replaced }: &Restored) -> String {
        let (data, revision, epoch) = (self.data.display(), head.revision, &head.epoch);
        let mut said = format!(
            "{data} holds revision {revision} of epoch {backed_up} now, under the new epoch {epoch}\n"
        );
        if let Some(replaced) = replaced {
            said.push_str(&format!("the database that was there is kept as {}\n", replaced.display()));
        }
        said
    }
}
