//! New URLs beside old ones, and in place of them.

use pointsman_proto::admin::v1::{deployment::State, *};
use tonic::{Code, Status};

use crate::harness::{ControlPlane, acme, acme_erp, customer, deployment, said, unshared, url};

const ACME: &str = "integrations/acme-erp";
const OWN: &str = "integrations/own/deployments/d";
const FLOWS: &str = "integrations/flows/deployments/d";

type Shared = IntegrationServiceRotateEndpointTokenRequest;
type Own = DeploymentServiceRotateEndpointTokenRequest;

impl ControlPlane {
    /// The tutorial's resources, and a deployment of each other type of endpoint.
    async fn with_all_types() -> Self {
        let plane = Self::start().await;
        let mut manifest = acme();
        let one_flow = |name: &str| Deployment {
            flow_endpoints: [("main".to_owned(), url("http://127.0.0.1:1/"))].into(),
            ..deployment(name, "customers/bowlers-inc")
        };
        manifest.integrations.extend([
            unshared("integrations/own", EndpointType::InstanceSpecific),
            unshared("integrations/flows", EndpointType::FlowSpecific),
        ]);
        manifest.deployments.extend([one_flow(OWN), one_flow(FLOWS)]);
        plane.apply(manifest).await.unwrap();
        plane
    }

    async fn rotate_shared(
        &self,
        request: Shared,
    ) -> Result<IntegrationServiceRotateEndpointTokenResponse, Status> {
        self.integrations().rotate_endpoint_token(request).await.map(tonic::Response::into_inner)
    }

    async fn rotate_own(&self, request: Own) -> Result<DeploymentServiceRotateEndpointTokenResponse, Status> {
        self.deployments().rotate_endpoint_token(request).await.map(tonic::Response::into_inner)
    }

    /// The tokens that are kept, in their order.
    fn shared_tokens(&self) -> Vec<String> {
        let database = rusqlite::Connection::open(self.data().join("pointsman.db")).unwrap();
        let sql =
            "SELECT token FROM endpoint_tokens WHERE integration = 'integrations/acme-erp' ORDER BY position";
        let mut statement = database.prepare(sql).unwrap();
        let tokens = statement.query_map([], |row| row.get(0)).unwrap();
        tokens.collect::<Result<_, _>>().unwrap()
    }
}

fn shared(rotation: Rotation) -> Shared {
    Shared { name: ACME.into(), rotation: rotation.into(), ..Default::default() }
}

fn own(name: &str, flow: &str, rotation: Rotation) -> Own {
    Own { name: name.into(), flow: flow.into(), rotation: rotation.into(), ..Default::default() }
}

fn shown(integration: Option<Integration>) -> String {
    integration.unwrap().endpoint.unwrap().url
}

#[tokio::test]
async fn a_new_url_stands_in_front_until_the_rotation_is_finished() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.integration(ACME).await;
    let old = plane.shared_tokens();

    let started = plane.rotate_shared(shared(Rotation::Start)).await.unwrap();
    assert_eq!((started.older_urls, started.revision), (1, 2));
    let after = started.integration.unwrap();
    assert_ne!(after.etag, before.etag, "an ordinary change of the resource");
    assert_eq!(after, plane.integration(ACME).await);
    let tokens = plane.shared_tokens();
    assert_eq!(tokens[1..], old);
    assert!(after.endpoint.unwrap().url.ends_with(&tokens[0]));

    let finished = plane.rotate_shared(shared(Rotation::Finish)).await.unwrap();
    assert_eq!((finished.older_urls, finished.revision), (0, 3));
    assert_eq!(plane.shared_tokens(), tokens[..1]);
    let again = plane.rotate_shared(shared(Rotation::Finish)).await.unwrap();
    assert_eq!((again.older_urls, again.revision), (0, 3), "it is finished already");
}

#[tokio::test]
async fn a_url_that_became_known_is_replaced_at_once() {
    let plane = ControlPlane::with_acme().await;
    plane.rotate_shared(shared(Rotation::Unspecified)).await.unwrap();
    let before = plane.shared_tokens();
    assert_eq!(before.len(), 2, "unspecified means start");
    let replaced = plane.rotate_shared(shared(Rotation::Replace)).await.unwrap();
    assert_eq!(replaced.older_urls, 0);
    let tokens = plane.shared_tokens();
    assert_eq!(tokens.len(), 1);
    assert!(!before.contains(&tokens[0]));
    assert!(shown(replaced.integration).ends_with(&tokens[0]));
}

