//! `get`: a resource, or a collection.

use clap::Args;
use pointsman_proto::admin::v1::{
    GetCustomerMappingRequest, GetCustomerRequest, GetDeploymentRequest, GetEdgeRequest,
    GetIntegrationRequest, ListEdgesResponse, Manifest,
};
use pointsman_sdk::admin::AdminClient;

pub(super) use super::resource::Collection;
use super::{
    End, Failure,
    resource::{Asked, Kind},
};
use crate::{
    manifest::{self, Document},
    output::{self, Format, resources},
    settings::{AdminSettings, OutputSettings},
};

#[derive(Args, Debug)]
pub(super) struct Get {
    /// A resource or a collection: `integrations/acme-erp`, `customers`, `integrations/acme-erp/deployments`,
    /// `integrations/-/customerMappings` (those of all integrations), `edges`, …
    #[arg(value_name = "NAME")]
    asked: Asked,
    #[command(flatten)]
    output: OutputSettings,
    /// Print only the webhook URL, whatever `-o` says: of an integration, or of a deployment where its endpoints are its own.
    #[arg(long)]
    url: bool,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Get {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let format = self.output.format(&self.admin)?;
        let admin = self.admin.connect().await?;
        match self.asked {
            asked if self.url => print_url(&admin, asked).await?,
            Asked::One(kind, name) => one(&admin, kind, name, format).await?,
            Asked::All(collection) => list(&admin, &collection, format).await?,
        }
        Ok(End::Fine)
    }
}

async fn one(admin: &AdminClient, kind: Kind, name: String, format: Option<Format>) -> Result<(), Failure> {
    match kind {
        Kind::Integration => {
            let found = admin.get_integration(GetIntegrationRequest { name }).await?.integration;
            show(found, format, resources::integration)
        }
        Kind::Customer => {
            let found = admin.get_customer(GetCustomerRequest { name }).await?.customer;
            show(found, format, resources::customer)
        }
        Kind::CustomerMapping => {
            let found =
                admin.get_customer_mapping(GetCustomerMappingRequest { name }).await?.customer_mapping;
            show(found, format, resources::customer_mapping)
        }
        Kind::Deployment => {
            let found = admin.get_deployment(GetDeploymentRequest { name }).await?.deployment;
            show(found, format, resources::deployment)
        }
        Kind::Edge => {
            let found = admin.get_edge(GetEdgeRequest { name }).await?.edge;
            show(found, format, resources::edge)
        }
    }
}

/// Prints the webhook URLs of a resource, each in its line.
async fn print_url(admin: &AdminClient, asked: Asked) -> Result<(), Failure> {
    let (name, urls) = match asked {
        Asked::One(Kind::Integration, name) => {
            let request = GetIntegrationRequest { name: name.clone() };
            let found = admin.get_integration(request).await?.integration.unwrap_or_default();
            (name, vec![found.endpoint.unwrap_or_default().url])
        }
        Asked::One(Kind::Deployment, name) => {
            let request = GetDeploymentRequest { name: name.clone() };
            let found = admin.get_deployment(request).await?.deployment.unwrap_or_default();
            let flows = found.flow_endpoints.into_values().map(|flow| flow.endpoint_url);
            (name, flows.chain([found.endpoint_url]).collect())
        }
        _ => return Err(Failure::Usage("only an integration or a deployment has a webhook URL".to_owned())),
    };
    let urls: Vec<_> = urls.into_iter().filter(|url| !url.is_empty()).collect();
    if urls.is_empty() {
        return Err(Failure::NoUrl { name });
    }
    Ok(output::print(&(urls.join("\n") + "\n"))?)
}

fn show<T: Document>(
    found: Option<T>,
    format: Option<Format>,
    for_people: fn(&T) -> String,
) -> Result<(), Failure> {
    let found = found.ok_or_else(|| Failure::Answer("it holds no resource".to_owned()))?;
    Ok(output::print(&match format {
        Some(format) => manifest::write(&found, format)?,
        None => for_people(&found),
    })?)
}

/// Shows all of a collection.
pub(super) async fn list(
    admin: &AdminClient,
    collection: &Collection,
    format: Option<Format>,
) -> Result<(), Failure> {
    let mut manifest = Manifest::default();
    let for_people = match collection {
        Collection::Integrations => {
            manifest.integrations = admin.all_integrations().await?;
            resources::integrations(&manifest.integrations)
        }
        Collection::Customers => {
            manifest.customers = admin.all_customers().await?;
            resources::customers(&manifest.customers)
        }
        Collection::CustomerMappings { parent } => {
            manifest.customer_mappings = admin.all_customer_mappings(parent).await?;
            resources::customer_mappings(&manifest.customer_mappings)
        }
        Collection::Deployments { parent } => {
            manifest.deployments = admin.all_deployments(parent).await?;
            resources::deployments(&manifest.deployments)
        }
        // Edges are no configuration, so they have a document of their own.
        Collection::Edges => {
            let edges = admin.all_edges().await?;
            return Ok(output::print(&match format {
                None => resources::edges(&edges),
                Some(format) => manifest::write(&ListEdgesResponse { edges, ..Default::default() }, format)?,
            })?);
        }
    };
    Ok(output::print(&match format {
        None => for_people,
        Some(format) => manifest::write(&manifest, format)?,
    })?)
}
