//! `pointsman.admin.v1.CustomerMappingService`.

use pointsman_proto::admin::v1::{
    CreateCustomerMappingRequest, CreateCustomerMappingResponse, DeleteCustomerMappingRequest,
    DeleteCustomerMappingResponse, GetCustomerMappingRequest, GetCustomerMappingResponse,
    ListCustomerMappingsRequest, ListCustomerMappingsResponse, UpdateCustomerMappingRequest,
    UpdateCustomerMappingResponse, customer_mapping_service_server,
};
use tonic::{Request, Response, Status};

use super::crud::{Crud, Update};
use crate::{PublicUrl, domain::MappingSpec, registry::Registry};

/// The service.
#[derive(Clone, Debug)]
pub struct CustomerMappingService {
    crud: Crud,
}

impl CustomerMappingService {
    /// The service over `registry`; `urls` says what endpoint URLs start with.
    #[must_use]
    pub fn new(registry: Registry, urls: PublicUrl) -> Self {
        Self { crud: Crud::new(registry, urls) }
    }
}

#[tonic::async_trait]
impl customer_mapping_service_server::CustomerMappingService for CustomerMappingService {
    async fn create_customer_mapping(
        &self,
        request: Request<CreateCustomerMappingRequest>,
    ) -> Result<Response<CreateCustomerMappingResponse>, Status> {
        let request = request.into_inner();
        let created = self.crud.create::<MappingSpec>(
            &request.parent,
            &request.customer_mapping_id,
            request.customer_mapping,
            request.validate_only,
        );
        let (customer_mapping, revision) = created.await?;
        Ok(Response::new(CreateCustomerMappingResponse {
            customer_mapping: Some(customer_mapping),
            revision,
        }))
    }

    async fn get_customer_mapping(
        &self,
        request: Request<GetCustomerMappingRequest>,
    ) -> Result<Response<GetCustomerMappingResponse>, Status> {
        let customer_mapping = self.crud.get::<MappingSpec>(&request.into_inner().name).await?;
        Ok(Response::new(GetCustomerMappingResponse { customer_mapping: Some(customer_mapping) }))
    }

    async fn list_customer_mappings(
        &self,
        request: Request<ListCustomerMappingsRequest>,
    ) -> Result<Response<ListCustomerMappingsResponse>, Status> {
        let request = request.into_inner();
        let page =
            self.crud.list::<MappingSpec>(Some(&request.parent), request.page_size, &request.page_token);
        let (customer_mappings, next_page_token) = page.await?;
        Ok(Response::new(ListCustomerMappingsResponse { customer_mappings, next_page_token }))
    }

    async fn update_customer_mapping(
        &self,
        request: Request<UpdateCustomerMappingRequest>,
    ) -> Result<Response<UpdateCustomerMappingResponse>, Status> {
        let UpdateCustomerMappingRequest { customer_mapping, update_mask, allow_missing, validate_only } =
            request.into_inner();
        let update = Update { message: customer_mapping, mask: update_mask, allow_missing, validate_only };
        let (customer_mapping, revision) = self.crud.update::<MappingSpec>(update).await?;
        Ok(Response::new(UpdateCustomerMappingResponse {
            customer_mapping: Some(customer_mapping),
            revision,
        }))
    }

    async fn delete_customer_mapping(
        &self,
        request: Request<DeleteCustomerMappingRequest>,
    ) -> Result<Response<DeleteCustomerMappingResponse>, Status> {
        let request = request.into_inner();
        let deleted = self.crud.delete::<MappingSpec>(&request.name, request.etag, request.validate_only);
        Ok(Response::new(DeleteCustomerMappingResponse { revision: deleted.await? }))
    }
}
