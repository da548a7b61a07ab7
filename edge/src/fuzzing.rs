//! For fuzz targets: what parses bytes from senders, from the control plane, from Preprocess services, and from the disk.

use bytes::Bytes;
use pointsman_proto::{
    edge::v1::{Chunk, Resource},
    preprocess::v1::PreprocessResponse,
};
use pointsman_routing::results::ReplyValue;
use prost::Message as _;

use crate::{listener::head, preprocess, sync};

/// What a sender begins with: there is no head yet, it is refused, or `httparse` reads the same in it.
///
/// # Panics
///
/// Where that does not hold.
pub fn request_head(bytes: &[u8]) {
    let Some((end, parsed)) = head::read(bytes) else { return };
    let mut fields = [httparse::EMPTY_HEADER; 256];
    let mut other = httparse::Request::new(&mut fields);
    assert_eq!(other.parse(&bytes[..end]), Ok(httparse::Status::Complete(end)));
    assert_eq!(other.method, Some(parsed.method.as_str()));
    assert_eq!(other.version, Some(u8::from(parsed.version == http::Version::HTTP_11)));
    let target = other.path.expect("a target");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path.starts_with('/') {
        assert_eq!((parsed.target.path(), parsed.target.query()), (path, query));
    }
    let expected = other.headers.iter().map(|field| (field.name.to_ascii_lowercase(), field.value));
    let ours = parsed.headers.iter().map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value));
    assert!(ours.eq(expected));
    // There is one reading of where the body ends.
    let lengths = parsed.headers.all("content-length").count();
    let codings = parsed.headers.all("transfer-encoding").count();
    assert!(lengths + codings <= 1 && parsed.length.is_some() == (lengths == 1));
    assert!(!parsed.host().is_empty());
}

/// A resource as the control plane sends it: it is usable, or says why not, shortly.
///
/// # Panics
///
/// Where that does not hold.
pub fn resource(name: &str, body: &[u8]) {
    let resource = Resource { name: name.to_owned(), revision: 1, body: Bytes::copy_from_slice(body) };
    if let Some(reason) = sync::refusal(resource) {
        assert!(!reason.is_empty() && reason.len() <= 1_024, "{reason}");
    }
}

/// The reply of a Preprocess service: it cannot be used, or all that it says is there, and within the bound on depth.
///
/// # Panics
///
/// Where that does not hold.
pub fn preprocess_reply(bytes: &[u8]) {
    let Ok(response) = PreprocessResponse::decode(bytes) else { return };
    let said = response.results.clone();
    let Some(reply) = preprocess::read_reply(response) else { return };
    let said = said.expect("a reply without results is none");
    assert_eq!(reply.0.len(), said.fields.len());
    assert!(said.fields.keys().eq(reply.0.keys()));
    assert!(reply.0.values().all(|value| depth(value) <= 64));
}

/// How deep objects and arrays nest, the outermost counted.
fn depth(value: &ReplyValue) -> usize {
    let deepest = match value {
        ReplyValue::List(values) => values.iter().map(depth).max(),
        ReplyValue::Object(fields) => fields.values().map(depth).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or_default()
}

/// A copy of the configuration as an edge finds it on disk: it is read to where it is sound, or refused. See
/// `copy::fuzzing` for what the bytes mean.
///
/// # Panics
///
/// Where that does not hold.
pub fn copy(data: &[u8]) {
    let (file, key) = crate::copy::fuzzing::file(data);
    sync::restored(&file, &key);
}

/// Chunks as the control plane sends them, each behind its length: what is taken in of them is acknowledged, the same each
/// time.
///
/// # Panics
///
/// Where that does not hold.
pub fn chunks(mut bytes: &[u8]) {
    let mut chunks = Vec::new();
    while let Ok(chunk) = Chunk::decode_length_delimited(&mut bytes) {
        chunks.push(chunk);
        if bytes.is_empty() {
            break;
        }
    }
    let acknowledged = sync::acknowledged(chunks.clone());
    assert!(acknowledged.iter().all(|ack| ack.revision >= 0 && ack.hash.len() == 16));
    assert_eq!(acknowledged, sync::acknowledged(chunks));
}
