//! A webhook as the rules see it.

use std::fmt;

use http::Method;

use crate::{
    headers::{Headers, Twice},
    outcome::{Outcome, Refusal},
};

/// A received request, borrowed. `Debug` shows no more of it than a log may hold.
#[derive(Clone, Copy)]
pub struct Webhook<'a> {
    /// The method.
    pub method: &'a Method,
    /// The header fields as they arrived.
    pub headers: &'a Headers,
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
pub fn check_content_type(headers: &Headers) -> Result<(), Refusal> {
    match headers.only("content-type") {
        Ok(_) => Ok(()),
        Err(Twice) => {
            Err(Refusal::new(Outcome::RequestAmbiguous, "the request has the header Content-Type twice"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_content_type_is_ambiguous_even_where_it_says_the_same() {
        let one = [("content-type", "text/xml")];
        assert_eq!(check_content_type(&Headers::default()), Ok(()));
        assert_eq!(check_content_type(&one.into_iter().collect()), Ok(()));
        let two = one.into_iter().chain(one).collect();
        let refused = check_content_type(&two).expect_err("two content types");
        assert_eq!(refused.outcome, Outcome::RequestAmbiguous);
    }
}
