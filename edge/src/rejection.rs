//! The one place that turns outcomes into HTTP: status, header fields and a problem body (RFC 9457).

use bytes::Bytes;
use http::StatusCode;
use pingora::protocols::http::date::get_cached_date;
use pointsman_routing::outcome::{Outcome, Refusal};

use crate::{answer::AnswerHead, execution::ExecutionId};

/// The header of every answer that names the execution.
pub(crate) const EXECUTION_ID: &str = "pointsman-execution-id";
/// The methods that endpoints take, as `Allow` lists them.
pub(crate) const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

/// The answer to a request that was refused.
pub(crate) fn answer(refusal: &Refusal, execution_id: ExecutionId) -> (AnswerHead, Bytes) {
    let status = status(refusal.outcome);
    let body = serde_json::json!({
        "type": format!("urn:pointsman:problem:{}", refusal.outcome.code()),
        "title": title(refusal.outcome),
        "status": status.as_u16(),
        "detail": refusal.detail,
        "code": refusal.outcome.code(),
        "executionId": execution_id.as_str(),
    });
    let body = Bytes::from(body.to_string());
    let mut head = AnswerHead::new(status, None);
    head.put("content-type", b"application/problem+json");
    head.put("content-length", body.len().to_string().as_bytes());
    head.put(EXECUTION_ID, execution_id.as_bytes());
    head.put("cache-control", b"no-store");
    head.put("date", get_cached_date().as_bytes());
    if refusal.outcome == Outcome::MethodNotAllowed {
        head.put("allow", METHODS.as_bytes());
    }
    if let Some(seconds) = retry_after_seconds(refusal.outcome) {
        head.put("retry-after", seconds.to_string().as_bytes());
    }
    (head, body)
}

/// Whether the connection ends with the answer, since what comes next on it cannot be told apart or trusted.
pub(crate) fn closes(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::BadRequest
            | Outcome::HeadersTooLarge
            | Outcome::BodyTooLarge
            | Outcome::RequestTimeout
            | Outcome::NotReady
            | Outcome::Internal
    )
}

/// The status that stands for an outcome.
pub(crate) fn status(outcome: Outcome) -> StatusCode {
    match outcome {
        Outcome::BadRequest | Outcome::PathInvalid | Outcome::RequestAmbiguous | Outcome::BodyMalformed => {
            StatusCode::BAD_REQUEST
        }
        Outcome::PreprocessUnauthenticated => StatusCode::UNAUTHORIZED,
        Outcome::PreprocessForbidden => StatusCode::FORBIDDEN,
        Outcome::UnknownEndpoint => StatusCode::NOT_FOUND,
        Outcome::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Outcome::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        Outcome::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Outcome::CustomerNotResolved
        | Outcome::CustomerUserNotResolved
        | Outcome::FlowNotResolved
        | Outcome::CustomerUnknown
        | Outcome::DeploymentNotFound
        | Outcome::FlowUnknown
        | Outcome::FlowNotDeployed
        | Outcome::PreprocessRefused => StatusCode::UNPROCESSABLE_ENTITY,
        Outcome::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Outcome::PreprocessFailed | Outcome::UpstreamUnreachable | Outcome::UpstreamInvalid => {
            StatusCode::BAD_GATEWAY
        }
        Outcome::DeploymentPaused | Outcome::Overloaded | Outcome::NotReady => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Outcome::PreprocessTimeout | Outcome::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        Outcome::LoopDetected => StatusCode::LOOP_DETECTED,
        // An outcome that this edge does not know is a fault of ours.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn title(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::UnknownEndpoint => "There is no such endpoint",
        Outcome::MethodNotAllowed => "The endpoint does not take this method",
        Outcome::BadRequest => "The request is not HTTP as it must be",
        Outcome::PathInvalid => "The path can be read in two ways",
        Outcome::RequestAmbiguous => "The request can be read in two ways",
        Outcome::HeadersTooLarge => "The header is too large",
        Outcome::BodyTooLarge => "The body is too large",
        Outcome::BodyMalformed => "The body is malformed",
        Outcome::RequestTimeout => "The request arrived too slowly",
        Outcome::CustomerNotResolved => "The request names no customer",
        Outcome::CustomerUserNotResolved => "The request names no user",
        Outcome::FlowNotResolved => "The request names no flow",
        Outcome::CustomerUnknown => "The customer is not known",
        Outcome::DeploymentNotFound => "The customer has no deployment",
        Outcome::FlowUnknown => "The flow is not known",
        Outcome::FlowNotDeployed => "The flow is not deployed",
        Outcome::DeploymentPaused => "The deployment is paused",
        Outcome::PreprocessRefused => "The request was refused",
        Outcome::PreprocessUnauthenticated => "The request is not authenticated",
        Outcome::PreprocessForbidden => "The request is not permitted",
        Outcome::PreprocessFailed => "The request could not be preprocessed",
        Outcome::PreprocessTimeout => "The request was not preprocessed in time",
        Outcome::UpstreamUnreachable => "The flow cannot be reached",
        Outcome::UpstreamInvalid => "The flow did not answer with HTTP",
        Outcome::UpstreamTimeout => "The flow did not answer in time",
        Outcome::LoopDetected => "The request has been here before",
        Outcome::Overloaded => "Too much is going on",
        Outcome::NotReady => "The edge is not serving",
        _ => "Something went wrong on our side",
    }
}

