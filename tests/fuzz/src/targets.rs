//! What each target does with its input.

use pointsman_control_plane::{
    domain::filter::{COMPARISONS_MAX, Comparison, FILTER_BYTES_MAX, Field, Filter, Value},
    grpc::fuzzing,
};
use pointsman_routing::{
    name::{
        AccessTokenId, CustomerId, DeploymentId, DeploymentName, EdgeId, FlowKey, IntegrationId, MappingId,
        MappingName, ResourceName,
    },
    reference::Reference,
};

/// Ids and names: what is taken is written as it was read.
pub(crate) fn names(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    macro_rules! written_as_read {
        ($($name:ty),*) => {$(
            if let Ok(name) = text.parse::<$name>() {
                assert_eq!(name.to_string(), text);
            }
        )*};
    }
    written_as_read!(
        AccessTokenId,
        IntegrationId,
        CustomerId,
        MappingName,
        DeploymentName,
        EdgeId,
        ResourceName
    );
    let sound = text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    assert_eq!(IntegrationId::parse(text).is_ok(), sound);
    assert_eq!(MappingId::parse(text).is_ok(), sound);
    assert_eq!(DeploymentId::parse(text).is_ok(), sound);
    assert_eq!(FlowKey::parse(text).is_ok(), sound);
}

/// References: what is taken is kept as it was written, and read again it is the same.
pub(crate) fn references(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match Reference::parse(text) {
        Ok(reference) => {
            assert_eq!(Reference::parse(reference.as_str()).as_ref(), Ok(&reference));
            let _ = reference.reads_body();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// JSON bodies: the first byte says what is read out of them.
pub(crate) fn json(data: &[u8]) {
    pointsman_routing::fuzzing::json(data);
}

/// Page tokens.
pub(crate) fn page_tokens(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        fuzzing::page_token(text);
    }
}

/// Filters of lists: what is taken is within the bounds, and each text in it can be quoted.
pub(crate) fn filters(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    for fields in [Field::OF_CUSTOMERS, Field::OF_DEPLOYMENTS, Field::OF_AUDIT_ENTRIES] {
        match Filter::parse(text, fields) {
            Ok(filter) => {
                assert!(text.len() <= FILTER_BYTES_MAX && filter.comparisons().len() <= COMPARISONS_MAX);
                filter.comparisons().iter().for_each(|comparison| quotable(comparison, fields));
            }
            Err(error) => assert!(text.is_char_boundary(error.position), "{error}"),
        }
    }
}

fn quotable(comparison: &Comparison, fields: &[Field]) {
    assert!(fields.contains(&comparison.field));
    let Value::Text(value) = &comparison.value else { return };
    let quoted = value.replace('\\', r"\\").replace('"', r#"\""#);
    let quoted = format!("{} = \"{quoted}\"", comparison.field.name());
    if quoted.len() <= FILTER_BYTES_MAX {
        let again = Filter::parse(&quoted, fields);
        assert_eq!(again.as_ref().map(Filter::comparisons), Ok([comparison.clone()].as_slice()));
    }
}

/// Manifests as files.
pub(crate) fn manifests(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        pointsman_cli::fuzzing::manifest(text);
    }
}

/// The admin API's resources: the first byte says which kind.
pub(crate) fn admin_resources(data: &[u8]) {
    if let Some((kind, message)) = data.split_first() {
        fuzzing::resource(*kind, message);
    }
}

/// What else the admin API is asked for: the first byte says what.
pub(crate) fn admin_requests(data: &[u8]) {
    if let Some((kind, message)) = data.split_first() {
        fuzzing::request(*kind, message);
    }
}

/// Update masks: the first byte says of which kind, each line is a path.
pub(crate) fn update_masks(data: &[u8]) {
    if let Some((kind, paths)) = data.split_first()
        && let Ok(paths) = str::from_utf8(paths)
    {
        fuzzing::update_mask(*kind, paths);
    }
}

/// What edges are sent: a name, a line's end, the body.
pub(crate) fn edge_resources(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (name, body) = data.split_at(end);
    if let Ok(name) = str::from_utf8(name) {
        pointsman_edge::fuzzing::resource(name, body.get(1..).unwrap_or_default());
    }
}

/// What Preprocess services answer.
pub(crate) fn preprocess_replies(data: &[u8]) {
    pointsman_edge::fuzzing::preprocess_reply(data);
}

/// Heads of HTTP/1 requests: what is taken is what another parser reads.
pub(crate) fn request_heads(data: &[u8]) {
    pointsman_edge::fuzzing::request_head(data);
}

/// What edges find on disk.
pub(crate) fn edge_copies(data: &[u8]) {
    pointsman_edge::fuzzing::copy(data);
}

/// What edges and the control plane say on a stream: the first byte says who.
pub(crate) fn config_streams(data: &[u8]) {
    match data.split_first() {
        Some((0, message)) => fuzzing::edge_message(message),
        Some((_, chunks)) => pointsman_edge::fuzzing::chunks(chunks),
        None => {}
    }
}
