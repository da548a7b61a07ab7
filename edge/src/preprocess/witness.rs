//! Notes who said what. tonic makes a gRPC status of everything that goes wrong, of a proxy's bare HTTP 403 too, but only
//! what the service itself sent as `grpc-status` may speak to the sender of a webhook.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tonic::{
    body::Body,
    transport::{Channel, Error},
};
use tower::Service;

/// A channel for one call.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    channel: Channel,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    grpc_status: AtomicBool,
    /// 0 until there is one.
    http_status: AtomicU16,
}

/// What was seen of the answer, read once the call has ended.
#[derive(Debug)]
pub(super) struct Testimony(Arc<Seen>);

/// What was seen of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing answered with HTTP.
    Nothing,
    /// Something answered with this HTTP status, and without a `grpc-status`.
    Http(StatusCode),
    /// A gRPC server sent a `grpc-status`.
    Grpc,
}

impl Witness {
    pub(super) fn of(channel: Channel) -> (Self, Testimony) {
        let seen = Arc::<Seen>::default();
        (Self { channel, seen: Arc::clone(&seen) }, Testimony(seen))
    }
}

impl Testimony {
    pub(super) fn take(self) -> Said {
        if self.0.grpc_status.load(Ordering::Acquire) {
            return Said::Grpc;
        }
        match StatusCode::from_u16(self.0.http_status.load(Ordering::Acquire)) {
            Ok(status) => Said::Http(status),
            Err(_) => Said::Nothing,
        }
    }
}

impl Seen {
    /// `fields` are a response's head or its trailers.
    fn look_at(&self, fields: &HeaderMap) {
        if fields.contains_key("grpc-status") {
            self.grpc_status.store(true, Ordering::Release);
        }
    }
}

impl Service<Request<Body>> for Witness {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.channel.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.channel.call(request);
        let seen = Arc::clone(&self.seen);
        Box::pin(async move {
            let answer = answer.await?;
            seen.http_status.store(answer.status().as_u16(), Ordering::Release);
            seen.look_at(answer.headers());
            Ok(answer.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    if let Some(trailers) = frame.trailers_ref() {
                        seen.look_at(trailers);
                    }
                    frame
                }))
            }))
        })
    }
}
