//! The head of a forwarded request: what of the sender's header passes, and what we say ourselves.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use pointsman_routing::{
    decide::Route,
    header::{encode_value, is_hop_by_hop, is_reserved},
    headers::Headers,
};

use super::{Delivery, Origin};
use crate::rejection::EXECUTION_ID;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED: &str = "forwarded";
const VIA: &str = "via";
/// What allocators give away most quickly, and enough for nearly all.
const USUAL_HEAD_BYTES: usize = 1024;

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
        put(&mut head, "host", endpoint.url.authority().as_bytes());
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
    fn put_hop(&self, head: &mut BytesMut, headers: &Headers, origin: &Origin<'_>) {
        let peer = origin.peer;
        let trusted = self.trusted_proxies.iter().any(|net| net.contains(&peer.ip()));
        let said = |name: &str| trusted.then(|| joined(headers, name)).flatten();
        let proto = if origin.tls { "https" } else { "http" };

        put_extended(head, FORWARDED_FOR, said(FORWARDED_FOR), |head| head.put_slice(peer.as_bytes()));
        // These two speak of what the first hop was asked for, which only the first proxy has seen.
        match said(FORWARDED_HOST) {
            Some(host) => put(head, FORWARDED_HOST, &host),
            None => put(head, FORWARDED_HOST, origin.host.as_bytes()),
        }
        match said(FORWARDED_PROTO) {
            Some(first) => put(head, FORWARDED_PROTO, &first),
            None => put(head, FORWARDED_PROTO, proto.as_bytes()),
        }
        put_extended(head, FORWARDED, said(FORWARDED), |head| {
            let (open, close) = if peer.ip().is_ipv6() { ("\"[", "]\"") } else { ("", "") };
            put_text(
                head,
                &["for=", open, peer.as_str(), close, ";host=\"", origin.host, "\";proto=", proto],
            );
        });

        for earlier in headers.all(VIA) {
            put(head, VIA, earlier);
        }
        put_line(head, VIA, |head| put_text(head, &[origin.version, " ", &self.edge_id]));
    }

    /// Whether the request has been through this edge before.
    pub(super) fn is_in_via(&self, headers: &Headers) -> bool {
        headers.all(VIA).flat_map(|value| value.split(|b| *b == b',')).any(|hop| {
            let mut words = hop.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            // `1.1 edge-1 (comment)`
            words.nth(1).is_some_and(|name| name.eq_ignore_ascii_case(self.edge_id.as_bytes()))
        })
    }
}

/// Fields that speak of this hop, and so are ours to say.
fn is_of_this_hop(name: &[u8]) -> bool {
    matches!(
        name,
        b"host"
            | b"content-length"
            | b"expect"
            | b"x-forwarded-for"
            | b"x-forwarded-host"
            | b"x-forwarded-proto"
            | b"forwarded"
            | b"via"
    )
}

/// Drops what speaks of one connection only, what is nominated so by `Connection`, what only an edge may say, and what
/// the flow's configuration or we say instead.
fn put_senders_own(head: &mut BytesMut, headers: &Headers, configured: &[(HeaderName, HeaderValue)]) {
    let nominated = nominated(headers);
    for (name, value) in headers.iter() {
        let dropped = is_of_this_hop(name)
            || is_hop_by_hop(name)
            || is_reserved(name)
            || is_disguised(name)
            || is_nominated(&nominated, name)
            || configured.iter().any(|(configured, _)| configured.as_str().as_bytes() == name);
        if !dropped {
            put(head, name, value);
        }
    }
}

/// Whether a reader that takes `_` for `-`, as CGI does, would see a field that is ours to say.
fn is_disguised(name: &[u8]) -> bool {
    name.contains(&b'_') && {
        let plain: Vec<u8> = name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
        is_of_this_hop(&plain) || is_hop_by_hop(&plain)
    }
}

/// The fields that are for this hop only, as the sender says.
fn nominated(headers: &Headers) -> Vec<&[u8]> {
    headers.all("connection").flat_map(connection_options).collect()
}

/// What a `Connection` field says: fields that are for this hop only, and `close` or `keep-alive`.
pub(crate) fn connection_options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Whether one of what `Connection` says is this name.
pub(super) fn is_nominated(nominated: &[&[u8]], name: &[u8]) -> bool {
    nominated.iter().any(|nominated| nominated.eq_ignore_ascii_case(name))
}

fn put_ours(head: &mut BytesMut, delivery: &Delivery<'_>, route: &Route) {
    let name = &route.deployment.name;
    put(head, EXECUTION_ID, delivery.execution_id.as_bytes());
    // Ids hold nothing that has to be encoded.
    put(head, "pointsman-integration", name.integration.as_str().as_bytes());
    put(head, "pointsman-deployment", name.deployment.as_str().as_bytes());
    put_encoded(head, "pointsman-customer", &route.customer.external_id);
    put(head, "pointsman-flow", route.flow.as_str().as_bytes());
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

fn put_extended(head: &mut BytesMut, name: &str, said: Option<Vec<u8>>, ours: impl FnOnce(&mut BytesMut)) {
    put_line(head, name, |head| {
        if let Some(said) = said {
            head.extend_from_slice(&said);
            head.put_slice(b", ");
        }
        ours(head);
    });
}

/// The values of all fields of this name, as one.
fn joined(headers: &Headers, name: &str) -> Option<Vec<u8>> {
    let values: Vec<_> = headers.all(name).collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}

fn put(head: &mut BytesMut, name: impl AsRef<[u8]>, value: &[u8]) {
    head.reserve(name.as_ref().len() + value.len() + 4);
    put_line(head, name, |head| head.put_slice(value));
}

fn put_line(head: &mut BytesMut, name: impl AsRef<[u8]>, value: impl FnOnce(&mut BytesMut)) {
    head.put_slice(name.as_ref());
    head.put_slice(b": ");
    value(head);
    head.put_slice(b"\r\n");
}

fn put_text(head: &mut BytesMut, parts: &[&str]) {
    for part in parts {
        head.put_slice(part.as_bytes());
    }
}

fn put_decimal(head: &mut BytesMut, number: impl itoa::Integer) {
    head.put_slice(itoa::Buffer::new().format(number).as_bytes());
}
