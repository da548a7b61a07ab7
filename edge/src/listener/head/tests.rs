use proptest::prelude::*;

use super::*;

fn head(lines: &[&str]) -> Vec<u8> {
    format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
}

fn framing(head: &[u8]) -> Result<Framing, HeadFault> {
    parse(head.into()).map(|(_, hop)| hop.framing)
}

fn judged(lines: &[&str]) -> Result<(), HeadFault> {
    framing(&head(lines)).map(drop)
}

#[test]
fn ordinary_heads_pass() {
    for lines in [
        &["GET / HTTP/1.1", "host: x"][..],
        &["GET /hooks/t?a=%20b HTTP/1.0", "Host:example.com:8080", "Accept: */*"],
        &["POST http://[::1]:80/hooks/t HTTP/1.1", "HOST: [::1]:80", "Content-Length: 5"],
        &["PUT /a|b{c}~ HTTP/1.1", "host: x", "transfer-encoding: Chunked", "x-utf8: Zo\u{eb}", "empty:"],
        &["OPTIONS * HTTP/1.1", "host:\tx\t"],
    ] {
        assert_eq!(judged(lines), Ok(()), "{lines:?}");
    }
}

#[test]
fn request_lines_that_two_readers_could_split_differently_are_refused() {
    for (line, fault) in [
        ("GET /", HeadFault::RequestLine),
        ("GET", HeadFault::RequestLine),
        ("GET  / HTTP/1.1", HeadFault::RequestLine),
        ("GET / x HTTP/1.1", HeadFault::RequestLine),
        ("GET / HTTP/1.1 ", HeadFault::RequestLine),
        ("G(T / HTTP/1.1", HeadFault::RequestLine),
        ("GET /\u{e9} HTTP/1.1", HeadFault::Target),
        ("GET /#x HTTP/1.1", HeadFault::Target),
        ("GET /\"x HTTP/1.1", HeadFault::Target),
        ("GET /\tx HTTP/1.1", HeadFault::Target),
        ("GET / HTTP/2.0", HeadFault::Version),
        ("GET / HTTP/0.9", HeadFault::Version),
        ("GET / http/1.1", HeadFault::RequestLine),
        ("GET / SSH-2.0", HeadFault::RequestLine),
    ] {
        assert_eq!(judged(&[line, "host: x"]), Err(fault), "{line:?}");
    }
}

#[test]
fn framing_that_two_readers_could_take_differently_is_refused() {
    for (fields, fault) in [
        (&["content-length: 2", "transfer-encoding: chunked"][..], HeadFault::LengthAndCoding),
        (&["transfer-encoding: chunked", "Content-Length: 2"], HeadFault::LengthAndCoding),
        (&["content-length: 2", "content-length: 3"], HeadFault::TwoLengths),
        (&["content-length: 2", "CONTENT-LENGTH: 2"], HeadFault::TwoLengths),
        (&["content-length: 2, 2"], HeadFault::Length),
        (&["content-length: +2"], HeadFault::Length),
        (&["content-length: -2"], HeadFault::Length),
        (&["content-length: 0x2"], HeadFault::Length),
        (&["content-length:"], HeadFault::Length),
        (&["content-length: 99999999999999999999"], HeadFault::Length),
        (&["transfer-encoding: gzip, chunked"], HeadFault::Coding),
        (&["transfer-encoding: chunked", "transfer-encoding: chunked"], HeadFault::Coding),
        (&["transfer-encoding: identity"], HeadFault::Coding),
        (&["transfer-encoding: xchunked"], HeadFault::Coding),
        (&["transfer-encoding:"], HeadFault::Coding),
        (&["x-a: 1", " folded"], HeadFault::Folded),
        (&["\tfolded"], HeadFault::Folded),
        (&["content-length : 2"], HeadFault::FieldName),
        (&["no colon"], HeadFault::FieldName),
        (&[": nameless"], HeadFault::FieldName),
        (&["x-a: \u{0}"], HeadFault::FieldValue),
        (&["x-a: a\rb: c"], HeadFault::FieldValue),
        (&["x-a: \u{7f}"], HeadFault::FieldValue),
        (&["host: y"], HeadFault::TwoHosts),
    ] {
        let lines = [&["POST / HTTP/1.1", "host: x"][..], fields].concat();
        assert_eq!(judged(&lines), Err(fault), "{fields:?}");
    }
    assert_eq!(judged(&["POST / HTTP/1.0", "host: x", "transfer-encoding: chunked"]), Err(HeadFault::Coding));
}

