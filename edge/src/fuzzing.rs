//! For fuzz targets: what parses bytes from the control plane.

use bytes::Bytes;
use pointsman_proto::edge::v1::Resource;

use crate::sync;

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
