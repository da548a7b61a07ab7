//! What HTTP/2 says in other words than HTTP/1, in the words of HTTP/1, so that both mean the same to references,
//! Preprocess services and flow endpoints.

use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, HOST},
    request::Parts,
};
use pingora::http::RequestHeader;

/// The head with a `Host`, and with one `Cookie` where it was split.
pub(super) fn as_http1(mut head: Parts) -> RequestHeader {
    if !head.headers.contains_key(HOST)
        && let Some(authority) = head.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        head.headers.insert(HOST, host);
    }
    join_cookies(&mut head.headers);
    head.into()
}

/// RFC 9113, 8.2.3: the parts of a cookie that travel as fields of their own are one field elsewhere.
fn join_cookies(headers: &mut HeaderMap) {
    let parts: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if parts.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&parts.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}
