//! The outermost layer: every call ends, in time, with a status that programs can read.
//!
//! Services answer with statuses that say why. What does not come from them is completed here: tonic's own statuses
//! (a message that is too long, an encoding that we do not speak, a method that is not there), deadlines, and panics.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use tokio::time;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use super::status;

mod deadline;

/// How `prost::DecodeError` begins.
const DECODE_ERROR: &str = "failed to decode Protobuf message: ";

/// The method that is answered when its caller has sent all there is, which can take its time: it looks itself after
/// callers that send nothing.
const UNHURRIED: &str = "/pointsman.admin.v1.CustomerMappingService/ImportCustomerMappings";
/// For such a call.
const UNHURRIED_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes [`Complete`] of a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompleteLayer {
    timeout: Duration,
}

impl CompleteLayer {
    /// `timeout` is for a call to be answered or for a stream to begin; a caller may want less.
    pub(crate) const fn new(timeout: Duration) -> Self {
        Self { timeout }
    }
}

impl<S> Layer<S> for CompleteLayer {
    type Service = Complete<S>;

    fn layer(&self, inner: S) -> Complete<S> {
        Complete { inner, timeout: self.timeout }
    }
}

/// A service whose every call ends, in time, with a status that says why.
#[derive(Clone, Debug)]
pub(crate) struct Complete<S> {
    inner: S,
    timeout: Duration,
}

impl<S, B> Service<Request<B>> for Complete<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Error: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let longest = if request.uri().path() == UNHURRIED { UNHURRIED_TIMEOUT } else { self.timeout };
        let timeout = deadline::of(request.headers(), longest);
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            Ok(match time::timeout(timeout, answer).await {
                Ok(Ok(answer)) => complete(answer?),
                Ok(Err(_)) => status::panicked().into_http(),
                Err(_) => status::too_late(timeout).into_http(),
            })
        })
    }
}

/// The same answer, with a reason where it fails.
fn complete(response: Response<Body>) -> Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) => refusal(status).into_http(),
        None => response.map(|body| Body::new(Completed { body, ended: false })),
    }
}

/// A refusal before anything was answered.
fn refusal(status: Status) -> Status {
    let bare = status.details().is_empty();
    match status.code() {
        // gRPC's own tables, and so tonic, say INTERNAL of a message that is no message, as if it were ours. Our own
        // INTERNAL has details, and tonic's about an answer comes behind the answer's head: what is left is tonic's
        // about the bytes of the request.
        Code::Internal if bare => {
            let reason = status.message();
            status::undecodable(reason.strip_prefix(DECODE_ERROR).unwrap_or(reason))
        }
        Code::Ok => status,
        _ if bare => status::completed(status),
        _ => status,
    }
}

/// An answer that ends with a status.
struct Completed {
    body: Body,
    ended: bool,
}

impl http_body::Body for Completed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let body = Pin::new(&mut self.body);
        let Ok(polled) = std::panic::catch_unwind(AssertUnwindSafe(|| body.poll_frame(cx))) else {
            self.ended = true;
            return Poll::Ready(Some(trailers(&status::panicked()).map(Frame::trailers)));
        };
        let complete = |frame: Frame<Bytes>| match frame.into_trailers() {
            Ok(trailers) => complete_trailers(trailers).map(Frame::trailers),
            Err(frame) => Ok(frame),
        };
        polled.map(|frame| frame.map(|frame| frame.and_then(complete)))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }
}

fn complete_trailers(found: HeaderMap) -> Result<HeaderMap, Status> {
    match Status::from_header_map(&found) {
        Some(status) if status.code() != Code::Ok && status.details().is_empty() => {
            trailers(&status::completed(status))
        }
        _ => Ok(found),
    }
}

fn trailers(status: &Status) -> Result<HeaderMap, Status> {
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers)?;
    Ok(trailers)
}

#[cfg(test)]
mod tests;
