//! What every RPC says to requests that make no sense.

use std::collections::BTreeSet;

use pointsman_control_plane::grpc::error_reasons;
use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, MethodDescriptor, Value,
};
use tonic::{Code, Status};

use super::wire::{begin, methods, send, short_name};
use crate::harness::{ControlPlane, reason};

/// So deep does a message of nonsense go.
const DEPTH: usize = 5;

/// A status that says why, with a reason that is documented.
fn judge(name: &str, refused: &Status) {
    let reason = reason(refused);
    let known: BTreeSet<&str> = error_reasons().collect();
    assert!(known.contains(reason.as_str()), "{name}: {reason}");
    let ours = [Code::Internal, Code::Unknown, Code::Unimplemented, Code::DataLoss, Code::Unavailable];
    assert!(!ours.contains(&refused.code()), "{name}: {refused:?}");
    assert!(!refused.message().is_empty(), "{name}: {refused:?}");
}

/// Every field set, to what nobody means.
fn nonsense(descriptor: MessageDescriptor, depth: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        let Some(value) = nonsense_value(&field, depth) else { continue };
        let value = match field.kind() {
            Kind::Message(_) if field.is_map() => value,
            _ if field.is_list() => Value::List(vec![value]),
            _ => value,
        };
        message.set_field(&field, value);
    }
    message
}

fn nonsense_value(field: &FieldDescriptor, depth: usize) -> Option<Value> {
    Some(match field.kind() {
        Kind::String => Value::String("\u{1}no such/../thing é".to_owned()),
        Kind::Bytes => Value::Bytes(b"\xff\x00".as_slice().into()),
        Kind::Bool => Value::Bool(true),
        Kind::Int32 => Value::I32(-7),
        Kind::Int64 => Value::I64(-7),
        Kind::Uint32 => Value::U32(u32::MAX),
        Kind::Uint64 => Value::U64(u64::MAX),
        Kind::Double => Value::F64(f64::NAN),
        Kind::Enum(_) => Value::EnumNumber(9_999),
        Kind::Message(entry) if field.is_map() => {
            let value = nonsense_value(&entry.map_entry_value_field(), depth.checked_sub(1)?)?;
            Value::Map([(MapKey::String("no such key".to_owned()), value)].into())
        }
        Kind::Message(below) => Value::Message(nonsense(below, depth.checked_sub(1)?)),
        kind => panic!("{}: {kind:?}", field.full_name()),
    })
}

/// Judges each method, none of which changes anything.
async fn each(judge: impl AsyncFn(&ControlPlane, &MethodDescriptor)) {
    let plane = ControlPlane::with_acme().await;
    let before = plane.export().await;
    for method in methods() {
        judge(&plane, &method).await;
    }
    assert_eq!(plane.export().await, before, "nothing has changed");
}

#[tokio::test]
async fn an_empty_request_is_answered_or_refused_with_a_reason() {
    each(async |plane, method| {
        let name = short_name(method);
        match send(plane, "", method, Vec::new()).await {
            // There are requests that have to say nothing.
            Ok(_) => assert!(super::shape::reads(method), "{name} takes an empty request"),
            Err(refused) => judge(&name, &refused),
        }
    })
    .await;
}

#[tokio::test]
async fn bytes_that_are_no_message_are_refused_with_a_reason() {
    each(async |plane, method| {
        for bytes in [&b"\xff\xff\xff"[..], b"\x0a\xff", b"\x0b"] {
            let refused = send(plane, "", method, bytes.to_vec()).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{}: {refused:?}", method.name());
            judge(&short_name(method), &refused);
        }
    })
    .await;
}

#[tokio::test]
async fn nonsense_in_every_field_is_refused_with_a_reason() {
    each(async |plane, method| {
        for depth in 0..DEPTH {
            let request = nonsense(method.input(), depth);
            let refused = send(plane, "", method, request.encode_to_vec()).await.expect_err(method.name());
            assert_eq!(refused.code(), Code::InvalidArgument, "{}: {refused:?}", method.name());
            judge(&short_name(method), &refused);
        }
    })
    .await;
}

/// Who says that a message is longer than any method takes need not send it.
#[tokio::test]
async fn a_message_that_is_too_long_is_refused_with_a_reason() {
    each(async |plane, method| {
        let name = short_name(method);
        let refused = begin(plane, method, u32::MAX).await;
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::OutOfRange, "MESSAGE_TOO_LARGE"),
            "{name}"
        );
    })
    .await;
}
