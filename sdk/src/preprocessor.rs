//! What a vendor writes.

use std::{fmt, future::Future, sync::Arc};

use async_trait::async_trait;

use crate::{Refusal, Request, Results};

/// Reads a webhook and says whose it is and what should run.
///
/// It is called for every webhook of an integration that names the service, synchronously: the sender waits. The
/// call is dropped, at its next `await`, when the edge's deadline is over (5 s by default).
#[async_trait]
pub trait Preprocessor: Send + Sync + 'static {
    /// Returns the object that the integration's references call `results`, or refuses the webhook.
    async fn preprocess(&self, request: Request) -> Result<Results, Refusal>;
}

#[async_trait]
impl<P: Preprocessor + ?Sized> Preprocessor for Arc<P> {
    async fn preprocess(&self, request: Request) -> Result<Results, Refusal> {
        (**self).preprocess(request).await
    }
}

/// A [`Preprocessor`] from an async function.
///
/// ```
/// use pointsman_sdk::{Request, Results, from_fn};
///
/// let preprocessor = from_fn(async |request: Request| {
///     let tenant = request.require_header("x-tenant")?;
///     Ok(Results::new().set("customerExternalId", tenant))
/// });
/// ```
pub fn from_fn<F, A>(function: F) -> FromFn<F>
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Results, Refusal>> + Send,
{
    FromFn(function)
}

/// What [`from_fn`] makes.
#[derive(Clone, Copy)]
pub struct FromFn<F>(F);

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn")
    }
}

#[async_trait]
impl<F, A> Preprocessor for FromFn<F>
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Results, Refusal>> + Send,
{
    async fn preprocess(&self, request: Request) -> Result<Results, Refusal> {
        self.0(request).await
    }
}
