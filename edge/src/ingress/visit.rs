//! One admitted request on its way: body → preprocess → results → decision → forward.

use std::{convert::Infallible, time::SystemTime};

use bytes::Bytes;
use pointsman_proto::preprocess::v1::{EndpointType, Header, PreprocessRequest};
use pointsman_routing::{
    decide::{NoRoute, Route, Target, decide},
    directory::Directory as _,
    integration::{self, Integration, Preprocess},
    outcome::{Outcome, Refusal},
    results::{Reply, Results},
    webhook::Webhook,
};

use super::{Arrival, Ingress, admit::Admitted, bounds::Place, sender::Sender};
use crate::{
    access::Line,
    execution::ExecutionId,
    forward::{Body, Delivery, ForwardError, Origin, Response, Source as _, SourceError},
    request::RequestHead,
    serving::Served,
};

/// Why a request gets no answer of a flow.
pub(super) enum Stop {
    /// We answer.
    Refused(Refusal),
    /// Nobody waits for an answer.
    ClientClosed,
}

/// A flow's answer, and the request's place at its deployment until it is over.
pub(super) struct Forwarded {
    pub(super) response: Response,
    pub(super) place: Place,
}

/// A request on its way, and all that stays the same on it.
pub(super) struct Visit<'a> {
    pub(super) ingress: &'a Ingress,
    pub(super) served: &'a Served,
    pub(super) head: &'a RequestHead,
    pub(super) admitted: &'a Admitted<'a>,
    pub(super) arrival: Arrival,
    pub(super) execution_id: ExecutionId,
    /// The version of HTTP that it came with, as `Via` has it.
    pub(super) version: &'static str,
}