fn retry_after_seconds(outcome: Outcome) -> Option<u32> {
    match outcome {
        Outcome::DeploymentPaused => Some(60),
        Outcome::NotReady => Some(5),
        Outcome::Overloaded => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::{
        HeaderMap,
        header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER},
    };
    use uuid::Uuid;

    use super::*;

    fn answered(outcome: Outcome, detail: &'static str) -> (StatusCode, HeaderMap, serde_json::Value) {
        let (head, body) = answer(&Refusal::new(outcome, detail), Uuid::nil().into());
        let headers = head.to_map();
        assert_eq!(headers[CONTENT_LENGTH], body.len().to_string());
        (head.status, headers, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn a_problem_says_what_the_header_says() {
        let (status, headers, body) = answered(Outcome::CustomerUnknown, "no customer is called \"Zoë\"\n");
        assert_eq!(status, 422);
        assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(headers[EXECUTION_ID], Uuid::nil().to_string());
        let expected = serde_json::json!({
            "type": "urn:pointsman:problem:customer_unknown",
            "title": "The customer is not known",
            "status": 422,
            "detail": "no customer is called \"Zoë\"\n",
            "code": "customer_unknown",
            "executionId": Uuid::nil().to_string(),
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn every_outcome_has_the_status_of_the_contract() {
        for (outcome, expected) in [
            (Outcome::UnknownEndpoint, 404),
            (Outcome::MethodNotAllowed, 405),
            (Outcome::BadRequest, 400),
            (Outcome::PathInvalid, 400),
            (Outcome::RequestAmbiguous, 400),
            (Outcome::HeadersTooLarge, 431),
            (Outcome::BodyTooLarge, 413),
            (Outcome::BodyMalformed, 400),
            (Outcome::RequestTimeout, 408),
            (Outcome::CustomerNotResolved, 422),
            (Outcome::CustomerUserNotResolved, 422),
            (Outcome::FlowNotResolved, 422),
            (Outcome::CustomerUnknown, 422),
            (Outcome::DeploymentNotFound, 422),
            (Outcome::FlowUnknown, 422),
            (Outcome::FlowNotDeployed, 422),
            (Outcome::DeploymentPaused, 503),
            (Outcome::PreprocessRefused, 422),
            (Outcome::PreprocessUnauthenticated, 401),
            (Outcome::PreprocessForbidden, 403),
            (Outcome::PreprocessFailed, 502),
            (Outcome::PreprocessTimeout, 504),
            (Outcome::UpstreamUnreachable, 502),
            (Outcome::UpstreamInvalid, 502),
            (Outcome::UpstreamTimeout, 504),
            (Outcome::LoopDetected, 508),
            (Outcome::Overloaded, 503),
            (Outcome::NotReady, 503),
            (Outcome::Internal, 500),
        ] {
            let (status, headers, body) = answered(outcome, "");
            assert_eq!(status, expected, "{outcome:?}");
            assert_eq!(body["status"], expected);
            assert_eq!(headers.contains_key(RETRY_AFTER), expected == 503, "{outcome:?}");
            assert_eq!(headers.contains_key(ALLOW), expected == 405, "{outcome:?}");
        }
    }
}
