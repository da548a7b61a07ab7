//! A webhook as the rules see it.

use std::fmt;

use http::{HeaderMap, Method};

/// A received request, borrowed. `Debug` shows no more of it than a log may hold.
#[derive(Clone, Copy)]
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

impl fmt::Debug for Webhook<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("method", self.method)
            .field("path_fragment", &self.path_fragment)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
