//! A message that is no message is the caller's fault. gRPC's own tables, and so tonic, say INTERNAL, as if it were ours.

use http::Response;
use tonic::{Code, Status, body::Body};

use super::status;

/// How `prost::DecodeError` begins.
const DECODE_ERROR: &str = "failed to decode Protobuf message: ";

/// The same response, or the refusal of a request that could not be decoded. Our own INTERNAL has details, and tonic's
/// about an answer comes behind the answer's head: what is left is tonic's about the bytes of the request.
pub(crate) fn blame_the_caller(response: Response<Body>) -> Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() == Code::Internal && status.details().is_empty() => {
            let reason = status.message();
            status::undecodable(reason.strip_prefix(DECODE_ERROR).unwrap_or(reason)).into_http()
        }
        _ => response,
    }
}
