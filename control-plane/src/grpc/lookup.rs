//! Looking customers up.

use pointsman_proto::admin::v1::{
    LookupCustomerRequest, LookupCustomerResponse, lookup_customer_request::Known as Asked,
};
use pointsman_routing::fault::Fault;
use tonic::{Request, Status};

use super::{
    call,
    convert::{self, integration::parse_parent, parse_name},
    crud::Crud,
    status,
};
use crate::{domain::CustomerSpec, registry::Known};

pub(super) async fn look_up(
    crud: &Crud,
    request: Request<LookupCustomerRequest>,
) -> Result<LookupCustomerResponse, Status> {
    let caller = call::caller(&request);
    let request = request.into_inner();
    let (integration, known) = match (parse_parent(&request.parent), read_known(request.known)) {
        (Ok(integration), Ok(known)) => (integration, known),
        (integration, known) => {
            return Err(status::from_faults(integration.err().into_iter().chain(known.err()).collect()));
        }
    };
    let (registry, urls) = crud.parts();
    let (customer, mappings) =
        registry.look_up(&caller, integration, known).await.map_err(status::from_error)?;
    Ok(LookupCustomerResponse {
        customer: Some(convert::message(customer, urls)),
        customer_mappings: mappings.into_iter().map(|mapping| convert::message(mapping, urls)).collect(),
    })
}

pub(super) fn read_known(asked: Option<Asked>) -> Result<Known, Fault> {
    let filled = |field: &str, id: String| {
        if id.is_empty() { Err(Fault::new(field, "is empty")) } else { Ok(id) }
    };
    match asked {
        Some(Asked::SourceCustomerId(id)) => filled("source_customer_id", id).map(Known::SourceId),
        Some(Asked::ExternalId(id)) => filled("external_id", id).map(Known::ExternalId),
        Some(Asked::Customer(name)) => parse_name::<CustomerSpec>("customer", &name).map(Known::Customer),
        None => Err(Fault::new(
            "known",
            "is missing: one of source_customer_id, external_id and customer says who is meant",
        )),
    }
}
