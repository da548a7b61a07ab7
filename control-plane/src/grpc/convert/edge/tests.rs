use std::time::UNIX_EPOCH;

use pointsman_routing::integration::EndpointType;
use uuid::Uuid;

use super::*;
use crate::domain::{Kind, Meta, Owner, Revision};

fn sent<K: Kind, M: prost::Message + Default>(
    name: &str,
    spec: K,
    tokens: K::Tokens,
    any: impl FnOnce(Resource<K>) -> AnyResource,
) -> M {
    let meta = Meta {
        uid: Uuid::nil(),
        display_name: "not for edges".to_owned(),
        owner: Owner::default(),
        create_time: UNIX_EPOCH,
        update_time: UNIX_EPOCH,
        revision: Revision::new(7),
    };
    let resource = resource(&any(Resource { name: name.parse().unwrap(), meta, spec, tokens }));
    assert_eq!((resource.name.as_str(), resource.revision), (name, 7));
    M::decode(resource.body).unwrap()
}

fn token(token: &str) -> EndpointToken {
    EndpointToken::parse(token).unwrap()
}

fn strings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// No field of the message is left to its default, so that none can be forgotten.
#[test]
fn an_integration_is_sent_with_every_field() {
    let source = |reference: &str| ValueSourceSpec {
        reference: Some(reference.to_owned()),
        constant: None,
        values: strings(&[("found", "meant")]),
        default_value: Some("default".to_owned()),
        lookup_customer_mappings: true,
    };
    let spec = IntegrationSpec {
        flows: vec![FlowSpec { key: "main".to_owned(), name: "Main".to_owned() }],
        endpoint_type: Some(EndpointType::FlowSpecific),
        max_body_bytes: 1_000,
        external_customer_id: Some(source("results.customer")),
        flow_name: Some(ValueSourceSpec { reference: None, constant: Some("main".to_owned()), ..source("") }),
        external_customer_user_id: Some(source("results.user")),
        preprocess: Some(PreprocessSpec {
            address: "unix:/x".to_owned(),
            timeout: Some(Duration::from_millis(1_500)),
            metadata: strings(&[("x-key", "secret")]),
            omit_body: true,
        }),
    };
    let wire = |source| proto::ValueSource {
        source: Some(source),
        values: strings(&[("found", "meant")]),
        default_value: Some("default".to_owned()),
        lookup_customer_mappings: true,
    };
    let reference = |reference: &str| wire(proto::value_source::Source::Reference(reference.to_owned()));
    let integration: proto::Integration =
        sent("integrations/acme", spec, vec![token("one"), token("two")], AnyResource::Integration);
    assert_eq!(
        integration,
        proto::Integration {
            flows: vec![proto::Flow { key: "main".to_owned(), name: "Main".to_owned() }],
            endpoint_type: proto::EndpointType::FlowSpecific.into(),
            endpoint_tokens: vec!["one".to_owned(), "two".to_owned()],
            max_body_bytes: 1_000,
            external_customer_id: Some(reference("results.customer")),
            flow_name: Some(wire(proto::value_source::Source::Constant("main".to_owned()))),
            external_customer_user_id: Some(reference("results.user")),
            preprocess: Some(proto::Preprocess {
                address: "unix:/x".to_owned(),
                timeout: Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }),
                metadata: strings(&[("x-key", "secret")]),
                omit_body: true,
            }),
        }
    );
}

/// As above.
#[test]
fn a_deployment_is_sent_with_every_field() {
    let endpoint = FlowEndpointSpec {
        url: "https://example.com/".to_owned(),
        headers: strings(&[("x-key", "secret")]),
        timeout: Some(Duration::from_secs(2)),
        retry_on_reset: true,
    };
    let spec = DeploymentSpec {
        customer: "customers/a".to_owned(),
        paused: true,
        flow_endpoints: [("main".to_owned(), endpoint)].into(),
    };
    let tokens = DeploymentTokens {
        endpoint_type: None,
        own: vec![token("own")],
        flows: [("main".to_owned(), vec![token("flow")])].into(),
    };
    let name = "integrations/acme/deployments/a";
    let deployment: proto::Deployment = sent(name, spec, tokens, AnyResource::Deployment);
    let endpoint = proto::FlowEndpoint {
        url: "https://example.com/".to_owned(),
        headers: strings(&[("x-key", "secret")]),
        timeout: Some(prost_types::Duration { seconds: 2, nanos: 0 }),
        retry_on_reset: true,
        endpoint_tokens: vec!["flow".to_owned()],
    };
    assert_eq!(
        deployment,
        proto::Deployment {
            customer: "customers/a".to_owned(),
            paused: true,
            endpoint_tokens: vec!["own".to_owned()],
            flow_endpoints: [("main".to_owned(), endpoint)].into(),
        }
    );
}
