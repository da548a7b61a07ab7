//! What the one binary does: the servers (`up`, `control-plane`, `edge`), the demo, and the commands of admins.
//!
//! - `settings`: flags and environment variables, parsed into the libraries' configurations.
//! - `commands`: one module for each command.
//! - `manifest`: reading and writing configuration as YAML and JSON.
//! - `profiles`: which control plane, and who calls, by name in a file.
//! - `output`: what people and programs see.
//! - `demo`: the main job in one command, with a `receiver` that plays the flows.

mod addresses;
mod commands;
mod demo;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod logging;
mod manifest;
mod mappings;
mod memory;
mod nearest;
mod output;
mod preprocess;
mod profiles;
mod receiver;
mod settings;
mod signals;

use std::process::ExitCode;

use clap::Parser as _;

use crate::commands::Cli;

/// Reads the command line, and runs its command to its end.
#[must_use]
pub fn run() -> ExitCode {
    memory::small_pages();
    let cli = Cli::parse();
    let ran = signals::survive_file_size_limits().map_err(Into::into).and_then(|()| cli.run());
    match ran {
        Ok(end) => end.into(),
        Err(failure) => {
            output::error(&failure);
            failure.exit().into()
        }
    }
}
