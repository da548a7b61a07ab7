//! Customers.

use pointsman_proto::admin::v1 as proto;
use pointsman_routing::{fault::Fault, name::CustomerId};

use super::{Admin, Common};
use crate::{
    PublicUrl,
    domain::{CustomerSpec, Resource, filter::Field},
};

impl Admin for CustomerSpec {
    type Message = proto::Customer;
    const MESSAGE: &'static str = "pointsman.admin.v1.Customer";
    const FIELD: &'static str = "customer";
    const PATTERN: &'static str = "customers/{customer}";
    const FILTERED: &'static [Field] = Field::OF_CUSTOMERS;

    fn message(common: Common, resource: Resource<Self>, _urls: &PublicUrl) -> proto::Customer {
        let Common { uid, display_name, create_time, update_time, etag, owner } = common;
        proto::Customer {
            name: resource.name.to_string(),
            uid,
            display_name,
            create_time,
            update_time,
            etag,
            owner,
            external_id: resource.spec.external_id,
        }
    }

    fn read_message(message: proto::Customer) -> (String, Self, Vec<Fault>) {
        (message.display_name, Self { external_id: message.external_id }, Vec::new())
    }

    fn name_and_etag(message: &proto::Customer) -> (&str, &str) {
        (&message.name, &message.etag)
    }

    fn compose(_parent: &str, id: &str) -> Result<CustomerId, Vec<Fault>> {
        CustomerId::parse(id).map_err(|error| vec![Fault::new("customer_id", error)])
    }
}
