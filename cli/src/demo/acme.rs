//! Configures Acme ERP through the gRPC API, in both of the tutorial's forms.

use pointsman_proto::admin::v1::{
    CreateCustomerMappingRequest, CreateCustomerRequest, CreateDeploymentRequest, CreateIntegrationRequest,
    Customer, CustomerMapping, Deployment, Endpoint, EndpointType, Flow, FlowEndpoint, Integration, Lookup,
    Preprocess, ValueSource, WaitForRevisionRequest, value_source::Source,
};
use pointsman_sdk::admin::{AdminClient, AdminError};

use super::DemoError;

/// Customer, external ID, name, and what Acme ERP calls it.
const CUSTOMERS: [(&str, &str, &str, &str); 2] = [
    ("bowlers-inc", "progix-1001", "Bowlers Inc", "A06DFFAC"),
    ("pencils-co", "progix-1002", "Pencils & Co", "C3E72B0C"),
];
const FLOWS: [(&str, &str); 2] = [("update-inventory", "Update Inventory"), ("create-order", "Create Order")];

/// Acme ERP, configured and served.
#[derive(Debug)]
pub(super) struct Acme {
    chapters: [Chapter; 2],
}

/// One integration of the demo.
#[derive(Debug)]
pub(super) struct Chapter {
    /// What it shows.
    pub(super) title: &'static str,
    /// `integrations/{integration}`
    pub(super) integration: String,
    /// Its one webhook URL.
    pub(super) url: String,
    /// Where its flows are.
    pub(super) flow_base: String,
}

impl Acme {
    /// Creates everything and waits until the edge serves it.
    pub(super) async fn configure(
        admin: &AdminClient,
        edge_id: &str,
        service_url: &str,
        flows_url: &str,
    ) -> Result<Self, DemoError> {
        for (id, external_id, display_name, _) in CUSTOMERS {
            let customer = Customer {
                external_id: external_id.to_owned(),
                display_name: display_name.to_owned(),
                ..Customer::default()
            };
            admin
                .create_customer(CreateCustomerRequest {
                    customer_id: id.to_owned(),
                    customer: Some(customer),
                    ..Default::default()
                })
                .await?;
        }
        let with_service = create_integration(admin, "acme-erp", "Acme ERP", by_service(service_url)).await?;
        create_deployments(admin, &with_service, flows_url).await?;

        let by_reference =
            create_integration(admin, "acme-erp-lite", "Acme ERP without a service", by_references()).await?;
        create_mappings(admin, &by_reference).await?;
        let revision = create_deployments(admin, &by_reference, flows_url).await?;

        wait(admin, edge_id, revision).await?;
        let chapter = |title, integration: Integration| Chapter {
            title,
            flow_base: flow_base(flows_url, &integration.name),
            url: integration.endpoint.unwrap_or_default().url,
            integration: integration.name,
        };
        Ok(Self {
            chapters: [
                chapter("A Preprocess service says whose webhook it is", with_service),
                chapter(
                    "References alone: a mapping table finds the customer, a value table the flow",
                    by_reference,
                ),
            ],
        })
    }

    pub(super) fn chapters(&self) -> &[Chapter; 2] {
        &self.chapters
    }

    /// The integration that does without a service.
    pub(super) fn last(&self) -> &Chapter {
        let [_, last] = &self.chapters;
        last
    }
}

/// The service returns both values; they only have to be pointed at.
fn by_service(service_url: &str) -> Endpoint {
    Endpoint {
        external_customer_id: Some(reference("results.customerExternalId")),
        flow_name: Some(reference("results.flowName")),
        preprocess: Some(Preprocess { address: service_url.to_owned(), ..Preprocess::default() }),
        ..shared()
    }
}

/// Both values stand in the webhook, in Acme ERP's words.
fn by_references() -> Endpoint {
    let customer =
        ValueSource { lookup: Lookup::CustomerMappings.into(), ..reference("results.body.data.customerId") };
    let values = [("inventory_update", "Update Inventory"), ("create_order", "Create Order")];
    let values = values.map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned())).into();
    Endpoint {
        external_customer_id: Some(customer),
        flow_name: Some(ValueSource { values, ..reference("results.body.data.type") }),
        ..shared()
    }
}

fn shared() -> Endpoint {
    Endpoint { r#type: EndpointType::Shared.into(), ..Endpoint::default() }
}

fn reference(path: &str) -> ValueSource {
    ValueSource { source: Some(Source::Reference(path.to_owned())), ..ValueSource::default() }
}

async fn create_integration(
    admin: &AdminClient,
    id: &str,
    display_name: &str,
    endpoint: Endpoint,
) -> Result<Integration, AdminError> {
    let flows = FLOWS.map(|(key, name)| Flow { key: key.to_owned(), name: name.to_owned() });
    let integration = Integration {
        display_name: display_name.to_owned(),
        flows: flows.into(),
        endpoint: Some(endpoint),
        ..Integration::default()
    };
    let request = CreateIntegrationRequest {
        integration_id: id.to_owned(),
        integration: Some(integration),
        ..Default::default()
    };
    Ok(admin.create_integration(request).await?.integration.unwrap_or_default())
}

async fn create_mappings(admin: &AdminClient, integration: &Integration) -> Result<(), AdminError> {
    for (customer, _, _, source_customer_id) in CUSTOMERS {
        let mapping = CustomerMapping {
            source_customer_id: source_customer_id.to_owned(),
            customer: format!("customers/{customer}"),
            ..CustomerMapping::default()
        };
        admin
            .create_customer_mapping(CreateCustomerMappingRequest {
                parent: integration.name.clone(),
                customer_mapping_id: source_customer_id.to_lowercase(),
                customer_mapping: Some(mapping),
                ..Default::default()
            })
            .await?;
    }
    Ok(())
}

/// Deploys the integration to both customers; answers the last revision.
async fn create_deployments(
    admin: &AdminClient,
    integration: &Integration,
    flows_url: &str,
) -> Result<i64, AdminError> {
    let base = flow_base(flows_url, &integration.name);
    let mut revision = 0;
    for (customer, ..) in CUSTOMERS {
        let endpoint =
            |key: &str| FlowEndpoint { url: flow_url(&base, customer, key), ..FlowEndpoint::default() };
        let deployment = Deployment {
            customer: format!("customers/{customer}"),
            flow_endpoints: FLOWS.map(|(key, _)| (key.to_owned(), endpoint(key))).into(),
            ..Deployment::default()
        };
        let request = CreateDeploymentRequest {
            parent: integration.name.clone(),
            deployment_id: customer.to_owned(),
            deployment: Some(deployment),
            ..Default::default()
        };
        revision = admin.create_deployment(request).await?.revision;
    }
    Ok(revision)
}

async fn wait(admin: &AdminClient, edge_id: &str, revision: i64) -> Result<(), DemoError> {
    let request =
        WaitForRevisionRequest { revision, edges: vec![format!("edges/{edge_id}")], ..Default::default() };
    let waited = admin.wait_for_revision(request).await?;
    if waited.reached {
        return Ok(());
    }
    let why: Vec<_> = waited.lagging.iter().map(|edge| format!("{}: {}", edge.edge, edge.reason)).collect();
    Err(DemoError::NotServed(why.join("; ")))
}

/// Where the flows of an integration are, each below its own path.
fn flow_base(flows_url: &str, integration: &str) -> String {
    format!("{flows_url}/{}", integration.trim_start_matches("integrations/"))
}

/// Where a flow of a deployment is.
pub(super) fn flow_url(flow_base: &str, deployment: &str, flow: &str) -> String {
    format!("{flow_base}/{deployment}/{flow}")
}
