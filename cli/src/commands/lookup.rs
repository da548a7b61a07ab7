//! `lookup`: who a customer is, and what the third party calls it.

use clap::Args;
use pointsman_proto::admin::v1::{
    LookupCustomerRequest, LookupCustomerResponse, lookup_customer_request::Known,
};

use super::{
    End, Failure,
    names::{IntegrationName, customer},
};
use crate::{
    manifest,
    output::{self, resources},
    settings::{AdminSettings, OutputSettings},
};

#[derive(Args, Debug)]
pub(super) struct Lookup {
    /// The integration, as `acme-erp` or `integrations/acme-erp`.
    integration: IntegrationName,
    #[command(flatten)]
    known: KnownSettings,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
struct KnownSettings {
    /// What the third party calls it.
    #[arg(long, value_name = "ID")]
    source_id: Option<String>,
    /// What you call it: its external ID.
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// The customer itself, as `bowlers-inc` or `customers/bowlers-inc`.
    #[arg(long, value_name = "NAME")]
    customer: Option<String>,
}

impl Lookup {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let format = self.output.format(&self.admin)?;
        let admin = self.admin.connect().await?;
        let request =
            LookupCustomerRequest { parent: self.integration.whole().to_owned(), known: self.known.read() };
        let found = admin.lookup_customer(request).await?;
        output::print(&match format {
            Some(format) => manifest::write(&found, format)?,
            None => told(&found),
        })?;
        Ok(End::Fine)
    }
}

impl KnownSettings {
    fn read(self) -> Option<Known> {
        let source_id = self.source_id.map(Known::SourceCustomerId);
        let external_id = self.external_id.map(Known::ExternalId);
        let named = self.customer.map(|name| Known::Customer(customer(&name)));
        source_id.or(external_id).or(named)
    }
}

fn told(found: &LookupCustomerResponse) -> String {
    let who = found.customer.as_ref().map(resources::customer).unwrap_or_default();
    match found.customer_mappings.as_slice() {
        [] => format!("{who}\nthe integration has no mapping of it\n"),
        mappings => format!("{who}\n{}", resources::customer_mappings(mappings)),
    }
}
