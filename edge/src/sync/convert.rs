//! The wire's resources to those of the domain, each alone: one that is unusable says so and harms no other.

mod deployment;
mod integration;

use std::time::Duration;

use bytes::Bytes;
use pointsman_proto::edge::{
    hash::ConfigHash,
    v1::{self, Resource},
};
use pointsman_routing::{
    deployment::{Customer, CustomerMapping},
    fault::Fault,
    name::{NameError, ResourceName},
    table::{EndpointToken, Entry},
};
use prost::Message;

use super::claims::Claims;

/// So many faults of a resource are reported.
const MAX_FAULTS: usize = 5;
/// The longest reason, in bytes.
const MAX_REASON_BYTES: usize = 512;

/// A resource as it came and what it means.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) revision: i64,
    /// Over what was received, usable or not.
    pub(super) hash: ConfigHash,
    pub(super) form: Result<Entry, Unusable>,
}

/// A resource that cannot be used.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) name: Box<str>,
    /// For admins; no secrets.
    pub(super) reason: String,
    /// None where they cannot be told.
    pub(super) claims: Option<Box<Claims>>,
}

/// Converts a resource.
pub(super) fn resource(resource: &Resource) -> Received {
    let hash = ConfigHash::from(resource);
    let Resource { name, revision, body } = resource;
    let form = match name.parse() {
        Ok(parsed) => entry(&parsed, body).map_err(|reason| (reason, claims(&parsed, body).map(Box::new))),
        Err(error) => Err((cut(NameError::to_string(&error)), None)),
    };
    let form = form.map_err(|(reason, claims)| Unusable { name: name.as_str().into(), reason, claims });
    Received { revision: *revision, hash, form }
}

fn entry(name: &ResourceName, body: &Bytes) -> Result<Entry, String> {
    let entry = match name {
        ResourceName::Integration(id) => integration::entry(id, decode(body)?),
        ResourceName::Customer(id) => {
            let wire: v1::Customer = decode(body)?;
            Customer::parse(id.clone(), &wire.external_id).map(Entry::Customer)
        }
        ResourceName::CustomerMapping(name) => {
            let wire: v1::CustomerMapping = decode(body)?;
            CustomerMapping::parse(name.clone(), &wire.source_customer_id, &wire.customer)
                .map(Entry::CustomerMapping)
        }
        ResourceName::Deployment(name) => deployment::entry(name, decode(body)?),
    };
    entry.map_err(|faults| words(&faults))
}

/// What an update that cannot be used says of whose requests these are.
fn claims(name: &ResourceName, body: &Bytes) -> Option<Claims> {
    match name {
        ResourceName::Integration(id) => integration::claims(id, decode(body).ok()?),
        ResourceName::Deployment(name) => deployment::claims(name, &decode(body).ok()?),
        ResourceName::Customer(_) | ResourceName::CustomerMapping(_) => None,
    }
}

fn decode<M: Message + Default>(body: &Bytes) -> Result<M, String> {
    M::decode(&**body).map_err(|error| cut(format!("the resource cannot be decoded: {error}")))
}

/// Tokens are secrets: a fault tells only which one.
fn tokens(field: &str, wire: &[String]) -> Result<Vec<EndpointToken>, Fault> {
    let parse = |(n, token): (usize, &String)| {
        EndpointToken::parse(token).ok_or_else(|| Fault::new(format!("{field}[{n}]"), "is not a token"))
    };
    wire.iter().enumerate().map(parse).collect()
}

fn duration(field: &str, wire: Option<prost_types::Duration>) -> Result<Option<Duration>, Fault> {
    let Some(wire) = wire else { return Ok(None) };
    let duration = pointsman_proto::duration::read(wire);
    duration.map(Some).ok_or_else(|| Fault::new(field, "is not a duration above 0"))
}

fn words(faults: &[Fault]) -> String {
    let mut words: Vec<_> = faults.iter().take(MAX_FAULTS).map(Fault::to_string).collect();
    if faults.len() > MAX_FAULTS {
        words.push(format!("and {} more faults", faults.len() - MAX_FAULTS));
    }
    cut(words.join("; "))
}

fn cut(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
    reason
}

#[cfg(test)]
mod tests;
