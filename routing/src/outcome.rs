//! How a request can end before it reaches a flow, and what it is called.

use std::{borrow::Cow, fmt};

/// Every refusal that a sender can meet. The code is also the label in metrics and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// No such token.
    UnknownEndpoint,
    /// A method that endpoints do not take.
    MethodNotAllowed,
    /// Not HTTP as it must be.
    BadRequest,
    /// A path fragment that two readers could resolve differently.
    PathInvalid,
    /// A header or query parameter on a referenced path occurs twice.
    RequestAmbiguous,
    /// The header block is over its limit.
    HeadersTooLarge,
    /// The body is over the endpoint's limit.
    BodyTooLarge,
    /// A reference needs the body, and it does not parse or is ambiguous.
    BodyMalformed,
    /// The sender was too slow.
    RequestTimeout,
    /// The customer's source found nothing.
    CustomerNotResolved,
    /// The customer user's source found nothing.
    CustomerUserNotResolved,
    /// The flow's source found nothing.
    FlowNotResolved,
    /// A value that names no customer.
    CustomerUnknown,
    /// The customer has no deployment of the integration.
    DeploymentNotFound,
    /// A value that names no flow.
    FlowUnknown,
    /// The deployment has no URL for the flow.
    FlowNotDeployed,
    /// The deployment is paused.
    DeploymentPaused,
    /// The Preprocess service refused the request.
    PreprocessRefused,
    /// The Preprocess service asks for authentication.
    PreprocessUnauthenticated,
    /// The Preprocess service forbids the request.
    PreprocessForbidden,
    /// The Preprocess service failed or answered something unusable.
    PreprocessFailed,
    /// The Preprocess service did not answer in time.
    PreprocessTimeout,
    /// No connection to the flow's endpoint.
    UpstreamUnreachable,
    /// The flow's endpoint did not answer with HTTP.
    UpstreamInvalid,
    /// The flow's endpoint did not answer in time.
    UpstreamTimeout,
    /// The request has been through this edge before.
    LoopDetected,
    /// A bound was reached.
    Overloaded,
    /// Draining, or nothing to serve yet.
    NotReady,
    /// A fault of ours.
    Internal,
}

impl Outcome {
    /// The stable code, as `customer_unknown`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownEndpoint => "unknown_endpoint",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::BadRequest => "bad_request",
            Self::PathInvalid => "path_invalid",
            Self::RequestAmbiguous => "request_ambiguous",
            Self::HeadersTooLarge => "headers_too_large",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyMalformed => "body_malformed",
            Self::RequestTimeout => "request_timeout",
            Self::CustomerNotResolved => "customer_not_resolved",
            Self::CustomerUserNotResolved => "customer_user_not_resolved",
            Self::FlowNotResolved => "flow_not_resolved",
            Self::CustomerUnknown => "customer_unknown",
            Self::DeploymentNotFound => "deployment_not_found",
            Self::FlowUnknown => "flow_unknown",
            Self::FlowNotDeployed => "flow_not_deployed",
            Self::DeploymentPaused => "deployment_paused",
            Self::PreprocessRefused => "preprocess_refused",
            Self::PreprocessUnauthenticated => "preprocess_unauthenticated",
            Self::PreprocessForbidden => "preprocess_forbidden",
            Self::PreprocessFailed => "preprocess_failed",
            Self::PreprocessTimeout => "preprocess_timeout",
            Self::UpstreamUnreachable => "upstream_unreachable",
            Self::UpstreamInvalid => "upstream_invalid",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::LoopDetected => "loop_detected",
            Self::Overloaded => "overloaded",
            Self::NotReady => "not_ready",
            Self::Internal => "internal",
        }
    }
}

/// An outcome with its reason. The detail is for the sender: no internal address, no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which outcome.
    pub outcome: Outcome,
    /// Why, in a sentence that the sender may read.
    pub detail: Cow<'static, str>,
}

impl Refusal {
    /// A refusal.
    pub fn new(outcome: Outcome, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { outcome, detail: detail.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.outcome.code(), self.detail)
    }
}

impl std::error::Error for Refusal {}
