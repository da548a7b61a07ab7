//! A message that is no message is the caller's fault. gRPC's own tables, and so tonic, say INTERNAL, as if it were ours.

use http::Response;
use tonic::{Code, Status, body::Body};

use super::status;

/// How `prost::DecodeError` begins, which is all that tonic passes on of it.
const DECODE_ERROR: &str = "failed to decode Protobuf message: ";

/// The same response, or the refusal of a request that could not be decoded.
pub(crate) fn blame_the_caller(response: Response<Body>) -> Response<Body> {
    // An answer that has begun has its status in the trailers.
    let status = Status::from_header_map(response.headers());
    match status.as_ref().and_then(|status| status.message().strip_prefix(DECODE_ERROR)) {
        Some(reason) if status.as_ref().is_some_and(|status| status.code() == Code::Internal) => {
            status::undecodable(reason).into_http()
        }
        _ => response,
    }
}
