//! What can be told from a request's head alone: which endpoint is called, and whether it may be.

use http::Method;
use pointsman_routing::{
    outcome::{Outcome, Refusal},
    table::{Endpoint, Table},
    url::PathFragment,
    webhook::check_content_type,
};

use super::sender::too_large;
use crate::{rejection::METHODS, request::RequestHead};

const HOOKS: &str = "/hooks/";

/// An endpoint that there is, and what of the URL lies behind it.
pub(super) struct Called<'a> {
    pub(super) endpoint: Endpoint,
    fragment: &'a str,
}

/// A request that an endpoint takes, as far as its head tells.
pub(super) struct Admitted<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) fragment: PathFragment<'a>,
    pub(super) query: &'a str,
    pub(super) host: &'a str,
    /// The length of the body, where it is announced.
    pub(super) length: Option<u64>,
}

/// Looks the endpoint up.
pub(super) fn endpoint<'a>(head: &'a RequestHead, table: &Table) -> Result<Called<'a>, Refusal> {
    let found = || {
        let rest = head.target.path().strip_prefix(HOOKS)?;
        let (token, fragment) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Called { endpoint: table.endpoint(token)?, fragment })
    };
    found().ok_or_else(|| Refusal::new(Outcome::UnknownEndpoint, "no endpoint has this URL"))
}

impl<'a> Called<'a> {
    /// Judges the rest of the head.
    pub(super) fn admit(self, head: &'a RequestHead) -> Result<Admitted<'a>, Refusal> {
        check_method(&head.method)?;
        let fragment = PathFragment::parse(self.fragment)
            .map_err(|error| Refusal::new(Outcome::PathInvalid, error.to_string()))?;
        check_content_type(&head.headers)?;
        let limit = self.endpoint.integration.max_body_bytes;
        if head.length.is_some_and(|length| length > limit as u64) {
            return Err(too_large(limit));
        }
        Ok(Admitted {
            endpoint: self.endpoint,
            fragment,
            query: head.target.query(),
            host: head.host(),
            length: head.length,
        })
    }
}

fn check_method(method: &Method) -> Result<(), Refusal> {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE => Ok(()),
        _ => Err(Refusal::new(Outcome::MethodNotAllowed, format!("endpoints take {METHODS}"))),
    }
}
