//! One request's way: table → endpoint → limits → body → preprocess → decision → forward → the answer streams back.
//!
//! A request pins the table that is served when it arrives and sees no other. Requests of HTTP/1 and streams of HTTP/2
//! come from `listener`, which has judged their heads, and go the same way.

mod admit;
mod answer;
mod bounds;
mod exchange;
mod sender;
mod visit;

use std::{fmt, panic::AssertUnwindSafe, time::Instant};

use bytes::Bytes;
use futures::FutureExt as _;
use h2::{RecvStream, server::SendResponse};
use http::Version;
use pingora::server::ShutdownWatch;
use pointsman_routing::{
    decide::Target,
    outcome::{Outcome, Refusal},
    table::Table,
};

use self::{
    admit::Admitted,
    bounds::{BodyMemory, EndpointKey, Places},
    exchange::{Exchange, Finished, Http1, Http2},
    sender::Sender,
    visit::{Stop, Visit},
};
use crate::{
    access::{AccessLog, Ending, Line, Protocol, Record, trace_id},
    address::Address,
    config::{Config, Limits},
    conn::Conn,
    egress::Egress,
    execution::ExecutionId,
    forward::Forwarder,
    listener::head,
    preprocess::PreprocessClient,
    rejection,
    request::{Hop, RequestHead},
    serving::Serving,
    telemetry::Metrics,
    tls::TlsError,
};

/// Answers webhooks.
pub struct Ingress {
    serving: Serving,
    forwarder: Forwarder,
    preprocess: PreprocessClient,
    memory: BodyMemory,
    places: Places,
    limits: Limits,
    access_log: AccessLog,
    metrics: Metrics,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: Address,
    pub(crate) tls: bool,
}

/// The arrival of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) peer: Peer,
    /// When its first byte came.
    pub(crate) started: Instant,
}

impl Ingress {
    /// One that serves what `serving` holds. Reads the CA file, and needs a runtime: it keeps connections to flow
    /// endpoints.
    pub fn new(
        config: &Config,
        serving: Serving,
        egress: Egress,
        preprocess: PreprocessClient,
        metrics: Metrics,
    ) -> Result<Self, TlsError> {
        let limits = config.limits.clone();
        Ok(Self {
            serving,
            forwarder: Forwarder::new(config, egress, metrics.clone())?,
            preprocess,
            memory: BodyMemory::new(limits.body_memory_bytes, metrics.clone()),
            places: Places::new(limits.deployment_requests),
            limits,
            access_log: config.access_log.clone(),
            metrics,
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Answers one request of an HTTP/1 connection, which is past its head. The connection comes back if it can take
    /// another one.
    pub(crate) async fn handle_h1(
        &self,
        conn: Box<Conn>,
        head: RequestHead,
        hop: Hop,
        arrival: Arrival,
        shutdown: &ShutdownWatch,
    ) -> Option<Box<Conn>> {
        let exchange = Http1::new(conn, &head, hop, shutdown.clone()).await?;
        let mut line = self.line(arrival, Protocol::Http1);
        let finished = self.handle(head, Exchange::Http1(Box::new(exchange)), arrival, &mut line).await;
        drop(line);
        match finished {
            Some(Finished::Reusable(conn)) => Some(conn),
            closing => {
                close(closing).await;
                None
            }
        }
    }

    /// Answers one stream of an HTTP/2 connection.
    pub(crate) async fn handle_h2(
        &self,
        request: http::Request<RecvStream>,
        respond: SendResponse<Bytes>,
        arrival: Arrival,
    ) {
        let (parts, body) = request.into_parts();
        let exchange = Exchange::Http2(Box::new(Http2::new(&parts.method, body, respond)));
        let mut line = self.line(arrival, Protocol::Http2);
        match head::parse_http2(parts, self.limits.header_bytes) {
            Ok(head) => _ = self.handle(head, exchange, arrival, &mut line).await,
            Err(fault) => _ = answer::refuse(&fault.refusal(), exchange, &mut line).await,
        }
    }

    /// Answers a request whose head could not be taken in, and ends its connection.
    pub(crate) async fn refuse_head(&self, conn: Box<Conn>, refusal: &Refusal, arrival: Arrival) {
        let mut line = self.line(arrival, Protocol::Http1);
        line.refused(refusal);
        let (head, body) = rejection::answer(refusal, line.record.execution_id);
        let written = exchange::write_and_close(conn, head, body).await;
        if written.is_ok() {
            line.record.status = Some(rejection::status(refusal.outcome));
        }
        drop(line);
        close(written.ok()).await;
    }

    /// Answers a connection that is one too many.
    pub(crate) async fn turn_away(&self, conn: Box<Conn>, refusal: &Refusal) {
        let (head, body) = rejection::answer(refusal, ExecutionId::new());
        close(exchange::write_and_close(conn, head, body).await.ok()).await;
    }

    fn line(&self, arrival: Arrival, protocol: Protocol) -> Line<'_> {
        let record = Record::new(ExecutionId::new(), arrival.peer.address, protocol);
        Line::new(record, arrival.started, &self.access_log, &self.metrics)
    }

    async fn handle(
        &self,
        head: RequestHead,
        mut exchange: Exchange,
        arrival: Arrival,
        line: &mut Line<'_>,
    ) -> Option<Finished> {
        let _in_flight = self.metrics.request_in_flight();
        let served = self.serving.load_full();
        line.record.revision = served.revision;
        line.record.method = Some(head.method.clone());
        line.record.trace_id = trace_id(&head.headers);
        let admitted = match self.admit(&head, &served.table, &exchange, line) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                exchange.drain().await;
                return answer::refuse(&refusal, exchange, line).await;
            }
        };

        let mut sender = self.sender(exchange, &admitted, arrival);
        let version = version(head.version);
        let execution_id = line.record.execution_id;
        let visit = Visit {
            ingress: self,
            served: &served,
            head: &head,
            admitted: &admitted,
            arrival,
            execution_id,
            version,
        };
        let forwarded = contained(visit.run(&mut sender, line), execution_id).await;
        line.record.bytes_in = sender.received();
        match forwarded {
            Ok(forwarded) => {
                let (exchange, account) = sender.into_parts();
                // The request is sent: what remains is what an early answer holds.
                let _held = forwarded.response.body.is_held().then_some(account);
                answer::stream_back(forwarded, exchange, line).await
            }
            Err(Stop::Refused(refusal)) => answer::refuse(&refusal, sender.exchange, line).await,
            Err(Stop::ClientClosed) => {
                line.record.ending = Ending::ClientClosed;
                None
            }
        }
    }

