//! A control plane to call, and the tutorial's resources to call it with.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use pointsman_control_plane::{App, Config, PreprocessCaller, PublicUrl, Running};
use pointsman_proto::{
    admin::v1::{
        customer_mapping_service_client::CustomerMappingServiceClient,
        customer_service_client::CustomerServiceClient, deployment::State,
        deployment_service_client::DeploymentServiceClient,
        integration_service_client::IntegrationServiceClient, manifest_service_client::ManifestServiceClient,
        value_source::Source, *,
    },
    preprocess::v1::PreprocessRequest,
};
use pointsman_routing::{
    integration::Preprocess,
    outcome::{Outcome, Refusal},
    results::Reply,
};
use tempfile::TempDir;
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt as _;

/// A running control plane. Its database goes with it.
pub(crate) struct ControlPlane {
    data: TempDir,
    running: Option<Running>,
    channel: Channel,
}

impl ControlPlane {
    pub(crate) async fn start() -> Self {
        Self::on(TempDir::new().expect("a folder")).await
    }

    /// One on what the folder holds.
    pub(crate) async fn on(data: TempDir) -> Self {
        let running = start(data.path()).await;
        let channel = connect(running.admin_addr());
        Self { data, running: Some(running), channel }
    }

    /// One that holds the tutorial's resources.
    pub(crate) async fn with_acme() -> Self {
        let this = Self::start().await;
        this.apply(acme()).await.expect("the tutorial's manifest");
        this
    }

    /// Stops it and starts it again on the same database.
    pub(crate) async fn restart(&mut self) {
        self.running.take().expect("a running one").drain().await;
        let running = start(self.data.path()).await;
        self.channel = connect(running.admin_addr());
        self.running = Some(running);
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.running.as_ref().expect("a running one").admin_addr()
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) async fn drain(mut self) {
        self.running.take().expect("a running one").drain().await;
    }

    pub(crate) fn integrations(&self) -> IntegrationServiceClient<Channel> {
        IntegrationServiceClient::new(self.channel()).max_encoding_message_size(usize::MAX)
    }

    pub(crate) fn customers(&self) -> CustomerServiceClient<Channel> {
        CustomerServiceClient::new(self.channel()).max_encoding_message_size(usize::MAX)
    }

    pub(crate) fn mappings(&self) -> CustomerMappingServiceClient<Channel> {
        CustomerMappingServiceClient::new(self.channel())
    }

    pub(crate) fn deployments(&self) -> DeploymentServiceClient<Channel> {
        DeploymentServiceClient::new(self.channel())
    }

    pub(crate) fn manifests(&self) -> ManifestServiceClient<Channel> {
        ManifestServiceClient::new(self.channel())
            .max_encoding_message_size(usize::MAX)
            .max_decoding_message_size(usize::MAX)
    }

