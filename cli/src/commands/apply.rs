//! `apply`: a configuration from files, shown before it is made.

use std::io::IsTerminal as _;

use clap::Args;
use pointsman_proto::admin::v1::{ApplyManifestRequest, ApplyManifestResponse, Manifest};
use pointsman_sdk::admin::{AdminClient, AdminError};

use super::{End, Failure, write::WriteSettings};
use crate::{
    manifest::{self, Source},
    output::{
        self,
        changes::{Counts, listed},
        style::Style,
    },
    settings::{AdminSettings, OutputSettings},
};

#[derive(Args, Debug)]
pub(super) struct Apply {
    /// A manifest, YAML or JSON; `-` reads standard input. Can be given more than once: all are applied together.
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true)]
    files: Vec<Source>,
    /// Whose the resources are, so that --prune can tell them from others'. By default `default`.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    owner: String,
    /// Remove what is the owner's and not in the files.
    #[arg(long)]
    prune: bool,
    /// Take over what is in the files and another owner's; without it, a change of such a resource is refused.
    #[arg(long)]
    adopt: bool,
    /// Let --prune remove more than half of what the owner has.
    #[arg(long, requires = "prune")]
    allow_mass_removal: bool,
    /// Do not ask before something is removed or taken over. Nobody is asked where there is no terminal.
    #[arg(short = 'y', long)]
    yes: bool,
    /// End with 7 where a --dry-run finds something that would change.
    #[arg(long, requires = "dry_run")]
    exit_code: bool,
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
            append(&mut manifest, manifest::read_manifest(&source.read()?, source)?);
        }
        let request = ApplyManifestRequest {
            manifest: Some(manifest),
            owner: self.owner.clone(),
            prune: self.prune,
            adopt: self.adopt,
            allow_mass_removal: self.allow_mass_removal,
            ..ApplyManifestRequest::default()
        };
        let admin = self.write.connect(&self.admin).await?;
        let shown = match preview(&admin, request.clone()).await {
            Err(error) if would_remove_most(&error) && format.is_none() => {
                // What is refused can be seen all the same.
                let shown = preview(&admin, ApplyManifestRequest { allow_mass_removal: true, ..request });
                output::print(&listed(&shown.await?, Style::of_stdout()))?;
                return Err(error.into());
            }
            shown => shown.map_err(|error| named(error, request.manifest.as_ref()))?,
        };
        let counts = Counts::of(&shown);
        if format.is_none() {
            output::print(&listed(&shown, Style::of_stdout()))?;
        }
        if self.write.is_dry_run() {
            match format {
                Some(format) => output::print(&manifest::write(&shown, format)?)?,
                None => output::print(&format!("{counts}; dry run: nothing was changed\n"))?,
            }
            return Ok(if self.exit_code && counts.changed() > 0 { End::WouldChange } else { End::Fine });
        }
        let applied = if counts.changed() == 0 {
            // It is so already.
            shown
        } else {
            self.confirm(&counts)?;
            admin.apply_manifest(ApplyManifestRequest { expected_plan: shown.plan, ..request }).await?
        };
        match format {
            Some(format) => output::print(&manifest::write(&applied, format)?)?,
            None => output::print(&format!("{counts}; revision {}\n", applied.revision))?,
        }
        self.write.end(&admin, applied.revision, format).await
    }

    /// Asks a person before something is lost to somebody.
    fn confirm(&self, counts: &Counts) -> Result<(), Failure> {
        let is_asked = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let Some(question) = counts.question().filter(|_| is_asked && !self.yes) else { return Ok(()) };
        if output::ask(&question)? { Ok(()) } else { Err(Failure::Declined) }
    }
}

/// What would be done.
async fn preview(
    admin: &AdminClient,
    request: ApplyManifestRequest,
) -> Result<ApplyManifestResponse, AdminError> {
    admin.apply_manifest(ApplyManifestRequest { validate_only: true, ..request }).await
}

/// Whether that is all that is wrong.
fn would_remove_most(error: &AdminError) -> bool {
    let reason = error.refused().and_then(|refused| refused.reason.as_ref());
    reason.is_some_and(|reason| reason.reason == "MASS_REMOVAL")
}

/// The same, where what is faulty is told by its name too: nobody counts the resources of a manifest.
fn named(mut error: AdminError, manifest: Option<&Manifest>) -> AdminError {
    let (AdminError::Refused(refused), Some(manifest)) = (&mut error, manifest) else { return error };
    for fault in &mut refused.fields {
        // A name's own fault tells it.
        let Some(name) = name_at(&fault.field, manifest).filter(|_| !fault.field.ends_with(".name")) else {
            continue;
        };
        let field = format!("{} ({name})", fault.field);
        if let Some(rest) = refused.message.strip_prefix(&fault.field) {
            refused.message = format!("{field}{rest}");
        }
        fault.field = field;
    }
    error
}

/// The name of the resource that a field of the request is one of.
fn name_at<'m>(field: &str, manifest: &'m Manifest) -> Option<&'m str> {
    let (list, rest) = field.strip_prefix("manifest.")?.split_once('[')?;
    let index: usize = rest.split_once(']')?.0.parse().ok()?;
    Some(match list {
        "integrations" => &manifest.integrations.get(index)?.name,
        "customers" => &manifest.customers.get(index)?.name,
        "customer_mappings" => &manifest.customer_mappings.get(index)?.name,
        "deployments" => &manifest.deployments.get(index)?.name,
        "endpoint_tokens" => &manifest.endpoint_tokens.get(index)?.endpoint,
        _ => return None,
    })
}

fn append(all: &mut Manifest, one: Manifest) {
    all.integrations.extend(one.integrations);
    all.customers.extend(one.customers);
    all.customer_mappings.extend(one.customer_mappings);
    all.deployments.extend(one.deployments);
    all.endpoint_tokens.extend(one.endpoint_tokens);
}
