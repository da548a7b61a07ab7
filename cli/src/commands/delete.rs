//! `delete`: remove resources.

use std::str::FromStr;

use clap::Args;
use pointsman_proto::admin::v1::{
    DeleteCustomerMappingRequest, DeleteCustomerRequest, DeleteDeploymentRequest, DeleteIntegrationRequest,
};
use pointsman_sdk::admin::{AdminClient, AdminError};
use tonic::Code;

use super::{
    End, Failure,
    resource::{Asked, Kind},
    write::WriteSettings,
};
use crate::{
    manifest::{self, Node, Value},
    output::{self, Format, table::Table},
    settings::{AdminSettings, OutputSettings},
};

#[derive(Args, Debug)]
pub(super) struct Delete {
    /// What is removed, one after the other: `customers/bowlers-inc`, `integrations/acme-erp/deployments/bowlers-inc`,
    /// … What others use cannot be: name the deployments before their customer and integration.
    #[arg(value_name = "NAME", required = true)]
    names: Vec<Removable>,
    /// Only if it is still what it was when it was read with this etag. For one NAME.
    #[arg(long, value_name = "ETAG", default_value = "", hide_default_value = true)]
    etag: String,
    /// What is not there need not be removed.
    #[arg(long)]
    allow_missing: bool,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    write: WriteSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

/// The name of something that can be removed.
#[derive(Clone, Debug)]
struct Removable {
    kind: Kind,
    name: String,
}

/// Not such a name.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "not a resource that can be removed; name integrations/ID, customers/ID, integrations/ID/deployments/ID or \
     integrations/ID/customerMappings/ID"
)]
struct RemovableError;

impl FromStr for Removable {
    type Err = RemovableError;

    fn from_str(text: &str) -> Result<Self, RemovableError> {
        match text.parse() {
            Ok(Asked::One(Kind::Edge, _) | Asked::All(_)) | Err(_) => Err(RemovableError),
            Ok(Asked::One(kind, name)) => Ok(Self { kind, name }),
        }
    }
}

/// What became of the names.
#[derive(Debug, Default)]
struct Done {
    /// Each with a word for it.
    names: Vec<(&'static str, String)>,
    /// The latest revision that a removal made.
    revision: i64,
}

impl Delete {
    pub(super) async fn run(self) -> Result<End, Failure> {
        if !self.etag.is_empty() && self.names.len() > 1 {
            return Err(Failure::Usage(
                "an etag is that of one resource: give one NAME with --etag".to_owned(),
            ));
        }
        let format = self.output.format(&self.admin)?;
        let admin = self.write.connect(&self.admin).await?;
        let mut done = Done::default();
        let failed = self.remove_all(&admin, &mut done).await.err();
        // Also what was done before something failed.
        if failed.is_none() || !done.names.is_empty() {
            output::print(&self.told(&done, format)?)?;
        }
        match failed {
            None if done.revision == 0 => Ok(End::Fine),
            None => self.write.end(&admin, done.revision, format).await,
            Some(error) if done.revision == 0 => Err(error.into()),
            Some(error) => Err(Failure::Partly { error }),
        }
    }

    async fn remove_all(&self, admin: &AdminClient, done: &mut Done) -> Result<(), AdminError> {
        for removable in &self.names {
            let word = match self.remove(admin, removable).await {
                Ok(revision) => {
                    done.revision = done.revision.max(revision);
                    if self.write.is_dry_run() { "would be deleted" } else { "deleted" }
                }
                Err(error) if self.allow_missing && error.code() == Some(Code::NotFound) => "not there",
                Err(error) => return Err(error),
            };
            done.names.push((word, removable.name.clone()));
        }
        Ok(())
    }

    async fn remove(&self, admin: &AdminClient, removable: &Removable) -> Result<i64, AdminError> {
        let Removable { kind, name } = removable.clone();
        let (etag, validate_only) = (self.etag.clone(), self.write.is_dry_run());
        macro_rules! remove {
            ($rpc:ident($request:ident)) => {
                admin.$rpc($request { name, etag, validate_only, ..$request::default() }).await?.revision
            };
        }
        Ok(match kind {
            Kind::Integration => remove!(delete_integration(DeleteIntegrationRequest)),
            Kind::Customer => remove!(delete_customer(DeleteCustomerRequest)),
            Kind::CustomerMapping => remove!(delete_customer_mapping(DeleteCustomerMappingRequest)),
            Kind::Deployment => remove!(delete_deployment(DeleteDeploymentRequest)),
            // Refused when the name was read.
            Kind::Edge => 0,
        })
    }

    fn told(&self, done: &Done, format: Option<Format>) -> Result<String, Failure> {
        if let Some(format) = format {
            return Ok(manifest::write_node(&done.document(), format)?);
        }
        let mut table = Table::plain();
        for (word, name) in &done.names {
            table.row([*word, name]);
        }
        let end = match done.revision {
            _ if self.write.is_dry_run() => "dry run: nothing was changed".to_owned(),
            0 => "nothing was changed".to_owned(),
            revision => format!("revision {revision}"),
        };
        Ok(format!("{table}{end}\n"))
    }
}

impl Done {
    fn document(&self) -> Node {
        let entry = |key: &str, value| (key.to_owned(), Node::new(value));
        let names = self.names.iter().map(|(word, name)| {
            let text = |text: &str| Value::String(text.to_owned());
            Node::new(Value::Map(vec![entry("name", text(name)), entry("result", text(word))]))
        });
        Node::new(Value::Map(vec![
            entry("names", Value::List(names.collect())),
            entry("revision", Value::Number(self.revision.into())),
        ]))
    }
}
