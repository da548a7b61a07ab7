//! Senders over HTTP/1 that try to have one request read as two, or as another's.

use bytes::Bytes;
use http_body_util::Full;
use pointsman_tests::{
    acme,
    receiver::Receiver,
    sender::{exchange, first_answer},
    stand::{Stand, post},
    wire::Stage,
};

async fn stand() -> (Stand, Receiver) {
    let flows = Receiver::start().await;
    (Stand::start(&flows.url("")).await, flows)
}

/// What is wrong where the edge does anything but give one answer of this code and close.
async fn refused(stand: &Stand, bytes: &[u8], status: u16, code: &str) -> Option<String> {
    let mut wire = stand.connect().await;
    wire.write(bytes).await;
    let shown = bytes[..bytes.len().min(300)].escape_ascii();
    let answer = wire.rest().await;
    let answers = answer.windows(9).filter(|window| window == b"HTTP/1.1 ").count();
    let one = first_answer(&answer) == (status, code.to_owned()) && answers == 1;
    (!one).then(|| format!("{shown}: {answers} answers: {}", answer.escape_ascii()))
}

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[tokio::test]
async fn heads_that_two_readers_could_read_differently_are_refused() {
    let (stand, mut flows) = stand().await;
    let mut faults = Vec::new();
    let hidden = post(&stand.direct, "hidden");
    for path in [&stand.shared, &stand.direct] {
        for field in [
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "transfer-encoding: chunked, chunked",
            "transfer-encoding: chunked;x",
            "transfer-encoding: chunked,",
            "transfer-encoding: ,chunked",
            "transfer-encoding: xchunked",
            "transfer-encoding: \"chunked\"",
            "transfer-encoding: \x0bchunked",
            "transfer-encoding: chunked\x0b",
            "transfer-encoding: chunked\x0c",
            "transfer-encoding: chunked\0",
            "transfer-encoding: chunked\x7f",
            "transfer-encoding: identity",
            "transfer-encoding: identity, chunked",
            "transfer-encoding:",
            "transfer-encoding : chunked",
            "transfer-encoding\t: chunked",
            "transfer-encoding\x0b: chunked",
            "transfer-encoding",
            "transfer-encoding: chunked\r\ncontent-length: 6",
            "content-length: 6\r\ntransfer-encoding: chunked",
            "content-length: 6\r\nTransfer-Encoding: chunked",
            "content-length: 0\r\ntransfer-encoding: chunked",
            "content-length: 6 6",
            "content-length: 6;",
            "content-length: 0x6",
            "content-length: -6",
            "content-length: 6.0",
            "content-length: 1e1",
            "content-length: 6\0",
            "content-length: \x0b6",
            "content-length:",
            "content-length: ,6",
            "content-length: \"6\"",
            "content-length: 18446744073709551622",
            "content-length: 99999999999999999999999999999999999999",
            "content-length : 6",
            "content-length: 6\r\nCONTENT-LENGTH: 6",
            "x-a: 1\ncontent-length: 6",
            "x-a: 1\r\n\tcontent-length: 6",
            "x-a: 1\rcontent-length: 6",
            "x-a: 1\r\r\ncontent-length: 6",
            "x-a: a\0b",
            "x-a: a\x08b",
            ": nameless",
            "x a: 1",
            "x\u{e9}: 1",
            "(x): 1",
            "no colon here",
            "host: other",
        ] {
            let head = format!("POST {path} HTTP/1.1\r\nhost: edge\r\n{field}\r\n\r\n");
            faults.extend(refused(&stand, &[head.as_bytes(), &hidden].concat(), 400, "bad_request").await);
        }
        for head in [
            format!("POST {path} HTTP/1.1\r\n host: edge\r\n\r\n"),
            format!("POST {path} HTTP/1.1\nhost: edge\n\n"),
            format!("POST {path} HTTP/1.1\r\nhost: edge\r\n\n"),
            format!("POST {path} HTTP/1.1\r\nhost:\r\n\r\n"),
            format!("POST {path} HTTP/1.1\r\nhost: a, b\r\n\r\n"),
            format!("POST {path} HTTP/1.1\r\nhost: user@edge\r\n\r\n"),
            format!("POST {path} HTTP/1.1\r\nhost: edge/hooks\r\n\r\n"),
            format!("POST {path} HTTP/1.0\r\nhost: edge\r\ntransfer-encoding: chunked\r\n\r\n"),
            format!("POST {path} HTTP/1.0\r\n\r\n"),
            format!("POST {path} HTTP/0.9\r\nhost: edge\r\n\r\n"),
            format!("POST {path} HTTP/2.0\r\nhost: edge\r\n\r\n"),
            format!("POST {path} HTTP/1.10\r\nhost: edge\r\n\r\n"),
            format!("POST {path} http/1.1\r\nhost: edge\r\n\r\n"),
            format!("POST {path} XTTP/1.1\r\nhost: edge\r\n\r\n"),
            format!("POST {path}\r\nhost: edge\r\n\r\n"),
            format!("POST  {path} HTTP/1.1\r\nhost: edge\r\n\r\n"),
            format!("POST\t{path} HTTP/1.1\r\nhost: edge\r\n\r\n"),
            format!("POST {path} HTTP/1.1 \r\nhost: edge\r\n\r\n"),
            format!("POST {path} x HTTP/1.1\r\nhost: edge\r\n\r\n"),
            format!("POST {path}#x HTTP/1.1\r\nhost: edge\r\n\r\n"),
            format!("POST {path}/\u{e9} HTTP/1.1\r\nhost: edge\r\n\r\n"),
            format!(" POST {path} HTTP/1.1\r\nhost: edge\r\n\r\n"),
            format!("\nPOST {path} HTTP/1.1\r\nhost: edge\r\n\r\n"),
        ] {
            faults.extend(refused(&stand, head.as_bytes(), 400, "bad_request").await);
        }
    }
    none(&faults);
    flows.expect_nothing();
}

