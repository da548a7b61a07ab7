//! Customer mappings.

use pointsman_proto::admin::v1 as proto;
use pointsman_routing::{
    fault::Fault,
    name::{IntegrationId, MappingId, MappingName},
};

use super::{Admin, Common, integration::compose_below};
use crate::{
    PublicUrl,
    domain::{MappingSpec, Resource, filter::Field},
};

impl Admin for MappingSpec {
    type Message = proto::CustomerMapping;
    const MESSAGE: &'static str = "pointsman.admin.v1.CustomerMapping";
    const FIELD: &'static str = "customer_mapping";
    const PATTERN: &'static str = "integrations/{integration}/customerMappings/{mapping}";
    const FILTERED: &'static [Field] = Field::OF_CUSTOMER_MAPPINGS;

    fn message(common: Common, resource: Resource<Self>, _urls: &PublicUrl) -> proto::CustomerMapping {
        let Common { uid, display_name, create_time, update_time, etag, owner } = common;
        proto::CustomerMapping {
            name: resource.name.to_string(),
            uid,
            display_name,
            create_time,
            update_time,
            etag,
            owner,
            source_customer_id: resource.spec.source_customer_id,
            customer: resource.spec.customer,
        }
    }

    fn read_message(message: proto::CustomerMapping) -> (String, Self, Vec<Fault>) {
        let proto::CustomerMapping { display_name, source_customer_id, customer, .. } = message;
        (display_name, Self { source_customer_id, customer }, Vec::new())
    }

    fn name_and_etag(message: &proto::CustomerMapping) -> (&str, &str) {
        (&message.name, &message.etag)
    }

    fn compose(parent: &str, id: &str) -> Result<MappingName, Vec<Fault>> {
        let name = |integration: IntegrationId, mapping| MappingName { integration, mapping };
        compose_below(parent, "customer_mapping_id", MappingId::parse(id), name)
    }
}
