use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::{COMPARISONS_MAX, Comparison, FILTER_BYTES_MAX, Field, Filter, Operator, Value};

const EVERY: &[Field] = &[
    Field::Action,
    Field::Caller,
    Field::Connected,
    Field::CreateTime,
    Field::Customer,
    Field::DisplayName,
    Field::EndpointType,
    Field::Resource,
    Field::Revision,
];

fn parse(text: &str) -> Vec<(Field, Value)> {
    let filter = Filter::parse(text, EVERY).unwrap_or_else(|error| panic!("{text}: {error}"));
    filter.0.into_iter().map(|Comparison { field, value, .. }| (field, value)).collect()
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[test]
fn comparisons_are_joined_by_and() {
    assert_eq!(parse(""), []);
    assert_eq!(parse("  \n "), []);
    assert_eq!(parse(r#"caller = "ci""#), [(Field::Caller, text("ci"))]);
    assert_eq!(
        parse(" caller=ci  AND\tcustomer = \"customers/a\" AND connected = true "),
        [
            (Field::Caller, text("ci")),
            (Field::Customer, text("customers/a")),
            (Field::Connected, Value::Flag(true))
        ]
    );
    assert_eq!(parse(r#"caller = """#), [(Field::Caller, text(""))]);
    assert_eq!(parse(r#"caller = "a \" AND \\ b""#), [(Field::Caller, text(r#"a " AND \ b"#))]);
    assert_eq!(
        parse("caller = AND AND caller = é"),
        [(Field::Caller, text("AND")), (Field::Caller, text("é"))]
    );
    assert_eq!(
        parse("endpoint.type=ENDPOINT_TYPE_SHARED"),
        [(Field::EndpointType, text("ENDPOINT_TYPE_SHARED"))]
    );
    assert_eq!(parse("revision = 7"), [(Field::Revision, Value::Number(7))]);
    assert_eq!(parse("resource = customers/*"), [(Field::Resource, Value::Prefix("customers/".into()))]);
}

#[test]
fn times_are_read_with_their_offset() {
    let at = |seconds| Value::Time(UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!(parse("create_time >= 1970-01-01T00:01:00Z"), [(Field::CreateTime, at(60))]);
    assert_eq!(parse(r#"create_time < "1970-01-01T02:00:00+01:00""#), [(Field::CreateTime, at(3_600))]);
    assert_eq!(parse("create_time < 1066-10-14T09:00:00Z"), [(Field::CreateTime, at(0))]);
}

#[test]
fn a_fault_says_where_and_what_would_do() {
    let cases = [
        ("nobody = x", 0, "there is no field `nobody`; the fields of this list are `action`, `caller`"),
        ("caller = x AND", 14, "a comparison is missing; the fields"),
        ("caller = x and caller = y", 11, "AND is written in capitals"),
        ("caller = x OR caller = y", 11, "OR is not supported"),
        ("caller = x caller = y", 11, "AND is expected, and this is `caller`"),
        ("NOT caller = x", 0, "NOT is not supported"),
        ("(caller = x)", 0, "parentheses are not supported"),
        ("caller", 6, "an operator is missing: `caller` is compared with `=`"),
        ("caller != x", 7, "`!=` does not do here: `caller` is compared with `=`"),
        ("caller >= x", 7, "`>=` does not do here"),
        ("create_time = x", 12, "`create_time` is compared with `>=` or `<`"),
        ("caller =", 8, "a value is missing"),
        ("caller = 'x'", 9, "values are quoted with `\"`"),
        ("caller = (x)", 9, "a value is expected"),
        ("caller = a$b", 10, "'$' follows the value"),
        (r#"caller = "x"y"#, 12, "'y' follows the value"),
        (r#"caller = "x"#, 9, "the quote is not closed"),
        (r#"caller = "a\n""#, 11, "`\\` stands before `\"` or `\\` only"),
        (r#"caller = "a\"#, 11, "`\\` stands before"),
        ("connected = yes", 12, "`connected` is `true` or `false`"),
        ("customer = bowlers", 11, "`customer` looks like `customers/{customer}`"),
        ("endpoint.type = SHARED", 16, "ENDPOINT_TYPE_SHARED, ENDPOINT_TYPE_INSTANCE_SPECIFIC"),
        ("revision = 1.5", 11, "`revision` is a whole number"),
        ("create_time < yesterday", 14, "`create_time` is a time like"),
        ("é = x", 0, "a field is expected, and this is 'é'"),
    ];
    for (filter, position, reason) in cases {
        let error = Filter::parse(filter, EVERY).expect_err(filter);
        assert_eq!(error.position, position, "{filter}: {error}");
        assert!(error.reason.contains(reason), "{filter}: {error}");
    }
}

#[test]
fn length_and_comparisons_are_bounded() {
    let many = |count| vec!["caller=x"; count].join(" AND ");
    assert_eq!(parse(&many(COMPARISONS_MAX)).len(), COMPARISONS_MAX);
    let error = Filter::parse(&many(COMPARISONS_MAX + 1), EVERY).unwrap_err();
    assert!(error.reason.contains("at most 20 comparisons"), "{error}");
    let long = |length: usize| format!("caller = {}", "x".repeat(length - 9));
    parse(&long(FILTER_BYTES_MAX));
    let error = Filter::parse(&long(FILTER_BYTES_MAX + 1), EVERY).unwrap_err();
    assert!(error.reason.contains("2001 bytes"), "{error}");
}

#[test]
fn a_filter_holds_where_every_comparison_does() {
    let filter = |text: &str| Filter::parse(text, EVERY).unwrap();
    let entry = |field| match field {
        Field::Caller => Some(text("ci")),
        Field::Resource => Some(text("customers/a")),
        Field::Connected => Some(Value::Flag(false)),
        Field::CreateTime => Some(Value::Time(UNIX_EPOCH + Duration::from_secs(60))),
        _ => None,
    };
    for holds in [
        "",
        "caller = ci AND connected = false",
        "resource = customers/*",
        "create_time >= 1970-01-01T00:01:00Z AND create_time < 1970-01-01T00:01:01Z",
    ] {
        assert!(filter(holds).holds(entry), "{holds}");
    }
    for not in [
        "caller = CI",
        "caller = ci AND connected = true",
        "resource = customers/a/*",
        "customer = customers/a",
        "create_time < 1970-01-01T00:01:00Z",
    ] {
        assert!(!filter(not).holds(entry), "{not}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused_within_its_bounds(text in r#"([a-z_.]{1,12}|[ =<>"\\]|AND|caller|é|\PC){0,24}"#) {
        if let Err(error) = Filter::parse(&text, EVERY) {
            prop_assert!(error.position <= text.len());
            prop_assert!(text.is_char_boundary(error.position));
            prop_assert!(error.reason.len() < 400);
        }
    }

    #[test]
    fn any_value_can_be_quoted(values in proptest::collection::vec(".{0,40}", 0..COMPARISONS_MAX)) {
        let quote = |value: &String| format!("caller = \"{}\"", value.replace('\\', r"\\").replace('"', "\\\""));
        let written = values.iter().map(quote).collect::<Vec<_>>().join(" AND ");
        prop_assume!(written.len() <= FILTER_BYTES_MAX);
        let filter = Filter::parse(&written, EVERY).unwrap();
        let read: Vec<_> = filter.comparisons().to_vec();
        let expected: Vec<_> = values
            .into_iter()
            .map(|value| Comparison { field: Field::Caller, operator: Operator::Is, value: Value::Text(value) })
            .collect();
        prop_assert_eq!(read, expected);
    }
}

/// The comment of each request's `filter` names its fields.
#[test]
fn the_protos_say_what_can_be_filtered() {
    let lists = [
        ("ListIntegrationsRequest", Field::OF_INTEGRATIONS),
        ("ListCustomersRequest", Field::OF_CUSTOMERS),
        ("ListCustomerMappingsRequest", Field::OF_CUSTOMER_MAPPINGS),
        ("ListDeploymentsRequest", Field::OF_DEPLOYMENTS),
        ("ListEdgesRequest", Field::OF_EDGES),
        ("ListAccessTokensRequest", Field::OF_ACCESS_TOKENS),
        ("ListAuditEntriesRequest", Field::OF_AUDIT_ENTRIES),
    ];
    let pool = pointsman_proto::descriptor_pool();
    let filtered: Vec<_> = pool
        .all_messages()
        .filter(|message| message.get_field_by_name("filter").is_some())
        .map(|message| message.name().to_owned())
        .collect();
    assert_eq!(filtered.len(), lists.len(), "{filtered:?}");
    for (message, fields) in lists {
        let message = pool.get_message_by_name(&format!("pointsman.admin.v1.{message}")).unwrap();
        let filter = message.get_field_by_name("filter").unwrap();
        let file = filter.parent_file();
        let locations = &file.file_descriptor_proto().source_code_info.as_ref().unwrap().location;
        let comment = locations.iter().find(|location| location.path == filter.path()).unwrap();
        let comment = comment.leading_comments().replace('\n', " ");
        let said = comment.split_once("The fields:").unwrap().1;
        let named: Vec<&str> = said
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.'))
            .collect();
        let expected: Vec<&str> = fields.iter().map(|field| field.name()).collect();
        assert_eq!(named, expected, "{}", message.name());
    }
}
