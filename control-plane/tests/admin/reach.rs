//! How far a token for one integration reaches: revisions, rollbacks, rotations, pauses and look-ups.

use pointsman_proto::admin::v1::{
    access_token::Role, customer_mapping_service_client::CustomerMappingServiceClient,
    deployment_service_client::DeploymentServiceClient, integration_service_client::IntegrationServiceClient,
    lookup_customer_request::Known, *,
};
use tonic::{Code, Status};

use crate::{
    access::{token, with},
    harness::{ControlPlane, acme_erp, said},
};

const ACME: &str = "integrations/acme-erp";
const OTHER: &str = "integrations/other";

/// A plane with two integrations, and the secret of a token for one of them.
async fn with_token(role: Role) -> (ControlPlane, String) {
    let plane = ControlPlane::with_acme().await;
    let other = Integration { name: OTHER.into(), ..acme_erp() };
    plane.create_integration("other", other).await.unwrap();
    let admin = plane.close().await;
    let secret = plane.make(&admin, "scoped", token(role, &["acme-erp"])).await;
    (plane, secret)
}

fn assert_out_of_scope<T: std::fmt::Debug>(answer: Result<T, Status>) {
    let refused = said(answer);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::PermissionDenied, "OUT_OF_SCOPE"));
}

#[tokio::test]
async fn an_editor_of_one_integration_changes_that_one_and_is_named_for_it() {
    let (plane, secret) = with_token(Role::Editor).await;
    let mut integrations = IntegrationServiceClient::new(with(plane.channel(), &secret));
    let list = |name: &str| ListIntegrationRevisionsRequest { name: name.into(), ..Default::default() };
    let rotate =
        |name: &str| IntegrationServiceRotateEndpointTokenRequest { name: name.into(), ..Default::default() };
    let back =
        |name: &str| RollbackIntegrationRequest { name: name.into(), revision: 1, ..Default::default() };
    integrations.rotate_endpoint_token(rotate(ACME)).await.unwrap();
    integrations.rollback_integration(back(ACME)).await.unwrap();
    let listed = integrations.list_integration_revisions(list(ACME)).await.unwrap().into_inner();
    assert_eq!(listed.revisions[0].caller, "accessTokens/scoped");
    assert_eq!(listed.revisions[1].caller, "", "nobody was asked for a token then");

    assert_out_of_scope(integrations.list_integration_revisions(list(OTHER)).await);
    assert_out_of_scope(integrations.rotate_endpoint_token(rotate(OTHER)).await);
    assert_out_of_scope(integrations.rollback_integration(back(OTHER)).await);
    // Also of what is not there: a scope says nothing of what is beyond it.
    assert_out_of_scope(integrations.list_integration_revisions(list("integrations/none")).await);

    let mut deployments = DeploymentServiceClient::new(with(plane.channel(), &secret));
    let (mine, theirs) = (format!("{ACME}/deployments/bowlers-inc"), format!("{OTHER}/deployments/x"));
    let pause = |name: &str| PauseDeploymentRequest { name: name.into(), ..Default::default() };
    let resume = |name: &str| ResumeDeploymentRequest { name: name.into(), ..Default::default() };
    deployments.pause_deployment(pause(&mine)).await.unwrap();
    deployments.resume_deployment(resume(&mine)).await.unwrap();
    assert_out_of_scope(deployments.pause_deployment(pause(&theirs)).await);
    assert_out_of_scope(deployments.resume_deployment(resume(&theirs)).await);
    let rotate = DeploymentServiceRotateEndpointTokenRequest { name: theirs, ..Default::default() };
    assert_out_of_scope(deployments.rotate_endpoint_token(rotate).await);
}

#[tokio::test]
async fn a_preprocess_service_looks_customers_up_in_its_integration_and_does_nothing_else() {
    let (plane, secret) = with_token(Role::Preprocess).await;
    let mut mappings = CustomerMappingServiceClient::new(with(plane.channel(), &secret));
    let known = |parent: &str| LookupCustomerRequest {
        parent: parent.into(),
        known: Some(Known::SourceCustomerId("A06DFFAC".into())),
    };
    let found = mappings.lookup_customer(known(ACME)).await.unwrap().into_inner();
    assert_eq!(found.customer.unwrap().external_id, "progix-1001");
    assert_out_of_scope(mappings.lookup_customer(known(OTHER)).await);

    let list = ListCustomerMappingsRequest { parent: ACME.into(), ..Default::default() };
    assert_eq!(said(mappings.list_customer_mappings(list).await).code, Code::PermissionDenied);
    let mut integrations = IntegrationServiceClient::new(with(plane.channel(), &secret));
    let list = ListIntegrationRevisionsRequest { name: ACME.into(), ..Default::default() };
    assert_eq!(said(integrations.list_integration_revisions(list).await).code, Code::PermissionDenied);
}

#[tokio::test]
async fn a_viewer_sees_what_was_and_changes_nothing() {
    let (plane, secret) = with_token(Role::Viewer).await;
    let mut integrations = IntegrationServiceClient::new(with(plane.channel(), &secret));
    let list = ListIntegrationRevisionsRequest { name: ACME.into(), ..Default::default() };
    integrations.list_integration_revisions(list).await.unwrap();
    let back = RollbackIntegrationRequest { name: ACME.into(), revision: 1, ..Default::default() };
    assert_eq!(said(integrations.rollback_integration(back).await).code, Code::PermissionDenied);
    let rotate = IntegrationServiceRotateEndpointTokenRequest { name: ACME.into(), ..Default::default() };
    assert_eq!(said(integrations.rotate_endpoint_token(rotate).await).code, Code::PermissionDenied);
}
