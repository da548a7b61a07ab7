//! A client of the admin API, `pointsman.admin.v1`: all of its services behind one connection.
//!
//! ```no_run
//! use pointsman_proto::admin::v1::{CreateCustomerRequest, Customer};
//! use pointsman_sdk::admin::AdminClient;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let admin = AdminClient::connect("http://127.0.0.1:7070").await?;
//! let made = admin
//!     .create_customer(CreateCustomerRequest {
//!         customer_id: "bowlers-inc".into(),
//!         customer: Some(Customer { external_id: "progix-1001".into(), ..Customer::default() }),
//!         ..CreateCustomerRequest::default()
//!     })
//!     .await?;
//! println!("revision {}", made.revision);
//! # Ok(())
//! # }
//! ```

use std::{collections::HashSet, time::Duration};

use futures::Stream;
use pointsman_proto::admin::v1::{
    access_token_service_client::AccessTokenServiceClient, audit_service_client::AuditServiceClient,
    customer_mapping_service_client::CustomerMappingServiceClient,
    customer_service_client::CustomerServiceClient, deployment_service_client::DeploymentServiceClient,
    edge_service_client::EdgeServiceClient, integration_service_client::IntegrationServiceClient,
    manifest_service_client::ManifestServiceClient, *,
};
use tonic::{Request, transport::Channel};

use self::credentials::BearerToken;
pub use self::{
    connect::{AdminClientBuilder, ConnectError},
    error::{AdminError, FieldFault, Precondition, Reason, Refused, Resource},
};

mod connect;
mod credentials;
mod error;
mod rotation;

/// The longest message that is sent or received, in bytes: 64 MiB.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The same for manifests: 256 MiB, which is a million resources, or 100,000 large ones with their endpoints' tokens.
pub const MANIFEST_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Talks to a control plane. Cheap to clone: clones share one connection, which is made again where it breaks.
#[derive(Clone, Debug)]
pub struct AdminClient {
    server: String,
    channel: Channel,
    timeout: Duration,
    manifest_timeout: Duration,
    token: Option<BearerToken>,
}

impl AdminClient {
    /// Connects to `http://host:port` or `https://host:port` with the defaults of [`AdminClient::builder`].
    pub async fn connect(server: &str) -> Result<Self, ConnectError> {
        Self::builder(server).connect().await
    }

    /// A client of `http://host:port` or `https://host:port`, to be adjusted before it connects.
    pub fn builder(server: impl Into<String>) -> AdminClientBuilder {
        AdminClientBuilder::new(server.into())
    }

    /// The address that it talks to, as it was given.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The connection, for services that this client does not cover: health, reflection. It sends no token;
    /// [`authorize`](Self::authorize) adds it.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Adds the access token, where there is one, to a request that is sent over [`channel`](Self::channel).
    pub fn authorize<T>(&self, request: &mut Request<T>) {
        if let Some(token) = &self.token {
            token.put(request);
        }
    }

    /// WaitForRevision answers when edges serve a revision or a later one, or when the request's own timeout is over,
    /// for which the client's timeout makes room.
    pub async fn wait_for_revision(
        &self,
        message: WaitForRevisionRequest,
    ) -> Result<WaitForRevisionResponse, AdminError> {
        const DEFAULT_WAIT: Duration = Duration::from_secs(30);
        let wait = match &message.timeout {
            Some(timeout) => pointsman_proto::duration::read(*timeout).unwrap_or_default(),
            None => DEFAULT_WAIT,
        };
        let request = self.request(message, wait.saturating_add(self.timeout));
        self.answer(EdgeServiceClient::new(self.channel()).wait_for_revision(request).await)
    }

    /// ApplyManifest creates what is missing and updates what differs, in one transaction; with `prune` it removes what
    /// is the owner's and not in the manifest.
    pub async fn apply_manifest(
        &self,
        message: ApplyManifestRequest,
    ) -> Result<ApplyManifestResponse, AdminError> {
        let request = self.request(message, self.manifest_timeout);
        self.answer(self.manifests().apply_manifest(request).await)
    }

