//! `pointsman.admin.v1.CustomerService`.

use pointsman_proto::admin::v1::{
    CreateCustomerRequest, CreateCustomerResponse, DeleteCustomerRequest, DeleteCustomerResponse,
    GetCustomerRequest, GetCustomerResponse, ListCustomersRequest, ListCustomersResponse,
    UpdateCustomerRequest, UpdateCustomerResponse, customer_service_server,
};
use tonic::{Request, Response, Status};

use super::crud::{Crud, Update};
use crate::{PublicUrl, domain::CustomerSpec, registry::Registry};

/// The service.
#[derive(Clone, Debug)]
pub struct CustomerService {
    crud: Crud,
}

impl CustomerService {
    /// The service over `registry`; `urls` says what endpoint URLs start with.
    #[must_use]
    pub fn new(registry: Registry, urls: PublicUrl) -> Self {
        Self { crud: Crud::new(registry, urls) }
    }
}

#[tonic::async_trait]
impl customer_service_server::CustomerService for CustomerService {
    async fn create_customer(
        &self,
        request: Request<CreateCustomerRequest>,
    ) -> Result<Response<CreateCustomerResponse>, Status> {
        let request = request.into_inner();
        let created = self.crud.create::<CustomerSpec>(
            "",
            &request.customer_id,
            request.customer,
            request.validate_only,
        );
        let (customer, revision) = created.await?;
        Ok(Response::new(CreateCustomerResponse { customer: Some(customer), revision }))
    }

    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<GetCustomerResponse>, Status> {
        let customer = self.crud.get::<CustomerSpec>(&request.into_inner().name).await?;
        Ok(Response::new(GetCustomerResponse { customer: Some(customer) }))
    }

    async fn list_customers(
        &self,
        request: Request<ListCustomersRequest>,
    ) -> Result<Response<ListCustomersResponse>, Status> {
        let request = request.into_inner();
        let page = self.crud.list::<CustomerSpec>(None, request.page_size, &request.page_token);
        let (customers, next_page_token) = page.await?;
        Ok(Response::new(ListCustomersResponse { customers, next_page_token }))
    }

    async fn update_customer(
        &self,
        request: Request<UpdateCustomerRequest>,
    ) -> Result<Response<UpdateCustomerResponse>, Status> {
        let UpdateCustomerRequest { customer, update_mask, allow_missing, validate_only } =
            request.into_inner();
        let update = Update { message: customer, mask: update_mask, allow_missing, validate_only };
        let (customer, revision) = self.crud.update::<CustomerSpec>(update).await?;
        Ok(Response::new(UpdateCustomerResponse { customer: Some(customer), revision }))
    }

    async fn delete_customer(
        &self,
        request: Request<DeleteCustomerRequest>,
    ) -> Result<Response<DeleteCustomerResponse>, Status> {
        let request = request.into_inner();
        let deleted = self.crud.delete::<CustomerSpec>(&request.name, request.etag, request.validate_only);
        Ok(Response::new(DeleteCustomerResponse { revision: deleted.await? }))
    }
}
