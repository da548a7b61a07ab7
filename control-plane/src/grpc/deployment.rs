//! `pointsman.admin.v1.DeploymentService`.

use pointsman_proto::admin::v1::{
    CreateDeploymentRequest, CreateDeploymentResponse, DeleteDeploymentRequest, DeleteDeploymentResponse,
    DeploymentServiceRotateEndpointTokenRequest, DeploymentServiceRotateEndpointTokenResponse,
    GetDeploymentRequest, GetDeploymentResponse, ListDeploymentsRequest, ListDeploymentsResponse,
    PauseDeploymentRequest, PauseDeploymentResponse, ResumeDeploymentRequest, ResumeDeploymentResponse,
    UpdateDeploymentRequest, UpdateDeploymentResponse, deployment_service_server,
};
use pointsman_routing::deployment::DeploymentSpec;
use tonic::{Request, Response, Status};

use super::{
    call,
    crud::{Asked, Crud, Update},
    pause, rotation,
};
use crate::{PublicUrl, registry::Registry};

/// The service.
#[derive(Clone, Debug)]
pub struct DeploymentService {
    crud: Crud,
}

impl DeploymentService {
    /// The service over `registry`; `urls` says what endpoint URLs start with.
    #[must_use]
    pub fn new(registry: Registry, urls: PublicUrl) -> Self {
        Self { crud: Crud::new(registry, urls) }
    }
}

#[tonic::async_trait]
impl deployment_service_server::DeploymentService for DeploymentService {
    async fn create_deployment(
        &self,
        request: Request<CreateDeploymentRequest>,
    ) -> Result<Response<CreateDeploymentResponse>, Status> {
        let (call, request) = call::open(request);
        let answer =
            |deployment, revision| CreateDeploymentResponse { deployment: Some(deployment), revision };
        let id = (request.parent.as_str(), request.deployment_id.as_str());
        self.crud.create::<DeploymentSpec, _>(call, id, request.deployment, answer).await
    }

    async fn get_deployment(
        &self,
        request: Request<GetDeploymentRequest>,
    ) -> Result<Response<GetDeploymentResponse>, Status> {
        let deployment =
            self.crud.get::<DeploymentSpec>(&call::caller(&request), &request.get_ref().name).await?;
        Ok(Response::new(GetDeploymentResponse { deployment: Some(deployment) }))
    }

    async fn list_deployments(
        &self,
        request: Request<ListDeploymentsRequest>,
    ) -> Result<Response<ListDeploymentsResponse>, Status> {
        let caller = call::caller(&request);
        let request = request.into_inner();
        let asked = Asked::new(request.page_size, &request.page_token, &request.filter);
        let page = self.crud.list::<DeploymentSpec>(caller, Some(&request.parent), asked);
        let (deployments, next_page_token) = page.await?;
        Ok(Response::new(ListDeploymentsResponse { deployments, next_page_token }))
    }

    async fn update_deployment(
        &self,
        request: Request<UpdateDeploymentRequest>,
    ) -> Result<Response<UpdateDeploymentResponse>, Status> {
        let (call, request) = call::open(request);
        let UpdateDeploymentRequest { deployment, update_mask, allow_missing, .. } = request;
        let update = Update { message: deployment, mask: update_mask, allow_missing };
        let answer =
            |deployment, revision| UpdateDeploymentResponse { deployment: Some(deployment), revision };
        self.crud.update::<DeploymentSpec, _>(call, update, answer).await
    }

    async fn delete_deployment(
        &self,
        request: Request<DeleteDeploymentRequest>,
    ) -> Result<Response<DeleteDeploymentResponse>, Status> {
        let (call, request) = call::open(request);
        let answer = |revision| DeleteDeploymentResponse { revision };
        self.crud.delete::<DeploymentSpec, _>(call, &request.name, request.etag, answer).await
    }

    async fn pause_deployment(
        &self,
        request: Request<PauseDeploymentRequest>,
    ) -> Result<Response<PauseDeploymentResponse>, Status> {
        pause::pause(&self.crud, request).await.map(Response::new)
    }

    async fn resume_deployment(
        &self,
        request: Request<ResumeDeploymentRequest>,
    ) -> Result<Response<ResumeDeploymentResponse>, Status> {
        pause::resume(&self.crud, request).await.map(Response::new)
    }

    async fn rotate_endpoint_token(
        &self,
        request: Request<DeploymentServiceRotateEndpointTokenRequest>,
    ) -> Result<Response<DeploymentServiceRotateEndpointTokenResponse>, Status> {
        rotation::rotate_own(&self.crud, request).await.map(Response::new)
    }
}
