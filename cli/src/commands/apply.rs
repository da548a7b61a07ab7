//! `apply`: create and update resources from files.

use clap::Args;
use pointsman_proto::admin::v1::{
    ApplyManifestRequest, ApplyManifestResponse, Manifest, manifest_change::Action,
};

use super::{End, Failure, write::WriteSettings};
use crate::{
    manifest::{self, Source},
    output::{self, table::Table},
    settings::{AdminSettings, OutputSettings},
};

#[derive(Args, Debug)]
pub(super) struct Apply {
    /// A manifest, YAML or JSON; `-` reads standard input. Can be given more than once: all are applied together.
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true)]
    files: Vec<Source>,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    write: WriteSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Apply {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let format = self.output.format(&self.admin)?;
        let mut manifest = Manifest::default();
        for source in &self.files {
            append(&mut manifest, manifest::read(&source.read()?, source)?);
        }
        let admin = self.write.connect(&self.admin).await?;
        let applied = admin
            .apply_manifest(ApplyManifestRequest {
                manifest: Some(manifest),
                validate_only: self.write.is_dry_run(),
                ..ApplyManifestRequest::default()
            })
            .await?;
        match format {
            Some(format) => output::print(&manifest::write(&applied, format)?)?,
            None => output::print(&self.summary(&applied))?,
        }
        self.write.end(&admin, applied.revision, format).await
    }

    fn summary(&self, applied: &ApplyManifestResponse) -> String {
        let mut table = Table::plain();
        let mut counts = [0_usize; 4];
        for change in &applied.changes {
            let (word, count) = match change.action() {
                Action::Created => ("created", 0),
                Action::Updated => ("updated", 1),
                Action::Unchanged | Action::Unspecified => ("unchanged", 2),
                Action::Removed => ("removed", 3),
            };
            counts[count] += 1;
            table.row([word, &change.name]);
        }
        let [created, updated, unchanged, removed] = counts;
        let end = if self.write.is_dry_run() {
            "dry run: nothing was changed".to_owned()
        } else {
            format!("revision {}", applied.revision)
        };
        let removed = if removed > 0 { format!(", {removed} removed") } else { String::new() };
        format!("{table}{created} created, {updated} updated, {unchanged} unchanged{removed}; {end}\n")
    }
}

fn append(all: &mut Manifest, one: Manifest) {
    all.integrations.extend(one.integrations);
    all.customers.extend(one.customers);
    all.customer_mappings.extend(one.customer_mappings);
    all.deployments.extend(one.deployments);
}
