use super::*;

mod fragments;

fn url(text: &str) -> FlowUrl {
    FlowUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> FlowUrlError {
    match FlowUrl::parse(text) {
        Err(error) => error,
        Ok(url) => panic!("{text} is taken for {url:?}"),
    }
}

fn target(base: &str, fragment: &str, query: &str) -> String {
    url(base).target(&PathFragment::parse(fragment).unwrap(), query)
}

#[test]
fn the_fragment_follows_the_path_and_the_query_the_query() {
    for (base, fragment, query, expected) in [
        // The design's own example.
        ("http://h/in?src=a", "deep", "q=1", "/in/deep?src=a&q=1"),
        ("http://h/in", "", "", "/in"),
        ("http://h/in/", "", "", "/in/"),
        ("http://h/in", "deep", "", "/in/deep"),
        ("http://h/in/", "deep", "", "/in/deep"),
        ("http://h/in", "deep/", "", "/in/deep/"),
        ("http://h/in", "a//b", "", "/in/a//b"),
        ("http://h", "", "", "/"),
        ("http://h", "deep", "", "/deep"),
        ("http://h/", "deep", "", "/deep"),
        ("http://h?src=a", "", "", "/?src=a"),
        ("http://h?src=a", "deep", "q=1&q=2", "/deep?src=a&q=1&q=2"),
        ("http://h/in", "", "q=1", "/in?q=1"),
        ("http://h/in?", "", "", "/in?"),
        ("http://h/in?", "", "q=1", "/in?q=1"),
        ("http://h/in?src=a", "", "", "/in?src=a"),
        ("http://h/in", "a%20b%C3%A4", "x=%zz&y=a+b", "/in/a%20b%C3%A4?x=%zz&y=a+b"),
        ("http://h/in", "", "url=http://x/../y?z", "/in?url=http://x/../y?z"),
    ] {
        assert_eq!(target(base, fragment, query), expected, "{base} {fragment} {query}");
    }
}

#[test]
fn path_and_query_stay_as_they_were_written() {
    for (base, expected) in [
        ("http://h/a//b", "/a//b"),
        ("http://h/A%2fb%7Ec~", "/A%2fb%7Ec~"),
        ("http://h/{a}|'\"<>^`", "/{a}|'\"<>^`"),
        ("http://h/a?b='c'&d=\"e\"&f=%zz", "/a?b='c'&d=\"e\"&f=%zz"),
        ("http://h/café?größe=ä", "/caf%C3%A9?gr%C3%B6%C3%9Fe=%C3%A4"),
        ("http://h/a?b?c/../d", "/a?b?c/../d"),
        ("http://h/.hidden/a..b/...", "/.hidden/a..b/..."),
    ] {
        assert_eq!(target(base, "", ""), expected);
        assert_eq!(url(base).as_str(), base);
        assert_eq!(url(base).to_string(), base);
    }
}

#[test]
fn host_and_port_have_one_reading() {
    for (text, is_https, host, port, authority) in [
        ("http://h", false, "h", 80, "h"),
        ("https://h", true, "h", 443, "h"),
        ("HTTP://H.Example:8080/", false, "h.example", 8080, "h.example:8080"),
        ("http://h:80", false, "h", 80, "h"),
        ("https://h:80", true, "h", 80, "h:80"),
        ("https://h:0443", true, "h", 443, "h"),
        ("http://h_1-x.example.:1", false, "h_1-x.example.", 1, "h_1-x.example.:1"),
        ("http://bücher.example/", false, "xn--bcher-kva.example", 80, "xn--bcher-kva.example"),
        ("http://127.0.0.1:9001/inventory", false, "127.0.0.1", 9001, "127.0.0.1:9001"),
        // Each of these is an address for some resolver, so each is one for us, and egress rules see it.
        ("http://127.1/", false, "127.0.0.1", 80, "127.0.0.1"),
        ("http://0x7f.1/", false, "127.0.0.1", 80, "127.0.0.1"),
        ("http://2130706433/", false, "127.0.0.1", 80, "127.0.0.1"),
        ("http://0251.0376.0251.0376/", false, "169.254.169.254", 80, "169.254.169.254"),
        ("http://①②⑦.0.0.1/", false, "127.0.0.1", 80, "127.0.0.1"),
        ("http://[::1]/", false, "::1", 80, "[::1]"),
        ("https://[2001:DB8:0::1]:8443/x", true, "2001:db8::1", 8443, "[2001:db8::1]:8443"),
        ("http://[::ffff:127.0.0.1]/", false, "::ffff:127.0.0.1", 80, "[::ffff:127.0.0.1]"),
    ] {
        let url = url(text);
        assert_eq!(
            (url.is_https(), url.host(), url.port(), url.authority()),
            (is_https, host, port, authority),
            "{text}"
        );
    }
}

#[test]
fn urls_that_are_none_are_refused() {
    use FlowUrlError::{Empty, Length, Origin};
    use HttpOriginError::{Character, Host, NoHost, Port, Scheme, Userinfo};
    assert_eq!(error(""), Empty);
    let longest = format!("http://h/{}", "x".repeat(MAX_FLOW_URL_BYTES - 9));
    url(&longest);
    assert_eq!(error(&format!("{longest}x")), Length);
    for (text, expected) in [
        ("h/in", Scheme),
        ("//h/in", Scheme),
        ("http:/h", Scheme),
        ("http:h", Scheme),
        ("ftp://h/", Scheme),
        ("unix:///a", Scheme),
        ("javascript://h/", Scheme),
        ("http://u@h/", Userinfo),
        ("http://u:p@h/", Userinfo),
        ("http://@h/", Userinfo),
        ("http://h:80@evil/", Userinfo),
        ("http://", NoHost),
        ("http:///in", NoHost),
        ("http://:80/", NoHost),
        ("http://?a", NoHost),
        ("http://h:/", Port),
        ("http://h:0/", Port),
        ("http://h:65536/", Port),
        ("http://h:+80/", Port),
        ("http://h:8a/", Port),
        ("http://h:80:90/", Port),
        ("http://[fe80::1%25eth0]/", Host),
        ("http://[fe80::1%eth0]/", Host),
        ("http://[::1/", Host),
        ("http://[::1]x/", Host),
        ("http://::1/", NoHost),
        ("http://[127.0.0.1]/", Host),
        ("http://ex%61mple/", Host),
        ("http://a..b/", Host),
        ("http://.a/", Host),
        ("http://a*b/", Host),
        ("http://256.256.256.256/", Host),
        ("http://1.2.3.4.5/", Host),
        ("http://h\\x/", Character),
        ("http://h/a\\b", Character),
        ("http://h/a?b\\c", Character),
        (" http://h/", Character),
        ("http://h/ ", Character),
        ("http://h/a b", Character),
        ("http://h/a\tb", Character),
        ("http://h/a\r\nb", Character),
        ("http://h/a\u{0}", Character),
        ("http://h/\u{a0}", Character),
        ("http://h/\u{85}", Character),
        ("ht\ttp://h/", Character),
    ] {
        assert_eq!(error(text), Origin(expected), "{text:?}");
    }
    assert_eq!(error(&format!("http://{}.example/", "a".repeat(64))), Origin(Host));
    assert_eq!(error(&format!("http://{}/", "a.".repeat(127) + "a")), Origin(Host));
}

#[test]
fn what_is_never_sent_or_read_in_two_ways_is_refused() {
    for text in ["http://h/#", "http://h#a", "http://h/a#b", "http://h/a?b#c", "http://h/a#?b"] {
        assert_eq!(error(text), FlowUrlError::Fragment, "{text}");
    }
    for path in [
        ".",
        "..",
        "a/.",
        "a/./b",
        "a/..",
        "a/../b",
        "%2e",
        "%2E%2e",
        ".%2e/x",
        "a/%252e%252e",
        "a%2f..%2fb",
        "a%2f..",
        "a%5c..%5cb",
        "..;",
        "a/..;x=1/b",
        ".;x",
        "%2e%2e%3bx",
    ] {
        assert_eq!(error(&format!("http://h/{path}")), FlowUrlError::DotSegment, "{path}");
        assert_eq!(error(&format!("http://h/{path}?a")), FlowUrlError::DotSegment, "{path}");
    }
    for path in ["%", "a%2", "%zz", "%%41", "a%2/g"] {
        assert_eq!(error(&format!("http://h/{path}")), FlowUrlError::Escape, "{path}");
    }
}

#[test]
fn errors_and_debug_keep_secrets() {
    assert_eq!(format!("{:?}", url("https://h:1/in?sig=s3cret")), "https://h:1/in?…");
    let error = error("http://user:s3cret@h/");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

proptest::proptest! {
    /// Whatever is configured and whatever arrives, a target has a path, and nothing that ends a request line.
    #[test]
    fn targets_are_request_targets(path in "[^?#]{0,20}", query in "\\PC{0,20}", raw in "[!-~]{0,20}") {
        if let (Ok(url), Ok(fragment)) =
            (FlowUrl::parse(&format!("http://h/{path}?{query}")), PathFragment::parse(&raw))
        {
            let target = url.target(&fragment, "");
            proptest::prop_assert!(target.starts_with('/'));
            proptest::prop_assert!(target.bytes().all(|byte| (0x21..0x7f).contains(&byte)), "{}", target);
        }
    }

    #[test]
    fn nothing_from_outside_panics(text: String, front in "(http|https)://\\PC{0,30}") {
        let _ = FlowUrl::parse(&text);
        let _ = FlowUrl::parse(&front);
        let _ = PathFragment::parse(&text);
    }
}

#[test]
fn a_host_that_is_an_address_is_known_as_one() {
    let address = |url: &str| FlowUrl::parse(url).unwrap().address();
    assert_eq!(address("http://127.0.0.1:8080/a"), Some("127.0.0.1".parse().unwrap()));
    assert_eq!(address("http://[::1]/a"), Some("::1".parse().unwrap()));
    assert_eq!(address("https://flows.example/a"), None);
}

#[test]
fn the_parts_of_a_url_are_kept_apart() {
    for (url, host, authority, target) in [
        ("http://a", "a", "a", "/"),
        ("http://a:81?", "a", "a:81", "/?"),
        ("https://[::1]:8443/b/?c=d", "::1", "[::1]:8443", "/b/?c=d"),
        ("https://A.example:443/%C3%AB/ë?ë", "a.example", "a.example", "/%C3%AB/%C3%AB?%C3%AB"),
    ] {
        let url = FlowUrl::parse(url).unwrap();
        let whole = url.target(&PathFragment::parse("").unwrap(), "");
        assert_eq!((url.host(), url.authority(), &*whole), (host, authority, target), "{url}");
    }
    let longest = format!("https://{}.example/?{}", "a".repeat(60), "ë".repeat(2_000));
    let query = "%C3%AB".repeat(2_000);
    let url = FlowUrl::parse(&longest).unwrap();
    assert_eq!(url.target(&PathFragment::parse("").unwrap(), ""), format!("/?{query}"));
}
