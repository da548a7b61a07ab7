use proptest::prelude::*;

use super::*;

fn key(name: &str) -> Step {
    Step::Key(name.into())
}

fn paths(text: &str) -> Vec<Vec<Step>> {
    let reference = Reference::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(reference.as_str(), text);
    assert_eq!(reference.to_string(), text);
    reference.paths().iter().map(|path| path.to_vec()).collect()
}

#[test]
fn results_is_followed_by_names_quoted_names_and_indices() {
    assert_eq!(paths("results.flowName"), [[key("flowName")]]);
    assert_eq!(paths("results.body.data.type"), [[key("body"), key("data"), key("type")]]);
    assert_eq!(paths("results.headers.x-tenant"), [[key("headers"), key("x-tenant")]]);
    assert_eq!(paths(r#"results["any name"][0].x"#), [[key("any name"), Step::Index(0), key("x")]]);
    assert_eq!(paths("results.list[4294967295]"), [[key("list"), Step::Index(u32::MAX)]]);
}

#[test]
fn a_bare_name_holds_letters_digits_and_six_marks() {
    assert_eq!(
        paths("results.soap:Env.@id.#text.$ref._a-b.0"),
        [[key("soap:Env"), key("@id"), key("#text"), key("$ref"), key("_a-b"), key("0")]]
    );
}

#[test]
fn a_quoted_name_has_the_escapes_of_json() {
    let text = r#"results["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 ] é"][""]"#;
    assert_eq!(paths(text), [[key("\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f600} ] é"), key("")]]);
}

#[test]
fn json_nests_and_is_followed_by_more_steps() {
    assert_eq!(
        paths("json(results.body.data.payload).team.id"),
        [vec![key("body"), key("data"), key("payload")], vec![key("team"), key("id")],]
    );
    assert_eq!(paths("json(json(results.a)[1]).b"), [vec![key("a")], vec![Step::Index(1)], vec![key("b")]]);
    assert_eq!(paths("json(results.a)"), [vec![key("a")], vec![]]);
}

#[test]
fn a_malformed_reference_is_refused_at_the_position_of_its_fault() {
    for (text, position, reason) in [
        ("", 0, "expected `results` or `json(`, found the end"),
        ("result.x", 0, "expected `results` or `json(`, found `r`"),
        ("Results.x", 0, "found `R`"),
        ("$.x", 0, "found `$`"),
        ("results", 7, "`results` itself is an object"),
        ("json(results)", 12, "`results` itself is an object"),
        ("resultsx", 7, "found `x`"),
        ("results.", 8, "expected a name, found the end"),
        ("results..a", 8, "expected a name, found `.`"),
        ("results.a.", 10, "expected a name, found the end"),
        ("results.a]", 9, "`]` cannot stand in a bare name"),
        ("results.größe", 10, "`ö` cannot stand in a bare name, only in [\"…\"]"),
        ("results.a/b", 9, "`/` cannot stand in a bare name"),
        ("results[", 8, "expected a name in double quotes or an index, found the end"),
        ("results[]", 8, "found `]`"),
        ("results[a]", 8, "found `a`"),
        ("results['a']", 8, "double quotes"),
        ("results[-1]", 8, "never negative"),
        ("results[01]", 8, "no leading 0"),
        ("results[4294967296]", 8, "at most 4294967295"),
        ("results[1x]", 9, "expected `]`, found `x`"),
        ("results[1", 9, "expected `]`, found the end"),
        (r#"results["a"#, 10, "found the end"),
        (r#"results["a""#, 11, "expected `]`, found the end"),
        (r#"results["a\"]"#, 13, "found the end"),
        (r#"results["a"x]"#, 11, "expected `]`, found `x`"),
        (r#"results["a\x"]"#, 10, "unknown escape"),
        (r#"results["a\u12g4"]"#, 10, "four hexadecimal digits"),
        (r#"results["\ud83dx"]"#, 9, "half of a surrogate pair"),
        (r#"results["\ude00"]"#, 9, "half of a surrogate pair"),
        (r#"results["\ud83d\u0041"]"#, 9, "half of a surrogate pair"),
        ("results[\"a\nb\"]", 10, "control character"),
        ("json(results.a", 14, "expected `.`, `[` or `)`, found the end"),
        ("json(results.a).b)", 17, "no `json(` before it"),
        ("results.a)", 9, "no `json(` before it"),
        ("json(results.a)b", 15, "expected `.`, `[` or the end, found `b`"),
        ("json()", 5, "found `)`"),
        ("json (results.a)", 0, "expected `results` or `json(`"),
    ] {
        let error = Reference::parse(text).expect_err(text);
        assert_eq!(error.position, position, "{text}: {error}");
        assert!(error.reason.contains(reason), "{text}: {error}");
        assert_eq!(error.to_string(), format!("{} at position {position}", error.reason));
    }
}

#[test]
fn white_space_is_named_as_the_fault() {
    for (text, position) in [
        (" results.a", 0),
        ("results .a", 7),
        ("results. a", 8),
        ("results.a ", 9),
        ("results.a .b", 9),
        ("results[ 0]", 8),
        ("results[0 ]", 9),
        ("results[0] .a", 10),
        ("json( results.a)", 5),
        ("json(results.a )", 14),
        ("json(results.a) .b", 15),
        ("results.a\n", 9),
    ] {
        let error = Reference::parse(text).expect_err(text);
        assert_eq!(error.position, position, "{text}: {error}");
        assert!(error.reason.contains("white space"), "{text}: {error}");
    }
    assert_eq!(paths(r#"results["a b"]"#), [[key("a b")]]);
}

#[test]
fn length_nesting_and_steps_are_bounded() {
    let longest = format!("results.{}", "a".repeat(MAX_REFERENCE_BYTES - 8));
    Reference::parse(&longest).expect("the longest");
    let error = Reference::parse(&format!("{longest}a")).expect_err("too long");
    assert_eq!((error.position, error.reason.contains("1024 bytes")), (MAX_REFERENCE_BYTES, true), "{error}");

    let nested = |times| format!("{}results.a{}", "json(".repeat(times), ")".repeat(times));
    Reference::parse(&nested(MAX_REFERENCE_NESTING)).expect("the deepest");
    let error = Reference::parse(&nested(MAX_REFERENCE_NESTING + 1)).expect_err("too deep");
    assert_eq!(error.position, 5 * MAX_REFERENCE_NESTING, "{error}");

    let steps = |count| format!("results{}", ".a".repeat(count));
    Reference::parse(&steps(MAX_REFERENCE_STEPS)).expect("the most steps");
    let error = Reference::parse(&steps(MAX_REFERENCE_STEPS + 1)).expect_err("too many");
    assert_eq!(error.position, 7 + 2 * MAX_REFERENCE_STEPS, "{error}");
}

#[test]
fn only_body_data_reads_the_body() {
    let reads_body = |text| Reference::parse(text).expect(text).reads_body();
    for text in [
        "results.body.data",
        "results.body.data.type",
        r#"results["body"]["data"]"#,
        "json(results.body.data.p).x",
    ] {
        assert!(reads_body(text), "{text}");
    }
    for text in
        ["results.body", "results.body.contentType", "results.data.body", "results.headers.body", "results.x"]
    {
        assert!(!reads_body(text), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_reference_or_a_fault_within_it(text in ".{0,40}") {
        if let Err(error) = Reference::parse(&text) {
            prop_assert!(error.position <= text.len());
        }
    }

    #[test]
    fn text_that_is_nearly_a_reference_is_one_or_a_fault_within_it(
        text in r#"(json\(){0,3}results(\.[a-z]{0,2}|\[[0-9]{0,3}\]?|\["(a|\\u00e9|\\|")*"\]|\)| |é){0,6}"#
    ) {
        match Reference::parse(&text) {
            Ok(reference) => prop_assert_eq!(reference.as_str(), &text),
            Err(error) => prop_assert!(text.is_char_boundary(error.position)),
        }
    }

    #[test]
    fn any_name_can_be_quoted(name in any::<String>()) {
        let text = format!("results[{}]", serde_json::to_string(&name).expect("a string"));
        prop_assume!(text.len() <= MAX_REFERENCE_BYTES);
        prop_assert_eq!(paths(&text), vec![vec![key(&name)]]);
    }
}
