//! `export`: the whole configuration, as `apply` takes it.

use clap::Args;
use pointsman_proto::admin::v1::{ExportManifestRequest, Manifest};

use super::{End, Failure};
use crate::{
    manifest,
    output::{self, Format},
    settings::AdminSettings,
};

#[derive(Args, Debug)]
pub(super) struct Export {
    /// How it is written.
    #[arg(short, long, value_enum, default_value_t = Format::Yaml)]
    output: Format,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Export {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let admin = self.admin.connect().await?;
        let exported =
            admin.export_manifest(ExportManifestRequest { ..ExportManifestRequest::default() }).await?;
        let manifest: Manifest = exported.manifest.unwrap_or_default();
        output::print(&manifest::write_input(&manifest, self.output)?)?;
        Ok(End::Fine)
    }
}
