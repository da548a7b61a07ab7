use std::{convert::Infallible, time::Duration};

use futures::stream;
use http::{Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::CompleteLayer;

/// What a caller is told by a call whose service does `work`.
async fn told<F>(work: impl FnMut(Request<Body>) -> F + Send) -> Status
where
    F: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
{
    let service = CompleteLayer::new(Duration::from_secs(5)).layer(service_fn(work));
    let response = service.oneshot(Request::new(Body::empty())).await.unwrap();
    match Status::from_header_map(response.headers()) {
        Some(status) => status,
        None => {
            let body = response.into_body().collect().await.unwrap();
            Status::from_header_map(body.trailers().unwrap()).unwrap()
        }
    }
}

fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no reason in {status:?}"));
    assert_eq!(info.domain, "pointsman");
    info.reason.clone()
}

/// An answer whose head is sent and whose body ends with `status`.
fn late(status: &Status) -> Response<Body> {
    let mut trailers = http::HeaderMap::new();
    status.add_header(&mut trailers).unwrap();
    let frames = stream::iter([Ok::<_, Status>(http_body::Frame::trailers(trailers))]);
    Response::new(Body::new(StreamBody::new(frames)))
}

#[tokio::test]
async fn a_status_without_details_gets_a_reason() {
    let status = told(|_| async { Ok(Status::out_of_range("too long").into_http()) }).await;
    assert_eq!((status.code(), status.message()), (Code::OutOfRange, "too long"));
    assert_eq!(reason(&status), "MESSAGE_TOO_LARGE");

    let status = told(|_| async { Ok(late(&Status::cancelled("gone"))) }).await;
    assert_eq!((status.code(), status.message()), (Code::Cancelled, "gone"));
    assert_eq!(reason(&status), "CANCELLED");
}

#[tokio::test]
async fn what_a_status_carries_beside_stays() {
    let refuse = |_| async {
        let mut status = Status::unimplemented("");
        status.metadata_mut().insert("grpc-accept-encoding", "identity".parse().unwrap());
        Ok(status.into_http())
    };
    let status = told(refuse).await;
    assert_eq!(status.metadata().get("grpc-accept-encoding").unwrap(), "identity");
    assert_eq!((reason(&status).as_str(), status.message()), ("UNIMPLEMENTED", "there is no such method"));
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_fault_and_an_answer_that_fails_is_ours() {
    let bare = Status::internal("failed to decode Protobuf message: x");
    let early = bare.clone();
    let status = told(move |_| {
        let early = early.clone();
        async { Ok(early.into_http()) }
    })
    .await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "UNDECODABLE"));
    let status = told(move |_| {
        let bare = bare.clone();
        async move { Ok(late(&bare)) }
    })
    .await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "INTERNAL"));
}

#[tokio::test]
async fn a_panic_is_a_fault_of_ours_and_no_broken_connection() {
    let status = told(|_| async { panic!("a secret") }).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "INTERNAL"));
    assert!(!format!("{status:?}").contains("secret"));

    let frames = || stream::poll_fn(|_| -> std::task::Poll<Option<Result<_, Status>>> { panic!("a secret") });
    let frames = move |_| {
        let body = frames();
        async { Ok(Response::new(Body::new(StreamBody::new(body)))) }
    };
    let status = told(frames).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "INTERNAL"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_told_so() {
    let status = told(|_| std::future::pending()).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
}
