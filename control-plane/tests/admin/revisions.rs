//! What integrations were, and going back to it.

use pointsman_proto::admin::v1::*;
use tonic::{Code, Status};

use crate::harness::{ControlPlane, acme_erp, deployment, flow, said, strings, url};

const ACME: &str = "integrations/acme-erp";
const SERVICE: &str = "https://preprocess.example.com:50061";

impl ControlPlane {
    async fn revisions(&self, page_size: i32, page_token: &str) -> Result<Revisions, Status> {
        let request = ListIntegrationRevisionsRequest {
            name: ACME.to_owned(),
            page_size,
            page_token: page_token.to_owned(),
        };
        let answer = self.integrations().list_integration_revisions(request).await?.into_inner();
        Ok((answer.revisions, answer.next_page_token))
    }

    async fn roll_back(&self, revision: i64) -> Result<RollbackIntegrationResponse, Status> {
        self.roll_back_with(rollback(revision)).await
    }

    async fn roll_back_with(
        &self,
        request: RollbackIntegrationRequest,
    ) -> Result<RollbackIntegrationResponse, Status> {
        self.integrations().rollback_integration(request).await.map(tonic::Response::into_inner)
    }

    async fn rename(&self, display_name: &str) -> i64 {
        let named = Integration {
            name: ACME.to_owned(),
            display_name: display_name.to_owned(),
            ..Default::default()
        };
        self.update_integration(named, &["display_name"]).await.unwrap().revision
    }

    /// Gives the integration a service, with one secret.
    async fn set_service(&self, address: &str, secret: &str) -> i64 {
        let mut change = acme_erp();
        change.endpoint.as_mut().unwrap().preprocess = Some(Preprocess {
            address: address.to_owned(),
            metadata: strings(&[("authorization", secret)]),
            ..Default::default()
        });
        self.update_integration(change, &["endpoint.preprocess"]).await.unwrap().revision
    }
}

type Revisions = (Vec<IntegrationRevision>, String);

fn rollback(revision: i64) -> RollbackIntegrationRequest {
    RollbackIntegrationRequest { name: ACME.to_owned(), revision, ..Default::default() }
}

fn numbers(revisions: &[IntegrationRevision]) -> Vec<i64> {
    revisions.iter().map(|kept| kept.revision).collect()
}

fn fields(kept: &IntegrationRevision) -> Vec<&str> {
    kept.changes.iter().map(|change| change.field.as_str()).collect()
}

fn change(field: &str, before: &str, after: &str) -> FieldChange {
    let (before, after) = (Some(before.to_owned()), Some(after.to_owned()));
    FieldChange { field: field.to_owned(), before, after, reroutes: false }
}

#[tokio::test]
async fn every_way_of_changing_an_integration_keeps_a_revision_and_nothing_else_does() {
    let plane = ControlPlane::with_acme().await;
    let made = plane.revision().await;
    let updated = plane.rename("One").await;
    let mut manifest = crate::harness::acme();
    manifest.integrations[0].display_name = "Two".to_owned();
    let applied = plane.apply(manifest.clone()).await.unwrap().revision;
    let rotated =
        IntegrationServiceRotateEndpointTokenRequest { name: ACME.to_owned(), ..Default::default() };
    let rotated = plane.integrations().rotate_endpoint_token(rotated).await.unwrap().into_inner().revision;

    // Nothing of the integration: the same again, a dry run, a refusal, another resource.
    plane.apply(manifest).await.unwrap();
    let dry = UpdateIntegrationRequest {
        integration: Some(Integration { display_name: "Dry".to_owned(), ..acme_erp() }),
        validate_only: true,
        ..Default::default()
    };
    plane.integrations().update_integration(dry).await.unwrap();
    let faulty = Integration { flows: Vec::new(), ..acme_erp() };
    plane.update_integration(faulty, &["flows"]).await.unwrap_err();
    plane.create_customer("third", crate::harness::customer("", "progix-3")).await.unwrap();

    let (revisions, next) = plane.revisions(0, "").await.unwrap();
    assert_eq!((numbers(&revisions), next.as_str()), (vec![rotated, applied, updated, made], ""));
    let names: Vec<_> =
        revisions.iter().map(|kept| kept.integration.as_ref().unwrap().display_name.as_str()).collect();
    assert_eq!(names, ["Two", "Two", "One", "Acme ERP"]);
    assert_eq!(fields(&revisions[0]), ["endpoint.url", "endpoint.older_urls"]);
    assert_eq!(revisions[1].changes, [change("display_name", "One", "Two")]);
    assert_eq!(revisions[2].changes, [change("display_name", "Acme ERP", "One")]);
    assert!(revisions[3].changes.is_empty(), "the first differs from nothing: {:?}", revisions[3]);
    assert!(revisions.iter().all(|kept| kept.rolled_back_to == 0 && kept.create_time.is_some()));
}

