//! What requests and answers have, by what their method does.

use prost_reflect::{Kind, MessageDescriptor, MethodDescriptor};

use super::wire::{methods, short_name};

/// The verbs of methods that change nothing.
const READING: [&str; 7] = ["Get", "List", "Lookup", "Export", "Wait", "Test", "Stream"];

pub(super) fn reads(method: &MethodDescriptor) -> bool {
    READING.iter().any(|verb| method.name().starts_with(verb))
}

fn has(message: &MessageDescriptor, field: &str, kind: &Kind) -> bool {
    message.get_field_by_name(field).is_some_and(|field| field.kind() == *kind && !field.is_list())
}

/// What says how to write: the request, or the first message of a stream.
fn how(method: &MethodDescriptor) -> MessageDescriptor {
    let request = method.input();
    let start = request.get_field_by_name("start").filter(|_| method.is_client_streaming());
    match start.map(|start| start.kind()) {
        Some(Kind::Message(start)) => start,
        _ => request,
    }
}

#[test]
fn every_write_can_be_tried_and_repeated_and_tells_its_revision() {
    for method in methods() {
        let (name, how) = (short_name(&method), how(&method));
        let writes = !reads(&method);
        assert_eq!(has(&how, "validate_only", &Kind::Bool), writes, "{name}: validate_only");
        assert_eq!(has(&how, "request_id", &Kind::String), writes, "{name}: request_id");
        if writes {
            assert!(has(&method.output(), "revision", &Kind::Int64), "{name}: revision");
        }
    }
}

#[test]
fn updates_and_removals_have_what_guards_them() {
    for method in methods() {
        let (name, request) = (short_name(&method), method.input());
        if method.name().starts_with("Update") {
            assert!(request.get_field_by_name("update_mask").is_some(), "{name}: update_mask");
            assert!(has(&request, "allow_missing", &Kind::Bool), "{name}: allow_missing");
        }
        // Of one resource, that is, and not of a manifest, a batch or a new one.
        let named = has(&request, "name", &Kind::String);
        // What an edge holds back has no etag: epoch and revision name it.
        let named =
            named && !(has(&request, "epoch", &Kind::String) && has(&request, "revision", &Kind::Int64));
        if named && !reads(&method) {
            assert!(has(&request, "etag", &Kind::String), "{name}: etag");
        }
    }
}

#[test]
fn every_list_has_pages() {
    for method in methods().iter().filter(|method| method.name().starts_with("List")) {
        let (name, request) = (short_name(method), method.input());
        assert!(has(&request, "page_size", &Kind::Int32), "{name}: page_size");
        assert!(has(&request, "page_token", &Kind::String), "{name}: page_token");
        assert!(has(&method.output(), "next_page_token", &Kind::String), "{name}: next_page_token");
        assert_eq!(method.output().fields().filter(|field| field.is_list()).count(), 1, "{name}");
    }
}
