//! For fuzz targets: what parses bytes from outside, one entry point each, with what must hold of every input.

use std::time::UNIX_EPOCH;

use pointsman_proto::admin::v1::{
    ApplyManifestRequest, CreateAccessTokenRequest, CustomerMappingRow, LookupCustomerRequest,
    TestEndpointRequest, WaitForRevisionRequest,
};
use pointsman_routing::{deployment::DeploymentSpec, integration::IntegrationSpec, name::ResourceName};
use prost::Message as _;
use prost_types::FieldMask;

use super::{
    access_token,
    convert::{self, Admin, mask::Mask},
    edge, lookup, manifest, mapping_rows, rotation, test_endpoint,
};
use crate::{
    domain::{AccessToken, CustomerSpec, MappingSpec, Meta, Owner, Resource, Revision},
    registry::Cursor,
    store::PageKey,
};

/// A page token from outside is refused, and one of ours leads to where it was sealed.
///
/// # Panics
///
/// Where that does not hold.
pub fn page_token(text: &str) {
    let [list, other] =
        ["customers", "integrations"].map(|list| Cursor::new(&PageKey::for_tests([7; 32]), list.to_owned()));
    assert!(text.is_empty() || list.open(text).is_err(), "a token that was made without the key");
    // The longest name has 157 bytes.
    let last = &text[..text.floor_char_boundary(157)];
    if !last.is_empty() {
        let token = list.seal(last);
        assert_eq!(list.open(&token).as_deref(), Ok(last));
        assert!(other.open(&token).is_err(), "a token of another list");
    }
}

/// A resource's message: every fault is told, or the resource says what the message said.
///
/// # Panics
///
/// Where that does not hold.
pub fn resource(kind: u8, bytes: &[u8]) {
    match kind % 4 {
        0 => message::<IntegrationSpec>(bytes),
        1 => message::<CustomerSpec>(bytes),
        2 => message::<MappingSpec>(bytes),
        _ => message::<DeploymentSpec>(bytes),
    }
}

/// An update mask: it is refused, or what it merges can be read.
///
/// # Panics
///
/// Where reading panics.
pub fn update_mask(kind: u8, paths: &str) {
    match kind % 4 {
        0 => merge::<IntegrationSpec>(paths),
        1 => merge::<CustomerSpec>(paths),
        2 => merge::<MappingSpec>(paths),
        _ => merge::<DeploymentSpec>(paths),
    }
}

/// What else admins ask for: it is refused with the fields that are at fault, or can be used.
///
/// # Panics
///
/// Where that does not hold.
pub fn request(kind: u8, bytes: &[u8]) {
    match kind % 6 {
        0 => decoded(bytes, access_token),
        1 => decoded(bytes, manifest),
        2 => decoded(bytes, mapping_row),
        3 => decoded(bytes, sample),
        4 => decoded(bytes, known),
        _ => decoded(bytes, goal),
    }
}

/// What an edge says on its stream.
///
/// # Panics
///
/// Where what is taken of it makes no sense.
pub fn edge_message(bytes: &[u8]) {
    decoded(bytes, crate::publisher::judge);
}

fn decoded<M: prost::Message + Default>(bytes: &[u8], check: fn(M)) {
    if let Ok(message) = M::decode(bytes) {
        check(message);
    }
}

/// An access token is shown as it was asked for.
fn access_token(request: CreateAccessTokenRequest) {
    let (id, spec) = match access_token::read(request) {
        Ok(read) => read,
        Err(faults) => return assert!(!faults.is_empty()),
    };
    let token = AccessToken {
        id,
        uid: uuid::Uuid::nil(),
        spec,
        create_time: UNIX_EPOCH,
        update_time: UNIX_EPOCH,
        version: 1,
        revoke_time: None,
        last_used_time: None,
        prefix: String::new(),
    };
    let (id, spec) = (token.id.clone(), token.spec.clone());
    let again = CreateAccessTokenRequest {
        access_token_id: id.to_string().rsplit('/').next().unwrap_or_default().to_owned(),
        access_token: Some(access_token::message(token)),
        ..CreateAccessTokenRequest::default()
    };
    assert_eq!(access_token::read(again), Ok((id, spec)));
}

/// The tokens of endpoints are faulty, or lead somewhere; resources carry their own faults, as `resource` has it.
fn manifest(request: ApplyManifestRequest) {
    match manifest::read::request(request) {
        Ok((manifest, _)) => {
            for tokens in manifest.endpoint_tokens {
                assert!(!tokens.faults.is_empty() || tokens.endpoint.is_some() && !tokens.tokens.is_empty());
            }
        }
        Err(faults) => assert!(!faults.is_empty()),
    }
}

/// A row of a batch or an import: what it stands for is the same however often it is read.
fn mapping_row(row: CustomerMappingRow) {
    let (own, read) = (row.customer_mapping_id.clone(), mapping_rows::read(row));
    if let Ok(id) = read.judged() {
        assert!(own.is_empty() || id.as_str() == own);
        assert_eq!(read.judged(), Ok(id));
    }
}

/// Without a sample there is a fault that says why.
fn sample(request: TestEndpointRequest) {
    let (sample, faults) = test_endpoint::read(request);
    assert!(sample.is_some() || !faults.is_empty());
}

fn known(request: LookupCustomerRequest) {
    let _ = convert::integration::parse_parent(&request.parent);
    let _ = lookup::read_known(request.known);
}

/// A wait is bounded, and a way to rotate is known or refused.
fn goal(request: WaitForRevisionRequest) {
    let _ = rotation::read_rotation(request.min_edges);
    match edge::goal(request) {
        Ok((goal, _)) => assert!(goal.revision > Revision::default()),
        Err(faults) => assert!(!faults.is_empty()),
    }
}

fn message<K: Admin>(bytes: &[u8]) {
    let Ok(message) = K::Message::decode(bytes) else { return };
    let (name, _) = K::name_and_etag(&message);
    let name = convert::parse_name::<K>("name", name);
    if let Ok(name) = &name {
        let resource: ResourceName = name.to_string().parse().expect("the name of a resource");
        assert_eq!(resource, K::resource_name(name));
    }
    // Any name is judged below; a faulty one is told by `parse_name`.
    let written = write(K::read_message(message));
    let again = write(K::read_message(written.clone()));
    assert_eq!(written.encode_to_vec(), again.encode_to_vec(), "what is exported is what is applied");
}

fn write<K: Admin>((display_name, spec, _): (String, K, Vec<pointsman_routing::fault::Fault>)) -> K::Message {
    let name = K::any_name();
    // Faults are told and never panic.
    let _ = spec.faults(&name);
    let meta = Meta {
        uid: uuid::Uuid::nil(),
        display_name,
        owner: Owner::default(),
        create_time: std::time::UNIX_EPOCH,
        update_time: std::time::UNIX_EPOCH,
        revision: Revision::new(1),
    };
    convert::written(Resource { name, meta, spec, tokens: K::Tokens::default() })
}

fn merge<K: Admin>(paths: &str) {
    let paths = paths.lines().map(str::to_owned).collect();
    let Ok(mask) = Mask::read::<K>(Some(FieldMask { paths })) else { return };
    let merged = mask.merge::<K>(&K::Message::default(), &K::Message::default());
    assert!(merged.encode_to_vec().is_empty(), "nothing merged into nothing");
}
