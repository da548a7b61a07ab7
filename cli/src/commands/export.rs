//! `export`: the whole configuration, as `apply` takes it.

use clap::Args;
use pointsman_proto::admin::v1::{ExportManifestRequest, Manifest};

use super::{End, Failure};
use crate::{
    manifest,
    output::{self, Format},
    settings::{AdminSettings, OutputSettings},
};

#[derive(Args, Debug)]
#[command(after_help = "A configuration is no table: it is printed as YAML, or with `-o json` as JSON.")]
pub(super) struct Export {
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Export {
    pub(super) async fn run(self) -> Result<End, Failure> {
        // A whole configuration is no table.
        let format = self.output.format(&self.admin)?.unwrap_or(Format::Yaml);
        let admin = self.admin.connect().await?;
        let exported =
            admin.export_manifest(ExportManifestRequest { ..ExportManifestRequest::default() }).await?;
        let manifest: Manifest = exported.manifest.unwrap_or_default();
        output::print(&manifest::write_input(&manifest, format)?)?;
        Ok(End::Fine)
    }
}
