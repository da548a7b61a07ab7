//! A webhook as the rules see it.

use http::{HeaderMap, Method};

/// A received request, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// The method.
    pub method: &'a Method,
    /// The header fields as they arrived.
    pub headers: &'a HeaderMap,
    /// The query, raw, without its leading `?`; empty where there is none.
    pub query: &'a str,
    /// The path behind the endpoint's token, raw, without its leading `/`.
    pub path_fragment: &'a str,
    /// The body's bytes; empty where it has none, or where nothing that is configured reads it.
    pub body: &'a [u8],
}
