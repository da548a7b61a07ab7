//! One request's way: table → endpoint → limits → body → preprocess → decision → forward → the answer streams back.
//!
//! A request pins the table that is served when it arrives and sees no other. [`Ingress`] is a Pingora
//! [`HttpServerApp`] for HTTP/1; streams of HTTP/2 come from `listener` and go the same way.

mod admit;
mod bounds;
mod exchange;
mod sender;
mod visit;

use std::{fmt, net::SocketAddr, sync::Arc, time::Instant};

use async_trait::async_trait;
use bytes::Bytes;
use h2::{RecvStream, server::SendResponse};
use http::Version;
use pingora::{
    apps::{HttpServerApp, ReusedHttpStream},
    http::RequestHeader,
    protocols::http::ServerSession,
    server::ShutdownWatch,
};
use pointsman_routing::{
    decide::Target,
    outcome::{Outcome, Refusal},
};
use uuid::Uuid;

use self::{
    admit::Admitted,
    bounds::{BodyMemory, EndpointKey, Places},
    exchange::{Answer, ClientGone, Exchange, Finished, Http1, Http2},
    sender::Sender,
    visit::{Forwarded, Stop, Visit},
};
use crate::{
    access::{Ending, Line, Protocol, Record, trace_id},
    config::{Config, Limits},
    conn::Conn,
    egress::Egress,
    forward::{Forwarder, Response, ResponseLength},
    listener::head,
    preprocess::PreprocessClient,
    rejection,
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
    metrics: Metrics,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) addr: SocketAddr,
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
            metrics,
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Answers one stream of an HTTP/2 connection.
    pub(crate) async fn handle_h2(
        &self,
        request: http::Request<RecvStream>,
        respond: SendResponse<Bytes>,
        arrival: Arrival,
    ) {
        let (parts, body) = request.into_parts();
        let checked = head::check_http2(&parts, self.limits.header_bytes);
        let exchange = Exchange::Http2(Box::new(Http2::new(&parts.method, body, respond)));
        let mut line = self.line(arrival, Protocol::Http2);
        match checked {
            Ok(()) => _ = self.handle(parts.into(), exchange, arrival, &mut line).await,
            Err(fault) => _ = self.refuse(&fault.refusal(), exchange, &mut line).await,
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
        let (head, body) = rejection::answer(refusal, Uuid::now_v7());
        close(exchange::write_and_close(conn, head, body).await.ok()).await;
    }

    fn line(&self, arrival: Arrival, protocol: Protocol) -> Line<'_> {
        let record = Record::new(Uuid::now_v7(), arrival.peer.addr.ip(), protocol);
        Line::new(record, arrival.started, &self.metrics)
    }

    async fn handle(
        &self,
        head: RequestHeader,
        mut exchange: Exchange,
        arrival: Arrival,
        line: &mut Line<'_>,
    ) -> Option<Finished> {
        let _in_flight = self.metrics.request_in_flight();
        let served = self.serving.load_full();
        line.record.revision = served.revision;
        line.record.method = Some(head.method.clone());
        line.record.trace_id = trace_id(&head.headers);
        let admitted = match self.admit(&head, &served.table, &exchange) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                exchange.drain().await;
                return self.refuse(&refusal, exchange, line).await;
            }
        };
        line.record.endpoint = admitted.token.clone();
        line.record.integration = Some(admitted.endpoint.integration.id.clone());

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
        let forwarded = visit.run(&mut sender, line).await;
        line.record.bytes_in = sender.received();
        match forwarded {
            Ok(forwarded) => self.stream_back(forwarded, sender.exchange, line).await,
            Err(Stop::Refused(refusal)) => self.refuse(&refusal, sender.exchange, line).await,
            Err(Stop::ClientClosed) => {
                line.record.ending = Ending::ClientClosed;
                None
            }
        }
    }

    fn admit<'a>(
        &self,
        head: &'a RequestHeader,
        table: &pointsman_routing::table::Table,
        exchange: &Exchange,
    ) -> Result<Admitted<'a>, Refusal> {
        if exchange.is_draining() {
            return Err(Refusal::new(Outcome::NotReady, "the edge is about to stop"));
        }
        let admitted = admit::endpoint(head, table)?;
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

    /// Answers with a problem.
    async fn refuse(&self, refusal: &Refusal, exchange: Exchange, line: &mut Line<'_>) -> Option<Finished> {
        line.refused(refusal);
        let (head, body) = rejection::answer(refusal, line.record.execution_id);
        let status = head.status;
        let close = rejection::closes(refusal.outcome);
        let written = async {
            let mut answer = exchange.answer(head, ResponseLength::Known, close).await?;
            answer.write(body).await?;
            answer.finish().await
        };
        let finished = written.await.ok()?;
        line.record.status = Some(status);
        finished
    }

    /// Passes a flow's answer on as it arrives.
    async fn stream_back(
        &self,
        forwarded: Forwarded,
        exchange: Exchange,
        line: &mut Line<'_>,
    ) -> Option<Finished> {
        let Forwarded { response, place: _place } = forwarded;
        line.record.status = Some(response.head.status);
        let ended = pass_on(response, exchange, line).await;
        line.record.stages.response = Some(line.lap());
        match ended {
            Ok(finished) => finished,
            Err(ClientGone) => {
                line.record.ending = Ending::ClientClosed;
                None
            }
        }
    }
}

async fn pass_on(
    response: Response,
    exchange: Exchange,
    line: &mut Line<'_>,
) -> Result<Option<Finished>, ClientGone> {
    let Response { mut head, length, mut body } = response;
    let execution_id = line.record.execution_id.to_string();
    head.insert_header(rejection::EXECUTION_ID, execution_id).expect("a UUID is visible ASCII");
    let mut answer: Answer = exchange.answer(head, length, false).await?;
    let mut flushed = false;
    loop {
        // What is there goes out together; only where nothing more is there yet, it goes out at once.
        let next = tokio::select! {
            biased;
            next = body.next() => next,
            done = answer.flush(), if !flushed => {
                done?;
                flushed = true;
                continue;
            }
        };
        match next {
            Ok(Some(bytes)) => {
                line.record.bytes_out += bytes.len() as u64;
                answer.write(bytes).await?;
                flushed = false;
            }
            Ok(None) => {
                line.record.ending = Ending::Forwarded;
                return answer.finish().await;
            }
            Err(cut) => {
                line.record.ending = Ending::UpstreamAborted;
                line.record.reason = Some(cut.to_string());
                answer.cut();
                return Ok(None);
            }
        }
    }
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

#[async_trait]
impl HttpServerApp for Ingress {
    /// Answers one request of an HTTP/1 connection that `listener` has judged and given its [`Arrival`].
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let ServerSession::H1(mut session) = session else { return None };
        let arrival: Arrival = *session.take_connection_user_context()?.downcast().ok()?;
        match session.read_request().await {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => {
                tracing::debug!(%error, "a head that we let pass was refused by the parser");
                let refusal = Refusal::new(Outcome::BadRequest, "the head of the request cannot be parsed");
                self.refuse_head(exchange::conn(session.into_inner())?, &refusal, arrival).await;
                return None;
            }
        }
        let (exchange, head) = Http1::new(session, shutdown.clone());
        let mut line = self.line(arrival, Protocol::Http1);
        let finished = self.handle(head, Exchange::Http1(Box::new(exchange)), arrival, &mut line).await;
        drop(line);
        match finished {
            Some(Finished::Reusable(stream)) => Some(stream),
            closing => {
                close(closing).await;
                None
            }
        }
    }
}

impl fmt::Debug for Ingress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingress").finish_non_exhaustive()
    }
}