    fn admit<'a>(
        &self,
        head: &'a RequestHead,
        table: &Table,
        exchange: &Exchange,
        line: &mut Line<'_>,
    ) -> Result<Admitted<'a>, Refusal> {
        if exchange.is_draining() {
            return Err(Refusal::new(Outcome::NotReady, "the edge is about to stop"));
        }
        let called = admit::endpoint(head, table)?;
        line.called(&called.endpoint);
        let admitted = called.admit(head)?;
        if self.forwarder.has_been_here(&head.headers) {
            return Err(Refusal::new(Outcome::LoopDetected, "the request has been through this edge before"));
        }
        Ok(admitted)
    }

    fn sender(&self, exchange: Exchange, admitted: &Admitted<'_>, arrival: Arrival) -> Sender {
        let endpoint = &admitted.endpoint;
        let integration = endpoint.integration.id.clone();
        let key: EndpointKey = match &endpoint.target {
            Target::Shared => (integration, None, None),
            Target::Deployment(deployment) => (integration, Some(deployment.name.clone()), None),
            Target::Flow(deployment, flow) => {
                (integration, Some(deployment.name.clone()), Some(flow.clone()))
            }
        };
        let account = self.memory.account(key);
        let limit = endpoint.integration.max_body_bytes;
        Sender::new(exchange, account, limit, arrival.started, self.limits.client_request)
    }
}

/// A fault of ours ends one request and no other.
fn contained<T>(
    run: impl Future<Output = Result<T, Stop>>,
    execution_id: ExecutionId,
) -> impl Future<Output = Result<T, Stop>> {
    // After a panic nothing is used again but the connection, for the answer that ends it.
    AssertUnwindSafe(run).catch_unwind().map(move |run| {
        run.unwrap_or_else(|_| {
            tracing::error!(%execution_id, "a request has panicked");
            Err(Stop::Refused(Refusal::new(Outcome::Internal, "something went wrong on our side")))
        })
    })
}

/// As `Via` has it.
fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

async fn close(finished: Option<Finished>) {
    if let Some(Finished::Closing(conn)) = finished {
        conn.linger().await;
    }
}

impl fmt::Debug for Ingress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingress").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_refusal() {
        let stopped = contained(async { panic!("a fault of ours") }, ExecutionId::new()).await;
        let Err::<(), _>(Stop::Refused(refusal)) = stopped else { panic!("not refused") };
        assert_eq!(refusal.outcome, Outcome::Internal);
        assert!(rejection::closes(refusal.outcome), "nobody knows what the connection has been through");
    }
}
