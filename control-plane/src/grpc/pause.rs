//! Pausing deployments and resuming them.

use pointsman_proto::admin::v1::{
    Deployment, PauseDeploymentRequest, PauseDeploymentResponse, ResumeDeploymentRequest,
    ResumeDeploymentResponse,
};
use pointsman_routing::deployment::DeploymentSpec;
use tonic::{Request, Status};

use super::{call, convert::parse_name, crud::Crud, status};
use crate::registry::{Answer, Call, IfMissing, Target};

pub(super) async fn pause(
    crud: &Crud,
    request: Request<PauseDeploymentRequest>,
) -> Result<PauseDeploymentResponse, Status> {
    let (call, request) = call::open(request);
    let answer = |deployment, revision| PauseDeploymentResponse { deployment: Some(deployment), revision };
    set_paused(crud, call, (&request.name, request.etag), true, answer).await
}

pub(super) async fn resume(
    crud: &Crud,
    request: Request<ResumeDeploymentRequest>,
) -> Result<ResumeDeploymentResponse, Status> {
    let (call, request) = call::open(request);
    let answer = |deployment, revision| ResumeDeploymentResponse { deployment: Some(deployment), revision };
    set_paused(crud, call, (&request.name, request.etag), false, answer).await
}

async fn set_paused<R: Answer>(
    crud: &Crud,
    call: Call,
    (name, etag): (&str, String),
    paused: bool,
    answer: fn(Deployment, i64) -> R,
) -> Result<R, Status> {
    let name = parse_name::<DeploymentSpec>("name", name);
    let name = name.map_err(|fault| call::refused(&call, vec![fault]))?;
    let answer = crud.answer_with::<DeploymentSpec, _>(&call, answer);
    let target = Target { name, etag, if_missing: IfMissing::Fail };
    let (registry, _) = crud.parts();
    registry.set_paused(call, target, paused, answer).await.map_err(status::from_error)
}
