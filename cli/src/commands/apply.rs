//! `apply`: create and update resources from files.

use std::time::Duration;

use clap::Args;
use pointsman_proto::admin::v1::{
    ApplyManifestRequest, ApplyManifestResponse, Manifest, WaitForRevisionRequest, WaitForRevisionResponse,
    manifest_change::Action,
};
use pointsman_sdk::admin::AdminClient;

use super::{End, Failure};
use crate::{
    manifest::{self, Source},
    output::{self, Format, table::Table},
    settings::{AdminSettings, units},
};

#[derive(Args, Debug)]
pub(super) struct Apply {
    /// A manifest, YAML or JSON; `-` reads standard input. Can be given more than once: all are applied together.
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true)]
    files: Vec<Source>,
    /// Check everything and show what would change, but change nothing.
    #[arg(long, visible_alias = "validate-only")]
    dry_run: bool,
    /// Wait for the control plane to be there, and until the edges that are connected serve the change.
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
    /// How long `--wait` waits, for each of the two.
    #[arg(long, env = "POINTSMAN_WAIT_TIMEOUT", value_name = "DURATION", value_parser = units::duration, default_value = "30s")]
    wait_timeout: Duration,
    /// For programs: the control plane's answer.
    #[arg(short, long, value_enum)]
    output: Option<Format>,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Apply {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let mut manifest = Manifest::default();
        for source in &self.files {
            append(&mut manifest, manifest::read(&source.read()?, source)?);
        }
        let admin = if self.wait {
            self.admin.connect_within(self.wait_timeout).await?
        } else {
            self.admin.connect().await?
        };
        let applied = admin
            .apply_manifest(ApplyManifestRequest { manifest: Some(manifest), validate_only: self.dry_run })
            .await?;
        match self.output {
            Some(format) => output::print(&manifest::write(&applied, format)?)?,
            None => output::print(&self.summary(&applied))?,
        }
        if self.wait { self.wait(&admin, applied.revision).await } else { Ok(End::Fine) }
    }

    fn summary(&self, applied: &ApplyManifestResponse) -> String {
        let mut table = Table::plain();
        let mut counts = [0_usize; 3];
        for change in &applied.changes {
            let (word, count) = match change.action() {
                Action::Created => ("created", 0),
                Action::Updated => ("updated", 1),
                Action::Unchanged | Action::Unspecified => ("unchanged", 2),
            };
            counts[count] += 1;
            table.row([word, &change.name]);
        }
        let [created, updated, unchanged] = counts;
        let end = if self.dry_run {
            "dry run: nothing was changed".to_owned()
        } else {
            format!("revision {}", applied.revision)
        };
        format!("{table}{created} created, {updated} updated, {unchanged} unchanged; {end}\n")
    }

    async fn wait(&self, admin: &AdminClient, revision: i64) -> Result<End, Failure> {
        let timeout = prost_types::Duration::try_from(self.wait_timeout)
            .map_err(|_| Failure::Usage("--wait-timeout is too long".to_owned()))?;
        let request = WaitForRevisionRequest { revision, timeout: Some(timeout), ..Default::default() };
        let waited = admin.wait_for_revision(request).await?;
        // With -o, standard output holds one document and nothing else.
        let said = served(revision, &waited);
        if self.output.is_some() {
            output::note(&said)
        } else {
            output::print(&said)?
        }
        Ok(if waited.reached { End::Fine } else { End::NotServed })
    }
}

fn append(all: &mut Manifest, one: Manifest) {
    all.integrations.extend(one.integrations);
    all.customers.extend(one.customers);
    all.customer_mappings.extend(one.customer_mappings);
    all.deployments.extend(one.deployments);
}

fn served(revision: i64, waited: &WaitForRevisionResponse) -> String {
    let mut said = match (waited.reached, waited.serving.as_slice(), waited.lagging.as_slice()) {
        (_, [], []) => format!("no edge is connected that would serve revision {revision}\n"),
        (true, serving, _) => format!("revision {revision} is served by {}\n", serving.join(", ")),
        (false, ..) => format!("revision {revision} is not yet served everywhere\n"),
    };
    for laggard in &waited.lagging {
        said.push_str(&format!("  {}: {}\n", laggard.edge, laggard.reason));
    }
    said
}
