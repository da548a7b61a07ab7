//! `pointsman receive`, which the quick start uses.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

#[test]
fn a_webhook_is_answered_and_told() {
    let mut receiver = Command::new(env!("CARGO_BIN_EXE_pointsman"))
        .args(["receive", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut said = BufReader::new(receiver.stderr.take().expect("a pipe")).lines();
    let first = said.next().expect("a line").expect("text");
    let addr = first
        .strip_prefix("listening on http://")
        .and_then(|rest| rest.strip_suffix("; Ctrl-C ends it"))
        .expect("an address");

    let mut stream = TcpStream::connect(addr).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream
        .write_all(
            b"POST /in?a=1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\npointsman-customer: progix-1001\r\n\
              pointsman-flow: create-order\r\npointsman-execution-id: e1\r\ncontent-length: 5\r\n\r\nhello",
        )
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");

    let mut arrived = BufReader::new(receiver.stdout.take().expect("a pipe")).lines();
    let line = arrived.next().expect("a line").expect("text");
    assert_eq!(line, "POST /in?a=1   customer progix-1001   flow create-order   5 bytes   e1");

    Command::new("kill").args(["-TERM", &receiver.id().to_string()]).status().expect("kill runs");
    let end = receiver.wait().expect("it ends");
    assert_eq!(end.code(), Some(0));
}
