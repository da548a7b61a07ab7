use pointsman_proto::admin::v1::{GetEdgeRequest, edge_service_client::EdgeServiceClient};
use tonic::{Code, transport::Channel};
use tonic_types::StatusExt as _;

use super::*;
use crate::{
    domain::filter::Filter,
    testkit::{
        Plane, Served,
        edge::{Edge, Holdings},
        patient,
    },
};

/// A control plane at revision 1, and an edge that holds that back.
async fn holding() -> (Served, Edge, EdgeServiceClient<Channel>) {
    let served = Plane::new(patient()).serve().await;
    served.plane.customer("a", "1").await;
    let held = Holdings { epoch: "other".to_owned(), revision: 77, ..Holdings::default() };
    let mut edge = Edge::connect(&served, "berlin", held).await;
    edge.hold_back().await;
    served.plane.until("berlin", |edge| edge.held_back.is_some()).await;
    let client = served.edges().await;
    (served, edge, client)
}

fn named(name: &str) -> AcceptConfigurationRequest {
    AcceptConfigurationRequest { name: name.to_owned(), ..AcceptConfigurationRequest::default() }
}

fn reason(status: &Status) -> (Code, String) {
    (status.code(), status.get_details_error_info().expect("a reason").reason)
}

/// What the audit tells: the resource, and what differs.
async fn audited(served: &Served) -> Vec<(String, Vec<(String, String)>)> {
    let registry = Registry::new(served.plane.store.clone(), std::time::SystemTime::now);
    let add = |entries: &mut Vec<_>, record: crate::store::AuditRecord| {
        assert!(record.reroutes);
        let change = |change: FieldChange| (change.field, format!("{:?} {:?}", change.before, change.after));
        entries.push((record.entry.resource, record.entry.changes.into_iter().map(change).collect()));
        std::ops::ControlFlow::Continue(())
    };
    registry.audit(None, Filter::default(), Vec::new(), add).await.unwrap().page
}

#[tokio::test]
async fn an_edge_shows_what_it_holds_back_and_takes_it_in_when_that_is_accepted() {
    let (served, mut edge, mut client) = holding().await;
    let ours = served.plane.store.epoch().as_str().to_owned();
    let get = GetEdgeRequest { name: "edges/berlin".to_owned() };
    let shown = client.get_edge(get.clone()).await.unwrap().into_inner().edge.unwrap();
    assert_eq!((shown.epoch.as_str(), shown.revision, shown.lag_revisions), ("other", 77, 1));
    let held_back = shown.held_back.unwrap();
    assert_eq!((held_back.epoch.as_str(), held_back.revision), (ours.as_str(), 1));
    assert_eq!((held_back.endpoints_served, held_back.endpoints_removed), (4, 3));
    assert_eq!((held_back.deployments_served, held_back.deployments_removed), (2, 2));

    let tried = AcceptConfigurationRequest { validate_only: true, ..named("edges/berlin") };
    let tried = client.accept_configuration(tried).await.unwrap().into_inner();
    assert_eq!((tried.revision, tried.accepted.len()), (0, 1));
    assert_eq!(audited(&served).await, []);

    let id = "once".to_owned();
    let request = AcceptConfigurationRequest {
        epoch: ours.clone(),
        revision: 1,
        request_id: id,
        ..named("edges/berlin")
    };
    let accepted = client.accept_configuration(request.clone()).await.unwrap().into_inner();
    let expected = AcceptedConfiguration {
        edge: "edges/berlin".to_owned(),
        epoch: "other".to_owned(),
        revision: 77,
        held_back: Some(held_back),
    };
    assert_eq!(accepted, AcceptConfigurationResponse { accepted: vec![expected], revision: 1 });
    assert_eq!(edge.follow().await.accepted, Some(1));
    served.plane.until("berlin", |edge| edge.held_back.is_none()).await;
    let shown = client.get_edge(get).await.unwrap().into_inner().edge.unwrap();
    assert_eq!(
        (shown.epoch, shown.revision, shown.lag_revisions, shown.held_back),
        (ours.clone(), 1, 0, None)
    );

    // A repeat is answered as the first was, though there is nothing any more to accept.
    assert_eq!(client.accept_configuration(request).await.unwrap().into_inner(), accepted);
    let change = |field: &str, before: &str, after: &str| {
        (field.to_owned(), format!("Some({before:?}) Some({after:?})"))
    };
    let changes = vec![
        change("epoch", "other", &ours),
        change("revision", "77", "1"),
        change("endpoints", "4", "1"),
        change("deployments", "2", "0"),
    ];
    assert_eq!(audited(&served).await, [("edges/berlin".to_owned(), changes)]);
}

#[tokio::test]
async fn all_that_hold_something_back_are_meant_by_a_dash() {
    let (served, mut edge, mut client) = holding().await;
    let mut other = Edge::connect(&served, "fine", Holdings::default()).await;
    other.follow().await;
    served.plane.until("fine", |edge| edge.revision.number() == 1).await;
    let accepted = client.accept_configuration(named("edges/-")).await.unwrap().into_inner().accepted;
    assert_eq!(accepted.iter().map(|accepted| accepted.edge.as_str()).collect::<Vec<_>>(), ["edges/berlin"]);
    assert_eq!(edge.follow().await.accepted, Some(1));
    served.plane.until("berlin", |edge| edge.held_back.is_none()).await;
    let refused = client.accept_configuration(named("edges/-")).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::FailedPrecondition, "NOTHING_HELD_BACK".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_accepted_is_refused_with_why() {
    let (served, edge, mut client) = holding().await;
    let mut refused = async |request| client.accept_configuration(request).await.unwrap_err();
    let status = refused(named("edges/nobody")).await;
    assert_eq!(reason(&status), (Code::NotFound, "NOT_FOUND".to_owned()));
    let other = AcceptConfigurationRequest { revision: 2, ..named("edges/berlin") };
    let status = refused(other.clone()).await;
    assert_eq!(reason(&status), (Code::FailedPrecondition, "HELD_BACK_CHANGED".to_owned()));
    let violations = status.get_details_precondition_failure().unwrap().violations;
    assert_eq!((violations.len(), violations[0].subject.as_str()), (1, "edges/berlin"));
    let status = refused(AcceptConfigurationRequest { name: "edges/-".to_owned(), ..other }).await;
    assert_eq!(reason(&status).1, "NOTHING_HELD_BACK");
    let faulty = AcceptConfigurationRequest { revision: -1, ..named("berlin") };
    let fields = refused(faulty).await.get_details_bad_request().unwrap().field_violations;
    assert_eq!(fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>(), ["name", "revision"]);
    drop(edge);
    served.plane.until("berlin", |edge| !edge.is_connected()).await;
    let status = refused(named("edges/berlin")).await;
    assert_eq!(reason(&status), (Code::FailedPrecondition, "EDGE_NOT_CONNECTED".to_owned()));
    assert_eq!(audited(&served).await, []);
}