#[tokio::test]
async fn five_urls_work_at_a_time() {
    let plane = ControlPlane::with_acme().await;
    for older in 1..5 {
        assert_eq!(plane.rotate_shared(shared(Rotation::Start)).await.unwrap().older_urls, older);
    }
    let before = plane.shared_tokens();
    let refused = said(plane.rotate_shared(shared(Rotation::Start)).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "TOO_MANY_URLS"));
    assert!(refused.message.contains("finish"), "{refused:?}");
    assert_eq!(plane.shared_tokens(), before);
    plane.rotate_shared(shared(Rotation::Replace)).await.unwrap();
    plane.rotate_shared(shared(Rotation::Start)).await.unwrap();
}

#[tokio::test]
async fn rotations_can_be_tried_guarded_and_repeated() {
    let plane = ControlPlane::with_acme().await;
    let etag = plane.integration(ACME).await.etag;
    let before = plane.shared_tokens();
    for (rotation, older, url) in
        [(Rotation::Start, 1, false), (Rotation::Replace, 0, false), (Rotation::Finish, 0, true)]
    {
        let tried = Shared { validate_only: true, ..shared(rotation) };
        let tried = plane.rotate_shared(tried).await.unwrap();
        assert_eq!((tried.revision, tried.older_urls), (0, older));
        assert_eq!(!shown(tried.integration).is_empty(), url, "no URL is shown that will never work");
    }
    assert_eq!((plane.shared_tokens(), plane.revision().await), (before, 1));

    let once = Shared { etag: etag.clone(), request_id: "once".into(), ..shared(Rotation::Start) };
    let first = plane.rotate_shared(once.clone()).await.unwrap();
    assert_eq!(plane.rotate_shared(once).await.unwrap(), first);
    assert_eq!(plane.shared_tokens().len(), 2);
    let stale = Shared { etag, ..shared(Rotation::Start) };
    assert_eq!(said(plane.rotate_shared(stale).await).code, Code::Aborted);
}

#[tokio::test]
async fn each_type_of_endpoint_is_rotated_where_it_is() {
    let plane = ControlPlane::with_all_types().await;
    let before = plane.deployment(OWN).await;
    let rotated = plane.rotate_own(own(OWN, "", Rotation::Start)).await.unwrap();
    let after = rotated.deployment.unwrap();
    assert_eq!(rotated.older_urls, 1);
    assert_ne!((&after.endpoint_url, &after.etag), (&before.endpoint_url, &before.etag));
    assert_eq!(plane.deployment(OWN).await, after);
    assert_eq!(plane.rotate_own(own(OWN, "", Rotation::Finish)).await.unwrap().older_urls, 0);

    let before = plane.deployment(FLOWS).await;
    let rotated = plane.rotate_own(own(FLOWS, "main", Rotation::Replace)).await.unwrap();
    let after = rotated.deployment.unwrap();
    assert_ne!(after.flow_endpoints["main"].endpoint_url, before.flow_endpoints["main"].endpoint_url);
    assert_ne!(after.flow_endpoints["main"].endpoint_url, "");

    let refused = said(plane.rotate_own(own(OWN, "main", Rotation::Start)).await);
    assert_eq!((refused.code, refused.fields()), (Code::InvalidArgument, vec!["flow"]));
    let refused = said(plane.rotate_own(own(FLOWS, "", Rotation::Start)).await);
    assert_eq!((refused.code, refused.fields()), (Code::InvalidArgument, vec!["flow"]));
    let refused = said(plane.rotate_own(own(FLOWS, "other", Rotation::Start)).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "FLOW_NOT_FOUND"));

    for refused in [
        said(plane.rotate_own(own("integrations/acme-erp/deployments/gamma-llc", "", Rotation::Start)).await),
        said(plane.rotate_shared(Shared { name: "integrations/own".into(), ..Default::default() }).await),
    ] {
        assert_eq!(
            (refused.code, refused.reason.as_str()),
            (Code::FailedPrecondition, "ENDPOINT_TYPE_MISMATCH")
        );
    }
    let refused = said(plane.rotate_shared(Shared { rotation: 9, ..Default::default() }).await);
    assert_eq!(refused.fields(), ["name", "rotation"]);
    let nobody = Shared { name: "integrations/none".into(), ..Default::default() };
    assert_eq!(said(plane.rotate_shared(nobody).await).code, Code::NotFound);
}

