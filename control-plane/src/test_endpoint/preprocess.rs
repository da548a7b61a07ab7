//! The call of a Preprocess service, as an edge makes it.

use std::time::SystemTime;

use pointsman_proto::preprocess::v1::{EndpointType, Header, PreprocessRequest};
use pointsman_routing::{decide::Target, integration::Preprocess};
use uuid::Uuid;

use super::{Endpoint, SampleRequest};

pub(super) fn request(
    endpoint: &Endpoint,
    service: &Preprocess,
    sample: &SampleRequest,
    receive_time: SystemTime,
) -> PreprocessRequest {
    let (endpoint_type, deployment, flow) = match &endpoint.target {
        Target::Shared => (EndpointType::Shared, None, None),
        Target::Deployment(deployment) => (EndpointType::InstanceSpecific, Some(deployment), None),
        Target::Flow(deployment, flow) => (EndpointType::FlowSpecific, Some(deployment), Some(flow)),
    };
    let customer = endpoint.customer.as_ref();
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| Header {
        name: name.as_str().to_owned(),
        value: value.as_bytes().to_vec().into(),
    };
    PreprocessRequest {
        execution_id: Uuid::now_v7().to_string(),
        integration: endpoint.integration.id.to_string(),
        endpoint_type: endpoint_type.into(),
        deployment: deployment.map(|deployment| deployment.name.to_string()).unwrap_or_default(),
        customer_external_id: customer.map(|customer| customer.external_id.to_string()).unwrap_or_default(),
        flow: flow.map(ToString::to_string).unwrap_or_default(),
        method: sample.method.to_string(),
        path_fragment: sample.path_fragment.clone(),
        query: sample.query.clone(),
        // A header map hands out the fields of one name together, in their order.
        headers: sample.headers.iter().map(header).collect(),
        body: if service.send_body { sample.body.clone() } else { bytes::Bytes::new() },
        receive_time: Some(receive_time.into()),
    }
}