#[tokio::test]
async fn targets_and_methods_that_are_unusual() {
    let (stand, mut flows) = stand().await;
    let mut faults = Vec::new();
    for (line, status, code) in [
        ("OPTIONS * HTTP/1.1".to_owned(), 404, "unknown_endpoint"),
        (format!("post {} HTTP/1.1", stand.direct), 405, "method_not_allowed"),
        (format!("CONNECT {} HTTP/1.1", stand.direct), 405, "method_not_allowed"),
        (format!("GET /{} HTTP/1.1", stand.direct), 404, "unknown_endpoint"),
        (format!("GET //evil{} HTTP/1.1", stand.direct), 404, "unknown_endpoint"),
        (format!("GET /x/..{} HTTP/1.1", stand.direct), 404, "unknown_endpoint"),
        (format!("GET {} HTTP/1.1", stand.direct.to_uppercase()), 404, "unknown_endpoint"),
        (format!("GET {} HTTP/1.1", stand.direct.replace("/hooks", "/%68ooks")), 404, "unknown_endpoint"),
        (format!("GET http://user:pw@edge{} HTTP/1.1", stand.direct), 400, "bad_request"),
        (format!("GET http://other{} HTTP/1.1", stand.direct), 400, "bad_request"),
        (format!("GET ftp://edge{} HTTP/1.1", stand.direct), 400, "bad_request"),
        (format!("GET edge{} HTTP/1.1", stand.direct), 400, "bad_request"),
        ("CONNECT edge:443 HTTP/1.1".to_owned(), 404, "unknown_endpoint"),
        ("GET edge:443 HTTP/1.1".to_owned(), 400, "bad_request"),
        ("GET * HTTP/1.1".to_owned(), 404, "unknown_endpoint"),
        (format!("GET http:{} HTTP/1.1", stand.direct), 400, "bad_request"),
        (format!("GET http://{} HTTP/1.1", stand.direct), 400, "bad_request"),
    ] {
        let request = format!("{line}\r\nhost: edge\r\nconnection: close\r\n\r\n");
        faults.extend(refused(&stand, request.as_bytes(), status, code).await);
    }
    none(&faults);
    flows.expect_nothing();

    // The absolute form is for proxies, and every server takes it.
    let request =
        format!("GET http://edge{}/a?b HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n", stand.direct);
    assert_eq!(first_answer(&exchange(stand.edge, request.as_bytes()).await).0, 200);
    let received = flows.next().await;
    assert_eq!(received.target, "/direct/a?b");
    assert_eq!(received.header("host"), flows.addr().to_string());
    assert_eq!(received.header("x-forwarded-host"), "edge");
}

