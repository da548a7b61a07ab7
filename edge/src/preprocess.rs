//! Calls Preprocess services.
//!
//! A call's way: `channels` has the one channel to the address, which `dial` connects when it is first needed →
//! `witness` notes what of the answer the service itself said → `reply` turns its `results` into what references
//! read, and `failure` turns everything else into an outcome.

mod channels;
mod dial;
mod failure;
mod reply;
mod witness;

use std::time::Instant;

use pointsman_proto::preprocess::v1::{
    PreprocessRequest, PreprocessResponse, preprocess_service_client::PreprocessServiceClient,
};
use pointsman_routing::{integration::Preprocess, outcome::Refusal, results::Reply};
use tokio::time::timeout;

use self::{channels::Channels, dial::Dialler, failure::Failure, witness::Witness};
use crate::{config::Config, egress::Egress, telemetry::Metrics, tls::TlsError};

/// The client of all Preprocess services: one lazily dialled channel per address. Clones share the channels, which
/// belong to the runtime that calls first: use a client on one runtime only.
#[derive(Clone, Debug)]
pub struct PreprocessClient {
    channels: Channels,
    max_reply_bytes: usize,
    metrics: Metrics,
}

impl PreprocessClient {
    /// A client under the limits, CAs and egress rules of `config`, for one that runs without an edge. Reads the CA
    /// files.
    pub fn new(config: &Config) -> Result<Self, TlsError> {
        let egress = Egress::new(config.egress);
        for listener in &config.own_listeners {
            egress.add_own_listener(*listener);
        }
        Self::of_edge(config, egress, Metrics::new())
    }

    /// An edge's own client, which shares its egress rules and metrics.
    pub(crate) fn of_edge(config: &Config, egress: Egress, metrics: Metrics) -> Result<Self, TlsError> {
        let channels = Channels::new(Dialler::new(config, egress)?);
        Ok(Self { channels, max_reply_bytes: config.limits.preprocess_reply_bytes, metrics })
    }

    /// Calls `service` and turns what happens into its reply or a refusal (`preprocess_*`), in words for the sender.
    pub async fn call(&self, service: &Preprocess, request: PreprocessRequest) -> Result<Reply, Refusal> {
        self.attempt(service, &request).await.map_err(|failure| {
            failure.log(&request);
            failure.into_refusal()
        })
    }

    /// The same for a dry run: the refusal is in words for admins, with addresses and what the service said.
    pub async fn call_for_admin(
        &self,
        service: &Preprocess,
        request: PreprocessRequest,
    ) -> Result<Reply, Refusal> {
        self.attempt(service, &request).await.map_err(|failure| failure.for_admin())
    }

    async fn attempt(&self, service: &Preprocess, request: &PreprocessRequest) -> Result<Reply, Failure> {
        let started = Instant::now();
        let called = timeout(service.timeout, self.exchange(service, request)).await;
        let ended = match called {
            Ok(Ok(response)) => reply::read(response).map_err(Failure::from),
            // The channel keeps the same deadline; whichever of the two clocks was first, it has passed.
            Ok(Err(_)) if started.elapsed() >= service.timeout => Err(Failure::DeadlinePassed),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::DeadlinePassed),
        };
        let code = ended.as_ref().map_or_else(|failure| failure.outcome().code(), |_| "ok");
        self.metrics.preprocess_call(code, started.elapsed());
        ended
    }

    /// A request that certainly never reached the service (its connection was closing) is sent once more.
    async fn exchange(
        &self,
        service: &Preprocess,
        request: &PreprocessRequest,
    ) -> Result<PreprocessResponse, Failure> {
        match self.exchange_once(service, request.clone()).await {
            Err(failure) if failure.never_arrived() => self.exchange_once(service, request.clone()).await,
            ended => ended,
        }
    }

    async fn exchange_once(
        &self,
        service: &Preprocess,
        request: PreprocessRequest,
    ) -> Result<PreprocessResponse, Failure> {
        let channel = self.channels.to(&service.address)?;
        let (channel, testimony) = Witness::of(channel);
        let mut client =
            PreprocessServiceClient::new(channel).max_decoding_message_size(self.max_reply_bytes);
        let mut request = tonic::Request::new(request);
        for (name, value) in &service.metadata {
            request.metadata_mut().as_mut().append(name, value.clone());
        }
        request.set_timeout(service.timeout);
        let answered = client.preprocess(request).await;
        answered
            .map(tonic::Response::into_inner)
            .map_err(|status| Failure::of_call(status, testimony.take(), self.max_reply_bytes))
    }
}

#[cfg(test)]
mod tests;

/// What a reply says, and whether it nests deeper than it may.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_reply(response: PreprocessResponse) -> Option<Reply> {
    reply::read(response).ok()
}
