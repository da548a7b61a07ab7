//! "Test endpoint configuration": what an endpoint would do with a request, step by step. Nothing is dispatched.
//!
//! An edge's way, over the database: method, path and body are checked, the Preprocess service is called, and
//! [`decide`] decides with a trace. What comes out is for admins, and may name what senders never hear.
//!
//! A refusal comes with what to do about it (`advise`): the known value that is nearest to the one that was found
//! (`nearest`), what stands where a reference finds nothing (`around`), where in the body something is wrong (`body`).

use std::{
    fmt,
    sync::Arc,
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use http::Method;
use pointsman_routing::{
    decide::{NoRoute, Route, decide},
    fault::Fault,
    headers::Headers,
    integration::{Integration, IntegrationSpec},
    name::{DeploymentName, FlowKey, IntegrationId, ResourceName},
    outcome::{Outcome, Refusal},
    results::Results,
    url::PathFragment,
    webhook::{Webhook, check_content_type},
};

use crate::{
    config::PreprocessCaller,
    domain::Caller,
    store::{LookupError, Store, StoreError},
};

mod advise;
mod around;
mod body;
mod endpoint;
mod explain;
mod nearest;
mod preprocess;

pub use explain::{Stage, Step};

use advise::Decided;
use endpoint::Endpoint;

/// What endpoints take.
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Tests endpoints.
#[derive(Clone)]
pub struct EndpointTester {
    store: Store,
    preprocess: Arc<dyn PreprocessCaller>,
    clock: fn() -> SystemTime,
}

impl fmt::Debug for EndpointTester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointTester").field("store", &self.store).finish_non_exhaustive()
    }
}

/// A request, and the endpoint that it is sent to.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The integration.
    pub integration: IntegrationId,
    /// What counts instead of the integration's stored flows and endpoint configuration.
    pub proposed: Option<IntegrationSpec>,
    /// The deployment of an instance- or flow-specific endpoint.
    pub deployment: Option<DeploymentName>,
    /// The flow of a flow-specific endpoint.
    pub flow: Option<FlowKey>,
    /// The request.
    pub request: SampleRequest,
}

/// A webhook as a sender would send it.
#[derive(Clone, Debug, Default)]
pub struct SampleRequest {
    /// The method.
    pub method: Method,
    /// The path behind the endpoint's token, raw, without its leading `/`.
    pub path_fragment: String,
    /// The query, raw, without its leading `?`.
    pub query: String,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

/// What the endpoint would do.
#[derive(Clone, Debug)]
pub struct Report {
    /// Each step, up to the one that failed.
    pub steps: Vec<Step>,
    /// Where the request would go, or how it would be refused, in words for admins.
    pub end: Result<Destination, Refused>,
}

/// How a request would be refused, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which outcome.
    pub outcome: Outcome,
    /// Why.
    pub detail: String,
    /// Ways out, the likeliest first.
    pub advice: Vec<String>,
    /// Known values that may have been meant, the likeliest first.
    pub candidates: Vec<Candidate>,
}

/// A known value that may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The value, or a reference.
    pub value: String,
    /// What it stands for, or what the reference finds; empty where that is not known.
    pub stands_for: String,
}

impl Refused {
    fn plain(Refusal { outcome, detail }: Refusal) -> Self {
        Self { outcome, detail: detail.into_owned(), advice: Vec::new(), candidates: Vec::new() }
    }
}

/// Where a request would go.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Whose it is, and what runs.
    pub route: Route,
    /// The whole URL that it would be forwarded to.
    pub url: String,
}

/// Why an endpoint cannot be tested.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The request for a test, all that is wrong with it.
    #[error("the request for a test is faulty")]
    Faulty(Vec<Fault>),
    /// The caller's scope does not reach the integration.
    #[error("the access token is not for {0}")]
    OutOfScope(ResourceName),
    /// The integration or deployment is not there.
    #[error("there is no {0}")]
    NotFound(ResourceName),
    /// The database, or something in it.
    #[error(transparent)]
    Lookup(#[from] LookupError),
}

impl From<StoreError> for TestError {
    fn from(error: StoreError) -> Self {
        Self::Lookup(error.into())
    }
}