#[tokio::test]
async fn what_is_odd_and_has_one_reading_is_taken() {
    let (stand, mut flows) = stand().await;
    let direct = &stand.direct;
    for (bytes, body) in [
        (format!("\r\n\r\nPOST {direct} HTTP/1.1\r\nhost: edge\r\ncontent-length: 2\r\n\r\nok"), "ok"),
        (format!("POST {direct} HTTP/1.1\r\nHOST:edge\r\nContent-LENGTH:  2 \t\r\n\r\nok"), "ok"),
        (format!("POST {direct} HTTP/1.1\r\nhost: [::1]:80\r\ncontent-length: 002\r\n\r\nok"), "ok"),
        (format!("POST {direct} HTTP/1.0\r\nhost: edge\r\ncontent-length: 2\r\n\r\nok"), "ok"),
        (
            format!(
                "POST {direct} HTTP/1.1\r\nhost: edge\r\nTransfer-Encoding: Chunked\r\n\r\n0002;a=\"b\"\r\nok\r\n000\r\n\r\n"
            ),
            "ok",
        ),
        (
            format!(
                "POST {direct} HTTP/1.1\r\nhost: edge\r\ncontent_length: 7\r\ntransfer_encoding: chunked\r\ncontent-length: 2\r\n\r\nok"
            ),
            "ok",
        ),
        (
            format!(
                "POST {direct} HTTP/1.1\r\nhost: edge\r\nupgrade: h2c\r\nhttp2-settings: AAA\r\nconnection: upgrade, http2-settings\r\ncontent-length: 2\r\n\r\nok"
            ),
            "ok",
        ),
        (
            format!(
                "GET {direct} HTTP/1.1\r\nhost: edge\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: eA==\r\n\r\n"
            ),
            "",
        ),
        (format!("DELETE {direct} HTTP/1.1\r\nhost: edge\r\ncontent-length: 2\r\n\r\nok"), "ok"),
        (
            format!(
                "GET {direct} HTTP/1.1\r\nhost: edge\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
            ),
            "ok",
        ),
    ] {
        let mut wire = stand.connect().await;
        wire.write(&bytes).await;
        let answer = wire.answer().await.unwrap_or_else(|| panic!("an answer to {bytes}"));
        assert_eq!(answer.status, 200, "{bytes} {:?}", answer.body);
        let received = flows.next().await;
        assert_eq!(received.body, body, "{bytes}");
        for gone in ["upgrade", "connection", "http2-settings", "content_length", "transfer_encoding"] {
            assert!(!received.headers.contains_key(gone), "{gone} of {bytes}");
        }
    }
}