#[tokio::test]
async fn a_revision_says_what_the_integration_was_without_what_is_output_only() {
    let plane = ControlPlane::with_acme().await;
    let (revisions, _) = plane.revisions(0, "").await.unwrap();
    assert_eq!(revisions[0].integration, Some(acme_erp()));
}

#[tokio::test]
async fn pages_go_from_the_latest_to_the_first_and_a_token_is_good_for_its_list_alone() {
    let plane = ControlPlane::with_acme().await;
    for name in ["One", "Two", "Three", "Four"] {
        plane.rename(name).await;
    }
    let (all, _) = plane.revisions(0, "").await.unwrap();
    let (first, next) = plane.revisions(2, "").await.unwrap();
    // A later revision moves nothing on the pages behind.
    plane.rename("Five").await;
    let (second, last) = plane.revisions(2, &next).await.unwrap();
    let (third, end) = plane.revisions(2, &last).await.unwrap();
    assert_eq!([numbers(&first), numbers(&second), numbers(&third)].concat(), numbers(&all));
    assert_eq!((third.len(), end.as_str()), (1, ""));

    assert_eq!(said(plane.revisions(2, "AAAA").await).reason, "PAGE_TOKEN_INVALID");
    let other = Integration { name: "integrations/other".into(), ..acme_erp() };
    plane.create_integration("other", other).await.unwrap();
    let request = ListIntegrationRevisionsRequest {
        name: "integrations/other".into(),
        page_token: next.clone(),
        ..Default::default()
    };
    let refused = said(plane.integrations().list_integration_revisions(request).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::InvalidArgument, "PAGE_TOKEN_INVALID"));
    let listed = ListIntegrationsRequest { page_size: 1, ..Default::default() };
    let listed = plane.integrations().list_integrations(listed).await.unwrap().into_inner();
    assert_eq!(said(plane.revisions(2, &listed.next_page_token).await).reason, "PAGE_TOKEN_INVALID");

    assert_eq!(said(plane.revisions(-1, "").await).fields(), ["page_size"]);
    let request = ListIntegrationRevisionsRequest { name: "integrations/none".into(), ..Default::default() };
    let refused = said(plane.integrations().list_integration_revisions(request).await);
    assert_eq!((refused.code, refused.resource.as_deref()), (Code::NotFound, Some("integrations/none")));
}