impl EndpointTester {
    /// A tester of what `store` holds, that calls services by `preprocess`.
    #[must_use]
    pub fn new(store: Store, preprocess: Arc<dyn PreprocessCaller>, clock: fn() -> SystemTime) -> Self {
        Self { store, preprocess, clock }
    }

    /// Tests an endpoint. `faults` are those that were found on the way here; they are answered together with the ones
    /// that only a look at the integration finds.
    pub async fn test(
        &self,
        caller: &Caller,
        sample: Sample,
        faults: Vec<Fault>,
    ) -> Result<Report, TestError> {
        if !caller.sees(&sample.integration) {
            return Err(TestError::OutOfScope(ResourceName::Integration(sample.integration)));
        }
        let sample = Arc::new(sample);
        let asked = Arc::clone(&sample);
        let endpoint = self.store.read(move |view| Endpoint::find(view, &asked, faults)).await?;
        if let Err(refusal) = admit(&endpoint.integration, &sample.request) {
            return Ok(Report { steps: Vec::new(), end: Err(advise::at_the_door(refusal, &endpoint)) });
        }
        let mut steps = Vec::new();
        let reply = match &endpoint.integration.preprocess {
            None => None,
            Some(service) => {
                let request = preprocess::request(&endpoint, service, &sample.request, (self.clock)());
                let started = Instant::now();
                let called = self.preprocess.call(service, request).await;
                steps.push(explain::called(service, &called, started.elapsed()));
                match called {
                    Ok(reply) => Some(reply),
                    Err(refusal) => {
                        let refused = advise::at_the_service(refusal, &endpoint);
                        return Ok(Report { steps, end: Err(refused) });
                    }
                }
            }
        };
        self.store
            .read(move |view| {
                let results = match reply {
                    Some(reply) => Results::Reply(reply),
                    None => Results::Request(webhook(&sample.request)),
                };
                let Endpoint { integration, target, .. } = &endpoint;
                let mut trace = Vec::new();
                let decided = decide(integration, target, &results, view, &mut trace);
                steps.extend(trace.into_iter().map(explain::step));
                let end = match decided {
                    Ok(route) => Ok(destination(route, &sample.request)),
                    Err(NoRoute::Refused(refusal)) => {
                        let decided = Decided {
                            endpoint: &endpoint,
                            steps: &steps,
                            results: &results,
                            request: &sample.request,
                            view,
                        };
                        Err(decided.refused(&refusal)?)
                    }
                    Err(NoRoute::Directory(error)) => return Err(error.into()),
                };
                Ok(Report { steps, end })
            })
            .await
    }
}

/// What an edge checks before anything is read out of a request.
fn admit(integration: &Integration, request: &SampleRequest) -> Result<(), Refusal> {
    if !METHODS.contains(&request.method) {
        let detail =
            format!("endpoints take GET, HEAD, POST, PUT, PATCH and DELETE, and not {}", request.method);
        return Err(Refusal::new(Outcome::MethodNotAllowed, detail));
    }
    if let Err(error) = PathFragment::parse(&request.path_fragment) {
        return Err(Refusal::new(Outcome::PathInvalid, error.to_string()));
    }
    check_content_type(&request.headers)?;
    let (bytes, limit) = (request.body.len(), integration.max_body_bytes);
    if bytes > limit {
        let detail = format!("the body has {bytes} bytes, and the endpoint takes {limit}");
        return Err(Refusal::new(Outcome::BodyTooLarge, detail));
    }
    Ok(())
}

fn webhook(request: &SampleRequest) -> Webhook<'_> {
    Webhook {
        method: &request.method,
        headers: &request.headers,
        query: &request.query,
        path_fragment: &request.path_fragment,
        body: &request.body,
    }
}

fn destination(route: Route, request: &SampleRequest) -> Destination {
    let flow_url = &route.flow_endpoint().url;
    let scheme = if flow_url.is_https() { "https" } else { "http" };
    // Parsed before; nothing to add where it could not be.
    let target = PathFragment::parse(&request.path_fragment)
        .map(|fragment| flow_url.target(&fragment, &request.query))
        .unwrap_or_default();
    let url = format!("{scheme}://{}{target}", flow_url.authority());
    Destination { route, url }
}