#[tokio::test]
async fn chunks_that_two_readers_could_read_differently_are_refused_and_never_completed() {
    let stage = Stage::open().await;
    let stand = Stand::start(&stage.url()).await;
    let mut faults = Vec::new();
    let long = format!("1;{}\r\nx\r\n0\r\n\r\n", "x".repeat(100_000));
    for chunks in [
        "fffffffffffffffff\r\nx\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nx\r\n0\r\n\r\n",
        "10000000000000001\r\nx\r\n0\r\n\r\n",
        "7fffffffffffffff1\r\nx\r\n0\r\n\r\n",
        "-1\r\nx\r\n0\r\n\r\n",
        "+1\r\nx\r\n0\r\n\r\n",
        "0x1\r\nx\r\n0\r\n\r\n",
        "1_0\r\nxxxxxxxxxxxxxxxx\r\n0\r\n\r\n",
        "g\r\nx\r\n0\r\n\r\n",
        "\r\nx\r\n0\r\n\r\n",
        ";a\r\nx\r\n0\r\n\r\n",
        " 1\r\nx\r\n0\r\n\r\n",
        "1\nx\n0\n\n",
        "1\nx\r\n0\r\n\r\n",
        "1;a\nx\r\n0\r\n\r\n",
        "1;a\n0\r\n\r\nx\r\n0\r\n\r\n",
        "1\r\nx\n0\r\n\r\n",
        "1\r\nxy\r\n0\r\n\r\n",
        "1\r\nx0\r\n\r\n",
        "1\r\nx\r\r\n0\r\n\r\n",
        "1\rx\r\n0\r\n\r\n",
        "1\r\nx\r\n0\r\n\n",
        "1\r\nx\r\n0\n\n",
        "1\r\nx\r\n00g\r\n\r\n",
        &long,
    ] {
        for path in [&stand.direct, &stand.shared] {
            let mut sender = stand.connect().await;
            let head = format!("POST {path} HTTP/1.1\r\nhost: edge\r\ntransfer-encoding: chunked\r\n\r\n");
            let hidden = "GET /hidden HTTP/1.1\r\nhost: edge\r\n\r\n";
            sender.write(format!("{head}{chunks}{hidden}")).await;
            let shown = &chunks[..chunks.len().min(60)];
            // What streams may have left already: then it must not look whole.
            if path == &stand.direct {
                let mut flow = stage.enter().await;
                if flow.head().await.is_some()
                    && let Some(whole) = flow.chunks().await
                {
                    faults.push(format!("{shown:?} was completed: {whole:?}"));
                    continue;
                }
            }
            let answers = sender.rest().await;
            let answer = first_answer(&answers);
            let count = answers.windows(9).filter(|window| window == b"HTTP/1.1 ").count();
            if answer != (400, "bad_request".to_owned()) || count != 1 {
                faults.push(format!("{path} {shown:?}: {count} answers: {}", answers.escape_ascii()));
            }
        }
    }
    none(&faults);
    stand.until_idle().await;
}

#[tokio::test]
async fn trailers_say_nothing() {
    let (stand, mut flows) = stand().await;
    let order = acme::CREATE_ORDER;
    for (path, target) in [(&stand.shared, "/pencils-co/create-order"), (&stand.direct, "/direct")] {
        let mut wire = stand.connect().await;
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\
             trailer: content-length, pointsman-customer\r\n\r\n{:x}\r\n{order}\r\n0\r\ncontent-length: 3\r\n\
             pointsman-customer: evil\r\nhost: evil\r\n\r\n",
            order.len()
        );
        wire.write([request.as_bytes(), &post(&stand.direct, "next")].concat()).await;
        assert_eq!(wire.answer().await.expect("an answer").status, 200);
        let received = flows.next().await;
        assert_eq!((received.target.as_str(), &received.body[..]), (target, order.as_bytes()));
        assert!(!received.headers.contains_key("trailer"));
        assert!(received.headers.values().all(|value| value != "evil"), "{:?}", received.headers);
        assert_eq!(wire.answer().await.expect("an answer").status, 200);
        assert_eq!(flows.next().await.body, "next");
    }
}

