use pointsman_proto::admin::v1::{
    Customer, CustomerMapping, Deployment, EndpointType, Flow, FlowEndpoint, Integration, Lookup, Manifest,
    deployment::State, value_source,
};

use super::*;

const ACME: &str = include_str!("tests/acme.yaml");

fn file() -> Source {
    Source::File("m.yaml".into())
}

/// Read a resource at a time, and as a whole: both come to the same.
fn manifest(text: &str) -> Manifest {
    let streamed = read_manifest(text, &file()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(whole(text).unwrap_or_else(|error| panic!("{error}")), streamed);
    streamed
}

fn refused(text: &str) -> String {
    let error = match read_manifest(text, &file()) {
        Ok(read) => panic!("accepted as {read:?}"),
        Err(error) => error.to_string(),
    };
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    let whole = whole(text).expect_err("refused as a whole").to_string();
    // Which of very many are told may differ.
    if lines(&whole).len() < shape::FAULTS_MAX {
        assert_eq!(lines(&whole), lines(&error));
    }
    error
}

fn whole(text: &str) -> Result<Manifest, ManifestError> {
    from_node(&parse(text, &file())?, &file())
}

fn written(manifest: &Manifest, format: Format) -> String {
    let mut text = Vec::new();
    write_manifest(manifest, format, &mut text).expect("written");
    String::from_utf8(text).expect("text")
}

#[test]
fn the_tutorials_manifest_reads_as_what_it_says() {
    let read = manifest(ACME);
    let integration = &read.integrations[0];
    let endpoint = integration.endpoint.as_ref().expect("an endpoint");
    assert_eq!(integration.name, "integrations/acme-erp");
    assert_eq!(integration.flows[1], Flow { key: "create-order".into(), name: "Create Order".into() });
    assert_eq!(endpoint.r#type(), EndpointType::Shared);
    let customer = endpoint.external_customer_id.as_ref().expect("a source");
    assert_eq!(customer.source, Some(value_source::Source::Reference("results.body.data.customerId".into())));
    assert_eq!(customer.lookup(), Lookup::CustomerMappings);
    let flow = endpoint.flow_name.as_ref().expect("a source");
    assert_eq!(flow.values["inventory_update"], "Update Inventory");
    assert_eq!(read.customer_mappings[0].source_customer_id, "A06DFFAC");
    let deployment = &read.deployments[0];
    assert_eq!(deployment.state(), State::Enabled);
    let timeout = deployment.flow_endpoints["update-inventory"].timeout;
    assert_eq!(timeout, Some(prost_types::Duration { seconds: 10, nanos: 0 }));
}

#[test]
fn what_is_written_reads_as_the_same() {
    let read = manifest(ACME);
    for format in [Format::Yaml, Format::Json] {
        let text = written(&read, format);
        assert_eq!(manifest(&text), read, "{text}");
        assert_eq!(written(&manifest(&text), format), text);
    }
}

/// Values that a reader of YAML could take for something else than a text, or that need escapes.
#[test]
fn any_text_survives_as_yaml_and_json() {
    let texts = [
        "",
        " ",
        "no",
        "yes",
        "on",
        "null",
        "~",
        "true",
        "0",
        "00123",
        "0x1F",
        "1e5",
        "12E5",
        ".inf",
        "1_000",
        "1:30",
        "2001-01-01",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "'",
        "\"",
        "\\",
        "{}",
        "[]",
        "a\nb",
        "a\n",
        "\n",
        "\ta",
        "a\tb",
        "\u{1}",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{feff}x",
        "ü😀",
        "<<",
        "=",
        "---",
        "...",
        "? a",
        "| a",
        "> a",
        "a ",
        " a",
        "trailing\\",
        "A06DFFAC",
        "1234567890123456789012",
        &"x".repeat(300),
        &"word ".repeat(100),
    ];
    let customers = texts
        .iter()
        .map(|text| Customer { external_id: (*text).to_owned(), ..Customer::default() })
        .collect();
    let headers = texts.iter().map(|text| ((*text).to_owned(), (*text).to_owned())).collect();
    let flow = FlowEndpoint { headers, ..FlowEndpoint::default() };
    let deployment = Deployment { flow_endpoints: [("f".to_owned(), flow)].into(), ..Deployment::default() };
    let all = Manifest { customers, deployments: vec![deployment], ..Manifest::default() };
    for format in [Format::Yaml, Format::Json] {
        let text = written(&all, format);
        let read = manifest(&text);
        for (read, written) in read.customers.iter().zip(&all.customers) {
            assert_eq!(read, written, "as {format:?}");
        }
        assert_eq!(read, all);
    }
}

#[test]
fn fields_are_written_in_their_order_and_maps_sorted() {
    let text = written(&manifest(ACME), Format::Yaml);
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part} in {text}"));
    assert!(place("name: integrations/acme-erp") < place("displayName"));
    assert!(place("create_order:") < place("inventory_update:"));
    assert!(place("integrations:") < place("customers:"));
}

#[test]
fn output_only_fields_are_not_exported() {
    let mut all = manifest(ACME);
    let stamp = prost_types::Timestamp { seconds: 1, nanos: 0 };
    let integration = &mut all.integrations[0];
    (integration.uid, integration.etag, integration.create_time) = ("u".into(), "e".into(), Some(stamp));
    integration.endpoint.as_mut().expect("an endpoint").url = "http://x/hooks/secret".into();
    let text = written(&all, Format::Yaml);
    assert_eq!(manifest(&text), manifest(ACME));
    // For those who look, all is there.
    let whole = write(&all.integrations[0], Format::Json).expect("written");
    for part in ["\"uid\": \"u\"", "\"etag\": \"e\"", "\"createTime\"", "hooks/secret"] {
        assert!(whole.contains(part), "{part} in {whole}");
    }
}

#[test]
fn output_only_fields_may_stand_in_a_manifest() {
    let read =
        manifest("customers: [{name: customers/a, uid: x, createTime: '2024-01-01T00:00:00Z', etag: y}]");
    assert_eq!(read.customers[0].name, "customers/a");
}

#[test]
fn both_spellings_of_field_names_are_read() {
    let read = manifest("customers: [{name: customers/a, external_id: x, displayName: y}]");
    let expected = Customer {
        name: "customers/a".into(),
        external_id: "x".into(),
        display_name: "y".into(),
        ..Default::default()
    };
    assert_eq!(read.customers, [expected]);
}

#[test]
fn json_is_read_with_tabs_and_escapes() {
    let read = manifest(
        "{\n\t\"customers\": [\n\t\t{\"name\": \"customers\\/a\", \"externalId\": \"\\ud83d\\ude00\\u0041\"}\n\t]\n}\n",
    );
    assert_eq!(read.customers[0].external_id, "😀A");
    assert_eq!(read.customers[0].name, "customers/a");
}

#[test]
fn an_empty_document_is_an_empty_manifest() {
    for text in ["", "# nothing\n", "{}", "customers:\n", "\u{feff}{}"] {
        assert_eq!(manifest(text), Manifest::default(), "{text:?}");
    }
}

#[test]
fn yaml_that_does_not_parse_is_refused_with_its_line() {
    let text = "customers:\n- name: customers/a\n  externalId: 'x\n";
    let said = refused(text);
    assert!(said.starts_with("m.yaml: line "), "{said}");
    let said = refused("customers:\n- {name: customers/a\nintegrations: []\n");
    assert!(said.starts_with("m.yaml: line "), "{said}");
    let said = refused("customers: []\n\tintegrations: []\n");
    assert!(said.starts_with("m.yaml: line 2, column "), "{said}");
    let said = refused("{\"customers\": [\n{\"name\": \"customers/a\" \"uid\": 1}]}\n");
    assert!(said.starts_with("m.yaml: line 2, column "), "{said}");
}

#[test]
fn a_duplicate_key_is_refused_in_yaml_and_json() {
    for text in [
        "customers:\n- name: customers/a\n  externalId: x\n  externalId: y\n",
        "{\"customers\": [\n{\"name\": \"customers/a\",\n\"externalId\": \"x\",\n\"externalId\": \"y\"}]}",
    ] {
        let said = refused(text);
        assert!(
            said.starts_with("m.yaml: line 4, column ")
                && said.ends_with("the key `externalId` is there twice"),
            "{said}"
        );
    }
}

#[test]
fn two_spellings_of_one_field_are_refused() {
    let said = refused("customers:\n- externalId: x\n  external_id: y\n");
    assert_eq!(said, "m.yaml: line 3: customers[0]: `external_id` and `externalId` are the same field");
}

#[test]
fn a_second_document_is_refused() {
    let said = refused("customers: []\n---\ncustomers: []\n");
    assert!(said.starts_with("m.yaml: line 3: a second document begins"), "{said}");
}

#[test]
fn an_unknown_field_is_named_with_what_was_probably_meant() {
    let said = refused("integrations:\n- name: integrations/a\n  endpont: {}\n");
    assert_eq!(said, "m.yaml: line 3: integrations[0]: unknown field `endpont`; did you mean `endpoint`?");
    let said =
        refused("deployments:\n- flowEndpoints:\n    a:\n      url: http://x\n      retry-on-reset: true\n");
    assert_eq!(
        said,
        "m.yaml: line 5: deployments[0].flowEndpoints[\"a\"]: unknown field `retry-on-reset`; did you mean `retryOnReset`?"
    );
    let said = refused("customer: []\n");
    assert_eq!(said, "m.yaml: line 1: unknown field `customer`; did you mean `customers`?");
    let said = refused("foo: 1\n");
    assert_eq!(
        said,
        "m.yaml: line 1: unknown field `foo`; there are integrations, customers, customerMappings, \
         deployments, endpointTokens"
    );
}

#[test]
fn all_faults_are_named_at_once() {
    let said = refused(
        "integrations:\n\
         - name: 7\n\
         \x20 endpoint:\n\
         \x20   type: SHARED\n\
         \x20   maxBodyBytes: many\n\
         \x20   preprocess: {timeout: 5}\n\
         customers: {}\n",
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "m.yaml: 5 faults");
    assert_eq!(
        lines[1],
        "  line 2: integrations[0].name: it must be a text, not the number 7: write it in quotes"
    );
    assert!(lines[2].starts_with("  line 4: integrations[0].endpoint.type: there is no SHARED; "), "{said}");
    assert_eq!(
        lines[3],
        "  line 5: integrations[0].endpoint.maxBodyBytes: it must be a whole number below 2147483648, not the text \"many\""
    );
    assert_eq!(
        lines[4],
        "  line 6: integrations[0].endpoint.preprocess.timeout: it must be a duration as `10s` or `0.5s`, not the number 5"
    );
    assert_eq!(lines[5], "  line 7: customers: it must be a list, not an object");
}

/// Read as a number, each of these would become another customer's id.
#[test]
fn an_id_that_yaml_takes_for_a_number_is_refused() {
    for id in ["00123", "12E5", "0x1F", "1_000", "1.50", "9007199254740993"] {
        let said = refused(&format!("customerMappings:\n- sourceCustomerId: {id}\n"));
        assert!(said.contains("customerMappings[0].sourceCustomerId: it must be a text"), "{id}: {said}");
        let quoted = manifest(&format!("customerMappings:\n- sourceCustomerId: '{id}'\n"));
        assert_eq!(quoted.customer_mappings[0].source_customer_id, id);
    }
    // These are texts in YAML 1.2.
    for id in ["no", "A06DFFAC", "C3E72B0C"] {
        let read = manifest(&format!("customerMappings:\n- sourceCustomerId: {id}\n"));
        assert_eq!(read.customer_mappings[0].source_customer_id, id);
    }
}

/// Keys of a table are always texts, as they are written.
#[test]
fn keys_that_look_like_numbers_keep_their_text() {
    let read = manifest(
        "integrations: [{endpoint: {flowName: {reference: r, values: {007: a, 1.50: b, true: c}}}}]",
    );
    let source = read.integrations[0].endpoint.as_ref().and_then(|endpoint| endpoint.flow_name.as_ref());
    let keys: Vec<_> = source.expect("a source").values.keys().cloned().collect();
    assert_eq!(keys, ["007", "1.50", "true"]);
}

#[test]
fn only_one_of_a_choice_can_be_set() {
    let said = refused("integrations:\n- endpoint:\n    flowName:\n      reference: a\n      constant: b\n");
    assert_eq!(
        said,
        "m.yaml: line 5: integrations[0].endpoint.flowName: only one of `reference` and `constant` can be set"
    );
}

#[test]
fn anchors_are_followed_within_bounds() {
    let read = manifest(
        "customers:\n- &a {name: customers/a, externalId: x}\ncustomerMappings:\n- {<<: {displayName: m}, customer: customers/a}\n",
    );
    let expected =
        CustomerMapping { customer: "customers/a".into(), display_name: "m".into(), ..Default::default() };
    assert_eq!(read.customer_mappings, [expected]);
    let mut bomb = "customers:\n- &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("- &a{level} [{}]\n", vec![before; 10].join(", ")));
    }
    let said = refused(&bomb);
    assert!(said.starts_with("m.yaml: line ") && said.contains("aliases"), "{said}");
}

