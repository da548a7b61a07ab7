//! Bounds how many calls of a service run at a time.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Request, Response};
use tokio::sync::Semaphore;
use tonic::{body::Body, server::NamedService};
use tower::Service;

/// A service that lets so many calls run. The others wait before a byte of their messages is read, so that what they
/// hold is bounded by HTTP/2's windows. Their deadline counts while they wait.
#[derive(Clone, Debug)]
pub(super) struct Bounded<S> {
    service: S,
    permits: Arc<Semaphore>,
}

impl<S> Bounded<S> {
    pub(super) fn new(service: S, calls: usize) -> Self {
        Self { service, permits: Arc::new(Semaphore::new(calls)) }
    }
}

impl<S: NamedService> NamedService for Bounded<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<S::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that was polled ready is the one to call.
        let mut service = self.service.clone();
        std::mem::swap(&mut service, &mut self.service);
        let permits = Arc::clone(&self.permits);
        Box::pin(async move {
            // Never closed, so it fails never.
            let _permit = permits.acquire_owned().await;
            service.call(request).await
        })
    }
}
