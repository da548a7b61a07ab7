//! `edges`: who serves the configuration.

use clap::Args;

use super::{
    End, Failure,
    get::{self, Collection},
};
use crate::{output::Format, settings::AdminSettings};

#[derive(Args, Debug)]
pub(super) struct Edges {
    /// For programs.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Edges {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let admin = self.admin.connect().await?;
        get::list(&admin, &Collection::Edges, self.output).await?;
        Ok(End::Fine)
    }
}
