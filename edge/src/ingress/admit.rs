//! What can be told from a request's head alone: which endpoint is called, and whether it may be.

use http::{
    HeaderMap, Method,
    header::{CONTENT_LENGTH, HOST},
};
use pingora::http::RequestHeader;
use pointsman_routing::{
    outcome::{Outcome, Refusal},
    table::{Endpoint, EndpointToken, Table},
    url::PathFragment,
};

use super::sender::too_large;
use crate::rejection::METHODS;

const HOOKS: &str = "/hooks/";

/// A request to an endpoint that there is.
pub(super) struct Admitted<'a> {
    pub(super) token: Option<EndpointToken>,
    pub(super) endpoint: Endpoint,
    pub(super) fragment: PathFragment<'a>,
    pub(super) query: &'a str,
    pub(super) host: &'a str,
    /// The length of the body, where it is announced.
    pub(super) length: Option<u64>,
}

/// Looks the endpoint up. What is refused is still known as far as it went.
pub(super) fn endpoint<'a>(head: &'a RequestHeader, table: &Table) -> Result<Admitted<'a>, Refusal> {
    let unknown = || Refusal::new(Outcome::UnknownEndpoint, "no endpoint has this URL");
    let rest = head.uri.path().strip_prefix(HOOKS).ok_or_else(unknown)?;
    let (token, fragment) = rest.split_once('/').unwrap_or((rest, ""));
    let endpoint = table.endpoint(token).ok_or_else(unknown)?;
    check_method(&head.method)?;
    let fragment = PathFragment::parse(fragment)
        .map_err(|error| Refusal::new(Outcome::PathInvalid, error.to_string()))?;
    let length = announced_length(&head.headers);
    let limit = endpoint.integration.max_body_bytes;
    if length.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    Ok(Admitted {
        token: EndpointToken::parse(token),
        endpoint,
        fragment,
        query: head.uri.query().unwrap_or_default(),
        host: host(head),
        length,
    })
}

fn check_method(method: &Method) -> Result<(), Refusal> {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE => Ok(()),
        _ => Err(Refusal::new(Outcome::MethodNotAllowed, format!("endpoints take {METHODS}"))),
    }
}

/// The value is one number: more than one and anything else were refused with the head.
fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// There is one: a head without was refused.
fn host(head: &RequestHeader) -> &str {
    match head.uri.authority() {
        Some(authority) => authority.as_str(),
        None => head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default(),
    }
}
