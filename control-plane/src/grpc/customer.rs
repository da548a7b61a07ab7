//! `pointsman.admin.v1.CustomerService`.

use pointsman_proto::admin::v1::{
    CreateCustomerRequest, CreateCustomerResponse, DeleteCustomerRequest, DeleteCustomerResponse,
    GetCustomerRequest, GetCustomerResponse, ListCustomersRequest, ListCustomersResponse,
    UpdateCustomerRequest, UpdateCustomerResponse, customer_service_server,
};
use tonic::{Request, Response, Status};

use super::{
    call,
    crud::{Asked, Crud, Update},
};
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
        let (call, request) = call::open(request);
        let answer = |customer, revision| CreateCustomerResponse { customer: Some(customer), revision };
        let id = ("", request.customer_id.as_str());
        self.crud.create::<CustomerSpec, _>(call, id, request.customer, answer).await
    }

    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<GetCustomerResponse>, Status> {
        let customer =
            self.crud.get::<CustomerSpec>(&call::caller(&request), &request.get_ref().name).await?;
        Ok(Response::new(GetCustomerResponse { customer: Some(customer) }))
    }

    async fn list_customers(
        &self,
        request: Request<ListCustomersRequest>,
    ) -> Result<Response<ListCustomersResponse>, Status> {
        let caller = call::caller(&request);
        let request = request.into_inner();
        let asked = Asked::new(request.page_size, &request.page_token, &request.filter);
        let page = self.crud.list::<CustomerSpec>(caller, None, asked);
        let (customers, next_page_token) = page.await?;
        Ok(Response::new(ListCustomersResponse { customers, next_page_token }))
    }

    async fn update_customer(
        &self,
        request: Request<UpdateCustomerRequest>,
    ) -> Result<Response<UpdateCustomerResponse>, Status> {
        let (call, request) = call::open(request);
        let UpdateCustomerRequest { customer, update_mask, allow_missing, .. } = request;
        let update = Update { message: customer, mask: update_mask, allow_missing };
        let answer = |customer, revision| UpdateCustomerResponse { customer: Some(customer), revision };
        self.crud.update::<CustomerSpec, _>(call, update, answer).await
    }

    async fn delete_customer(
        &self,
        request: Request<DeleteCustomerRequest>,
    ) -> Result<Response<DeleteCustomerResponse>, Status> {
        let (call, request) = call::open(request);
        let answer = |revision| DeleteCustomerResponse { revision };
        self.crud.delete::<CustomerSpec, _>(call, &request.name, request.etag, answer).await
    }
}
