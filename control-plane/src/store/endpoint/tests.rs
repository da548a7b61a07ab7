use std::{collections::BTreeMap, time::Duration};

use pointsman_routing::{
    integration::{EndpointType, IntegrationSpec, PreprocessSpec},
    source::ValueSourceSpec,
};

use super::{from_json, to_json, type_from_text, type_to_text};

fn everything() -> IntegrationSpec {
    let source = ValueSourceSpec {
        reference: Some("results.a".to_owned()),
        constant: None,
        values: BTreeMap::from([("b".to_owned(), "c".to_owned()), ("a".to_owned(), "c".to_owned())]),
        default_value: Some(String::new()),
        lookup_customer_mappings: true,
    };
    IntegrationSpec {
        max_body_bytes: 7,
        external_customer_id: Some(source.clone()),
        flow_name: Some(ValueSourceSpec { reference: None, constant: Some("x".to_owned()), ..source }),
        external_customer_user_id: Some(ValueSourceSpec::default()),
        preprocess: Some(PreprocessSpec {
            address: "unix:/run/x".to_owned(),
            timeout: Some(Duration::new(1, 1)),
            metadata: BTreeMap::from([("a".to_owned(), "secret".to_owned())]),
            omit_body: true,
        }),
        ..IntegrationSpec::default()
    }
}

#[test]
fn what_was_written_is_read_back() {
    for spec in [IntegrationSpec::default(), everything()] {
        assert_eq!(from_json(&to_json(&spec)).unwrap(), spec);
    }
    for endpoint_type in [
        None,
        Some(EndpointType::Shared),
        Some(EndpointType::InstanceSpecific),
        Some(EndpointType::FlowSpecific),
    ] {
        assert_eq!(type_from_text(type_to_text(endpoint_type)).unwrap(), endpoint_type);
    }
}

/// Databases hold this form: a change of it needs a migration.
#[test]
fn the_form_is_canonical_and_stays() {
    assert_eq!(to_json(&IntegrationSpec::default()), "{}");
    let spec =
        IntegrationSpec { external_customer_id: None, external_customer_user_id: None, ..everything() };
    assert_eq!(
        to_json(&spec),
        r#"{"max_body_bytes":7,"flow_name":{"constant":"x","values":{"a":"c","b":"c"},"default_value":"","lookup_customer_mappings":true},"preprocess":{"address":"unix:/run/x","timeout":{"secs":1,"nanos":1},"metadata":{"a":"secret"},"omit_body":true}}"#
    );
}

#[test]
fn damage_is_told_without_a_quote() {
    for json in
        [r#"{"secret":1}"#, r#"{"max_body_bytes":"secret"}"#, r#"{"preprocess":"secret"}"#, "secret", ""]
    {
        let error = from_json(json).unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }
    assert!(type_from_text("other").is_err());
}
