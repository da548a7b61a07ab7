//! The head of a request, whichever version of HTTP it came by.

use bytes::Bytes;
use http::{Method, Uri, Version};
use pointsman_routing::headers::Headers;

/// The head of a request that is HTTP as it must be. Not to be printed: paths, queries and values hold secrets.
pub(crate) struct RequestHead {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
    /// The length of the body, where it is announced.
    pub(crate) length: Option<u64>,
}

/// What HTTP/1 says in the head of a request of the connection that it came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) framing: Framing,
    /// Whether the client may send another request, as far as it is concerned.
    pub(crate) keep: bool,
    /// Whether it sends the body only once it is asked to.
    pub(crate) expects_continue: bool,
}

/// How the end of a request's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// It is so many bytes; none where there is no body.
    Counted(u64),
    /// By the last chunk.
    Chunked,
}

/// Where a request goes.
pub(crate) enum Target {
    /// A path, and a query from the first `?` on. ASCII.
    Path(Bytes),
    /// A whole URL.
    Url(Uri),
}

impl Target {
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Path(text) => ascii(split(text).0),
            Self::Url(url) => url.path(),
        }
    }

    /// Without its `?`; empty where there is none.
    pub(crate) fn query(&self) -> &str {
        match self {
            Self::Path(text) => ascii(split(text).1),
            Self::Url(url) => url.query().unwrap_or_default(),
        }
    }
}

impl RequestHead {
    /// The host and port that the sender took us for.
    pub(crate) fn host(&self) -> &str {
        match &self.target {
            Target::Url(url) if url.authority().is_some() => url.authority().map_or("", |host| host.as_str()),
            // There is one: a head without was refused.
            _ => self.headers.all("host").next().map_or("", ascii),
        }
    }
}

fn split(target: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'?', target) {
        Some(mark) => (&target[..mark], &target[mark + 1..]),
        None => (target, b""),
    }
}

fn ascii(text: &[u8]) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_target_say_the_same() {
        for (local, path, query) in
            [("/a/b?c=d?e", "/a/b", "c=d?e"), ("/a?", "/a", ""), ("/", "/", ""), ("/?a", "/", "a")]
        {
            let url = format!("http://x:1{local}").parse().expect("a URL");
            for target in [Target::Path(local.into()), Target::Url(url)] {
                assert_eq!((target.path(), target.query()), (path, query), "{local}");
            }
        }
    }

    #[test]
    fn the_host_of_a_url_counts_before_the_field() {
        let head = |target| RequestHead {
            method: Method::GET,
            target,
            version: Version::HTTP_11,
            headers: [("host", "field:80")].into_iter().collect(),
            length: None,
        };
        assert_eq!(head(Target::Path("/".into())).host(), "field:80");
        assert_eq!(head(Target::Url("http://url/".parse().expect("a URL"))).host(), "url");
        assert_eq!(head(Target::Url("/".parse().expect("a URL"))).host(), "field:80");
    }
}
