//! Flow endpoints that answer what nobody should pass on, or more than was asked for.

use pointsman_tests::{
    sender::{Answered, exchange},
    stand::{Stand, post},
    wire::{Stage, Wire},
};
use tokio_util::task::AbortOnDropHandle;

async fn stand() -> (Stand, Stage) {
    let stage = Stage::open().await;
    (Stand::start(&stage.url()).await, stage)
}

/// What a sender gets where the endpoint answers this and then says nothing more.
async fn answer_to(stand: &Stand, stage: &Stage, method: &str, raw: &[u8]) -> Option<Answered> {
    let mut sender = stand.connect().await;
    let request = format!("{method} {} HTTP/1.1\r\nhost: edge\r\ncontent-length: 0\r\n\r\n", stand.direct);
    sender.write(request).await;
    let mut flow = stage.enter().await;
    flow.head().await.expect("a request");
    flow.write(raw).await;
    sender.answer_to(method).await
}

const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood";

#[tokio::test]
async fn answers_that_two_readers_could_read_differently_are_not_passed_on() {
    let (stand, stage) = stand().await;
    let mut faults = Vec::new();
    let fields = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x: y\r\n".repeat(10_000));
    let large = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(2 << 20));
    let storm = format!("{}{GOOD}", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".repeat(5_000));
    for raw in [
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\ngood!",
        "HTTP/1.1 200 OK\r\ncontent-length: 4, 5\r\n\r\ngood!",
        "HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\ngood",
        "HTTP/1.1 200 OK\r\ncontent-length: -4\r\n\r\ngood",
        "HTTP/1.1 200 OK\r\ncontent-length: +4\r\n\r\ngood",
        "HTTP/1.1 200 OK\r\ncontent-length: 0x4\r\n\r\ngood",
        "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551620\r\n\r\ngood",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\ncontent-length: 4\r\n\r\ngood",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: \x0bchunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 4\r\n\r\ngood",
        "HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 4\r\n\r\ngood",
        "HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 4\r\n\r\ngood",
        "HTTP/1.1 099 Low\r\ncontent-length: 4\r\n\r\ngood",
        "HTTP/1.1 000 None\r\ncontent-length: 4\r\n\r\ngood",
        "HTTP/1.1 20 Short\r\ncontent-length: 4\r\n\r\ngood",
        "HTTP/1.1 2000 Long\r\ncontent-length: 4\r\n\r\ngood",
        "HTTP/1.1 abc\r\ncontent-length: 4\r\n\r\ngood",
        "HTTP/2 200 OK\r\ncontent-length: 4\r\n\r\ngood",
        "HTTP/3.7 200 OK\r\ncontent-length: 4\r\n\r\ngood",
        "ICY 200 OK\r\ncontent-length: 4\r\n\r\ngood",
        "220 mail.example ESMTP\r\n\r\n",
        "{\"ok\":true}\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        &fields,
        &large,
        &storm,
    ] {
        let answer = answer_to(&stand, &stage, "GET", raw.as_bytes()).await;
        let code = answer.as_ref().map(|answer| (answer.status.as_u16(), answer.code()));
        if code != Some((502, "upstream_invalid".to_owned())) {
            faults.push(format!("{:?}: {answer:?}", &raw[..raw.len().min(150)]));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    stand.until_idle().await;
}

#[tokio::test]
async fn one_answer_with_a_length_and_chunks_has_one_framing_for_the_sender() {
    let (stand, stage) = stand().await;
    let raw =
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n";
    let answer = answer_to(&stand, &stage, "GET", raw.as_bytes()).await.expect("an answer");
    // Either is sound: to refuse it, or to take the chunks as every reader must.
    let taken = answer.status == 200 && answer.body == "good" && answer.header("content-length").is_empty();
    assert!(taken || answer.code() == "upstream_invalid", "{answer:?}");
}

#[tokio::test]
async fn what_an_endpoint_says_of_its_connection_does_not_touch_the_senders() {
    let (stand, stage) = stand().await;
    for nominated in
        ["content-length", "content-type, content-length", "transfer-encoding", "connection", "date"]
    {
        for framing in
            ["content-length: 4\r\n\r\ngood", "transfer-encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n"]
        {
            let raw = format!("HTTP/1.1 200 OK\r\nconnection: keep-alive, {nominated}\r\n{framing}");
            let answer = answer_to(&stand, &stage, "GET", raw.as_bytes()).await;
            let answer = answer.unwrap_or_else(|| panic!("an answer: {raw:?}"));
            assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"good"[..]), "{raw:?}");
            let framed = answer.headers.contains_key("content-length")
                || answer.headers.contains_key("transfer-encoding");
            assert!(framed, "the sender is told where the answer ends: {raw:?} {answer:?}");
        }
    }
    let raw = "HTTP/1.1 200 OK\r\npointsman-execution-id: forged\r\nkeep-alive: timeout=9\r\nproxy-connection: x\r\n\
               upgrade: h2c\r\ntrailer: x\r\nx-own: 1\r\nx-own: 2\r\ncontent-length: 4\r\n\r\ngood";
    let answer = answer_to(&stand, &stage, "GET", raw.as_bytes()).await.expect("an answer");
    let ids: Vec<_> = answer.headers.get_all("pointsman-execution-id").iter().collect();
    assert!(ids.len() == 1 && ids[0] != "forged", "{ids:?}");
    for gone in ["keep-alive", "proxy-connection", "upgrade", "trailer"] {
        assert_eq!(answer.header(gone), "", "{gone}");
    }
    assert_eq!(answer.headers.get_all("x-own").iter().count(), 2);
}

