//! `pointsman.admin.v1.CustomerMappingService`.

use pointsman_proto::admin::v1::{
    BatchUpsertCustomerMappingsRequest, BatchUpsertCustomerMappingsResponse, CreateCustomerMappingRequest,
    CreateCustomerMappingResponse, DeleteCustomerMappingRequest, DeleteCustomerMappingResponse,
    GetCustomerMappingImportRequest, GetCustomerMappingImportResponse, GetCustomerMappingRequest,
    GetCustomerMappingResponse, ImportCustomerMappingsRequest, ImportCustomerMappingsResponse,
    ListCustomerMappingsRequest, ListCustomerMappingsResponse, LookupCustomerRequest, LookupCustomerResponse,
    UpdateCustomerMappingRequest, UpdateCustomerMappingResponse, customer_mapping_service_server,
};
use tonic::{Request, Response, Status};

use super::{
    call,
    crud::{Asked, Crud, Update},
    import, lookup, mapping_rows,
};
use crate::{PublicUrl, domain::MappingSpec, registry::Registry};

/// The service.
#[derive(Clone, Debug)]
pub struct CustomerMappingService {
    crud: Crud,
    registry: Registry,
}

impl CustomerMappingService {
    /// The service over `registry`; `urls` says what endpoint URLs start with.
    #[must_use]
    pub fn new(registry: Registry, urls: PublicUrl) -> Self {
        Self { crud: Crud::new(registry.clone(), urls), registry }
    }
}

#[tonic::async_trait]
impl customer_mapping_service_server::CustomerMappingService for CustomerMappingService {
    async fn create_customer_mapping(
        &self,
        request: Request<CreateCustomerMappingRequest>,
    ) -> Result<Response<CreateCustomerMappingResponse>, Status> {
        let (call, request) = call::open(request);
        let answer = |customer_mapping, revision| CreateCustomerMappingResponse {
            customer_mapping: Some(customer_mapping),
            revision,
        };
        let id = (request.parent.as_str(), request.customer_mapping_id.as_str());
        self.crud.create::<MappingSpec, _>(call, id, request.customer_mapping, answer).await
    }

    async fn get_customer_mapping(
        &self,
        request: Request<GetCustomerMappingRequest>,
    ) -> Result<Response<GetCustomerMappingResponse>, Status> {
        let customer_mapping =
            self.crud.get::<MappingSpec>(&call::caller(&request), &request.get_ref().name).await?;
        Ok(Response::new(GetCustomerMappingResponse { customer_mapping: Some(customer_mapping) }))
    }

    async fn list_customer_mappings(
        &self,
        request: Request<ListCustomerMappingsRequest>,
    ) -> Result<Response<ListCustomerMappingsResponse>, Status> {
        let caller = call::caller(&request);
        let request = request.into_inner();
        let asked = Asked::new(request.page_size, &request.page_token, &request.filter);
        let page = self.crud.list::<MappingSpec>(caller, Some(&request.parent), asked);
        let (customer_mappings, next_page_token) = page.await?;
        Ok(Response::new(ListCustomerMappingsResponse { customer_mappings, next_page_token }))
    }

    async fn update_customer_mapping(
        &self,
        request: Request<UpdateCustomerMappingRequest>,
    ) -> Result<Response<UpdateCustomerMappingResponse>, Status> {
        let (call, request) = call::open(request);
        let UpdateCustomerMappingRequest { customer_mapping, update_mask, allow_missing, .. } = request;
        let update = Update { message: customer_mapping, mask: update_mask, allow_missing };
        let answer = |customer_mapping, revision| UpdateCustomerMappingResponse {
            customer_mapping: Some(customer_mapping),
            revision,
        };
        self.crud.update::<MappingSpec, _>(call, update, answer).await
    }

    async fn delete_customer_mapping(
        &self,
        request: Request<DeleteCustomerMappingRequest>,
    ) -> Result<Response<DeleteCustomerMappingResponse>, Status> {
        let (call, request) = call::open(request);
        let answer = |revision| DeleteCustomerMappingResponse { revision };
        self.crud.delete::<MappingSpec, _>(call, &request.name, request.etag, answer).await
    }

    async fn batch_upsert_customer_mappings(
        &self,
        request: Request<BatchUpsertCustomerMappingsRequest>,
    ) -> Result<Response<BatchUpsertCustomerMappingsResponse>, Status> {
        mapping_rows::batch_upsert(&self.registry, request).await
    }

    async fn import_customer_mappings(
        &self,
        request: Request<tonic::Streaming<ImportCustomerMappingsRequest>>,
    ) -> Result<Response<ImportCustomerMappingsResponse>, Status> {
        import::import(&self.registry, request).await
    }

    async fn get_customer_mapping_import(
        &self,
        request: Request<GetCustomerMappingImportRequest>,
    ) -> Result<Response<GetCustomerMappingImportResponse>, Status> {
        import::status(&self.registry, request).await
    }

    async fn lookup_customer(
        &self,
        request: Request<LookupCustomerRequest>,
    ) -> Result<Response<LookupCustomerResponse>, Status> {
        lookup::look_up(&self.crud, request).await.map(Response::new)
    }
}
