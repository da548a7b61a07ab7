//! The access line: one per webhook, whatever becomes of it.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Method, StatusCode};
use pointsman_routing::{
    decide::Target,
    headers::Headers,
    name::{DeploymentName, FlowKey, IntegrationId},
    outcome::{Outcome, Refusal},
    table::{Endpoint, EndpointToken},
};

use crate::{
    address::Address,
    execution::ExecutionId,
    telemetry::{Metrics, Stage},
};

/// What the access lines are told from other events by.
pub const TARGET: &str = "pointsman::access";

/// Where access lines go. Clones share it.
#[derive(Clone)]
pub struct AccessLog(Arc<dyn Fn(&Record) + Send + Sync>);

impl AccessLog {
    /// `write` is called once for each webhook, by whoever serves it, who waits for that.
    #[must_use]
    pub fn new(write: impl Fn(&Record) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Writes one.
    pub fn write(&self, record: &Record) {
        (self.0)(record);
    }
}

impl Default for AccessLog {
    /// To whoever listens to `tracing`, as events of the target [`TARGET`].
    fn default() -> Self {
        Self::new(Record::say)
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").finish_non_exhaustive()
    }
}

/// What there is to say about one webhook once it is over.
#[derive(Clone, Debug)]
pub struct Record {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The revision of the configuration that it was served by.
    pub revision: i64,
    /// The sender's address.
    pub peer: Address,
    /// How the sender speaks HTTP.
    pub protocol: Protocol,
    /// The method; none where the head could not be read.
    pub method: Option<Method>,
    /// The token of the endpoint, which shows only its prefix; none where it leads nowhere.
    pub endpoint: Option<EndpointToken>,
    /// The integration, once the endpoint is known.
    pub integration: Option<IntegrationId>,
    /// The deployment, once it is decided.
    pub deployment: Option<DeploymentName>,
    /// The flow, once it is decided.
    pub flow: Option<FlowKey>,
    /// The trace that the sender put the request into, 32 hex digits.
    pub trace_id: Option<Box<str>>,
    /// How it ended.
    pub ending: Ending,
    /// The status that the sender got; none where it got none.
    pub status: Option<StatusCode>,
    /// Why it ended so, where there is more to say than the sender may read. Never a secret.
    pub reason: Option<String>,
    /// Bytes of the request's body that were received.
    pub bytes_in: u64,
    /// Bytes of the response's body that were sent.
    pub bytes_out: u64,
    /// Where the time went.
    pub stages: Stages,
}

/// How a sender speaks HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2, with or without TLS.
    Http2,
}

/// How a webhook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The flow answered, and the sender got all of it.
    Forwarded,
    /// We answered.
    Refused(Outcome),
    /// The sender left before it had its answer.
    ClientClosed,
    /// The flow's answer was cut after its head, and so was the sender's.
    UpstreamAborted,
}

impl Ending {
    /// The fixed label of logs and metrics: `forwarded`, the code of an outcome, `client_closed` or `upstream_aborted`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Refused(outcome) => outcome.code(),
            Self::ClientClosed => "client_closed",
            Self::UpstreamAborted => "upstream_aborted",
        }
    }
}

/// How long each stage took; none for those that were not reached or not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// From the request's head to the end of its body, where it had to be in memory.
    pub receive: Option<Duration>,
    /// The Preprocess service.
    pub preprocess: Option<Duration>,
    /// The decision.
    pub decide: Option<Duration>,
    /// From the decision to the head of the flow's answer.
    pub upstream: Option<Duration>,
    /// Streaming the answer back.
    pub response: Option<Duration>,
    /// All of it, from the first byte of the request.
    pub total: Duration,
}

/// A record while its request is under way. It is published when it is dropped, so that there is one line whatever
/// happens.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) record: Record,
    log: &'a AccessLog,
    metrics: &'a Metrics,
    started: Instant,
    lap: Instant,
}

impl<'a> Line<'a> {
    /// `started` is when the first byte of the request came.
    pub(crate) fn new(record: Record, started: Instant, log: &'a AccessLog, metrics: &'a Metrics) -> Self {
        Self { record, log, metrics, started, lap: Instant::now() }
    }