#[tokio::test]
async fn what_follows_an_answer_unasked_poisons_no_other() {
    let (stand, stage) = stand().await;
    let evil = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    for (method, answer) in [
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood"),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nevil"),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\nevil"),
        ("GET", "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"),
        ("HEAD", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n"),
    ] {
        for late in [false, true] {
            let mut sender = stand.connect().await;
            let request = format!("{method} {} HTTP/1.1\r\nhost: edge\r\n\r\n", stand.direct);
            sender.write(&request).await;
            let mut poisoned = stage.enter().await;
            poisoned.head().await.expect("a request");
            let follows = if late { "" } else { evil };
            poisoned.write(format!("{answer}{follows}")).await;
            let first = sender.answer_to(method).await.expect("an answer");
            assert_ne!(first.body, "evil", "{method} {answer:?}");
            if late {
                poisoned.write(evil).await;
            }
            // Another sender, of another request.
            let mut other = stand.connect().await;
            other.write(post(&stand.direct, "other")).await;
            let mut fresh = stage.enter().await;
            fresh.head().await.expect("the other request, on a connection of its own");
            fresh
                .write(format!("{}\r\n\r\ngood", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close"))
                .await;
            assert_eq!(
                other.answer().await.expect("an answer").body,
                "good",
                "{method} {answer:?} late: {late}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_in_pieces_is_whole_while_its_request_still_streams() {
    let (stand, stage) = stand().await;
    let mut sender = stand.connect().await;
    sender
        .write(format!("POST {} HTTP/1.1\r\nhost: edge\r\ntransfer-encoding: chunked\r\n\r\n", stand.direct))
        .await;
    let mut flow = stage.enter().await;
    flow.head().await.expect("a request");
    let pieces = [
        "HTTP/1.1 100 Conti",
        "nue\r\n\r\nHTTP/1.1 103 Early Hints\r\n",
        "link: </x>\r\n\r",
        "\nHTTP/1.",
        "1 200 OK\r\ntransfer-enc",
        "oding: chunked\r\n\r\n",
        "4\r",
        "\ngo",
        "od\r\n1",
        "0;ext\r\n01234567",
        "89abcdef\r",
        "\n",
    ];
    for piece in pieces {
        flow.write(piece).await;
        sender.write("1\r\nx\r\n").await;
        // The edge has made a step in the meantime.
        assert_eq!(flow.bytes(6).await, "1\r\nx\r\n");
    }
    sender.write("0\r\n\r\n").await;
    assert_eq!(flow.bytes(5).await, "0\r\n\r\n");
    flow.write("0\r\n\r\n").await;
    assert_eq!(sender.answer().await.expect("an answer").body, "good0123456789abcdef");
}

#[tokio::test]
async fn chunks_that_make_no_sense_cut_the_answer() {
    let (stand, stage) = stand().await;
    let mut faults = Vec::new();
    for chunks in [
        "fffffffffffffffff\r\nx\r\n0\r\n\r\n",
        "4\r\ngood!\r\n0\r\n\r\n",
        "4\r\ngood\r\ng\r\n\r\n",
        "4\r\ngood\r\n-0\r\n\r\n",
        "4\r\ngood0\r\n\r\n",
        "4\r\ngood\r\n\r\n",
        "4\r\ngood\r\n0\n\n",
    ] {
        let raw = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
        if let Some(answer) = answer_to(&stand, &stage, "GET", raw.as_bytes()).await {
            faults.push(format!("{chunks:?}: {answer:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    stand.until_idle().await;
}

#[tokio::test]
async fn an_answer_without_end_ends_with_its_reader() {
    let (stand, stage) = stand().await;
    for framing in ["transfer-encoding: chunked", "content-length: 1000000000000"] {
        let mut sender = stand.connect().await;
        sender.write(format!("GET {} HTTP/1.1\r\nhost: edge\r\n\r\n", stand.direct)).await;
        let mut flow = stage.enter().await;
        flow.head().await.expect("a request");
        flow.write(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n")).await;
        let endless = AbortOnDropHandle::new(tokio::spawn(async move {
            let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
            while flow.try_write(&chunk).await.is_ok() {}
        }));
        sender.head().await.expect("the head of an answer");
        assert_eq!(sender.bytes(1 << 20).await.len(), 1 << 20);
        // What is read is what the edge holds: the endpoint waits for the sender.
        drop(sender);
        pointsman_tests::soon("the endpoint's connection ends", endless).await.expect("no panic");
    }
    stand.until_idle().await;
}

#[tokio::test]
async fn odd_answers_with_one_reading_pass() {
    let (stand, stage) = stand().await;
    for (raw, status, body) in [
        ("HTTP/1.1 200\r\ncontent-length: 4\r\n\r\ngood", 200, "good"),
        ("HTTP/1.1 200 \r\ncontent-length: 4\r\n\r\ngood", 200, "good"),
        ("HTTP/1.1 200 Tout va bien: \u{e9}t\u{e9}\r\ncontent-length: 4\r\n\r\ngood", 200, "good"),
        ("HTTP/1.1 999 Odd\r\ncontent-length: 4\r\n\r\ngood", 999, "good"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0004\r\n\r\ngood", 200, "good"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-type: t\u{e9}xt\r\n\r\ngood", 200, "good"),
        ("HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\ngood", 200, "good"),
        ("HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\ngood", 500, "good"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n4;x=y\r\ngood\r\n0\r\nx-trailer: z\r\n\r\n",
            200,
            "good",
        ),
        (
            "HTTP/1.1 401 No\r\nwww-authenticate: Basic\r\nwww-authenticate: Bearer\r\ncontent-length: 0\r\n\r\n",
            401,
            "",
        ),
    ] {
        let answer = answer_to(&stand, &stage, "GET", raw.as_bytes()).await;
        let answer = answer.unwrap_or_else(|| panic!("an answer: {raw:?}"));
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (status, body.as_bytes()), "{raw:?}");
        let authenticate = raw.matches("www-authenticate").count();
        assert_eq!(answer.headers.get_all("www-authenticate").iter().count(), authenticate);
    }
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_is_whole() {
    let (stand, stage) = stand().await;
    for (request_version, response_version) in
        [("1.1", "1.1"), ("1.1", "1.0"), ("1.0", "1.1"), ("1.0", "1.0")]
    {
        let request =
            format!("GET {} HTTP/{request_version}\r\nhost: edge\r\nconnection: close\r\n\r\n", stand.direct);
        let play = async {
            let mut flow: Wire = stage.enter().await;
            flow.head().await.expect("a request");
            flow.write(format!("HTTP/{response_version} 200 OK\r\nx: y\r\n\r\ngood")).await;
        };
        let (raw, ()) = tokio::join!(exchange(stand.edge, request.as_bytes()), play);
        let raw = String::from_utf8_lossy(&raw);
        let (head, body) = raw.split_once("\r\n\r\n").expect("a head");
        let expected = if request_version == "1.0" { "good" } else { "4\r\ngood\r\n0\r\n\r\n" };
        assert_eq!(body, expected, "{request_version} {response_version} {head}");
    }
}
