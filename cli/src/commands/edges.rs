//! `edges`: who serves the configuration.

use clap::Args;

use super::{
    End, Failure,
    get::{self, Collection},
};
use crate::settings::{AdminSettings, OutputSettings};

#[derive(Args, Debug)]
pub(super) struct Edges {
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Edges {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let format = self.output.format(&self.admin)?;
        let admin = self.admin.connect().await?;
        get::list(&admin, &Collection::Edges, format).await?;
        Ok(End::Fine)
    }
}