#[test]
fn there_is_exactly_one_host() {
    assert_eq!(judged(&["GET / HTTP/1.1"]), Err(HeadFault::NoHost));
    assert_eq!(judged(&["GET / HTTP/1.1", "host:"]), Err(HeadFault::NoHost));
    for host in ["a b", "a/b", "user@a", "a,b", "a?b", "a#b", "\u{e9}"] {
        assert_eq!(judged(&["GET / HTTP/1.1", &format!("host: {host}")]), Err(HeadFault::Host), "{host:?}");
    }
}

#[test]
fn a_whole_url_names_the_host_that_the_field_names() {
    for target in ["http://x:1/a", "HTTP://x:1", "https://x:1?a"] {
        assert_eq!(judged(&[&format!("GET {target} HTTP/1.1"), "host: x:1"]), Ok(()), "{target}");
    }
    for target in ["http://x/a", "http://X:1/a", "http://a@x:1/", "http://y:1", "https://x:443/"] {
        let judged = judged(&[&format!("GET {target} HTTP/1.1"), "host: x:1"]);
        assert_eq!(judged, Err(HeadFault::TwoHosts), "{target}");
    }
    assert_eq!(judged(&["CONNECT x:443 HTTP/1.1", "host: x"]), Ok(()));
    for target in ["http://", "http:///a", "http://x:1\\a"] {
        assert!(judged(&[&format!("GET {target} HTTP/1.1"), "host: x:1"]).is_err(), "{target}");
    }
}

#[test]
fn what_a_head_says_is_taken_apart() {
    let lines = [
        "POST /hooks/t?a=b HTTP/1.1",
        "Host: x",
        "Content-Length:\t17 ",
        "Connection: Close, x-own",
        "EXPECT: 100-Continue",
        "x-Own: A b",
    ];
    let (parsed, hop) = parse(head(&lines)[..].into()).unwrap();
    assert_eq!((parsed.method, parsed.version, parsed.length), (Method::POST, Version::HTTP_11, Some(17)));
    assert_eq!((parsed.target.path(), parsed.target.query()), ("/hooks/t", "a=b"));
    let expected: [(&[u8], &[u8]); 5] = [
        (b"host", b"x"),
        (b"content-length", b"17"),
        (b"connection", b"Close, x-own"),
        (b"expect", b"100-Continue"),
        (b"x-own", b"A b"),
    ];
    assert!(parsed.headers.iter().eq(expected));
    assert_eq!(hop, Hop { framing: Framing::Counted(17), keep: false, expects_continue: true });

    let said = |line: &str, field: &str| parse(head(&[line, "host: x", field])[..].into()).unwrap().1;
    let plain = Hop { framing: Framing::Counted(0), keep: true, expects_continue: false };
    assert_eq!(said("GET / HTTP/1.1", "connection: keep-alive"), plain);
    // Nothing is asked for that is not there, or whose asker would not understand.
    assert_eq!(said("GET / HTTP/1.1", "expect: 100-continue"), plain);
    assert_eq!(said("GET / HTTP/1.0", "connection: keep-alive"), Hop { keep: false, ..plain });
    assert_eq!(
        said("POST / HTTP/1.1", "transfer-encoding: chunked"),
        Hop { framing: Framing::Chunked, ..plain }
    );
}

#[test]
fn fields_are_counted() {
    let fields = |count| {
        let mut lines = vec!["GET / HTTP/1.1", "host: x"];
        lines.extend(std::iter::repeat_n("x-a: 1", count - 1));
        judged(&lines)
    };
    assert_eq!(fields(MAX_FIELDS), Ok(()));
    assert_eq!(fields(MAX_FIELDS + 1), Err(HeadFault::TooManyFields));
}

#[test]
fn bare_line_feeds_and_junk_are_noticed_at_once() {
    for (bytes, found) in [
        ("GET / HTTP/1.1\nhost: x\n\n", Err(HeadFault::LineEnd)),
        ("GET / HTTP/1.1\r\nhost: x\n", Err(HeadFault::LineEnd)),
        ("GET / HTTP/1.1\r\n\n", Err(HeadFault::LineEnd)),
        ("\u{1}\u{2}", Err(HeadFault::RequestLine)),
        ("\u{16}\u{3}\u{1}", Err(HeadFault::RequestLine)),
        ("GET / HTTP/1.1\r\nhost: x\r\n", Ok(None)),
        ("GET / HTTP/1.1\r\n\r\nbody", Ok(Some(18))),
        ("", Ok(None)),
    ] {
        assert_eq!(HeadScanner::default().find_end(bytes.as_bytes()), found, "{bytes:?}");
    }
}

