//! `pointsman.admin.v1.IntegrationService`.

use pointsman_proto::admin::v1::{
    CreateIntegrationRequest, CreateIntegrationResponse, DeleteIntegrationRequest, DeleteIntegrationResponse,
    GetIntegrationRequest, GetIntegrationResponse, ListIntegrationsRequest, ListIntegrationsResponse,
    TestEndpointRequest, TestEndpointResponse, UpdateIntegrationRequest, UpdateIntegrationResponse,
    integration_service_server,
};
use pointsman_routing::integration::IntegrationSpec;
use tonic::{Request, Response, Status};

use super::{
    crud::{Crud, Update},
    test_endpoint,
};
use crate::{PublicUrl, registry::Registry, test_endpoint::EndpointTester};

/// The service.
#[derive(Clone, Debug)]
pub struct IntegrationService {
    crud: Crud,
    tester: EndpointTester,
}

impl IntegrationService {
    /// The service over `registry`; `urls` says what endpoint URLs start with.
    #[must_use]
    pub fn new(registry: Registry, urls: PublicUrl, tester: EndpointTester) -> Self {
        Self { crud: Crud::new(registry, urls), tester }
    }
}

#[tonic::async_trait]
impl integration_service_server::IntegrationService for IntegrationService {
    async fn create_integration(
        &self,
        request: Request<CreateIntegrationRequest>,
    ) -> Result<Response<CreateIntegrationResponse>, Status> {
        let request = request.into_inner();
        let created = self.crud.create::<IntegrationSpec>(
            "",
            &request.integration_id,
            request.integration,
            request.validate_only,
        );
        let (integration, revision) = created.await?;
        Ok(Response::new(CreateIntegrationResponse { integration: Some(integration), revision }))
    }

    async fn get_integration(
        &self,
        request: Request<GetIntegrationRequest>,
    ) -> Result<Response<GetIntegrationResponse>, Status> {
        let integration = self.crud.get::<IntegrationSpec>(&request.into_inner().name).await?;
        Ok(Response::new(GetIntegrationResponse { integration: Some(integration) }))
    }

    async fn list_integrations(
        &self,
        request: Request<ListIntegrationsRequest>,
    ) -> Result<Response<ListIntegrationsResponse>, Status> {
        let request = request.into_inner();
        let page = self.crud.list::<IntegrationSpec>(None, request.page_size, &request.page_token);
        let (integrations, next_page_token) = page.await?;
        Ok(Response::new(ListIntegrationsResponse { integrations, next_page_token }))
    }

    async fn update_integration(
        &self,
        request: Request<UpdateIntegrationRequest>,
    ) -> Result<Response<UpdateIntegrationResponse>, Status> {
        let UpdateIntegrationRequest { integration, update_mask, allow_missing, validate_only } =
            request.into_inner();
        let update = Update { message: integration, mask: update_mask, allow_missing, validate_only };
        let (integration, revision) = self.crud.update::<IntegrationSpec>(update).await?;
        Ok(Response::new(UpdateIntegrationResponse { integration: Some(integration), revision }))
    }

    async fn delete_integration(
        &self,
        request: Request<DeleteIntegrationRequest>,
    ) -> Result<Response<DeleteIntegrationResponse>, Status> {
        let request = request.into_inner();
        let deleted = self.crud.delete::<IntegrationSpec>(&request.name, request.etag, request.validate_only);
        Ok(Response::new(DeleteIntegrationResponse { revision: deleted.await? }))
    }

    async fn test_endpoint(
        &self,
        request: Request<TestEndpointRequest>,
    ) -> Result<Response<TestEndpointResponse>, Status> {
        test_endpoint::run(&self.tester, request.into_inner()).await.map(Response::new)
    }
}
