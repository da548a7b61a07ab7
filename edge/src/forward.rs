//! Delivers a webhook where its route leads, and hands back the answer as a stream. Knows nothing of whether somebody
//! waits for that answer.

mod dial;
mod exchange;
mod head;
mod link;
mod pool;
mod response;
mod upload;

use std::{mem, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Method;
use pointsman_routing::{
    decide::Route,
    headers::Headers,
    outcome::{Outcome, Refusal},
    url::PathFragment,
    webhook::Webhook,
};
use tokio_util::task::AbortOnDropHandle;

use self::{
    dial::{DialError, Dialler},
    exchange::Exchange,
    head::{Framing, Identity},
    link::HeadError,
    pool::Pool,
    upload::Upload,
};
pub(crate) use self::{
    head::connection_options,
    response::{Response, ResponseLength},
};
use crate::{
    address::Address,
    config::{Config, Limits},
    egress::{Egress, EgressError},
    execution::ExecutionId,
    telemetry::Metrics,
    tls::{TlsError, client_config, upstream_roots},
};

/// Delivers webhooks.
#[derive(Debug)]
pub(crate) struct Forwarder {
    identity: Identity,
    egress: Egress,
    dialler: Dialler,
    pool: Arc<Pool>,
    limits: Limits,
    metrics: Metrics,
    _sweeper: AbortOnDropHandle<()>,
}

/// A webhook to deliver.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    pub(crate) execution_id: ExecutionId,
    /// The request. Its own `body` is not looked at.
    pub(crate) webhook: Webhook<'a>,
    pub(crate) fragment: PathFragment<'a>,
    pub(crate) origin: Origin<'a>,
    pub(crate) body: Body,
}

/// Where a webhook came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) peer: &'a Address,
    pub(crate) tls: bool,
    /// What the sender took us for.
    pub(crate) host: &'a str,
    /// The version of HTTP that it spoke, as `Via` has it.
    pub(crate) version: &'static str,
}

/// The body of a webhook.
#[derive(Clone, Debug, Default)]
pub(crate) enum Body {
    /// There is none, and none was announced.
    #[default]
    None,
    /// All of it.
    Whole(Bytes),
    /// It comes from the source, and is this long, if that is known.
    Streamed(Option<u64>),
}

/// Where streamed bodies come from, and who wants the answer. All its futures may be dropped and made again.
pub(crate) trait Source: Send {
    /// The next bytes, never none of them; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, SourceError>> + Send;

    /// Ends when nobody wants the answer any more. Called once there is no more to read.
    fn abandoned(&mut self) -> impl Future<Output = ()> + Send;

    /// Whether so many bytes of an answer that comes early may be held until the body is written.
    fn may_hold(&mut self, bytes: usize) -> bool;
}

/// Why a body ends early.
#[derive(Debug)]
pub(crate) enum SourceError {
    /// Nobody wants the answer any more.
    GaveUp,
    /// The body is not as it must be.
    Refused(Refusal),
}

/// Why there is no answer. For logs: it holds names and addresses that a sender must not see.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(transparent)]
    Head(#[from] HeadError),
    #[error("no head of an answer within {0:?}")]
    Timeout(Duration),
    #[error("the request's own body ended early")]
    Source(SourceError),
}

impl Forwarder {
    /// Reads the CA file. Needs a runtime: connections that wait are looked after.
    pub(crate) fn new(config: &Config, egress: Egress, metrics: Metrics) -> Result<Self, TlsError> {
        let roots = upstream_roots(config.upstream_ca.as_deref())?;
        let limits = config.limits.clone();
        let pool = Pool::new(limits.upstream_keepalive);
        let sweeper = AbortOnDropHandle::new(tokio::spawn(pool::sweep(Arc::downgrade(&pool))));
        Ok(Self {
            identity: Identity {
                edge_id: config.id.clone(),
                trusted_proxies: config.trusted_proxies.clone(),
            },
            egress,
            dialler: Dialler::new(client_config(roots, &[b"http/1.1"]), limits.upstream_connect),
            pool,
            limits,
            metrics,
            _sweeper: sweeper,
        })
    }

    /// Whether the request has been through this edge before.
    pub(crate) fn has_been_here(&self, headers: &Headers) -> bool {
        self.identity.is_in_via(headers)
    }