#[tokio::test]
async fn trailers_have_an_end() {
    let (stand, _flows) = stand().await;
    let mut wire = stand.connect().await;
    let head = format!("POST {} HTTP/1.1\r\nhost: edge\r\ntransfer-encoding: chunked\r\n\r\n", stand.shared);
    wire.write(format!("{head}0\r\n")).await;
    let field = format!("x-trailer: {}\r\n", "x".repeat(1_000));
    // More than any bound that there should be, if they let us.
    for _ in 0..10_000 {
        if wire.try_write(&field).await.is_err() {
            break;
        }
    }
    let answers = wire.rest().await;
    assert_eq!(first_answer(&answers), (400, "bad_request".to_owned()), "{}", answers.escape_ascii());
    stand.until_idle().await;
}

#[tokio::test]
async fn requests_in_one_write_are_answered_in_order_each_as_its_own() {
    let flows = Receiver::answering(|received| {
        let told = format!("{} {}", received.target, received.header("pointsman-customer"));
        http::Response::new(Full::new(Bytes::from(told)))
    })
    .await;
    let stand = Stand::start(&flows.url("")).await;
    let requests = [
        post(&stand.shared, acme::CREATE_ORDER),
        post(&stand.shared, acme::INVENTORY_UPDATE),
        post(&stand.shared, "{}"),
        post("/hooks/nosuch", &"x".repeat(1_000)),
        post(&stand.direct, "body"),
        format!("GET {}/last HTTP/1.1\r\nhost: edge\r\n\r\n", stand.direct).into_bytes(),
    ];
    let expected = [
        "/pencils-co/create-order progix-1002",
        "/bowlers-inc/update-inventory progix-1001",
        "customer_not_resolved",
        "unknown_endpoint",
        "/direct progix-1001",
        "/direct/last progix-1001",
    ];
    let all = requests.concat();
    // In one piece, and in two pieces with borders at many places.
    for border in (0..all.len()).step_by(37) {
        let mut wire = stand.connect().await;
        wire.write(&all[..border]).await;
        tokio::task::yield_now().await;
        wire.write(&all[border..]).await;
        for expected in expected {
            let answer = wire.answer().await.unwrap_or_else(|| panic!("an answer: {expected}"));
            let told = match answer.code() {
                code if code.is_empty() => String::from_utf8_lossy(&answer.body).into_owned(),
                code => code,
            };
            assert_eq!(told, expected, "with a border at {border}");
        }
    }
}

#[tokio::test]
async fn what_comes_while_an_answer_is_awaited_waits_its_turn() {
    let stage = Stage::open().await;
    let stand = Stand::start(&stage.url()).await;
    let mut sender = stand.connect().await;
    sender.write(post(&stand.direct, "first")).await;
    let mut flow = stage.enter().await;
    flow.head().await.expect("the first request");
    assert_eq!(flow.bytes(5).await, "first");
    // All of it arrives before the first is answered, byte by byte.
    for byte in post(&stand.direct, "second") {
        sender.write([byte]).await;
    }
    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none").await;
    assert_eq!(sender.answer().await.expect("the first answer").body, "one");
    flow.head().await.expect("the second request, on the same connection");
    assert_eq!(flow.bytes(6).await, "second");
    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ntwo").await;
    assert_eq!(sender.answer().await.expect("the second answer").body, "two");
}

#[tokio::test]
async fn a_body_beyond_its_announced_end_is_the_next_request_or_none() {
    let (stand, mut flows) = stand().await;
    for head in ["content-length: 0\r\n", "content-length: 2\r\n", ""] {
        let mut wire = stand.connect().await;
        let body = if head.contains('2') { "ok" } else { "" };
        wire.write(format!("POST {} HTTP/1.1\r\nhost: edge\r\n{head}\r\n{body}", stand.direct)).await;
        wire.write("smuggled=1\r\n\r\n").await;
        assert_eq!(wire.answer().await.expect("an answer").status, 200);
        assert_eq!(flows.next().await.body, body);
        let rest = wire.rest().await;
        assert_eq!(first_answer(&rest), (400, "bad_request".to_owned()), "{}", rest.escape_ascii());
    }
    flows.expect_nothing();
}
