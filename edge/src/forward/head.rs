//! The head of a forwarded request: what of the sender's header passes, and what we say ourselves.

use std::{fmt::Write as _, net::IpAddr};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, FORWARDED, HOST, VIA},
};
use ipnet::IpNet;
use pointsman_routing::{
    decide::Route,
    header::{encode_value, is_hop_by_hop, is_reserved},
};

use uuid::Uuid;

use super::{Delivery, Origin};
use crate::rejection::EXECUTION_ID;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const USUAL_HEAD_BYTES: usize = 2 * 1024;

/// How long the body of a forwarded request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none, and none is announced.
    None,
    /// Known beforehand.
    Length(u64),
    /// In chunks, for as long as it lasts.
    Chunked,
}

/// What an edge says of itself, and whom it believes.
#[derive(Debug)]
pub(super) struct Identity {
    /// Its name in `Via`.
    pub(super) edge_id: String,
    /// Peers whose word on earlier hops is passed on.
    pub(super) trusted_proxies: Vec<IpNet>,
}

impl Identity {
    /// The head of the request that carries `delivery` to where `route` leads.
    pub(super) fn head(&self, delivery: &Delivery<'_>, route: &Route, framing: Framing) -> Bytes {
        let endpoint = route.flow_endpoint();
        let mut head = BytesMut::with_capacity(USUAL_HEAD_BYTES);
        head.put_slice(delivery.webhook.method.as_str().as_bytes());
        head.put_u8(b' ');
        head.put_slice(endpoint.url.target(&delivery.fragment, delivery.webhook.query).as_bytes());
        head.put_slice(b" HTTP/1.1\r\n");
        put(&mut head, HOST.as_str(), endpoint.url.authority().as_bytes());
        put_senders_own(&mut head, delivery.webhook.headers, &endpoint.headers);
        self.put_hop(&mut head, delivery.webhook.headers, &delivery.origin);
        for (name, value) in &endpoint.headers {
            put(&mut head, name.as_str(), value.as_bytes());
        }
        put_ours(&mut head, delivery, route);
        match framing {
            Framing::None => {}
            Framing::Length(length) => {
                put_line(&mut head, "content-length", |head| put_decimal(head, length));
            }
            Framing::Chunked => put(&mut head, "transfer-encoding", b"chunked"),
        }
        head.put_slice(b"\r\n");
        head.freeze()
    }

    /// Says where the request came from, after what a trusted proxy has said of that.
    fn put_hop(&self, head: &mut BytesMut, headers: &HeaderMap, origin: &Origin<'_>) {
        let peer = origin.peer.to_canonical();
        let trusted = self.trusted_proxies.iter().any(|net| net.contains(&peer));
        let said = |name: &HeaderName| trusted.then(|| joined(headers, name)).flatten();
        let proto = if origin.tls { "https" } else { "http" };

        put_extended(head, &FORWARDED_FOR, said(&FORWARDED_FOR), |head| put_ip(head, peer));
        // These two speak of what the first hop was asked for, which only the first proxy has seen.
        match said(&FORWARDED_HOST) {
            Some(host) => put(head, FORWARDED_HOST.as_str(), &host),
            None => put(head, FORWARDED_HOST.as_str(), origin.host.as_bytes()),
        }
        match said(&FORWARDED_PROTO) {
            Some(first) => put(head, FORWARDED_PROTO.as_str(), &first),
            None => put(head, FORWARDED_PROTO.as_str(), proto.as_bytes()),
        }
        put_extended(head, &FORWARDED, said(&FORWARDED), |head| {
            let (open, close) = if peer.is_ipv6() { ("\"[", "]\"") } else { ("", "") };
            put_text(head, &["for=", open]);
            put_ip(head, peer);
            put_text(head, &[close, ";host=\"", origin.host, "\";proto=", proto]);
        });

        for earlier in headers.get_all(VIA) {
            put(head, VIA.as_str(), earlier.as_bytes());
        }
        put_line(head, VIA.as_str(), |head| put_text(head, &[origin.version, " ", &self.edge_id]));
    }

    /// Whether the request has been through this edge before.
    pub(super) fn is_in_via(&self, headers: &HeaderMap) -> bool {
        headers.get_all(VIA).iter().flat_map(|value| value.as_bytes().split(|b| *b == b',')).any(|hop| {
            let mut words = hop.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            // `1.1 edge-1 (comment)`
            words.nth(1).is_some_and(|name| name.eq_ignore_ascii_case(self.edge_id.as_bytes()))
        })
    }
}

/// Fields that speak of this hop, and so are ours to say.
fn is_of_this_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "host"
            | "content-length"
            | "expect"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "forwarded"
            | "via"
    )
}