    /// Delivers the webhook and waits for the head of the answer, and until the request is written or the endpoint
    /// takes no more of it.
    pub(crate) async fn send(
        &self,
        mut delivery: Delivery<'_>,
        route: &Route,
        source: &mut impl Source,
    ) -> Result<Response, ForwardError> {
        let endpoint = route.flow_endpoint();
        let (host, tls) = (endpoint.url.host(), endpoint.url.is_https());
        let addresses = match endpoint.url.address() {
            Some(address) => self.egress.permit(host, &[address], endpoint.url.port())?,
            None => self.egress.resolve(host, endpoint.url.port()).await?,
        };
        let framing = framing(&delivery);
        let head = self.identity.head(&delivery, route, framing);
        let upload = |body| match body {
            Body::None => Upload::whole(head.clone(), Bytes::new()),
            Body::Whole(bytes) => Upload::whole(head.clone(), bytes),
            Body::Streamed(_) => Upload::streamed(head.clone(), framing),
        };
        let may_be_repeated = may_be_repeated(&delivery, route);
        let body_is_over = !matches!(delivery.body, Body::Streamed(_));
        let exchange = Exchange {
            is_head: delivery.webhook.method == Method::HEAD,
            head_timeout: endpoint.timeout.unwrap_or(self.limits.upstream_head),
            idle_timeout: self.limits.upstream_idle,
        };

        if let Some(upstream) = self.pool.take(&addresses, host, tls) {
            // What will not be sent again is let go of as it is written: the next body then lies where this one did, which
            // the processor still has at hand.
            let body = if may_be_repeated { delivery.body.clone() } else { mem::take(&mut delivery.body) };
            let mut upload = upload(body);
            let link = link::begin(upstream, self.pool.clone(), &mut upload).await;
            match exchange.run(link, &mut upload, source).await {
                Err(ForwardError::Head(HeadError::Closed(error)))
                    if upload.can_be_repeated() && may_be_repeated =>
                {
                    tracing::debug!(%error, "a reused connection was closed; trying a new one");
                    self.metrics.upstream_error("reset_retried");
                }
                done => return done,
            }
        }
        // In a box, since it is large and seldom: what waits for an answer should be small.
        let dial = Box::pin(self.dialler.dial(&addresses, host, tls));
        let upstream = tokio::select! {
            dialled = dial => dialled?,
            () = source.abandoned(), if body_is_over => return Err(ForwardError::Source(SourceError::GaveUp)),
        };
        let mut upload = upload(delivery.body);
        let link = link::begin(upstream, self.pool.clone(), &mut upload).await;
        exchange.run(link, &mut upload, source).await
    }
}

/// Whether a request that may have arrived may be sent again.
fn may_be_repeated(delivery: &Delivery<'_>, route: &Route) -> bool {
    matches!(*delivery.webhook.method, Method::GET | Method::HEAD) || route.flow_endpoint().retry_on_reset
}

fn framing(delivery: &Delivery<'_>) -> Framing {
    match &delivery.body {
        // Methods that mean something with a body say that there is none.
        Body::None if matches!(*delivery.webhook.method, Method::POST | Method::PUT | Method::PATCH) => {
            Framing::Length(0)
        }
        Body::None => Framing::None,
        Body::Whole(bytes) => Framing::Length(bytes.len() as u64),
        Body::Streamed(Some(length)) => Framing::Length(*length),
        Body::Streamed(None) => Framing::Chunked,
    }
}

impl ForwardError {
    /// The fixed word for metrics; none where it is no fault of the endpoint.
    pub(crate) fn label(&self) -> Option<&'static str> {
        Some(match self {
            Self::Egress(error) => error.label(),
            Self::Dial(error) => error.label(),
            Self::Head(HeadError::Closed(_)) => "closed",
            Self::Head(_) => "invalid",
            Self::Timeout(_) => "timeout",
            Self::Source(_) => return None,
        })
    }

    /// What the sender is told; none where it is not there any more.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let (outcome, detail) = match self {
            Self::Egress(_) | Self::Dial(_) => {
                (Outcome::UpstreamUnreachable, "there is no connection to the flow's endpoint")
            }
            Self::Head(HeadError::Closed(_)) => {
                (Outcome::UpstreamInvalid, "the flow's endpoint closed the connection without an answer")
            }
            Self::Head(_) => {
                (Outcome::UpstreamInvalid, "the answer of the flow's endpoint is not HTTP as it must be")
            }
            Self::Timeout(_) => (Outcome::UpstreamTimeout, "the flow's endpoint did not answer in time"),
            Self::Source(SourceError::Refused(refusal)) => return Some(refusal.clone()),
            Self::Source(SourceError::GaveUp) => return None,
        };
        Some(Refusal::new(outcome, detail))
    }
}
