//! Request ids: a call that is repeated is answered as it was, and changes nothing.

use std::collections::BTreeSet;

use pointsman_proto::admin::v1::*;
use tonic::{Code, Response, Status};

use crate::harness::{ControlPlane, acme, customer, said};

fn create(id: &str, external_id: &str, request_id: &str) -> CreateCustomerRequest {
    CreateCustomerRequest {
        customer_id: id.to_owned(),
        customer: Some(customer("", external_id)),
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

async fn send(
    plane: &ControlPlane,
    request: CreateCustomerRequest,
) -> Result<CreateCustomerResponse, Status> {
    plane.customers().create_customer(request).await.map(Response::into_inner)
}

async fn delete(
    plane: &ControlPlane,
    name: &str,
    request_id: &str,
) -> Result<DeleteCustomerResponse, Status> {
    let request = DeleteCustomerRequest {
        name: name.to_owned(),
        request_id: request_id.to_owned(),
        ..Default::default()
    };
    plane.customers().delete_customer(request).await.map(Response::into_inner)
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_also_after_a_restart() {
    let mut plane = ControlPlane::start().await;
    let first = send(&plane, create("a", "a", "one")).await.unwrap();
    assert_eq!(send(&plane, create("a", "a", "one")).await.unwrap(), first);
    plane.restart().await;
    assert_eq!(send(&plane, create("a", "a", "one")).await.unwrap(), first);
    assert_eq!(said(send(&plane, create("a", "a", "two")).await).reason, "ALREADY_EXISTS");

    // Whatever has happened since.
    let deleted = delete(&plane, "customers/a", "three").await.unwrap();
    assert_eq!(send(&plane, create("a", "a", "one")).await.unwrap(), first);
    assert_eq!(delete(&plane, "customers/a", "three").await.unwrap(), deleted);
    assert_eq!(plane.revision().await, 2);
}

#[tokio::test]
async fn an_id_is_for_one_request() {
    let plane = ControlPlane::start().await;
    send(&plane, create("a", "a", "one")).await.unwrap();
    for refused in [
        said(send(&plane, create("a", "b", "one")).await),
        said(send(&plane, create("b", "a", "one")).await),
        // Another method.
        said(delete(&plane, "customers/a", "one").await),
        // What is wrong with it can wait.
        said(send(&plane, create("b", "a", "one")).await),
    ] {
        assert_eq!((refused.code, refused.reason.as_str()), (Code::InvalidArgument, "REQUEST_ID_REUSED"));
        assert_eq!(refused.fields(), ["request_id"]);
    }
    assert_eq!(plane.revision().await, 1);
}

#[tokio::test]
async fn what_only_validates_neither_remembers_nor_answers_from_memory() {
    let plane = ControlPlane::start().await;
    let validate =
        |external_id: &str| CreateCustomerRequest { validate_only: true, ..create("a", external_id, "one") };
    assert_eq!(send(&plane, validate("a")).await.unwrap().revision, 0);
    assert_eq!(send(&plane, create("a", "a", "one")).await.unwrap().revision, 1);
    assert_eq!(said(send(&plane, validate("a")).await).reason, "ALREADY_EXISTS");
}

#[tokio::test]
async fn a_call_that_failed_is_tried_again_and_one_that_changed_nothing_is_not() {
    let plane = ControlPlane::with_acme().await;
    assert_eq!(said(send(&plane, create("a", "progix-1001", "one")).await).reason, "EXTERNAL_ID_TAKEN");
    assert_eq!(send(&plane, create("a", "a", "one")).await.unwrap().revision, 2);

    let update = |display_name: &str, request_id: &str| UpdateCustomerRequest {
        customer: Some(Customer {
            name: "customers/a".to_owned(),
            display_name: display_name.to_owned(),
            ..Default::default()
        }),
        request_id: request_id.to_owned(),
        update_mask: crate::harness::field_mask(&["display_name"]),
        ..Default::default()
    };
    let send = async |request| plane.customers().update_customer(request).await.unwrap().into_inner();
    let unchanged = send(update("", "two")).await;
    assert_eq!(unchanged.revision, 2);
    send(update("A", "three")).await;
    assert_eq!(
        send(update("", "two")).await,
        unchanged,
        "as it was answered, though it would change something now"
    );
    assert_eq!(plane.customer("customers/a").await.display_name, "A");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_a_time_one_writes_and_all_are_answered_the_same() {
    let plane = ControlPlane::start().await;
    let mut calls = Vec::new();
    for _ in 0..16 {
        let mut customers = plane.customers();
        calls.push(tokio::spawn(async move { customers.create_customer(create("a", "a", "one")).await }));
    }
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap().unwrap().into_inner());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(plane.revision().await, 1);
}

#[tokio::test]
async fn ids_are_visible_ascii_of_bounded_length() {
    let plane = ControlPlane::start().await;
    for id in ["a b", "é", "a\n", &"x".repeat(129)] {
        let refused = said(send(&plane, create("a", "a", id)).await);
        assert_eq!((refused.code, refused.fields()), (Code::InvalidArgument, vec!["request_id"]), "{id:?}");
    }
    send(&plane, create("a", "a", &"x".repeat(128))).await.unwrap();
}

#[tokio::test]
async fn a_long_answer_is_repeated_in_brief() {
    let plane = ControlPlane::start().await;
    let named = |index: usize| customer(&format!("customers/{index:060}"), &format!("id-{index}"));
    let request = |count: usize| ApplyManifestRequest {
        manifest: Some(Manifest { customers: (0..count).map(named).collect(), ..Default::default() }),
        request_id: "one".to_owned(),
        ..Default::default()
    };
    let apply = async |request| plane.manifests().apply_manifest(request).await.map(Response::into_inner);
    // 70 bytes and more for each.
    let first = apply(request(30_000)).await.unwrap();
    assert_eq!((first.changes.len(), first.revision), (30_000, 1));
    let again = apply(request(30_000)).await.unwrap();
    assert_eq!((again.changes.len(), again.revision), (0, 1));
    assert_eq!(said(apply(request(29_999)).await).reason, "REQUEST_ID_REUSED");
}

/// Every kind of write takes its repeat.
#[tokio::test]
async fn a_whole_manifest_can_be_repeated() {
    let plane = ControlPlane::start().await;
    let request =
        ApplyManifestRequest { manifest: Some(acme()), request_id: "one".to_owned(), ..Default::default() };
    let apply = async || plane.manifests().apply_manifest(request.clone()).await.unwrap().into_inner();
    let first = apply().await;
    let names: BTreeSet<_> = first.changes.iter().map(|change| change.name.as_str()).collect();
    assert_eq!(names.len(), 7);
    assert_eq!(apply().await, first);
    assert_eq!(plane.revision().await, 1);
}
