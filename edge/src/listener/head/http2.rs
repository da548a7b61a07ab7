//! The head of an HTTP/2 request: judged as far as the protocol has not done so itself, and put in the words of HTTP/1
//! where it has others, so that both mean the same to references, Preprocess services and flow endpoints.

use http::{
    HeaderMap, HeaderValue, Uri,
    header::{CONTENT_LENGTH, COOKIE, HOST},
    request::Parts,
};

use super::{HeadFault, MAX_FIELDS, check_host, parse_length};
use crate::request::{RequestHead, Target};

/// Judges a head. `limit` is the most bytes that it may have.
pub(crate) fn parse_http2(head: Parts, limit: usize) -> Result<RequestHead, HeadFault> {
    let Parts { method, uri, version, mut headers, .. } = head;
    check_size(&uri, &headers, limit)?;
    let length = only(&headers, CONTENT_LENGTH).ok_or(HeadFault::TwoLengths)?;
    let length = length.map(|length| parse_length(length.as_bytes())).transpose()?;
    check_authority(&uri, &headers)?;
    if let Some(authority) = uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        headers.insert(HOST, host);
    }
    join_cookies(&mut headers);
    Ok(RequestHead { method, target: Target::Url(uri), version, headers: (&headers).into(), length })
}

fn check_size(uri: &Uri, headers: &HeaderMap, limit: usize) -> Result<(), HeadFault> {
    // As many bytes as it would take in HTTP/1, about.
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let fields: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if fields + target.len() > limit {
        return Err(HeadFault::TooLarge(limit));
    }
    if headers.len() > MAX_FIELDS {
        return Err(HeadFault::TooManyFields);
    }
    if !target.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(HeadFault::Target);
    }
    Ok(())
}

/// There is an `:authority` or a `Host`, or both, which then say the same.
fn check_authority(uri: &Uri, headers: &HeaderMap) -> Result<(), HeadFault> {
    let host = only(headers, HOST).ok_or(HeadFault::TwoHosts)?.map(HeaderValue::as_bytes);
    match (uri.authority().map(|authority| authority.as_str().as_bytes()), host) {
        (Some(authority), Some(host)) if authority != host => Err(HeadFault::TwoHosts),
        (Some(host), _) | (None, Some(host)) => check_host(host),
        (None, None) => Err(HeadFault::NoHost),
    }
}

/// The value of the only field of a name; none where there are two.
fn only(headers: &HeaderMap, name: http::HeaderName) -> Option<Option<&HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => None,
        (value, None) => Some(value),
    }
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
