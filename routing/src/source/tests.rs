use super::*;

fn faults(spec: ValueSourceSpec, purpose: Purpose) -> Vec<String> {
    match ValueSource::parse(spec, purpose) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.into_iter().map(|fault| fault.field).collect(),
    }
}

fn reference(reference: &str) -> ValueSourceSpec {
    ValueSourceSpec { reference: Some(reference.to_owned()), ..Default::default() }
}

fn constant(constant: &str) -> ValueSourceSpec {
    ValueSourceSpec { constant: Some(constant.to_owned()), ..Default::default() }
}

fn values(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    values.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_source_is_a_reference_or_a_constant() {
    let source = ValueSource::parse(reference("results.body.data.type"), Purpose::Flow).unwrap();
    assert_eq!(source.reference().unwrap().as_str(), "results.body.data.type");
    assert_eq!(source.origin.to_string(), "results.body.data.type");
    let source = ValueSource::parse(constant("a"), Purpose::Flow).unwrap();
    assert_eq!((source.reference(), source.origin.to_string().as_str()), (None, "constant"));

    assert_eq!(faults(ValueSourceSpec::default(), Purpose::Flow), [""]);
    let both = ValueSourceSpec { constant: Some("a".to_owned()), ..reference("results.a") };
    assert_eq!(faults(both, Purpose::Flow), ["constant"]);
    assert_eq!(faults(constant(""), Purpose::Flow), ["constant"]);
    assert_eq!(faults(constant(&"x".repeat(MAX_TEXT_BYTES + 1)), Purpose::Flow), ["constant"]);
}

#[test]
fn a_malformed_reference_is_named_with_its_position() {
    let faults = ValueSource::parse(reference("results..a"), Purpose::Flow).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].field, "reference");
    assert!(faults[0].reason.contains("position 8"), "{}", faults[0].reason);
    assert_eq!(self::faults(reference(""), Purpose::Flow), ["reference"]);
}

#[test]
fn a_default_needs_a_table_and_is_never_a_customer() {
    let with_default = |values: &[(&str, &str)]| ValueSourceSpec {
        values: self::values(values),
        default_value: Some("d".to_owned()),
        ..reference("results.a")
    };
    assert_eq!(faults(with_default(&[("a", "b")]), Purpose::Flow), [""; 0]);
    assert_eq!(faults(with_default(&[]), Purpose::Flow), ["default_value"]);
    for purpose in [Purpose::Customer, Purpose::CustomerUser] {
        assert_eq!(faults(with_default(&[("a", "b")]), purpose), ["default_value"]);
        assert_eq!(faults(with_default(&[]), purpose), ["default_value"]);
    }
    let empty = ValueSourceSpec { default_value: Some(String::new()), ..with_default(&[("a", "b")]) };
    assert_eq!(faults(empty, Purpose::Flow), ["default_value"]);
}

#[test]
fn only_customers_are_looked_up() {
    let looked_up = || ValueSourceSpec { lookup_customer_mappings: true, ..reference("results.a") };
    assert!(ValueSource::parse(looked_up(), Purpose::Customer).unwrap().lookup_customer_mappings);
    assert_eq!(faults(looked_up(), Purpose::CustomerUser), ["lookup"]);
    assert_eq!(faults(looked_up(), Purpose::Flow), ["lookup"]);
}

#[test]
fn tables_hold_no_empty_and_no_endless_text() {
    let table = |table: &[(&str, &str)]| ValueSourceSpec { values: values(table), ..reference("results.a") };
    assert_eq!(
        faults(table(&[("", "x"), ("y", ""), ("z", "w")]), Purpose::Flow),
        ["values[\"\"]", "values[\"y\"]"]
    );
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    assert_eq!(faults(table(&[("a", &long)]), Purpose::Flow), ["values[\"a\"]"]);
    assert_eq!(faults(table(&[(&long, "a")]), Purpose::Flow).len(), 1);
    let many = |count: usize| ValueSourceSpec {
        values: (0..count).map(|n| (n.to_string(), "x".to_owned())).collect(),
        ..reference("results.a")
    };
    assert_eq!(faults(many(MAX_VALUES), Purpose::Flow), [""; 0]);
    assert_eq!(faults(many(MAX_VALUES + 1), Purpose::Flow), ["values"]);
}

#[test]
fn a_constant_that_its_table_cannot_match_is_refused() {
    let spec = |constant: &str, default_value: Option<&str>| ValueSourceSpec {
        values: values(&[("a", "b")]),
        default_value: default_value.map(str::to_owned),
        ..self::constant(constant)
    };
    assert_eq!(faults(spec("a", None), Purpose::Flow), [""; 0]);
    assert_eq!(faults(spec("x", Some("d")), Purpose::Flow), [""; 0]);
    assert_eq!(faults(spec("x", None), Purpose::Flow), ["constant"]);
}

#[test]
fn all_faults_are_told_at_once() {
    let spec = ValueSourceSpec {
        reference: Some("nonsense".to_owned()),
        constant: Some(String::new()),
        values: values(&[("", "")]),
        default_value: Some(String::new()),
        lookup_customer_mappings: true,
    };
    let expected = [
        "values[\"\"]",
        "values[\"\"]",
        "default_value",
        "default_value",
        "lookup",
        "constant",
        "reference",
        "constant",
    ];
    assert_eq!(faults(spec, Purpose::CustomerUser), expected);
}

#[test]
fn a_table_translates_and_the_default_stands_in() {
    let plain = ValueSource::parse(reference("results.a"), Purpose::Flow).unwrap();
    assert_eq!(plain.translate("x"), Some("x"));
    let mut spec = ValueSourceSpec { values: values(&[("a", "b")]), ..reference("results.a") };
    let table = ValueSource::parse(spec.clone(), Purpose::Flow).unwrap();
    assert_eq!((table.translate("a"), table.translate("A"), table.translate("b")), (Some("b"), None, None));
    spec.default_value = Some("d".to_owned());
    let table = ValueSource::parse(spec, Purpose::Flow).unwrap();
    assert_eq!((table.translate("a"), table.translate("x")), (Some("b"), Some("d")));
}
