//! `demo`: the main job in one command.

use clap::Args;

use super::{End, Failure};
use crate::{
    demo, logging,
    settings::{LogSettings, logging::LogFormat},
};

#[derive(Args, Debug)]
pub(super) struct Demo {
    /// End when all webhooks have been sent; fail if one did not arrive as it should.
    #[arg(long)]
    once: bool,
    /// Show the servers' logs too.
    #[arg(short, long)]
    verbose: bool,
}

impl Demo {
    pub(super) fn run(self) -> Result<End, Failure> {
        let log_level = if self.verbose { "info" } else { "error" }.to_owned();
        let _log = logging::start(&LogSettings { log: LogFormat::Human, log_level });
        demo::run(self.once)?;
        Ok(End::Fine)
    }
}