#[tokio::test]
async fn secrets_are_not_in_revisions_but_that_one_changed_is() {
    let plane = ControlPlane::with_acme().await;
    plane.set_service(SERVICE, "Bearer first-secret").await;
    plane.set_service(SERVICE, "Bearer second-secret").await;
    let (revisions, _) = plane.revisions(0, "").await.unwrap();
    assert!(!format!("{revisions:?}").contains("-secret"), "{revisions:?}");
    let metadata = r#"endpoint.preprocess.metadata["authorization"]"#;
    assert_eq!(revisions[0].changes, [change(metadata, "<redacted>", "<redacted>")]);
    let kept = revisions[0].integration.clone().unwrap().endpoint.unwrap().preprocess.unwrap();
    assert_eq!(kept.metadata["authorization"], "<redacted>");
    let (data, name) = (plane.data().to_owned(), "pointsman.db");
    let rows = rusqlite::Connection::open(data.join(name)).unwrap();
    let kept: String = rows
        .query_row("SELECT group_concat(endpoint || changes) FROM integration_revisions", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert!(kept.contains("<redacted>") && !kept.contains("-secret"), "{kept}");
}

#[tokio::test]
async fn revisions_go_with_their_integration_and_a_new_one_of_the_name_starts_over() {
    let plane = ControlPlane::start().await;
    plane.create_integration("acme-erp", acme_erp()).await.unwrap();
    plane.rename("One").await;
    let delete = DeleteIntegrationRequest { name: ACME.into(), ..Default::default() };
    plane.integrations().delete_integration(delete).await.unwrap();
    assert_eq!(said(plane.revisions(0, "").await).code, Code::NotFound);
    plane.create_integration("acme-erp", acme_erp()).await.unwrap();
    assert_eq!(plane.revisions(0, "").await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn a_rollback_restores_the_spec_and_is_a_revision_itself() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.integration(ACME).await;
    let first = plane.revision().await;
    let mut change = Integration { display_name: "Changed".into(), ..acme_erp() };
    change.flows.push(flow("third", "Third"));
    change.endpoint.as_mut().unwrap().max_body_bytes = 99;
    let second = plane.update_integration(change, &["*"]).await.unwrap().revision;

    let answer = plane.roll_back(first).await.unwrap();
    let after = answer.integration.unwrap();
    assert_eq!(answer.revision, second + 1);
    let expected = Integration { etag: after.etag.clone(), update_time: after.update_time, ..before.clone() };
    assert_eq!(after, expected, "uid, owner and URL are no part of a revision");
    assert_ne!(after.etag, before.etag);
    assert_eq!(plane.integration(ACME).await, after);
    let (revisions, _) = plane.revisions(1, "").await.unwrap();
    assert_eq!((revisions[0].revision, revisions[0].rolled_back_to), (second + 1, first));
    let expected = ["display_name", r#"flows["third"]"#, "endpoint.max_body_bytes"];
    assert_eq!(fields(&revisions[0]), expected);

    // And forward again, to what it was before the rollback.
    let forward = plane.roll_back(second).await.unwrap();
    assert_eq!(forward.integration.unwrap().flows.len(), 3);
}

#[tokio::test]
async fn a_rollback_to_what_is_there_changes_nothing() {
    let plane = ControlPlane::with_acme().await;
    let first = plane.revision().await;
    plane.rename("Away").await;
    let back = plane.rename("Acme ERP").await;
    let before = plane.integration(ACME).await;
    let answer = plane.roll_back(first).await.unwrap();
    assert_eq!((answer.revision, answer.integration.unwrap()), (back, before));
    assert_eq!(plane.revisions(0, "").await.unwrap().0.len(), 3);
}

#[tokio::test]
async fn a_rollback_obeys_the_rules_of_every_update_and_names_all_that_stands_in_the_way() {
    let plane = ControlPlane::with_acme().await;
    let first = plane.revision().await;
    let mut grown = acme_erp();
    grown.flows.extend([flow("third", "Third"), flow("fourth", "Fourth")]);
    plane.update_integration(grown, &["flows"]).await.unwrap();
    let mut used = deployment("integrations/acme-erp/deployments/bowlers-inc", "customers/bowlers-inc");
    used.flow_endpoints.insert("third".into(), url("http://127.0.0.1:1/"));
    used.flow_endpoints.insert("fourth".into(), url("http://127.0.0.1:1/"));
    let latest = plane.update_deployment(used, &["flow_endpoints"]).await.unwrap().revision;

    let refused = said(plane.roll_back(first).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "FLOW_IN_USE"));
    assert_eq!(refused.preconditions.len(), 2, "{refused:?}");
    assert_eq!(refused.fields(), ["revision.flows"]);
    assert_eq!(plane.revision().await, latest);
}

#[tokio::test]
async fn a_rollback_can_be_tried_guarded_and_repeated() {
    let plane = ControlPlane::with_acme().await;
    let first = plane.revision().await;
    let stale = plane.integration(ACME).await.etag;
    let second = plane.rename("Changed").await;

    let dry = RollbackIntegrationRequest { validate_only: true, ..rollback(first) };
    let dry = plane.roll_back_with(dry).await.unwrap();
    assert_eq!((dry.revision, dry.integration.unwrap().display_name.as_str()), (0, "Acme ERP"));
    assert_eq!((plane.revision().await, plane.revisions(0, "").await.unwrap().0.len()), (second, 2));

    let guarded = RollbackIntegrationRequest { etag: stale, ..rollback(first) };
    assert_eq!(said(plane.roll_back_with(guarded.clone()).await).code, Code::Aborted);
    let repeatable = RollbackIntegrationRequest {
        etag: plane.integration(ACME).await.etag,
        request_id: "once".into(),
        ..guarded
    };
    let answer = plane.roll_back_with(repeatable.clone()).await.unwrap();
    assert_eq!(answer.revision, second + 1);
    assert_eq!(plane.roll_back_with(repeatable).await.unwrap(), answer, "answered as it was");
    assert_eq!(plane.revision().await, second + 1);
}

#[tokio::test]
async fn what_is_no_revision_of_the_integration_is_said_so() {
    let plane = ControlPlane::with_acme().await;
    plane.create_customer("third", crate::harness::customer("", "progix-3")).await.unwrap();
    for revision in [2, 99, i64::MAX] {
        let refused = said(plane.roll_back(revision).await);
        assert_eq!((refused.code, refused.reason.as_str()), (Code::NotFound, "NOT_FOUND"));
        assert_eq!(refused.resource, Some(format!("{ACME}@{revision}")));
    }
    for revision in [0, -1] {
        assert_eq!(said(plane.roll_back(revision).await).fields(), ["revision"]);
    }
    let nameless = RollbackIntegrationRequest::default();
    assert_eq!(said(plane.roll_back_with(nameless).await).fields(), ["name", "revision"]);
    let missing = RollbackIntegrationRequest { name: "integrations/none".into(), ..rollback(1) };
    assert_eq!(said(plane.roll_back_with(missing).await).code, Code::NotFound);
}

#[tokio::test]
async fn a_rollback_never_takes_the_secret_of_now_to_another_host() {
    let plane = ControlPlane::with_acme().await;
    let old = plane.set_service("https://old.example.com", "Bearer old-secret").await;
    let same = plane.set_service(SERVICE, "Bearer middle-secret").await;
    plane.set_service(SERVICE, "Bearer new-secret").await;
    let mut slower = acme_erp();
    let service = Preprocess { body: PreprocessBody::None.into(), ..Default::default() };
    slower.endpoint.as_mut().unwrap().preprocess = Some(service);
    plane.update_integration(slower, &["endpoint.preprocess.body"]).await.unwrap();

    plane.roll_back(same).await.unwrap();

    let metadata = r#"preprocess_metadata["authorization"]"#;
    let refused = said(plane.roll_back(old).await);
    assert_eq!((refused.code, refused.fields()), (Code::InvalidArgument, vec![metadata]));
    assert!(!format!("{refused:?}").contains("-secret"), "{refused:?}");
    let supplied = RollbackIntegrationRequest {
        preprocess_metadata: strings(&[("authorization", "Bearer supplied")]),
        ..rollback(old)
    };
    let answer = plane.roll_back_with(supplied.clone()).await.unwrap();
    let service = answer.integration.unwrap().endpoint.unwrap().preprocess.unwrap();
    assert_eq!(service.address, "https://old.example.com");

    // Nothing of the name in that revision: a slip of the pen, and not to be sent.
    let slip = RollbackIntegrationRequest {
        preprocess_metadata: strings(&[("authorisation", "x"), ("authorization", "y")]),
        ..rollback(same)
    };
    assert_eq!(said(plane.roll_back_with(slip).await).fields(), [r#"preprocess_metadata["authorisation"]"#]);
}

#[tokio::test]
async fn a_rollback_to_a_service_after_it_was_taken_away_needs_its_secrets() {
    let plane = ControlPlane::with_acme().await;
    let with = plane.set_service(SERVICE, "Bearer gone-secret").await;
    let without = Integration { name: ACME.into(), ..acme_erp() };
    plane.update_integration(without, &["endpoint.preprocess"]).await.unwrap();
    let refused = said(plane.roll_back(with).await);
    assert_eq!(refused.fields(), [r#"preprocess_metadata["authorization"]"#]);
}

/// A client takes 4 MiB by default, and an integration can be almost 1 MiB.
#[tokio::test]
async fn large_revisions_are_bounded_and_pages_end_before_they_are_too_long() {
    const VALUES: usize = 3_000;
    let plane = ControlPlane::with_acme().await;
    for round in 0..6 {
        let mut large = acme_erp();
        let values = (0..VALUES).map(|index| (format!("{index:0>150}"), format!("{round}{index:0>100}")));
        large.endpoint.as_mut().unwrap().external_customer_id.as_mut().unwrap().values = values.collect();
        plane.update_integration(large, &["endpoint.external_customer_id.values"]).await.unwrap();
    }
    let (first, next) = plane.revisions(0, "").await.unwrap();
    assert!((1..6).contains(&first.len()) && !next.is_empty(), "{} on the page", first.len());
    let latest = &first[0];
    assert_eq!(latest.changes.len() + usize::try_from(latest.more_changes).unwrap(), VALUES);
    assert!(latest.changes.len() > 100 && latest.more_changes > 0, "{} kept", latest.changes.len());
    let mut all = numbers(&first);
    let mut token = next;
    while !token.is_empty() {
        let (page, next) = plane.revisions(0, &token).await.unwrap();
        all.extend(numbers(&page));
        token = next;
    }
    assert_eq!(all, [7, 6, 5, 4, 3, 2, 1]);
    // Whole, also where what differs is not.
    let back = plane.roll_back(2).await.unwrap().integration.unwrap();
    assert_eq!(back.endpoint.unwrap().external_customer_id.unwrap().values.len(), VALUES);
}
