//! Pausing deployments and resuming them.

use pointsman_proto::admin::v1::{deployment::State, *};
use tonic::{Code, Status};

use crate::harness::{ControlPlane, deployment, said};

const BOWLERS: &str = "integrations/acme-erp/deployments/bowlers-inc";

impl ControlPlane {
    async fn pause(&self) -> Result<PauseDeploymentResponse, Status> {
        self.pause_with(pausing()).await
    }

    async fn pause_with(&self, request: PauseDeploymentRequest) -> Result<PauseDeploymentResponse, Status> {
        self.deployments().pause_deployment(request).await.map(tonic::Response::into_inner)
    }

    async fn resume(&self) -> Result<ResumeDeploymentResponse, Status> {
        self.resume_with(resuming()).await
    }

    async fn resume_with(
        &self,
        request: ResumeDeploymentRequest,
    ) -> Result<ResumeDeploymentResponse, Status> {
        self.deployments().resume_deployment(request).await.map(tonic::Response::into_inner)
    }
}

fn pausing() -> PauseDeploymentRequest {
    PauseDeploymentRequest { name: BOWLERS.into(), ..Default::default() }
}

fn resuming() -> ResumeDeploymentRequest {
    ResumeDeploymentRequest { name: BOWLERS.into(), ..Default::default() }
}

#[tokio::test]
async fn a_deployment_is_paused_and_resumed_and_nothing_else_of_it_changes() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.deployment(BOWLERS).await;

    let paused = plane.pause().await.unwrap();
    assert_eq!(paused.revision, 2);
    let paused = paused.deployment.unwrap();
    assert_eq!(paused.state(), State::Paused);
    let again = plane.pause().await.unwrap();
    assert_eq!((again.revision, again.deployment), (2, Some(paused)), "it is so already");

    let resumed = plane.resume().await.unwrap();
    assert_eq!(resumed.revision, 3);
    let resumed = resumed.deployment.unwrap();
    let expected = Deployment { etag: resumed.etag.clone(), update_time: resumed.update_time, ..before };
    assert_eq!(resumed, expected);
    assert_eq!(plane.resume().await.unwrap().revision, 3);
    assert_eq!(plane.deployment(BOWLERS).await, resumed);
}

#[tokio::test]
async fn both_can_be_tried_guarded_and_repeated() {
    let plane = ControlPlane::with_acme().await;
    let etag = plane.deployment(BOWLERS).await.etag;
    let tried = plane.pause_with(PauseDeploymentRequest { validate_only: true, ..pausing() }).await.unwrap();
    assert_eq!((tried.revision, tried.deployment.unwrap().state()), (0, State::Paused));
    assert_eq!(plane.deployment(BOWLERS).await.state(), State::Enabled);

    let once = PauseDeploymentRequest { etag: etag.clone(), request_id: "once".into(), ..pausing() };
    let first = plane.pause_with(once.clone()).await.unwrap();
    assert_eq!(plane.pause_with(once).await.unwrap(), first, "though the etag is another one now");
    let stale = said(plane.pause_with(PauseDeploymentRequest { etag: etag.clone(), ..pausing() }).await);
    assert_eq!((stale.code, stale.reason.as_str()), (Code::Aborted, "ETAG_MISMATCH"));

    let tried = ResumeDeploymentRequest { validate_only: true, ..resuming() };
    assert_eq!(plane.resume_with(tried).await.unwrap().revision, 0);
    let stale = said(plane.resume_with(ResumeDeploymentRequest { etag, ..resuming() }).await);
    assert_eq!(stale.code, Code::Aborted);
    let once = ResumeDeploymentRequest { request_id: "twice".into(), ..resuming() };
    let first = plane.resume_with(once.clone()).await.unwrap();
    assert_eq!(plane.resume_with(once).await.unwrap(), first);
    // An id stands for one method, too.
    let other = PauseDeploymentRequest { request_id: "twice".into(), ..pausing() };
    assert_eq!(said(plane.pause_with(other).await).reason, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_second_deployment_of_a_customer_is_not_resumed() {
    let plane = ControlPlane::with_acme().await;
    plane.pause().await.unwrap();
    let second = deployment("", "customers/bowlers-inc");
    plane.create_deployment("integrations/acme-erp", "second", second).await.unwrap();
    let refused = said(plane.resume().await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::FailedPrecondition, "DEPLOYMENT_ALREADY_ENABLED")
    );
    assert_eq!(refused.fields(), ["name"]);
    assert_eq!(refused.preconditions[0].1, "integrations/acme-erp/deployments/second");
    assert_eq!(plane.deployment(BOWLERS).await.state(), State::Paused);
}

#[tokio::test]
async fn names_are_judged() {
    let plane = ControlPlane::with_acme().await;
    let nobody = PauseDeploymentRequest { name: format!("{BOWLERS}-2"), ..Default::default() };
    let refused = said(plane.pause_with(nobody).await);
    assert_eq!((refused.code, refused.resource), (Code::NotFound, Some(format!("{BOWLERS}-2"))));
    let malformed = ResumeDeploymentRequest { name: "bowlers".into(), ..Default::default() };
    assert_eq!(said(plane.resume_with(malformed).await).fields(), ["name"]);
}

/// Rules can become stricter. What was written under laxer ones can be stopped all the same.
#[tokio::test]
async fn a_deployment_that_would_be_refused_today_can_be_paused() {
    let mut plane = ControlPlane::with_acme().await;
    let database = rusqlite::Connection::open(plane.data().join("pointsman.db")).unwrap();
    database.execute("UPDATE flow_endpoints SET url = 'ftp://127.0.0.1/'", []).unwrap();
    drop(database);
    plane.restart().await;
    assert_eq!(plane.pause().await.unwrap().deployment.unwrap().state(), State::Paused);
    assert_eq!(said(plane.resume().await).code, Code::InvalidArgument);
}
