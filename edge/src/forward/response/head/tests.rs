use proptest::prelude::*;

use super::*;

fn response(raw: &str) -> ResponseHead {
    match parse(raw.as_bytes(), false) {
        Ok(Some((Head::Final(head), length))) => {
            assert_eq!(length, raw.len());
            head
        }
        other => panic!("{raw:?}: {other:?}"),
    }
}

fn wire(head: AnswerHead) -> String {
    String::from_utf8(head.into_wire().to_vec()).unwrap()
}

#[test]
fn what_concerns_the_connection_to_the_endpoint_stays_behind() {
    let head = response(
        "HTTP/1.1 201 Made\r\nConnection: X-Hop , close\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nX-Own : a  \r\n\
         Pointsman-Execution-Id: forged\r\nTrailer: x\r\nContent-Length: 04\r\nx-own: b\r\n\r\n",
    );
    assert_eq!((head.length, head.framing, head.keep), (ResponseLength::Known, Framing::Counted(4), false));
    assert_eq!(wire(head.head), "HTTP/1.1 201 Made\r\nX-Own: a\r\nContent-Length: 04\r\nx-own: b\r\n\r\n");
}

#[test]
fn a_value_on_several_lines_becomes_one_line() {
    let head =
        response("HTTP/1.1 200 OK\r\nx: a\r\n b\n\t c  d\r\nconnection: x-a,\r\n X-B\r\nx-b: 1\r\n\r\n");
    assert_eq!(wire(head.head), "HTTP/1.1 200 OK\r\nx: a b c  d\r\n\r\n");
}

#[test]
fn the_end_of_the_body_and_of_the_connection_are_told_by_the_head() {
    use Framing::{Chunked, Counted, UntilClose};
    for (status_line, fields, framing, keep) in [
        ("HTTP/1.1 200 OK", "content-length: 4\r\n", Counted(4), true),
        ("HTTP/1.1 200 OK", "content-length: 4\r\nconnection: close\r\n", Counted(4), false),
        (
            "HTTP/1.1 200 OK",
            "content-length: 4\r\nconnection: x\r\nconnection: a, Close\r\n",
            Counted(4),
            false,
        ),
        ("HTTP/1.0 200 OK", "content-length: 4\r\n", Counted(4), false),
        ("HTTP/1.0 200 OK", "content-length: 4\r\nconnection: Keep-Alive\r\n", Counted(4), true),
        ("HTTP/1.0 200 OK", "content-length: 4\r\nconnection: keep-alive, close\r\n", Counted(4), false),
        ("HTTP/1.1 200 OK", "transfer-encoding: Chunked\r\n", Chunked, true),
        ("HTTP/1.0 200 OK", "transfer-encoding: chunked\r\nconnection: keep-alive\r\n", Chunked, false),
        ("HTTP/1.1 200 OK", "transfer-encoding: chunked\r\ncontent-length: 4\r\n", Chunked, false),
        ("HTTP/1.1 200 OK", "", UntilClose, false),
        ("HTTP/1.0 200 OK", "connection: keep-alive\r\n", UntilClose, false),
        ("HTTP/1.1 204 No Content", "content-length: 4\r\n", Counted(0), true),
        ("HTTP/1.1 304 Not Modified", "content-length: 4\r\n", Counted(0), true),
    ] {
        let head = response(&format!("{status_line}\r\n{fields}\r\n"));
        assert_eq!((head.framing, head.keep), (framing, keep), "{status_line} {fields:?}");
    }
}

#[test]
fn an_answer_without_a_body_keeps_the_length_that_it_would_have() {
    for (status_line, is_head, passes) in [
        ("HTTP/1.1 200 OK", true, true),
        ("HTTP/1.1 304 Not Modified", false, true),
        ("HTTP/1.1 204 No Content", false, false),
    ] {
        let raw = format!("{status_line}\r\ncontent-length: 4\r\n\r\n");
        let Ok(Some((Head::Final(head), _))) = parse(raw.as_bytes(), is_head) else { panic!("{raw:?}") };
        assert_eq!((head.length, head.framing), (ResponseLength::None, Framing::Counted(0)));
        assert_eq!(wire(head.head).contains("content-length: 4"), passes, "{raw:?}");
    }
}

#[test]
fn heads_that_two_readers_could_read_differently_are_refused() {
    for (fields, fault) in [
        ("content-length: 4\r\ncontent-length: 4\r\n", HeadFault::TwoLengths),
        ("content-length: 4, 4\r\n", HeadFault::Length),
        ("content-length:\r\n", HeadFault::Length),
        ("content-length: +4\r\n", HeadFault::Length),
        ("content-length: 1000000000000000000\r\n", HeadFault::Length),
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", HeadFault::TwoCodings),
        ("transfer-encoding: gzip, chunked\r\n", HeadFault::Coding),
        ("transfer-encoding: identity\r\n", HeadFault::Coding),
        ("content-length: 4\r\n 4\r\n", HeadFault::Length),
        ("transfer-encoding: chunked,\r\n chunked\r\n", HeadFault::Coding),
        ("x: a\0b\r\n", HeadFault::Syntax(httparse::Error::HeaderValue)),
        ("no colon\r\n", HeadFault::Syntax(httparse::Error::HeaderName)),
        (&"x: y\r\n".repeat(MAX_FIELDS + 1), HeadFault::Syntax(httparse::Error::TooManyHeaders)),
    ] {
        let raw = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let parsed = parse(raw.as_bytes(), false);
        assert_eq!(parsed.map(|_| "a head"), Err(fault), "{:?}", &raw[..raw.len().min(100)]);
    }
    assert_eq!(parse(b"HTTP/1.1 099 Low\r\n\r\n", false).map(|_| "a head"), Err(HeadFault::Status));
}

#[test]
fn heads_of_class_1xx_are_told_from_the_one_of_the_answer() {
    let raw = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    assert!(matches!(parse(raw, false), Ok(Some((Head::Informational, 40)))));
    assert!(matches!(parse(b"HTTP/1.1 101 Switching\r\n\r\n", false), Ok(Some((Head::Switching, 26)))));
}

proptest! {
    /// What passes is read by the next reader as it was read here, and nothing slips past it.
    #[test]
    fn what_passes_is_well_formed(
        fields in prop::collection::vec(
            ("[A-Za-z-]{1,12}|connection|content-length|transfer-encoding|te", "[ -~\u{e9}]{0,12}|chunked|close|x-a|[0-9]{1,3}"),
            0..8,
        ),
        is_head: bool,
    ) {
        let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let raw = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let Ok(Some((Head::Final(head), length))) = parse(raw.as_bytes(), is_head) else { return Ok(()) };
        prop_assert_eq!(length, raw.len());
        let map = head.head.to_map();
        let again = head.head.into_wire();
        let mut slots = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut read = httparse::Response::new(&mut slots);
        prop_assert_eq!(read.parse(&again), Ok(Status::Complete(again.len())));
        prop_assert_eq!(read.headers.len(), map.len());
        for field in read.headers.iter() {
            prop_assert!(!names_one_hop(field.name), "{}", field.name);
            let values: Vec<_> = map.get_all(field.name).iter().map(|value| value.as_bytes()).collect();
            prop_assert!(values.contains(&field.value), "{}", field.name);
        }
    }

    /// Every beginning of a head is only a beginning.
    #[test]
    fn a_part_of_a_head_is_no_head(end in 0_usize..62) {
        let raw = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\n";
        prop_assert!(matches!(parse(&raw[..end], false), Ok(None)));
    }
}
