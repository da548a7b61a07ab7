//! Resources for tests.

use std::collections::BTreeMap;

use pointsman_proto::edge::{hash::ConfigHash, v1};
use prost::Message;

use super::commit::{Commit, Part};

pub(crate) const EPOCH: &str = "epoch-1";

pub(super) fn resource(name: &str, revision: i64, body: &impl Message) -> v1::Resource {
    v1::Resource { name: name.to_owned(), revision, body: body.encode_to_vec().into() }
}

/// Bytes that are no message.
pub(super) fn junk(name: &str, revision: i64) -> v1::Resource {
    v1::Resource { name: name.to_owned(), revision, body: vec![0xff; 7].into() }
}

pub(super) fn integration(tokens: &[&str]) -> v1::Integration {
    let reference = v1::value_source::Source::Reference("results.headers.x-shop".to_owned());
    v1::Integration {
        flows: vec![v1::Flow { key: "orders".to_owned(), name: "Orders".to_owned() }],
        endpoint_type: v1::EndpointType::Shared.into(),
        endpoint_tokens: strings(tokens),
        external_customer_id: Some(v1::ValueSource { source: Some(reference), ..Default::default() }),
        ..Default::default()
    }
}

pub(super) fn customer(external_id: &str) -> v1::Customer {
    v1::Customer { external_id: external_id.to_owned() }
}

pub(super) fn mapping(source_customer_id: &str, customer: &str) -> v1::CustomerMapping {
    v1::CustomerMapping { source_customer_id: source_customer_id.to_owned(), customer: customer.to_owned() }
}

pub(super) fn deployment(customer: &str, url: &str) -> v1::Deployment {
    let endpoint = v1::FlowEndpoint { url: url.to_owned(), ..Default::default() };
    v1::Deployment {
        customer: customer.to_owned(),
        flow_endpoints: BTreeMap::from([("orders".to_owned(), endpoint)]),
        ..Default::default()
    }
}

pub(crate) fn chunk(revision: i64, full: bool, upserts: Vec<v1::Resource>, removals: &[&str]) -> v1::Chunk {
    v1::Chunk { epoch: EPOCH.to_owned(), revision, full, upserts, removals: strings(removals), commit: true }
}

pub(super) fn commit(chunk: v1::Chunk) -> Commit {
    let mut gathering = super::commit::Gathering::default();
    gathering.add(&Part::parse(chunk).unwrap()).unwrap().expect("the last chunk")
}

pub(super) fn hash<'r>(resources: impl IntoIterator<Item = &'r v1::Resource>) -> ConfigHash {
    resources.into_iter().map(ConfigHash::from).sum()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
