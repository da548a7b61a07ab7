//! How a request can end before it reaches a flow, and what it is called.

use std::{borrow::Cow, fmt};

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident => $code:literal,)*) => {
        /// Every refusal that a sender can meet. The code is also the label in metrics and logs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Outcome {
            $($(#[$doc])* $variant,)*
        }

        impl Outcome {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable code, as `customer_unknown`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }
        }
    };
}

outcomes! {
    /// No such token.
    UnknownEndpoint => "unknown_endpoint",
    /// A method that endpoints do not take.
    MethodNotAllowed => "method_not_allowed",
    /// Not HTTP as it must be.
    BadRequest => "bad_request",
    /// A path fragment that two readers could resolve differently.
    PathInvalid => "path_invalid",
    /// A header or query parameter on a referenced path occurs twice.
    RequestAmbiguous => "request_ambiguous",
    /// The header block is over its limit.
    HeadersTooLarge => "headers_too_large",
    /// The body is over the endpoint's limit.
    BodyTooLarge => "body_too_large",
    /// A reference needs the body, and it does not parse or is ambiguous.
    BodyMalformed => "body_malformed",
    /// The sender was too slow.
    RequestTimeout => "request_timeout",
    /// The customer's source found nothing.
    CustomerNotResolved => "customer_not_resolved",
    /// The customer user's source found nothing.
    CustomerUserNotResolved => "customer_user_not_resolved",
    /// The flow's source found nothing.
    FlowNotResolved => "flow_not_resolved",
    /// A value that names no customer.
    CustomerUnknown => "customer_unknown",
    /// The customer has no deployment of the integration.
    DeploymentNotFound => "deployment_not_found",
    /// A value that names no flow.
    FlowUnknown => "flow_unknown",
    /// The deployment has no URL for the flow.
    FlowNotDeployed => "flow_not_deployed",
    /// The deployment is paused.
    DeploymentPaused => "deployment_paused",
    /// The Preprocess service refused the request.
    PreprocessRefused => "preprocess_refused",
    /// The Preprocess service asks for authentication.
    PreprocessUnauthenticated => "preprocess_unauthenticated",
    /// The Preprocess service forbids the request.
    PreprocessForbidden => "preprocess_forbidden",
    /// The Preprocess service failed or answered something unusable.
    PreprocessFailed => "preprocess_failed",
    /// The Preprocess service did not answer in time.
    PreprocessTimeout => "preprocess_timeout",
    /// No connection to the flow's endpoint.
    UpstreamUnreachable => "upstream_unreachable",
    /// The flow's endpoint did not answer with HTTP.
    UpstreamInvalid => "upstream_invalid",
    /// The flow's endpoint did not answer in time.
    UpstreamTimeout => "upstream_timeout",
    /// The request has been through this edge before.
    LoopDetected => "loop_detected",
    /// A bound was reached.
    Overloaded => "overloaded",
    /// Draining, or nothing to serve yet.
    NotReady => "not_ready",
    /// A fault of ours.
    Internal => "internal",
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_those_of_the_contract() {
        let codes: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.code()).collect();
        let contract = "unknown_endpoint method_not_allowed bad_request path_invalid request_ambiguous \
            headers_too_large body_too_large body_malformed request_timeout customer_not_resolved \
            customer_user_not_resolved flow_not_resolved customer_unknown deployment_not_found flow_unknown \
            flow_not_deployed deployment_paused preprocess_refused preprocess_unauthenticated preprocess_forbidden \
            preprocess_failed preprocess_timeout upstream_unreachable upstream_invalid upstream_timeout \
            loop_detected overloaded not_ready internal";
        assert_eq!(codes, contract.split_whitespace().collect::<Vec<_>>());
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), codes.len());
    }

    #[test]
    fn a_refusal_reads_as_code_and_detail() {
        let refusal = Refusal::new(Outcome::CustomerUnknown, "names no customer");
        assert_eq!(refusal.to_string(), "customer_unknown: names no customer");
        assert_eq!(Outcome::CustomerUnknown.to_string(), "customer_unknown");
    }
}