/// Drops what speaks of one connection only, what is nominated so by `Connection`, what only an edge may say, and what
/// the flow's configuration or we say instead.
fn put_senders_own(head: &mut BytesMut, headers: &HeaderMap, configured: &[(HeaderName, HeaderValue)]) {
    let nominated = nominated(headers);
    for (name, value) in headers {
        let dropped = is_of_this_hop(name)
            || is_hop_by_hop(name)
            || is_reserved(name)
            || is_disguised(name)
            || is_nominated(&nominated, name.as_str())
            || configured.iter().any(|(configured, _)| configured == name);
        if !dropped {
            put(head, name.as_str(), value.as_bytes());
        }
    }
}

/// Whether a reader that takes `_` for `-`, as CGI does, would see a field that is ours to say.
fn is_disguised(name: &HeaderName) -> bool {
    name.as_str().contains('_')
        && HeaderName::from_bytes(name.as_str().replace('_', "-").as_bytes())
            .is_ok_and(|plain| is_of_this_hop(&plain) || is_hop_by_hop(&plain))
}

/// The fields that are for this hop only, as the sender says.
fn nominated(headers: &HeaderMap) -> Vec<&[u8]> {
    headers.get_all(CONNECTION).iter().flat_map(|value| connection_options(value.as_bytes())).collect()
}

/// What a `Connection` field says: fields that are for this hop only, and `close` or `keep-alive`.
pub(super) fn connection_options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Whether one of what `Connection` says is this name.
pub(super) fn is_nominated(nominated: &[&[u8]], name: &str) -> bool {
    nominated.iter().any(|nominated| nominated.eq_ignore_ascii_case(name.as_bytes()))
}

fn put_ours(head: &mut BytesMut, delivery: &Delivery<'_>, route: &Route) {
    let name = &route.deployment.name;
    let execution_id = delivery.execution_id.as_hyphenated();
    put(head, EXECUTION_ID, execution_id.encode_lower(&mut Uuid::encode_buffer()).as_bytes());
    put_encoded(head, "pointsman-integration", name.integration.as_str());
    put_encoded(head, "pointsman-deployment", name.deployment.as_str());
    put_encoded(head, "pointsman-customer", &route.customer.external_id);
    put_encoded(head, "pointsman-flow", route.flow.as_str());
    if let Some(user) = &route.customer_user {
        put_encoded(head, "pointsman-customer-user", user);
    }
}

fn put_encoded(head: &mut BytesMut, name: &str, value: &str) {
    // Most values are what they are encoded to.
    if value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%') {
        put(head, name, value.as_bytes());
    } else {
        put(head, name, encode_value(value).as_bytes());
    }
}

fn put_extended(
    head: &mut BytesMut,
    name: &HeaderName,
    said: Option<Vec<u8>>,
    ours: impl FnOnce(&mut BytesMut),
) {
    put_line(head, name.as_str(), |head| {
        if let Some(said) = said {
            head.extend_from_slice(&said);
            head.put_slice(b", ");
        }
        ours(head);
    });
}

/// The values of all fields of this name, as one.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let values: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}

fn put(head: &mut BytesMut, name: &str, value: &[u8]) {
    head.reserve(name.len() + value.len() + 4);
    put_line(head, name, |head| head.put_slice(value));
}

fn put_line(head: &mut BytesMut, name: &str, value: impl FnOnce(&mut BytesMut)) {
    head.put_slice(name.as_bytes());
    head.put_slice(b": ");
    value(head);
    head.put_slice(b"\r\n");
}

fn put_text(head: &mut BytesMut, parts: &[&str]) {
    for part in parts {
        head.put_slice(part.as_bytes());
    }
}

/// Several times as fast as what the standard library does for every width and fill.
fn put_ip(head: &mut BytesMut, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            for (index, octet) in ip.octets().into_iter().enumerate() {
                if index > 0 {
                    head.put_u8(b'.');
                }
                put_decimal(head, octet);
            }
        }
        // Writing to memory cannot fail, for it grows.
        IpAddr::V6(ip) => _ = write!(head, "{ip}"),
    }
}

fn put_decimal(head: &mut BytesMut, number: impl itoa::Integer) {
    head.put_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_as_the_standard_library_writes_them() {
        for ip in ["0.0.0.0", "127.0.0.1", "255.10.100.9", "::1", "2001:db8::1:0:0:1"] {
            let mut head = BytesMut::new();
            put_ip(&mut head, ip.parse().unwrap());
            assert_eq!(head, ip.as_bytes());
        }
    }
}
