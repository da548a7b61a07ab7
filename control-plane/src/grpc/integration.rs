//! `pointsman.admin.v1.IntegrationService`.

use pointsman_proto::admin::v1::{
    CreateIntegrationRequest, CreateIntegrationResponse, DeleteIntegrationRequest, DeleteIntegrationResponse,
    GetIntegrationRequest, GetIntegrationResponse, ListIntegrationsRequest, ListIntegrationsResponse,
    UpdateIntegrationRequest, UpdateIntegrationResponse, integration_service_server,
};
use pointsman_routing::integration::IntegrationSpec;
use tonic::{Request, Response, Status};

use super::crud::{Crud, Update};
use crate::{PublicUrl, registry::Registry};

/// The service.
#[derive(Clone, Debug)]
pub struct IntegrationService {
    crud: Crud,
}

impl IntegrationService {
    /// The service over `registry`; `urls` says what endpoint URLs start with.
    #[must_use]
    pub fn new(registry: Registry, urls: PublicUrl) -> Self {
        Self { crud: Crud::new(registry, urls) }
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
        _request: Request<pointsman_proto::admin::v1::TestEndpointRequest>,
    ) -> Result<Response<pointsman_proto::admin::v1::TestEndpointResponse>, Status> {
        Err(Status::unimplemented("TestEndpoint is not there yet"))
    }
}
