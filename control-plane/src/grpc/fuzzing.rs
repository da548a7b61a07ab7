//! For fuzz targets: what parses bytes from outside, one entry point each, with what must hold of every input.

use pointsman_routing::{deployment::DeploymentSpec, integration::IntegrationSpec, name::ResourceName};
use prost::Message as _;
use prost_types::FieldMask;

use super::convert::{self, Admin, mask::Mask};
use crate::{
    domain::{CustomerSpec, MappingSpec, Meta, Owner, Resource, Revision},
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
