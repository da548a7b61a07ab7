//! Senders over HTTP/2 that break its rules, or keep them to do harm.

use pointsman_tests::{
    frames::{self, ACK, END_HEADERS, END_STREAM, block, connect, frame, kind, next, string, verdict},
    receiver::Receiver,
    sender::{Version, send},
    soon,
    stand::Stand,
    wire::Stage,
};

async fn stand() -> (Stand, Receiver) {
    let flows = Receiver::start().await;
    (Stand::start(&flows.url("")).await, flows)
}

/// The edge serves the next request, and nothing else is in flight or has arrived.
async fn still_serves(stand: &Stand, flows: &mut Receiver) {
    stand.until_idle().await;
    let request =
        http::Request::post(format!("{}/last", stand.direct)).body(http_body_util::Full::from("ok"));
    assert_eq!(send(stand.edge, Version::Http2, request.expect("a request")).await.status, 200);
    let received = flows.next().await;
    assert_eq!(received.target, "/direct/last", "nothing has arrived before: {received:?}");
}

const OK: u16 = 200;

#[tokio::test]
async fn malformed_requests_reach_nobody() {
    let (stand, mut flows) = stand().await;
    let direct = stand.direct.as_str();
    let good = [(":method", "POST"), (":scheme", "http"), (":authority", "edge"), (":path", direct)];
    let with = |fields: &[(&'static str, &'static str)]| [&good[..], fields].concat();
    let without = |name: &str| good.into_iter().filter(|(n, _)| *n != name).collect::<Vec<_>>();
    let mut faults = Vec::new();
    for fields in [
        with(&[("X-Upper", "1")]),
        with(&[("connection", "close")]),
        with(&[("connection", "x-a"), ("x-a", "1")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("keep-alive", "5")]),
        with(&[("proxy-connection", "x")]),
        with(&[("upgrade", "websocket")]),
        with(&[("te", "gzip")]),
        with(&[(":path", "/hooks/other")]),
        with(&[(":method", "GET")]),
        with(&[(":unknown", "1")]),
        with(&[(":status", "200")]),
        with(&[("x-a", "1"), (":scheme", "http")]),
        with(&[("x a", "1")]),
        with(&[("x-a:", "1")]),
        with(&[("", "1")]),
        with(&[("x-a\r\nx-b", "1")]),
        with(&[("x-a", "1\r\nx-b: 2")]),
        with(&[("x-a", "1\n")]),
        with(&[("x-a", "1\0")]),
        with(&[("content-length", "2"), ("content-length", "2")]),
        with(&[("content-length", "2"), ("content-length", "3")]),
        with(&[("content-length", "2, 2")]),
        with(&[("content-length", "-1")]),
        with(&[("content-length", "+2")]),
        with(&[("content-length", "0x2")]),
        with(&[("content-length", "")]),
        with(&[("content-length", "18446744073709551618")]),
        // The body below has two bytes.
        with(&[("content-length", "1")]),
        with(&[("content-length", "3")]),
        with(&[("host", "other")]),
        with(&[("host", "edge"), ("host", "edge")]),
        without(":method"),
        without(":scheme"),
        without(":path"),
        without(":authority"),
        [&without(":path")[..], &[(":path", "")]].concat(),
        [&without(":path")[..], &[(":path", direct.trim_start_matches('/'))]].concat(),
        [&without(":path")[..], &[(":path", "http://edge/")]].concat(),
        [&without(":method")[..], &[(":method", "")]].concat(),
        [&without(":method")[..], &[(":method", "PO ST")]].concat(),
        [&without(":method")[..], &[(":method", "CONNECT")]].concat(),
        [&without(":method")[..], &[(":method", "CONNECT"), (":protocol", "websocket")]].concat(),
        [&without(":authority")[..], &[(":authority", "")]].concat(),
        [&without(":authority")[..], &[(":authority", "user@edge")]].concat(),
        [&without(":authority")[..], &[(":authority", "edge edge")]].concat(),
        [&without(":authority")[..], &[(":authority", "edge/x")]].concat(),
        vec![(":method", "CONNECT"), (":authority", "edge:443")],
        vec![],
    ] {
        let mut wire = connect(stand.edge, &[]).await;
        wire.write(frame(kind::HEADERS, END_HEADERS, 1, &block(&fields))).await;
        wire.write(frame(kind::DATA, END_STREAM, 1, b"ok")).await;
        let verdict = verdict(&mut wire, 1).await;
        if verdict.as_ref().is_some_and(|frame| frame.kind == kind::HEADERS && frame.status() == OK) {
            faults.push(format!("{fields:?} is served"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    still_serves(&stand, &mut flows).await;
}

/// Writes these bytes for as long as the edge lets us, at most so many times, and reports whether it ended it.
async fn flood(stand: &Stand, settings: &[(u16, u32)], first: Vec<u8>, bytes: &[u8], times: usize) -> bool {
    let mut wire = connect(stand.edge, settings).await;
    wire.write(first).await;
    for _ in 0..times {
        if wire.try_write(bytes).await.is_err() {
            return true;
        }
    }
    // What the edge has said of it, up to a ping that it answers if it still talks to us.
    wire.write(frame(kind::PING, 0, 0, b"the last")).await;
    loop {
        match next(&mut wire).await {
            None => return true,
            Some(frame) if frame.kind == kind::PING && &frame.payload[..] == b"the last" => return false,
            Some(_) => {}
        }
    }
}

fn request(stand: &Stand, stream: u32, flags: u8) -> Vec<u8> {
    let fields =
        [(":method", "POST"), (":scheme", "http"), (":authority", "edge"), (":path", &*stand.direct)];
    frame(kind::HEADERS, flags | END_HEADERS, stream, &block(&fields))
}

#[tokio::test]
async fn floods_end_their_connection_or_come_to_nothing() {
    let (stand, mut flows) = stand().await;
    let open = frame(kind::HEADERS, 0, 1, &block(&[(":method", "POST")]));
    let large = frame(kind::CONTINUATION, 0, 1, &block(&[("x-a", &"v".repeat(16_000))]));
    assert!(flood(&stand, &[], open.clone(), &large, 10_000).await, "header blocks have an end");
    let empty = frame(kind::CONTINUATION, 0, 1, b"").repeat(100);
    assert!(flood(&stand, &[], open, &empty, 10_000).await, "also in empty pieces");
    // These may be served for as long as they cost no memory.
    flood(&stand, &[], Vec::new(), &frame(kind::PING, 0, 0, b"pingpong").repeat(100), 500).await;
    flood(&stand, &[], Vec::new(), &frame(kind::SETTINGS, 0, 0, &[]).repeat(100), 500).await;
    flood(&stand, &[], Vec::new(), &frame(kind::PRIORITY, 0, 3, &[0, 0, 0, 1, 7]).repeat(100), 500).await;
    flood(&stand, &[], Vec::new(), &frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(100), 500).await;
    flood(&stand, &[], Vec::new(), &frame(0xee, 0, 0, b"unknown").repeat(100), 500).await;
    flood(&stand, &[], request(&stand, 1, 0), &frame(kind::DATA, 0, 1, b"").repeat(100), 500).await;
    still_serves(&stand, &mut flows).await;
}

#[tokio::test]
async fn a_small_header_block_that_unfolds_to_a_large_one_is_refused() {
    let (stand, mut flows) = stand().await;
    let fields =
        [(":method", "POST"), (":scheme", "http"), (":authority", "edge"), (":path", &*stand.direct)];
    let mut bomb = block(&fields);
    // One field into the dynamic table, then its index again and again.
    bomb.push(0x40);
    string(&mut bomb, "x-bomb");
    string(&mut bomb, &"b".repeat(3_900));
    bomb.extend([0xbe].repeat(16_000));
    let mut wire = connect(stand.edge, &[]).await;
    let (first, rest) = bomb.split_at(16_000);
    wire.write(frame(kind::HEADERS, END_STREAM, 1, first)).await;
    wire.write(frame(kind::CONTINUATION, END_HEADERS, 1, rest)).await;
    let verdict = verdict(&mut wire, 1).await;
    assert!(verdict.is_none_or(|frame| frame.kind != kind::HEADERS || frame.status() != OK));
    still_serves(&stand, &mut flows).await;
}

#[tokio::test]
async fn streams_that_are_opened_and_reset_at_once_pile_up_nowhere() {
    let stage = Stage::open().await;
    let stand = Stand::start(&stage.url()).await;
    let mut wire = connect(stand.edge, &[]).await;
    for stream in (1..20_000).step_by(2) {
        let reset = frame(kind::RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        let both = [request(&stand, stream, if stream % 4 == 1 { END_STREAM } else { 0 }), reset].concat();
        if wire.try_write(both).await.is_err() {
            break;
        }
    }
    drop(wire);
    stand.until_idle().await;
    stand.sandbox.until_metric("pointsman_edge_connections", 0.0).await;
}

#[tokio::test]
async fn streams_above_the_limit_are_refused_and_the_others_go_on() {
    let stage = Stage::open().await;
    let stand = Stand::start(&stage.url()).await;
    let mut wire = connect(stand.edge, &[]).await;
    for stream in 0..150 {
        wire.write(request(&stand, 2 * stream + 1, END_STREAM)).await;
    }
    let mut refused = 0;
    while refused < 50 {
        let frame = next(&mut wire).await.expect("the connection goes on");
        if frame.kind == kind::RST_STREAM {
            assert_eq!(frame.error(), 7, "REFUSED_STREAM");
            refused += 1;
        }
    }
    for _ in 0..100 {
        let mut flow = stage.enter().await;
        flow.head().await.expect("a request");
        flow.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    }
    for _ in 0..100 {
        let answer = loop {
            let frame = next(&mut wire).await.expect("the connection goes on");
            if frame.kind == kind::HEADERS {
                break frame;
            }
        };
        assert_eq!(answer.status(), OK);
    }
}

#[tokio::test]
async fn frames_that_break_the_rules_end_the_stream_or_the_connection() {
    let (stand, mut flows) = stand().await;
    let fields =
        block(&[(":method", "GET"), (":scheme", "http"), (":authority", "edge"), (":path", &stand.direct)]);
    let begin = request(&stand, 1, 0);
    for (what, bytes) in [
        ("data of no stream", frame(kind::DATA, 0, 0, b"x")),
        ("data of an idle stream", frame(kind::DATA, 0, 1, b"x")),
        ("a stream of the server's", frame(kind::HEADERS, END_HEADERS | END_STREAM, 2, &fields)),
        ("a stream that goes back", [request(&stand, 5, 0), request(&stand, 3, END_STREAM)].concat()),
        ("headers of no stream", frame(kind::HEADERS, END_HEADERS, 0, &fields)),
        (
            "a header block cut by data",
            [frame(kind::HEADERS, 0, 1, &fields), frame(kind::DATA, END_STREAM, 1, b"")].concat(),
        ),
        ("a continuation of nothing", frame(kind::CONTINUATION, END_HEADERS, 1, &fields)),
        ("a window that overflows", frame(kind::WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
        ("a window that grows by nothing", frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 0])),
        ("settings of the wrong length", frame(kind::SETTINGS, 0, 0, &[0; 5])),
        ("settings of a stream", frame(kind::SETTINGS, 0, 1, &[])),
        ("a window setting too large", frame(kind::SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff])),
        ("a ping of the wrong length", frame(kind::PING, 0, 0, b"short")),
        ("a frame above the limit", frame(kind::DATA, 0, 1, &[0; 20_000])),
        ("padding longer than its frame", [begin, frame(kind::DATA, 8, 1, &[200, 0])].concat()),
        (
            "a header block that is none",
            frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ),
        ("an index that is not there", frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &[0xfe])),
        ("a reset of an idle stream", frame(kind::RST_STREAM, 0, 1, &[0; 4])),
        (
            "data after the end",
            [frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &[]), frame(kind::DATA, 0, 1, b"x")].concat(),
        ),
    ] {
        let mut wire = connect(stand.edge, &[]).await;
        wire.write(bytes).await;
        loop {
            let frame = next(&mut wire).await;
            match frame {
                None => break,
                Some(frame) if matches!(frame.kind, kind::GOAWAY | kind::RST_STREAM) => break,
                Some(frame) => {
                    assert!(frame.kind != kind::HEADERS || frame.status() != OK, "{what} is served")
                }
            }
        }
    }
    still_serves(&stand, &mut flows).await;
}

#[tokio::test]
async fn trailers_say_nothing() {
    let (stand, mut flows) = stand().await;
    let mut wire = connect(stand.edge, &[]).await;
    wire.write(request(&stand, 1, 0)).await;
    wire.write(frame(kind::DATA, 0, 1, b"body")).await;
    let trailers = block(&[("pointsman-customer", "evil"), ("content-length", "9"), ("x-trailer", "evil")]);
    wire.write(frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &trailers)).await;
    assert_eq!(verdict(&mut wire, 1).await.expect("an answer").status(), OK);
    let received = flows.next().await;
    assert_eq!(received.body, "body");
    assert!(received.headers.values().all(|value| value != "evil"), "{:?}", received.headers);
}

#[tokio::test]
async fn a_sender_that_opens_no_window_holds_nothing_once_it_is_gone() {
    let flows = Receiver::answering(|_| http::Response::new(vec![b'x'; 4 << 20].into())).await;
    let stand = Stand::start(&flows.url("")).await;
    // SETTINGS_INITIAL_WINDOW_SIZE
    let mut wires = Vec::new();
    for _ in 0..5 {
        let mut wire = connect(stand.edge, &[(4, 0)]).await;
        for stream in 0..10 {
            wire.write(request(&stand, 2 * stream + 1, END_STREAM)).await;
        }
        for _ in 0..10 {
            loop {
                let frame = next(&mut wire).await.expect("the connection goes on");
                assert_ne!(frame.kind, kind::DATA, "there is no window");
                if frame.kind == kind::HEADERS {
                    break;
                }
            }
        }
        wires.push(wire);
    }
    drop(wires);
    stand.until_idle().await;
    stand.sandbox.until_metric("pointsman_edge_connections", 0.0).await;
}

#[tokio::test]
async fn a_sender_that_says_goodbye_gets_the_answers_it_waits_for() {
    let stage = Stage::open().await;
    let stand = Stand::start(&stage.url()).await;
    let mut wire = connect(stand.edge, &[]).await;
    wire.write(frame(kind::SETTINGS, ACK, 0, &[])).await;
    wire.write(request(&stand, 1, END_STREAM)).await;
    let mut flow = stage.enter().await;
    flow.head().await.expect("a request");
    wire.write(frame(kind::GOAWAY, 0, 0, &[0; 8])).await;
    wire.write(frame(kind::PING, 0, 0, b"are you ")).await;
    while next(&mut wire).await.expect("the connection goes on").kind != kind::PING {}
    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood").await;
    assert_eq!(verdict(&mut wire, 1).await.expect("an answer").status(), OK);
    let data = next(&mut wire).await.expect("its body");
    assert_eq!((data.kind, &data.payload[..]), (kind::DATA, &b"good"[..]));
    soon("the edge hangs up", async { while frames::next(&mut wire).await.is_some() {} }).await;
}
