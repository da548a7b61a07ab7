//! `backup`: a copy of the database, beside a running control plane too.

use std::path::{Path, PathBuf};

use clap::Args;
use pointsman_control_plane::{self as control_plane, Existing};

use super::{End, Failure};
use crate::{
    manifest::{self, Node, Value},
    output,
    settings::OutputSettings,
};

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
    #[command(flatten)]
    output: OutputSettings,
}

impl Backup {
    pub(super) fn run(self) -> Result<End, Failure> {
        let made = control_plane::backup(&self.data, &self.to, existing(self.force))?;
        let (revision, epoch) = (made.head.revision.number(), made.head.epoch.as_str());
        output::print(&match self.output.alone() {
            Some(format) => {
                let entries = [
                    ("file", path(&self.to)),
                    ("revision", Value::Number(revision.into())),
                    ("epoch", Value::String(epoch.to_owned())),
                    ("bytes", Value::Number(made.bytes.into())),
                ];
                manifest::write_node(&document(entries), format)?
            }
            None => {
                let file = self.to.display();
                format!("revision {revision} of epoch {epoch} is in {file}, {} bytes\n", made.bytes)
            }
        })?;
        output::note(KEY_NOTE);
        Ok(End::Fine)
    }
}

/// What `--force` means.
pub(super) fn existing(force: bool) -> Existing {
    if force { Existing::Replace } else { Existing::Keep }
}

/// A document for programs.
pub(super) fn document<const N: usize>(entries: [(&str, Value); N]) -> Node {
    let entry = |(key, value): (&str, Value)| (key.to_owned(), Node::new(value));
    Node::new(Value::Map(entries.into_iter().map(entry).collect()))
}

/// A path in it.
pub(super) fn path(path: &Path) -> Value {
    Value::String(path.display().to_string())
}
