//! `edges`: who serves the configuration, and confirming what they hold back.

use clap::{Args, Subcommand};

use self::{accept::Accept, watch::watch};
use super::{
    End, Failure,
    get::{self, Collection},
};
use crate::settings::{AdminSettings, OutputSettings};

mod accept;
mod watch;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Edges {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Have edges take in the configuration that they hold back, whatever it drops.
    Accept(Accept),
}

#[derive(Args, Debug)]
struct List {
    /// Go on until Ctrl-C: redraw on a terminal, otherwise a line for each change, or a document with -o.
    #[arg(short, long)]
    watch: bool,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Edges {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let List { watch: goes_on, output, admin: settings } = self.list;
        if let Some(What::Accept(accept)) = self.what {
            return accept.run().await;
        }
        let format = output.format(&settings)?;
        let admin = settings.connect().await?;
        if goes_on {
            watch(&admin, format).await?;
        } else {
            get::list(&admin, &Collection::Edges, format).await?;
        }
        Ok(End::Fine)
    }
}