impl Visit<'_> {
    /// Goes the whole way.
    pub(super) async fn run(&self, sender: &mut Sender, line: &mut Line<'_>) -> Result<Forwarded, Stop> {
        let body = self.body(sender, line).await?;
        let whole = match &body {
            Body::Whole(bytes) => bytes.clone(),
            Body::None | Body::Streamed(_) => Bytes::new(),
        };
        let reply = match &self.integration().preprocess {
            // In a box, since it is large, and most webhooks have none.
            Some(service) => Some(Box::pin(self.preprocess(service, &whole, sender, line)).await?),
            None => None,
        };
        let route = self.decide(&whole, reply, line)?;
        drop(whole);
        line.record.deployment = Some(route.deployment.name.clone());
        line.record.flow = Some(route.flow.clone());
        let place = self.ingress.places.take(&route.deployment.name).ok_or_else(|| {
            Refusal::new(Outcome::Overloaded, "too many requests of this deployment are in flight")
        })?;
        let response = self.forward(body, &route, sender, line).await?;
        Ok(Forwarded { response, place })
    }

    /// The body: in memory only where something on the way reads it.
    async fn body(&self, sender: &mut Sender, line: &mut Line<'_>) -> Result<Body, Stop> {
        if sender.exchange.body_is_over() {
            return Ok(if self.admitted.length.is_some() { Body::Whole(Bytes::new()) } else { Body::None });
        }
        if !self.integration().needs_body() {
            return Ok(Body::Streamed(self.admitted.length));
        }
        let bytes = sender.read_to_end(self.admitted.length).await?;
        line.record.stages.receive = Some(line.lap());
        Ok(Body::Whole(bytes))
    }

    async fn preprocess(
        &self,
        service: &Preprocess,
        body: &Bytes,
        sender: &mut Sender,
        line: &mut Line<'_>,
    ) -> Result<Reply, Stop> {
        let request = self.preprocess_request(if service.send_body { body.clone() } else { Bytes::new() });
        let call = self.ingress.preprocess.call(service, request);
        // Where the body is not read yet, its bytes are all that the sender could be heard by.
        let watched = sender.exchange.body_is_over();
        let reply = tokio::select! {
            reply = call => reply?,
            () = sender.abandoned(), if watched => return Err(Stop::ClientClosed),
        };
        line.record.stages.preprocess = Some(line.lap());
        Ok(reply)
    }

    fn preprocess_request(&self, body: Bytes) -> PreprocessRequest {
        let (deployment, flow) = match &self.admitted.endpoint.target {
            Target::Shared => (None, None),
            Target::Deployment(deployment) => (Some(deployment), None),
            Target::Flow(deployment, flow) => (Some(deployment), Some(flow)),
        };
        let customer = deployment.and_then(|deployment| {
            let Ok(customer) = self.served.table.customer(&deployment.customer);
            customer
        });
        let endpoint_type = match self.integration().endpoint_type {
            integration::EndpointType::Shared => EndpointType::Shared,
            integration::EndpointType::InstanceSpecific => EndpointType::InstanceSpecific,
            integration::EndpointType::FlowSpecific => EndpointType::FlowSpecific,
        };
        let header = |(name, value): (&[u8], &[u8])| Header {
            name: String::from_utf8_lossy(name).into_owned(),
            value: Bytes::copy_from_slice(value),
        };
        PreprocessRequest {
            execution_id: self.execution_id.to_string(),
            integration: self.integration().id.to_string(),
            endpoint_type: endpoint_type.into(),
            deployment: deployment.map(|deployment| deployment.name.to_string()).unwrap_or_default(),
            customer_external_id: customer
                .map(|customer| customer.external_id.as_ref().to_owned())
                .unwrap_or_default(),
            flow: flow.map(|flow| flow.as_str().to_owned()).unwrap_or_default(),
            method: self.head.method.as_str().to_owned(),
            path_fragment: self.admitted.fragment.as_str().to_owned(),
            query: self.admitted.query.to_owned(),
            headers: self.head.headers.together().into_iter().map(header).collect(),
            body,
            receive_time: Some((SystemTime::now() - self.arrival.started.elapsed()).into()),
        }
    }

    fn decide(&self, body: &[u8], reply: Option<Reply>, line: &mut Line<'_>) -> Result<Route, Stop> {
        let results = match reply {
            Some(reply) => Results::Reply(reply),
            None => Results::Request(self.webhook(body)),
        };
        let endpoint = &self.admitted.endpoint;
        let decided = decide(&endpoint.integration, &endpoint.target, &results, &self.served.table, &mut ());
        line.record.stages.decide = Some(line.lap());
        decided.map_err(|no_route: NoRoute<Infallible>| match no_route {
            NoRoute::Refused(refusal) => Stop::Refused(refusal),
            NoRoute::Directory(impossible) => match impossible {},
        })
    }

    async fn forward(
        &self,
        body: Body,
        route: &Route,
        sender: &mut Sender,
        line: &mut Line<'_>,
    ) -> Result<Response, Stop> {
        let origin = Origin {
            peer: &self.arrival.peer.address,
            tls: self.arrival.peer.tls,
            host: self.admitted.host,
            version: self.version,
        };
        let delivery = Delivery {
            execution_id: self.execution_id,
            webhook: self.webhook(&[]),
            fragment: self.admitted.fragment,
            origin,
            body,
        };
        let sent = self.ingress.forwarder.send(delivery, route, sender).await;
        line.record.stages.upstream = Some(line.lap());
        sent.map_err(|error| {
            if let Some(label) = error.label() {
                self.ingress.metrics.upstream_error(label);
            }
            line.record.reason = Some(error.to_string());
            Stop::from(error)
        })
    }

    fn webhook<'b>(&'b self, body: &'b [u8]) -> Webhook<'b> {
        Webhook {
            method: &self.head.method,
            headers: &self.head.headers,
            query: self.admitted.query,
            path_fragment: self.admitted.fragment.as_str(),
            body,
        }
    }

    fn integration(&self) -> &Integration {
        &self.admitted.endpoint.integration
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::GaveUp => Self::ClientClosed,
            SourceError::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

impl From<ForwardError> for Stop {
    fn from(error: ForwardError) -> Self {
        error.refusal().map_or(Self::ClientClosed, Self::Refused)
    }
}