    pub(crate) async fn apply(&self, manifest: Manifest) -> Result<ApplyManifestResponse, Status> {
        let request = ApplyManifestRequest {
            manifest: Some(manifest),
            validate_only: false,
            ..ApplyManifestRequest::default()
        };
        self.manifests().apply_manifest(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn export(&self) -> ExportManifestResponse {
        self.manifests()
            .export_manifest(ExportManifestRequest { ..ExportManifestRequest::default() })
            .await
            .expect("an export")
            .into_inner()
    }

    /// The latest revision.
    pub(crate) async fn revision(&self) -> i64 {
        self.export().await.revision
    }

    pub(crate) async fn integration(&self, name: &str) -> Integration {
        let request = GetIntegrationRequest { name: name.to_owned() };
        let answer = self.integrations().get_integration(request).await.expect("an integration");
        answer.into_inner().integration.expect("an integration")
    }

    pub(crate) async fn deployment(&self, name: &str) -> Deployment {
        let request = GetDeploymentRequest { name: name.to_owned() };
        let answer = self.deployments().get_deployment(request).await.expect("a deployment");
        answer.into_inner().deployment.expect("a deployment")
    }

    pub(crate) async fn customer(&self, name: &str) -> Customer {
        let request = GetCustomerRequest { name: name.to_owned() };
        let answer = self.customers().get_customer(request).await.expect("a customer");
        answer.into_inner().customer.expect("a customer")
    }

    pub(crate) async fn create_customer(&self, id: &str, customer: Customer) -> Result<Customer, Status> {
        let request = CreateCustomerRequest {
            customer_id: id.to_owned(),
            customer: Some(customer),
            validate_only: false,
            ..CreateCustomerRequest::default()
        };
        let answer = self.customers().create_customer(request).await?;
        Ok(answer.into_inner().customer.expect("a customer"))
    }

    pub(crate) async fn create_integration(
        &self,
        id: &str,
        integration: Integration,
    ) -> Result<Integration, Status> {
        let request = CreateIntegrationRequest {
            integration_id: id.to_owned(),
            integration: Some(integration),
            validate_only: false,
            ..CreateIntegrationRequest::default()
        };
        let answer = self.integrations().create_integration(request).await?;
        Ok(answer.into_inner().integration.expect("an integration"))
    }

    pub(crate) async fn create_mapping(
        &self,
        parent: &str,
        id: &str,
        mapping: CustomerMapping,
    ) -> Result<CustomerMapping, Status> {
        let request = CreateCustomerMappingRequest {
            parent: parent.to_owned(),
            customer_mapping_id: id.to_owned(),
            customer_mapping: Some(mapping),
            validate_only: false,
            ..CreateCustomerMappingRequest::default()
        };
        let answer = self.mappings().create_customer_mapping(request).await?;
        Ok(answer.into_inner().customer_mapping.expect("a mapping"))
    }

    pub(crate) async fn create_deployment(
        &self,
        parent: &str,
        id: &str,
        deployment: Deployment,
    ) -> Result<Deployment, Status> {
        let request = CreateDeploymentRequest {
            parent: parent.to_owned(),
            deployment_id: id.to_owned(),
            deployment: Some(deployment),
            validate_only: false,
            ..CreateDeploymentRequest::default()
        };
        let answer = self.deployments().create_deployment(request).await?;
        Ok(answer.into_inner().deployment.expect("a deployment"))
    }

    pub(crate) async fn update_integration(
        &self,
        integration: Integration,
        mask: &[&str],
    ) -> Result<UpdateIntegrationResponse, Status> {
        let request = UpdateIntegrationRequest {
            integration: Some(integration),
            update_mask: field_mask(mask),
            ..Default::default()
        };
        self.integrations().update_integration(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn update_deployment(
        &self,
        deployment: Deployment,
        mask: &[&str],
    ) -> Result<UpdateDeploymentResponse, Status> {
        let request = UpdateDeploymentRequest {
            deployment: Some(deployment),
            update_mask: field_mask(mask),
            ..Default::default()
        };
        self.deployments().update_deployment(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn update_customer(
        &self,
        customer: Customer,
        mask: &[&str],
    ) -> Result<UpdateCustomerResponse, Status> {
        let request = UpdateCustomerRequest {
            customer: Some(customer),
            update_mask: field_mask(mask),
            ..Default::default()
        };
        self.customers().update_customer(request).await.map(tonic::Response::into_inner)
    }
}

/// Settings for a control plane on a free port.
pub(crate) fn config(data: &Path) -> Config {
    let mut config = Config::new(data, Arc::new(NoPreprocess));
    config.admin_listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.public_url = PublicUrl::known("https://hooks.example.com");
    config
}

async fn start(data: &Path) -> Running {
    App::build(config(data)).await.expect("a control plane").spawn()
}

fn connect(addr: SocketAddr) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{addr}")).expect("a URL");
    endpoint.timeout(Duration::from_secs(300)).connect_lazy()
}

struct NoPreprocess;

#[async_trait]
impl PreprocessCaller for NoPreprocess {
    async fn call(&self, _service: &Preprocess, _request: PreprocessRequest) -> Result<Reply, Refusal> {
        Err(Refusal::new(Outcome::PreprocessFailed, "there is no service in these tests"))
    }
}

/// The mask of these paths; none where there are none.
pub(crate) fn field_mask(paths: &[&str]) -> Option<prost_types::FieldMask> {
    let paths: Vec<String> = paths.iter().map(|&path| path.to_owned()).collect();
    (!paths.is_empty()).then_some(prost_types::FieldMask { paths })
}

/// The tutorial's configuration: one integration with two flows, two customers with a mapping and a deployment each.
pub(crate) fn acme() -> Manifest {
    Manifest {
        integrations: vec![acme_erp()],
        customers: vec![
            customer("customers/bowlers-inc", "progix-1001"),
            customer("customers/gamma-llc", "progix-1002"),
        ],
        customer_mappings: vec![
            mapping("integrations/acme-erp/customerMappings/a06dffac", "A06DFFAC", "customers/bowlers-inc"),
            mapping("integrations/acme-erp/customerMappings/c3e72b0c", "C3E72B0C", "customers/gamma-llc"),
        ],
        deployments: vec![
            deployment("integrations/acme-erp/deployments/bowlers-inc", "customers/bowlers-inc"),
            deployment("integrations/acme-erp/deployments/gamma-llc", "customers/gamma-llc"),
        ],
        ..Manifest::default()
    }
}

pub(crate) fn acme_erp() -> Integration {
    let flow_name = ValueSource {
        values: strings(&[("inventory_update", "Update Inventory"), ("create_order", "Create Order")]),
        ..reference("results.body.data.type")
    };
    Integration {
        name: "integrations/acme-erp".to_owned(),
        display_name: "Acme ERP".to_owned(),
        flows: vec![flow("update-inventory", "Update Inventory"), flow("create-order", "Create Order")],
        endpoint: Some(Endpoint {
            r#type: EndpointType::Shared.into(),
            mode: DeliveryMode::Sync.into(),
            external_customer_id: Some(ValueSource {
                lookup: Lookup::CustomerMappings.into(),
                ..reference("results.body.data.customerId")
            }),
            flow_name: Some(flow_name),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// An integration with one flow, `main`, whose endpoints are not shared.
pub(crate) fn unshared(name: &str, endpoint_type: EndpointType) -> Integration {
    Integration {
        name: name.to_owned(),
        flows: vec![flow("main", "")],
        endpoint: Some(Endpoint {
            r#type: endpoint_type.into(),
            mode: DeliveryMode::Sync.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(crate) fn flow(key: &str, name: &str) -> Flow {
    Flow { key: key.to_owned(), name: name.to_owned() }
}

pub(crate) fn reference(text: &str) -> ValueSource {
    ValueSource { source: Some(Source::Reference(text.to_owned())), ..Default::default() }
}

pub(crate) fn customer(name: &str, external_id: &str) -> Customer {
    Customer { name: name.to_owned(), external_id: external_id.to_owned(), ..Default::default() }
}

pub(crate) fn mapping(name: &str, source_id: &str, customer: &str) -> CustomerMapping {
    CustomerMapping {
        name: name.to_owned(),
        source_customer_id: source_id.to_owned(),
        customer: customer.to_owned(),
        ..Default::default()
    }
}

pub(crate) fn deployment(name: &str, customer: &str) -> Deployment {
    Deployment {
        name: name.to_owned(),
        customer: customer.to_owned(),
        flow_endpoints: BTreeMap::from([
            ("update-inventory".to_owned(), url("http://127.0.0.1:9001/inventory")),
            ("create-order".to_owned(), url("http://127.0.0.1:9001/orders")),
        ]),
        state: State::Enabled.into(),
        ..Default::default()
    }
}

pub(crate) fn url(url: &str) -> FlowEndpoint {
    FlowEndpoint { url: url.to_owned(), ..Default::default() }
}

pub(crate) fn strings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// What a refusal says to programs.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) reason: String,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Field → what is wrong with it.
    pub(crate) fields: BTreeMap<String, String>,
    /// Type, subject and description.
    pub(crate) preconditions: Vec<(String, String, String)>,
    pub(crate) resource: Option<String>,
}

impl Said {
    pub(crate) fn fields(&self) -> Vec<&str> {
        self.fields.keys().map(String::as_str).collect()
    }
}

/// Reads a refusal. Every one has a reason in our domain.
pub(crate) fn said<T: std::fmt::Debug>(answer: Result<T, Status>) -> Said {
    let status = answer.expect_err("a refusal");
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "pointsman");
    let fields = details.bad_request().map(|found| found.field_violations.clone()).unwrap_or_default();
    let preconditions =
        details.precondition_failure().map(|found| found.violations.clone()).unwrap_or_default();
    Said {
        code: status.code(),
        message: status.message().to_owned(),
        reason: info.reason.clone(),
        metadata: info.metadata.clone().into_iter().collect(),
        fields: fields.into_iter().map(|found| (found.field, found.description)).collect(),
        preconditions: preconditions
            .into_iter()
            .map(|found| (found.r#type, found.subject, found.description))
            .collect(),
        resource: details.resource_info().map(|found| found.resource_name.clone()),
    }
}

/// The reason of a refusal; empty where it has none.
pub(crate) fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}
