//! Settings of a server process as a whole.

use std::{fs, num::NonZeroUsize, path::PathBuf};

use clap::Args;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Process")]
pub(crate) struct ProcessSettings {
    /// Write the bound addresses to this file, as JSON, once all ports are bound. Written at once, never in part.
    #[arg(long, env = "POINTSMAN_ADDRESSES_FILE", value_name = "FILE")]
    pub(crate) addresses_file: Option<PathBuf>,
    /// Threads that serve; one for each processor by default.
    #[arg(long, env = "POINTSMAN_THREADS", value_name = "NUMBER")]
    pub(crate) threads: Option<NonZeroUsize>,
}

impl ProcessSettings {
    /// Removes the file of an earlier run, so that whoever waits for it reads the addresses of this one.
    pub(crate) fn forget_addresses(&self) {
        if let Some(file) = &self.addresses_file {
            let _ = fs::remove_file(file);
        }
    }
}