    /// ExportManifest reads everything, at one revision.
    pub async fn export_manifest(
        &self,
        message: ExportManifestRequest,
    ) -> Result<ExportManifestResponse, AdminError> {
        let request = self.request(message, self.manifest_timeout);
        self.answer(self.manifests().export_manifest(request).await)
    }

    /// ImportCustomerMappings writes any number of rows: a start, rows, a commit. It takes as long as it takes, whatever
    /// the client's timeout is.
    pub async fn import_customer_mappings(
        &self,
        messages: impl Stream<Item = ImportCustomerMappingsRequest> + Send + 'static,
    ) -> Result<ImportCustomerMappingsResponse, AdminError> {
        let mut request = Request::new(messages);
        self.authorize(&mut request);
        let mut client = CustomerMappingServiceClient::new(self.channel());
        self.answer(client.import_customer_mappings(request).await)
    }

    fn manifests(&self) -> ManifestServiceClient<Channel> {
        ManifestServiceClient::new(self.channel())
            .max_decoding_message_size(MANIFEST_BYTES_MAX)
            .max_encoding_message_size(MANIFEST_BYTES_MAX)
    }

    fn request<T>(&self, message: T, timeout: Duration) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(timeout);
        self.authorize(&mut request);
        request
    }

    fn answer<T>(&self, answer: Result<tonic::Response<T>, tonic::Status>) -> Result<T, AdminError> {
        answer.map(tonic::Response::into_inner).map_err(|status| AdminError::read(&self.server, &status))
    }
}