#[test]
fn deep_nesting_is_refused() {
    for deep in ["[".repeat(100_000), "{\"a\":".repeat(100_000), "- ".repeat(100_000)] {
        assert!(refused(&deep).starts_with("m.yaml: "));
    }
}

#[test]
fn an_integration_is_found_alone_or_in_a_manifest() {
    let from_manifest = read_integration(ACME, &file(), "integrations/acme-erp").expect("found");
    let alone = write(&from_manifest, Format::Yaml).expect("written");
    assert_eq!(read_integration(&alone, &file(), "integrations/acme-erp").expect("found"), from_manifest);
    let nameless = "flows: [{key: a}]\nendpoint: {type: ENDPOINT_TYPE_SHARED}\n";
    let named = read_integration(nameless, &file(), "integrations/x").expect("found");
    assert_eq!(named, Integration { name: "integrations/x".into(), ..named.clone() });
    let error = read_integration(ACME, &file(), "integrations/other").expect_err("not there");
    assert_eq!(error.to_string(), "m.yaml: it holds integrations/acme-erp, not integrations/other");
    let error = read_integration("{}", &file(), "integrations/other").expect_err("not there");
    assert_eq!(error.to_string(), "m.yaml: it holds no integration");
}

/// What the examples hold survives `apply`, `export` and `apply`.
#[test]
fn each_example_survives_being_written() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut read = 0;
    for entry in std::fs::read_dir(examples).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let example = manifest(&std::fs::read_to_string(&path).expect("read"));
            for format in [Format::Yaml, Format::Json] {
                let text = written(&example, format);
                assert_eq!(manifest(&text), example, "{}", path.display());
            }
            read += 1;
        }
    }
    assert!(read > 0, "there are no examples");
}

/// The document's own example is a manifest, and it names each field and each value of an enum.
#[test]
fn the_document_has_each_field() {
    const DOC: &str = include_str!("../../../docs/manifest.md");
    let example =
        DOC.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    assert_eq!(manifest(example).deployments.len(), 1);
    let pool = descriptor_pool();
    for message in [
        "Manifest",
        "Integration",
        "Flow",
        "Endpoint",
        "ValueSource",
        "Preprocess",
        "CustomerMapping",
        "Deployment",
        "FlowEndpoint",
        "EndpointTokens",
    ] {
        let message = pool.get_message_by_name(&format!("pointsman.admin.v1.{message}")).expect("a message");
        for field in message.fields() {
            let name = field.json_name();
            assert!(DOC.contains(name), "docs/manifest.md does not have {name} of {}", message.name());
            if let prost_reflect::Kind::Enum(values) = field.kind() {
                for value in values.values().filter(|value| value.number() != 0) {
                    assert!(DOC.contains(value.name()), "docs/manifest.md does not have {}", value.name());
                }
            }
        }
    }
}