/// A complete head is read line by line and each line as a whole, as one would do without haste.
fn check_slowly(head: &[u8]) -> Result<Framing, HeadFault> {
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let mut lines = head.split(|b| *b == b'\n');
    let line = lines.next().unwrap().strip_suffix(b"\r").ok_or(HeadFault::LineEnd)?;
    let words: Vec<_> = line.split(|b| *b == b' ').collect();
    let [method, target, version] = words[..] else { return Err(HeadFault::RequestLine) };
    if method.is_empty() || !method.iter().all(is_token) || target.is_empty() {
        return Err(HeadFault::RequestLine);
    }
    if !target.iter().all(|b| b.is_ascii_graphic() && !b"\"<>#".contains(b)) {
        return Err(HeadFault::Target);
    }
    if method != b"CONNECT" && !has_known_form(target) {
        return Err(HeadFault::TargetForm);
    }
    let version = match version {
        b"HTTP/1.1" => Version::HTTP_11,
        b"HTTP/1.0" => Version::HTTP_10,
        _ if version.starts_with(b"HTTP/") => return Err(HeadFault::Version),
        _ => return Err(HeadFault::RequestLine),
    };
    let (mut said, mut host) = (Said::default(), None);
    for (count, line) in lines.take_while(|line| *line != b"\r").enumerate() {
        if count == MAX_FIELDS {
            return Err(HeadFault::TooManyFields);
        }
        if matches!(line, [b' ' | b'\t', ..]) {
            return Err(HeadFault::Folded);
        }
        let colon = line.iter().position(|b| *b == b':').ok_or(HeadFault::FieldName)?;
        let (name, rest) = (&line[..colon], &line[colon + 1..]);
        if name.is_empty() || !name.iter().all(is_token) {
            return Err(HeadFault::FieldName);
        }
        let value = rest.strip_suffix(b"\r");
        if value.unwrap_or(rest).iter().any(|b| b.is_ascii_control() && *b != b'\t') {
            return Err(HeadFault::FieldValue);
        }
        let value = trim_end(trim_start(value.ok_or(HeadFault::LineEnd)?));
        said.field(&name.to_ascii_lowercase(), value)?;
        if name.eq_ignore_ascii_case(b"host") {
            host = Some(value);
        }
    }
    let framing = said.judge(version)?.framing;
    if target[0] != b'/' && target != b"*" {
        let url = Uri::try_from(target).map_err(|_| HeadFault::Target)?;
        let authority = url.authority().map(|authority| authority.as_str().as_bytes());
        if url.scheme().is_some() && authority != host {
            return Err(HeadFault::TwoHosts);
        }
    }
    Ok(framing)
}

/// What heads are made of, and what they may not be made of.
fn heads() -> impl Strategy<Value = Vec<u8>> {
    const PARTS: [&str; 38] = [
        "GET",
        "CONNECT",
        " ",
        " ",
        " ",
        "/a",
        "/",
        "*",
        "http://x",
        " HTTP/1.1\r\n",
        " HTTP/1.0\r\n",
        "HTTP/1.1",
        " HTTP/2.0",
        "\r\n",
        "\r\n",
        "\r\n",
        "\r",
        "\n",
        "\t",
        "\0",
        "\u{7f}",
        "\"",
        "#",
        "é",
        "(",
        ":",
        ": ",
        "host: x\r\n",
        "Host:[::1]:8080\r\n",
        "host",
        "content-length: 17\r\n",
        "content-length:",
        "5",
        "transfer-encoding: chunked\r\n",
        "transfer-encoding",
        "x-a-longer-name: and a value\r\n",
        "x",
        "\r\n\r\n",
    ];
    let part = proptest::sample::select(&PARTS[..]);
    let parts = proptest::collection::vec(part, 0..12);
    (any::<bool>(), parts).prop_map(|(begun, parts)| {
        let start = if begun { "POST /hooks/t HTTP/1.1\r\nhost: x\r\n" } else { "" };
        format!("{start}{}\r\n\r\n", parts.concat()).into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn heads_are_judged_as_one_would_without_haste(head in heads()) {
        if let Ok(Some(end)) = HeadScanner::default().find_end(&head) {
            prop_assert_eq!(framing(&head[..end]), check_slowly(&head[..end]));
        }
    }
}

proptest! {
    #[test]
    fn the_end_is_found_however_the_bytes_arrive(cuts in proptest::collection::vec(0..60usize, 0..6)) {
        let bytes = head(&["POST /hooks/t HTTP/1.1", "host: x", "content-length: 0"]);
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len() - 1)).collect();
        cuts.sort_unstable();
        let mut scanner = HeadScanner::default();
        for cut in cuts {
            prop_assert_eq!(scanner.find_end(&bytes[..cut]), Ok(None));
        }
        prop_assert_eq!(scanner.find_end(&[&bytes[..], b"rest"].concat()), Ok(Some(bytes.len())));
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = HeadScanner::default().find_end(&bytes);
        let _ = framing(&bytes);
    }
}
