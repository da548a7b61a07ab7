use proptest::prelude::*;

use super::*;

fn scan(bytes: &[u8]) -> Result<State, MalformedChunks> {
    let mut scanner = ChunkScanner::new();
    scanner.scan(bytes)?;
    Ok(scanner.state)
}

#[test]
fn well_formed_bodies_are_over_at_their_end() {
    for body in [
        "0\r\n\r\n",
        "000\r\n\r\n",
        "2\r\nok\r\n0\r\n\r\n",
        "00a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
        "2;a=b;c=\"d e\"\r\nok\r\n0;last\r\n\r\n",
        "2 ;a\r\nok\r\n0\r\n\r\n",
        "2\r\n\r\n\r\n0\r\n\r\n",
        "0\r\nx-checksum: 1\r\nx-other: 2\r\n\r\n",
    ] {
        assert_eq!(scan(body.as_bytes()), Ok(State::Over), "{body:?}");
        let next = format!("{body}\r\0\nanything");
        assert_eq!(scan(next.as_bytes()), Ok(State::Over), "what follows {body:?} is not part of it");
        for end in 0..body.len() {
            let state = scan(&body.as_bytes()[..end]);
            assert!(state.is_ok_and(|state| state != State::Over), "{:?} is not the end", &body[..end]);
        }
    }
}

#[test]
fn bodies_that_two_readers_could_read_differently_are_malformed() {
    for body in [
        "\r\n",
        ";a\r\n",
        " 1\r\n",
        "-1",
        "+1",
        "0x1",
        "1_0",
        "g",
        "1000000000000000",
        "fffffffffffffffff",
        "1\nx",
        "1;a\nx",
        "1;a\0",
        "1\rx",
        "1\r\r\n",
        "1\r\nxy",
        "1\r\nx\n",
        "1\r\nx\r\r",
        "1\r\nx\r0",
        "0\n",
        "0\r\n\n",
        "0\r\n\r\r",
        "0\r\na: b\n",
        "0\r\na: b\r\r",
    ] {
        assert_eq!(scan(body.as_bytes()), Err(MalformedChunks), "{body:?}");
    }
}

#[test]
fn what_nobody_reads_is_bounded() {
    let extension = "x".repeat(MAX_IGNORED_BYTES);
    assert!(scan(format!("1;{extension}").as_bytes()).is_ok());
    assert!(scan(format!("1;{extension}x").as_bytes()).is_err());
    let trailers = "a: b\r\n".repeat(MAX_IGNORED_BYTES / 4);
    assert!(scan(format!("0\r\n{trailers}").as_bytes()).is_ok());
    assert!(scan(format!("0\r\n{trailers}a").as_bytes()).is_err());
}

proptest! {
    #[test]
    fn where_reads_end_makes_no_difference(
        body in "[0-3a;\\r\\nx ]{0,40}",
        chunks in prop::collection::vec("[a-z\\r\\n]{1,20}", 0..4),
        sizes in prop::collection::vec(1_usize..5, 1..60),
    ) {
        let chunks: String = chunks.iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).collect();
        let body = format!("{chunks}{body}");
        let mut scanner = ChunkScanner::new();
        let mut left = body.as_bytes();
        let mut judged = Ok(());
        for size in sizes.iter().cycle() {
            let (now, later) = left.split_at((*size).min(left.len()));
            judged = judged.and_then(|()| scanner.scan(now));
            left = later;
            if left.is_empty() {
                break;
            }
        }
        prop_assert_eq!(judged.map(|()| scanner.state), scan(body.as_bytes()));
    }

    #[test]
    fn data_come_out_of_their_chunks_however_they_arrive(
        chunks in prop::collection::vec("[a-z\\r\\n]{1,20}", 0..4),
        sizes in prop::collection::vec(1_usize..9, 1..60),
        next in "[ -~]{0,9}",
    ) {
        let framed: String = chunks.iter().map(|chunk| format!("{:X};x\r\n{chunk}\r\n", chunk.len())).collect();
        let body = format!("{framed}0\r\nx: y\r\n\r\n{next}");
        let mut scanner = ChunkScanner::new();
        let (mut left, mut arrived, mut data) = (body.as_bytes(), BytesMut::new(), Vec::new());
        for size in sizes.iter().cycle() {
            let (now, later) = left.split_at((*size).min(left.len()));
            arrived.extend_from_slice(now);
            left = later;
            while let Some(bytes) = scanner.next_data(&mut arrived)? {
                prop_assert!(!bytes.is_empty());
                data.extend_from_slice(&bytes);
            }
            if left.is_empty() {
                break;
            }
        }
        prop_assert!(scanner.is_over());
        prop_assert_eq!(String::from_utf8(data).unwrap(), chunks.concat());
        prop_assert_eq!(&arrived, next.as_bytes());
    }
}
