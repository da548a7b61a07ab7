//! A webhook as the rules see it.

use std::fmt;

use http::{HeaderMap, Method, header::CONTENT_TYPE};

use crate::outcome::{Outcome, Refusal};

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

/// Refuses a request that says twice what its body is: whoever reads it next cannot know which of the two counts.
pub fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get_all(CONTENT_TYPE).iter().nth(1) {
        None => Ok(()),
        Some(_) => {
            Err(Refusal::new(Outcome::RequestAmbiguous, "the request has the header Content-Type twice"))
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_second_content_type_is_ambiguous_even_where_it_says_the_same() {
        let mut headers = HeaderMap::new();
        assert_eq!(check_content_type(&headers), Ok(()));
        headers.append(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        assert_eq!(check_content_type(&headers), Ok(()));
        headers.append(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        let refused = check_content_type(&headers).expect_err("two content types");
        assert_eq!(refused.outcome, Outcome::RequestAmbiguous);
    }
}
