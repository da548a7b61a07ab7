//! `completions`: what a shell needs to complete commands and flags.

use std::io;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, End};
use crate::output;

#[derive(Args, Debug)]
#[command(after_help = "\
Where the scripts go:
  bash  pointsman completions bash > ~/.local/share/bash-completion/completions/pointsman
  zsh   pointsman completions zsh > \"${fpath[1]}/_pointsman\"
  fish  pointsman completions fish > ~/.config/fish/completions/pointsman.fish")]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> io::Result<End> {
        // Into memory first: the writer of scripts panics where it cannot write.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "pointsman", &mut script);
        output::print_bytes(&script)?;
        Ok(End::Fine)
    }
}