/// One method for each RPC, named as it is.
macro_rules! rpcs {
    ($($service:ident { $($(#[$doc:meta])* $rpc:ident($request:ident) -> $response:ident;)* })*) => {
        impl AdminClient {
            $($(
                $(#[$doc])*
                pub async fn $rpc(&self, message: $request) -> Result<$response, AdminError> {
                    let mut client = $service::new(self.channel())
                        .max_decoding_message_size(MESSAGE_BYTES_MAX)
                        .max_encoding_message_size(MESSAGE_BYTES_MAX);
                    self.answer(client.$rpc(self.request(message, self.timeout)).await)
                }
            )*)*
        }
    };
}

rpcs! {
    IntegrationServiceClient {
        /// CreateIntegration makes an integration. ALREADY_EXISTS where the name is taken.
        create_integration(CreateIntegrationRequest) -> CreateIntegrationResponse;
        /// GetIntegration reads one. NOT_FOUND where there is none.
        get_integration(GetIntegrationRequest) -> GetIntegrationResponse;
        /// ListIntegrations reads a page of them, in the order of their names.
        list_integrations(ListIntegrationsRequest) -> ListIntegrationsResponse;
        /// UpdateIntegration changes the fields that its mask names. ABORTED where the etag is not the current one.
        update_integration(UpdateIntegrationRequest) -> UpdateIntegrationResponse;
        /// DeleteIntegration removes one. FAILED_PRECONDITION, naming what uses it, where something does.
        delete_integration(DeleteIntegrationRequest) -> DeleteIntegrationResponse;
        /// ListIntegrationRevisions reads a page of what an integration was, the latest first.
        list_integration_revisions(ListIntegrationRevisionsRequest) -> ListIntegrationRevisionsResponse;
        /// RollbackIntegration makes an integration what it was at an earlier revision.
        rollback_integration(RollbackIntegrationRequest) -> RollbackIntegrationResponse;
        /// TestEndpoint answers what an endpoint would do with a request, step by step. Nothing is dispatched.
        test_endpoint(TestEndpointRequest) -> TestEndpointResponse;
    }
    CustomerServiceClient {
        /// CreateCustomer makes a customer. ALREADY_EXISTS where the name is taken.
        create_customer(CreateCustomerRequest) -> CreateCustomerResponse;
        /// GetCustomer reads one. NOT_FOUND where there is none.
        get_customer(GetCustomerRequest) -> GetCustomerResponse;
        /// ListCustomers reads a page of them, in the order of their names.
        list_customers(ListCustomersRequest) -> ListCustomersResponse;
        /// UpdateCustomer changes the fields that its mask names. ABORTED where the etag is not the current one.
        update_customer(UpdateCustomerRequest) -> UpdateCustomerResponse;
        /// DeleteCustomer removes one. FAILED_PRECONDITION, naming what uses it, where something does.
        delete_customer(DeleteCustomerRequest) -> DeleteCustomerResponse;
    }
    CustomerMappingServiceClient {
        /// CreateCustomerMapping makes a customer mapping. ALREADY_EXISTS where the name is taken.
        create_customer_mapping(CreateCustomerMappingRequest) -> CreateCustomerMappingResponse;
        /// GetCustomerMapping reads one. NOT_FOUND where there is none.
        get_customer_mapping(GetCustomerMappingRequest) -> GetCustomerMappingResponse;
        /// ListCustomerMappings reads a page of them, in the order of their names.
        list_customer_mappings(ListCustomerMappingsRequest) -> ListCustomerMappingsResponse;
        /// UpdateCustomerMapping changes the fields that its mask names. ABORTED where the etag is not the current one.
        update_customer_mapping(UpdateCustomerMappingRequest) -> UpdateCustomerMappingResponse;
        /// DeleteCustomerMapping removes one.
        delete_customer_mapping(DeleteCustomerMappingRequest) -> DeleteCustomerMappingResponse;
        /// LookupCustomer finds a customer by what the third party calls it, or by what the vendor does.
        lookup_customer(LookupCustomerRequest) -> LookupCustomerResponse;
        /// BatchUpsertCustomerMappings writes up to 1,000 rows, all or none, in one revision.
        batch_upsert_customer_mappings(BatchUpsertCustomerMappingsRequest) -> BatchUpsertCustomerMappingsResponse;
        /// GetCustomerMappingImport says how far an import of the caller has come. NOT_FOUND where there is none.
        get_customer_mapping_import(GetCustomerMappingImportRequest) -> GetCustomerMappingImportResponse;
    }
    DeploymentServiceClient {
        /// CreateDeployment makes a deployment. ALREADY_EXISTS where the name is taken.
        create_deployment(CreateDeploymentRequest) -> CreateDeploymentResponse;
        /// GetDeployment reads one. NOT_FOUND where there is none.
        get_deployment(GetDeploymentRequest) -> GetDeploymentResponse;
        /// ListDeployments reads a page of them, in the order of their names.
        list_deployments(ListDeploymentsRequest) -> ListDeploymentsResponse;
        /// UpdateDeployment changes the fields that its mask names. ABORTED where the etag is not the current one.
        update_deployment(UpdateDeploymentRequest) -> UpdateDeploymentResponse;
        /// DeleteDeployment removes one.
        delete_deployment(DeleteDeploymentRequest) -> DeleteDeploymentResponse;
        /// PauseDeployment stops a deployment's requests: senders get 503 with Retry-After.
        pause_deployment(PauseDeploymentRequest) -> PauseDeploymentResponse;
        /// ResumeDeployment lets them through again.
        resume_deployment(ResumeDeploymentRequest) -> ResumeDeploymentResponse;
    }
    AccessTokenServiceClient {
        /// CreateAccessToken makes an access token. Its secret is in the answer and nowhere else.
        create_access_token(CreateAccessTokenRequest) -> CreateAccessTokenResponse;
        /// GetAccessToken reads one, without its secret. NOT_FOUND where there is none.
        get_access_token(GetAccessTokenRequest) -> GetAccessTokenResponse;
        /// ListAccessTokens reads a page of them, in the order of their names, without their secrets.
        list_access_tokens(ListAccessTokensRequest) -> ListAccessTokensResponse;
        /// RevokeAccessToken ends one at once, and every call and stream that came with it. It stays listed.
        revoke_access_token(RevokeAccessTokenRequest) -> RevokeAccessTokenResponse;
        /// DeleteAccessToken removes one that was revoked or has expired. FAILED_PRECONDITION for one that is in use.
        delete_access_token(DeleteAccessTokenRequest) -> DeleteAccessTokenResponse;
    }
    AuditServiceClient {
        /// ListAuditEntries reads a page of the audit, the latest entry first.
        list_audit_entries(ListAuditEntriesRequest) -> ListAuditEntriesResponse;
    }
    EdgeServiceClient {
        /// GetEdge reads one. NOT_FOUND where none of that name has connected.
        get_edge(GetEdgeRequest) -> GetEdgeResponse;
        /// ListEdges reads a page of them, in the order of their names.
        list_edges(ListEdgesRequest) -> ListEdgesResponse;
        /// AcceptConfiguration has edges take in the configuration that they hold back, whatever it drops.
        /// FAILED_PRECONDITION where they hold nothing back, or something else than is named.
        accept_configuration(AcceptConfigurationRequest) -> AcceptConfigurationResponse;
    }
}

/// Reads all pages of a list.
macro_rules! lists {
    ($($(#[$doc:meta])* $all:ident($($parent:ident)?) -> $item:ident, pages of $list:ident($request:ident).$items:ident;)*) => {
        impl AdminClient {
            $(
                $(#[$doc])*
                #[allow(clippy::needless_update, reason = "some requests have a parent or more")]
                pub async fn $all(&self $(, $parent: &str)?) -> Result<Vec<$item>, AdminError> {
                    let mut all = Vec::new();
                    let mut pages = Pages::default();
                    loop {
                        let request = $request {
                            $($parent: $parent.to_owned(),)?
                            page_size: Pages::SIZE,
                            page_token: pages.token.clone(),
                            ..$request::default()
                        };
                        let page = self.$list(request).await?;
                        all.extend(page.$items);
                        if !pages.turn(&self.server, page.next_page_token)? {
                            return Ok(all);
                        }
                    }
                }
            )*
        }
    };
}

lists! {
    /// All integrations, in the order of their names.
    all_integrations() -> Integration, pages of list_integrations(ListIntegrationsRequest).integrations;
    /// All customers, in the order of their names.
    all_customers() -> Customer, pages of list_customers(ListCustomersRequest).customers;
    /// All customer mappings of `integrations/{integration}`, or with `integrations/-` those of all integrations.
    all_customer_mappings(parent) -> CustomerMapping,
        pages of list_customer_mappings(ListCustomerMappingsRequest).customer_mappings;
    /// All deployments of `integrations/{integration}`, or with `integrations/-` those of all integrations.
    all_deployments(parent) -> Deployment, pages of list_deployments(ListDeploymentsRequest).deployments;
    /// All access tokens that `filter` holds for, in the order of their names; all there are where it is empty.
    all_access_tokens(filter) -> AccessToken,
        pages of list_access_tokens(ListAccessTokensRequest).access_tokens;
    /// All edges, in the order of their names.
    all_edges() -> Edge, pages of list_edges(ListEdgesRequest).edges;
}

/// Where a list is being read.
#[derive(Default)]
struct Pages {
    token: String,
    seen: HashSet<String>,
}

impl Pages {
    /// The largest page that the API gives.
    const SIZE: i32 = 1_000;

    /// Goes on to the page of `token`, if there is one. A server that gives a token twice would never come to an end.
    fn turn(&mut self, server: &str, token: String) -> Result<bool, AdminError> {
        if token.is_empty() {
            return Ok(false);
        }
        if !self.seen.insert(token.clone()) {
            return Err(AdminError::EndlessList { server: server.to_owned() });
        }
        self.token = token;
        Ok(true)
    }
}
