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
    let header = |(name, value): (&[u8], &[u8])| Header {
        name: String::from_utf8_lossy(name).into_owned(),
        value: value.to_vec().into(),
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
        headers: sample.headers.together().into_iter().map(header).collect(),
        body: if service.send_body { sample.body.clone() } else { bytes::Bytes::new() },
        receive_time: Some(receive_time.into()),
    }
}
