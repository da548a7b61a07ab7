//! Calls of methods that are known by their descriptors alone.

use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use http_body_util::{BodyExt as _, Full};
use pointsman_proto::descriptor_pool;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor, ReflectMessage as _, Value};
use tokio::time::timeout;
use tonic::{
    Request, Status,
    body::Body,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use tower::ServiceExt as _;

use crate::{access::with, harness::ControlPlane};

/// How long anything may take that should happen at once.
const SOON: Duration = Duration::from_secs(20);

/// All methods that are served here.
pub(super) fn methods() -> Vec<MethodDescriptor> {
    let services = descriptor_pool().services().filter(|service| {
        let name = service.full_name();
        name.starts_with("pointsman.") && !name.starts_with("pointsman.preprocess.")
    });
    services.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// The method of this name, as `CustomerService/GetCustomer`.
pub(super) fn method(name: &str) -> MethodDescriptor {
    let found = methods().into_iter().find(|method| short_name(method) == name);
    found.unwrap_or_else(|| panic!("there is no {name}"))
}

pub(super) fn short_name(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().name(), method.name())
}

/// A message out of its JSON.
pub(super) fn message(descriptor: MessageDescriptor, json: &str) -> DynamicMessage {
    let mut json_reader = serde_json::Deserializer::from_str(json);
    DynamicMessage::deserialize(descriptor, &mut json_reader)
        .unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// A field of a message.
pub(super) fn field(message: &DynamicMessage, name: &str) -> Value {
    let value = message.get_field_by_name(name);
    value.unwrap_or_else(|| panic!("{} has no {name}", message.descriptor().name())).into_owned()
}

pub(super) fn text(message: &DynamicMessage, name: &str) -> String {
    field(message, name).as_str().unwrap().to_owned()
}

/// Calls a method with one message, and gives its first answer.
pub(super) async fn call(
    plane: &ControlPlane,
    secret: &str,
    request: &DynamicMessage,
    method: &MethodDescriptor,
) -> Result<DynamicMessage, Status> {
    send(plane, secret, method, request.encode_to_vec()).await
}

/// The same, with any bytes. A call that takes a message and one that takes a stream are the same on the wire.
pub(super) async fn send(
    plane: &ControlPlane,
    secret: &str,
    method: &MethodDescriptor,
    bytes: Vec<u8>,
) -> Result<DynamicMessage, Status> {
    let channel = with(plane.channel(), secret);
    let mut grpc = tonic::client::Grpc::new(channel).max_decoding_message_size(usize::MAX);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let path = PathAndQuery::try_from(path).unwrap();
    let request = Request::new(tokio_stream::iter([bytes]));
    let answer = grpc.streaming(request, path, AnyCodec(method.output()));
    let mut answer = soon(method, answer).await?.into_inner();
    let first = soon(method, answer.message()).await?;
    let first = first.unwrap_or_else(|| DynamicMessage::new(method.output()));
    // Behind the answer there may be a failure.
    while soon(method, answer.message()).await?.is_some() {}
    Ok(first)
}

/// What a method says to the beginning of a message of so many bytes.
pub(super) async fn begin(plane: &ControlPlane, method: &MethodDescriptor, bytes: u32) -> Status {
    let [a, b, c, d] = bytes.to_be_bytes();
    let head = Bytes::from_iter([0, a, b, c, d]);
    let uri = format!("http://plane/{}/{}", method.parent_service().full_name(), method.name());
    let request = http::Request::post(uri)
        .header("content-type", "application/grpc")
        .body(Body::new(Full::new(head)))
        .unwrap();
    let response = soon(method, plane.channel().oneshot(request)).await.unwrap();
    match Status::from_header_map(response.headers()) {
        Some(status) => status,
        None => {
            let body = soon(method, response.into_body().collect()).await.unwrap();
            Status::from_header_map(body.trailers().unwrap()).unwrap()
        }
    }
}

async fn soon<T>(method: &MethodDescriptor, answer: impl Future<Output = T>) -> T {
    let answer = timeout(SOON, answer).await;
    answer.unwrap_or_else(|_| panic!("{} does not answer", method.full_name()))
}

/// Bytes out, a message that is known by its descriptor in.
struct AnyCodec(MessageDescriptor);

impl Codec for AnyCodec {
    type Encode = Vec<u8>;
    type Decode = DynamicMessage;
    type Encoder = RawEncoder;
    type Decoder = AnyDecoder;

    fn encoder(&mut self) -> RawEncoder {
        RawEncoder
    }

    fn decoder(&mut self) -> AnyDecoder {
        AnyDecoder(self.0.clone())
    }
}

struct RawEncoder;

impl Encoder for RawEncoder {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&bytes);
        Ok(())
    }
}

struct AnyDecoder(MessageDescriptor);

impl Decoder for AnyDecoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let message = DynamicMessage::decode(self.0.clone(), bytes);
        message.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