#[tokio::test]
async fn the_audit_tells_of_a_rotation_and_never_the_tokens() {
    let plane = ControlPlane::with_acme().await;
    let first = plane.shared_tokens();
    plane.rotate_shared(shared(Rotation::Start)).await.unwrap();
    plane.rotate_shared(shared(Rotation::Finish)).await.unwrap();
    let second = plane.shared_tokens();
    let database = rusqlite::Connection::open(plane.data().join("pointsman.db")).unwrap();
    let sql = "SELECT resource || ' ' || method || ' ' || changes FROM audit_entries WHERE action = 'rotated' ORDER BY id";
    let mut statement = database.prepare(sql).unwrap();
    let entries: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(entries.len(), 2);
    for (entry, token) in entries.iter().zip([&second[0], &first[0]]) {
        assert!(
            entry.starts_with(
                "integrations/acme-erp pointsman.admin.v1.IntegrationService/RotateEndpointToken"
            )
        );
        assert!(entry.contains(&token[..6]), "{entry}");
    }
    let rows: String = database
        .query_row(
            "SELECT (SELECT group_concat(changes) FROM audit_entries) || (SELECT group_concat(changes) FROM integration_revisions)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    for token in [&first[0], &second[0]] {
        assert!(!rows.contains(&token[..8]), "{rows}");
    }
}

/// The first rule: what a sender knows of one customer never leads to another one.
#[tokio::test]
async fn a_deployment_that_goes_to_another_customer_leaves_its_urls_behind() {
    let plane = ControlPlane::with_all_types().await;
    let moved = |name: &str| Deployment {
        name: name.to_owned(),
        customer: "customers/gamma-llc".to_owned(),
        ..Default::default()
    };
    plane.rotate_own(own(OWN, "", Rotation::Start)).await.unwrap();
    let before = plane.deployment(OWN).await;
    let tried =
        UpdateDeploymentRequest { deployment: Some(moved(OWN)), validate_only: true, ..Default::default() };
    let tried = plane.deployments().update_deployment(tried).await.unwrap().into_inner();
    assert_eq!(tried.deployment.unwrap().endpoint_url, "", "it will be a new one");
    assert_eq!(plane.deployment(OWN).await, before);
    let after = plane.update_deployment(moved(OWN), &["customer"]).await.unwrap().deployment.unwrap();
    assert_ne!(after.endpoint_url, before.endpoint_url);
    assert_eq!(plane.rotate_own(own(OWN, "", Rotation::Finish)).await.unwrap().older_urls, 0);
    assert_eq!(plane.deployment(OWN).await, after, "no older one was left");

    // The same through a manifest.
    let before = plane.deployment(FLOWS).await;
    let manifest = Manifest {
        deployments: vec![Deployment { customer: "customers/gamma-llc".into(), ..before.clone() }],
        ..Manifest::default()
    };
    plane.apply(manifest).await.unwrap();
    let after = plane.deployment(FLOWS).await;
    let url = |deployment: &Deployment| deployment.flow_endpoints["main"].endpoint_url.clone();
    assert_ne!(url(&after), url(&before));

    // Any other change keeps them.
    let paused = Deployment { state: State::Paused.into(), ..moved(FLOWS) };
    let paused = plane.update_deployment(paused, &["state", "customer"]).await.unwrap().deployment.unwrap();
    assert_eq!(url(&paused), url(&after));

    // The audit tells of it.
    let database = rusqlite::Connection::open(plane.data().join("pointsman.db")).unwrap();
    let sql = "SELECT changes FROM audit_entries WHERE resource = ?1 AND changes LIKE '%customer%' AND action = 'updated'";
    let entry: String = database.query_row(sql, [OWN], |row| row.get(0)).unwrap();
    assert!(entry.contains(r#""field":"endpoint_url","before":"/hooks/"#), "{entry}");
}

/// A URL of before can come back with its endpoint type; by then it may be another customer's.
#[tokio::test]
async fn also_while_the_endpoint_is_of_another_type() {
    let plane = ControlPlane::with_all_types().await;
    plane.create_customer("third", customer("", "progix-3")).await.unwrap();
    let before = plane.deployment(OWN).await.endpoint_url;
    let own_type = plane.integration("integrations/own").await;
    let shared = Integration { endpoint: acme_erp().endpoint, ..own_type.clone() };
    let shared = Integration {
        endpoint: Some(Endpoint { flow_name: None, ..shared.endpoint.clone().unwrap() }),
        etag: String::new(),
        ..shared
    };
    plane.update_integration(shared, &["endpoint"]).await.unwrap();
    let moved = Deployment { name: OWN.into(), customer: "customers/third".into(), ..Default::default() };
    plane.update_deployment(moved, &["customer"]).await.unwrap();
    plane.update_integration(Integration { etag: String::new(), ..own_type }, &["endpoint"]).await.unwrap();
    let after = plane.deployment(OWN).await.endpoint_url;
    assert!(!after.is_empty() && after != before);
}