    /// The time since the last lap.
    pub(crate) fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now.saturating_duration_since(std::mem::replace(&mut self.lap, now))
    }

    /// This endpoint was called.
    pub(crate) fn called(&mut self, endpoint: &Endpoint) {
        self.record.endpoint = Some(endpoint.token.clone());
        self.record.integration = Some(endpoint.integration.id.clone());
        match &endpoint.target {
            Target::Shared => {}
            Target::Deployment(deployment) => self.record.deployment = Some(deployment.name.clone()),
            Target::Flow(deployment, flow) => {
                self.record.deployment = Some(deployment.name.clone());
                self.record.flow = Some(flow.clone());
            }
        }
    }

    /// We answer, and this is why.
    pub(crate) fn refused(&mut self, refusal: &Refusal) {
        self.record.ending = Ending::Refused(refusal.outcome);
        self.record.reason.get_or_insert_with(|| refusal.detail.clone().into_owned());
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        // After an answer nothing more has happened.
        let ended = if self.record.stages.response.is_some() { self.lap } else { Instant::now() };
        self.record.stages.total = ended.saturating_duration_since(self.started);
        self.record.count(self.metrics);
        self.log.write(&self.record);
    }
}

impl Record {
    /// A record of a webhook that has just arrived. Until it is said otherwise, it was cut short by our own end.
    #[must_use]
    pub fn new(execution_id: ExecutionId, peer: Address, protocol: Protocol) -> Self {
        Self {
            execution_id,
            revision: 0,
            peer,
            protocol,
            method: None,
            endpoint: None,
            integration: None,
            deployment: None,
            flow: None,
            trace_id: None,
            ending: Ending::Refused(Outcome::NotReady),
            status: None,
            reason: None,
            bytes_in: 0,
            bytes_out: 0,
            stages: Stages::default(),
        }
    }

    fn count(&self, metrics: &Metrics) {
        let Stages { receive, preprocess, decide, upstream, response: _, total } = self.stages;
        let stages = [
            (Stage::receive, receive),
            (Stage::preprocess, preprocess),
            (Stage::decide, decide),
            (Stage::upstream, upstream),
            (Stage::total, Some(total)),
        ];
        let reached = stages.into_iter().filter_map(|(stage, time)| Some((stage, time?)));
        metrics.request(self.ending.label(), self.status.map_or(0, |status| status.as_u16()), reached);
    }

    /// Says it as an event of `tracing`.
    pub fn say(&self) {
        let Stages { receive, preprocess, decide, upstream, response, total } = self.stages;
        tracing::info!(
            target: TARGET,
            execution_id = %self.execution_id,
            outcome = self.ending.label(),
            status = self.status.map(|status| status.as_u16()),
            revision = self.revision,
            endpoint = self.endpoint.as_ref().map(EndpointToken::prefix),
            integration = self.integration.as_ref().map(IntegrationId::as_str),
            deployment = self.deployment.as_ref().map(|name| name.deployment.as_str()),
            flow = self.flow.as_ref().map(FlowKey::as_str),
            method = self.method.as_ref().map(Method::as_str),
            protocol = %self.protocol,
            peer = %self.peer,
            trace_id = self.trace_id.as_deref(),
            reason = self.reason.as_deref(),
            bytes_in = self.bytes_in,
            bytes_out = self.bytes_out,
            receive_us = receive.map(micros),
            preprocess_us = preprocess.map(micros),
            decide_us = decide.map(micros),
            upstream_us = upstream.map(micros),
            response_us = response.map(micros),
            total_us = micros(total),
        );
    }
}

impl Protocol {
    /// The fixed word of logs: `http1` or `http2`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http2 => "http2",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// The trace id of a W3C `traceparent`, where there is exactly one and it is well-formed.
pub(crate) fn trace_id(headers: &Headers) -> Option<Box<str>> {
    let value = headers.only("traceparent").ok()??;
    let mut parts = std::str::from_utf8(value).ok()?.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let well_formed = version.len() == 2 && hex(version) && trace.len() == 32 && hex(trace);
    well_formed.then(|| trace.into())
}

/// A time as access lines have it.
#[must_use]
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
