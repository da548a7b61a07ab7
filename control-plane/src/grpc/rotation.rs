//! Rotating endpoint tokens.

use pointsman_proto::admin::v1::{
    DeploymentServiceRotateEndpointTokenRequest, DeploymentServiceRotateEndpointTokenResponse,
    IntegrationServiceRotateEndpointTokenRequest, IntegrationServiceRotateEndpointTokenResponse,
    Rotation as Step,
};
use pointsman_routing::{deployment::DeploymentSpec, fault::Fault, integration::IntegrationSpec};
use tonic::{Request, Status};

use super::{
    call,
    convert::{self, Admin, parse_name},
    crud::{Crud, made},
    status,
};
use crate::registry::{Answer, Call, IfMissing, Rotated, Rotates, Rotation, Target};

/// Of a shared endpoint.
pub(super) async fn rotate_shared(
    crud: &Crud,
    request: Request<IntegrationServiceRotateEndpointTokenRequest>,
) -> Result<IntegrationServiceRotateEndpointTokenResponse, Status> {
    let (call, request) = call::open(request);
    let endpoint = Endpoint { name: &request.name, etag: request.etag, flow: String::new() };
    let answer = |integration, older_urls, revision| IntegrationServiceRotateEndpointTokenResponse {
        integration: Some(integration),
        older_urls,
        revision,
    };
    rotate::<IntegrationSpec, _>(crud, call, endpoint, request.rotation, answer).await
}

/// Of an instance- or flow-specific endpoint.
pub(super) async fn rotate_own(
    crud: &Crud,
    request: Request<DeploymentServiceRotateEndpointTokenRequest>,
) -> Result<DeploymentServiceRotateEndpointTokenResponse, Status> {
    let (call, request) = call::open(request);
    let endpoint = Endpoint { name: &request.name, etag: request.etag, flow: request.flow };
    let answer = |deployment, older_urls, revision| DeploymentServiceRotateEndpointTokenResponse {
        deployment: Some(deployment),
        older_urls,
        revision,
    };
    rotate::<DeploymentSpec, _>(crud, call, endpoint, request.rotation, answer).await
}

struct Endpoint<'r> {
    name: &'r str,
    etag: String,
    flow: String,
}

async fn rotate<K: Admin + Rotates, R: Answer>(
    crud: &Crud,
    call: Call,
    Endpoint { name, etag, flow }: Endpoint<'_>,
    rotation: i32,
    answer: fn(K::Message, i32, i64) -> R,
) -> Result<R, Status> {
    let (name, rotation) = match (parse_name::<K>("name", name), read_rotation(rotation)) {
        (Ok(name), Ok(rotation)) => (name, rotation),
        (name, rotation) => {
            return Err(call::refused(&call, name.err().into_iter().chain(rotation.err()).collect()));
        }
    };
    let (registry, urls) = crud.parts();
    let (urls, keep) = (urls.clone(), call.keep);
    let answer = move |Rotated { resource, older_urls, revision }: Rotated<K>| {
        let older_urls = i32::try_from(older_urls).unwrap_or(i32::MAX);
        answer(convert::message(resource, &urls), older_urls, made(revision, keep))
    };
    let target = Target { name, etag, if_missing: IfMissing::Fail };
    registry.rotate::<K, R>(call, target, flow, rotation, answer).await.map_err(status::from_error)
}

pub(super) fn read_rotation(number: i32) -> Result<Rotation, Fault> {
    match Step::try_from(number) {
        Ok(Step::Unspecified | Step::Start) => Ok(Rotation::Start),
        Ok(Step::Finish) => Ok(Rotation::Finish),
        Ok(Step::Replace) => Ok(Rotation::Replace),
        Err(_) => Err(convert::unknown_number("rotation", number)),
    }
}
