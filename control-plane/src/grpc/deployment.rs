//! `pointsman.admin.v1.DeploymentService`.

use pointsman_proto::admin::v1::{
    CreateDeploymentRequest, CreateDeploymentResponse, DeleteDeploymentRequest, DeleteDeploymentResponse,
    GetDeploymentRequest, GetDeploymentResponse, ListDeploymentsRequest, ListDeploymentsResponse,
    UpdateDeploymentRequest, UpdateDeploymentResponse, deployment_service_server,
};
use pointsman_routing::deployment::DeploymentSpec;
use tonic::{Request, Response, Status};

use super::crud::{Crud, Update};
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
        let request = request.into_inner();
        let created = self.crud.create::<DeploymentSpec>(
            &request.parent,
            &request.deployment_id,
            request.deployment,
            request.validate_only,
        );
        let (deployment, revision) = created.await?;
        Ok(Response::new(CreateDeploymentResponse { deployment: Some(deployment), revision }))
    }

    async fn get_deployment(
        &self,
        request: Request<GetDeploymentRequest>,
    ) -> Result<Response<GetDeploymentResponse>, Status> {
        let deployment = self.crud.get::<DeploymentSpec>(&request.into_inner().name).await?;
        Ok(Response::new(GetDeploymentResponse { deployment: Some(deployment) }))
    }

    async fn list_deployments(
        &self,
        request: Request<ListDeploymentsRequest>,
    ) -> Result<Response<ListDeploymentsResponse>, Status> {
        let request = request.into_inner();
        let page =
            self.crud.list::<DeploymentSpec>(Some(&request.parent), request.page_size, &request.page_token);
        let (deployments, next_page_token) = page.await?;
        Ok(Response::new(ListDeploymentsResponse { deployments, next_page_token }))
    }

    async fn update_deployment(
        &self,
        request: Request<UpdateDeploymentRequest>,
    ) -> Result<Response<UpdateDeploymentResponse>, Status> {
        let UpdateDeploymentRequest { deployment, update_mask, allow_missing, validate_only } =
            request.into_inner();
        let update = Update { message: deployment, mask: update_mask, allow_missing, validate_only };
        let (deployment, revision) = self.crud.update::<DeploymentSpec>(update).await?;
        Ok(Response::new(UpdateDeploymentResponse { deployment: Some(deployment), revision }))
    }

    async fn delete_deployment(
        &self,
        request: Request<DeleteDeploymentRequest>,
    ) -> Result<Response<DeleteDeploymentResponse>, Status> {
        let request = request.into_inner();
        let deleted = self.crud.delete::<DeploymentSpec>(&request.name, request.etag, request.validate_only);
        Ok(Response::new(DeleteDeploymentResponse { revision: deleted.await? }))
    }
}
