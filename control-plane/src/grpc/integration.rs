//! `pointsman.admin.v1.IntegrationService`.

use pointsman_proto::admin::v1::{
    CreateIntegrationRequest, CreateIntegrationResponse, DeleteIntegrationRequest, DeleteIntegrationResponse,
    GetIntegrationRequest, GetIntegrationResponse, IntegrationServiceRotateEndpointTokenRequest,
    IntegrationServiceRotateEndpointTokenResponse, ListIntegrationRevisionsRequest,
    ListIntegrationRevisionsResponse, ListIntegrationsRequest, ListIntegrationsResponse,
    RollbackIntegrationRequest, RollbackIntegrationResponse, TestEndpointRequest, TestEndpointResponse,
    UpdateIntegrationRequest, UpdateIntegrationResponse, integration_service_server,
};
use pointsman_routing::integration::IntegrationSpec;
use tonic::{Request, Response, Status};

use super::{
    call,
    crud::{Asked, Crud, Update},
    history, rotation, test_endpoint,
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
        let (call, request) = call::open(request);
        let answer =
            |integration, revision| CreateIntegrationResponse { integration: Some(integration), revision };
        let id = ("", request.integration_id.as_str());
        self.crud.create::<IntegrationSpec, _>(call, id, request.integration, answer).await
    }

    async fn get_integration(
        &self,
        request: Request<GetIntegrationRequest>,
    ) -> Result<Response<GetIntegrationResponse>, Status> {
        let integration =
            self.crud.get::<IntegrationSpec>(&call::caller(&request), &request.get_ref().name).await?;
        Ok(Response::new(GetIntegrationResponse { integration: Some(integration) }))
    }

    async fn list_integrations(
        &self,
        request: Request<ListIntegrationsRequest>,
    ) -> Result<Response<ListIntegrationsResponse>, Status> {
        let caller = call::caller(&request);
        let request = request.into_inner();
        let asked = Asked::new(request.page_size, &request.page_token, &request.filter);
        let page = self.crud.list::<IntegrationSpec>(caller, None, asked);
        let (integrations, next_page_token) = page.await?;
        Ok(Response::new(ListIntegrationsResponse { integrations, next_page_token }))
    }

    async fn update_integration(
        &self,
        request: Request<UpdateIntegrationRequest>,
    ) -> Result<Response<UpdateIntegrationResponse>, Status> {
        let (call, request) = call::open(request);
        let UpdateIntegrationRequest { integration, update_mask, allow_missing, .. } = request;
        let update = Update { message: integration, mask: update_mask, allow_missing };
        let answer =
            |integration, revision| UpdateIntegrationResponse { integration: Some(integration), revision };
        self.crud.update::<IntegrationSpec, _>(call, update, answer).await
    }

    async fn delete_integration(
        &self,
        request: Request<DeleteIntegrationRequest>,
    ) -> Result<Response<DeleteIntegrationResponse>, Status> {
        let (call, request) = call::open(request);
        let answer = |revision| DeleteIntegrationResponse { revision };
        self.crud.delete::<IntegrationSpec, _>(call, &request.name, request.etag, answer).await
    }

    async fn list_integration_revisions(
        &self,
        request: Request<ListIntegrationRevisionsRequest>,
    ) -> Result<Response<ListIntegrationRevisionsResponse>, Status> {
        history::list(&self.crud, request).await.map(Response::new)
    }

    async fn rollback_integration(
        &self,
        request: Request<RollbackIntegrationRequest>,
    ) -> Result<Response<RollbackIntegrationResponse>, Status> {
        history::roll_back(&self.crud, request).await.map(Response::new)
    }

    async fn rotate_endpoint_token(
        &self,
        request: Request<IntegrationServiceRotateEndpointTokenRequest>,
    ) -> Result<Response<IntegrationServiceRotateEndpointTokenResponse>, Status> {
        rotation::rotate_shared(&self.crud, request).await.map(Response::new)
    }

    async fn test_endpoint(
        &self,
        request: Request<TestEndpointRequest>,
    ) -> Result<Response<TestEndpointResponse>, Status> {
        let caller = call::caller(&request);
        test_endpoint::run(&self.tester, &caller, request.into_inner()).await.map(Response::new)
    }
}
