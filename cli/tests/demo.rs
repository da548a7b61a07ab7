//! `pointsman demo`: the main job through the binary.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
};

/// Of a line that still reads well.
const COLUMNS_MAX: usize = 120;

#[test]
fn the_demo_ends_well_and_says_where_each_webhook_went() {
    let output = Command::new(env!("CARGO_BIN_EXE_pointsman"))
        .args(["demo", "--once"])
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}{errors}");
    assert_eq!(errors, "", "nothing to complain about");
    assert!(!said.contains('\u{1b}'), "no colours without a terminal: {said}");
    for line in [
        "     {customerExternalId: \"progix-1001\", flowName: \"Update Inventory\"}\n",
        "✓ customer    results.customerExternalId  \"progix-1002\"   → customers/pencils-co\n",
        "✓ customer    results.body.data.customerId  \"A06DFFAC\"          → customers/bowlers-inc  by \
         customerMappings/a06dffac\n",
        "✓ flow        results.body.data.type        \"create_order\"  → create-order  by values\n",
        "/acme-erp/bowlers-inc/update-inventory",
        "/acme-erp/pencils-co/create-order",
        "/acme-erp-lite/bowlers-inc/update-inventory",
        "/acme-erp-lite/pencils-co/create-order",
        "refused with 422 customer_unknown",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert_eq!(
        said.matches("as sent, for customer progix-1001 and flow update-inventory").count(),
        2,
        "{said}"
    );
    assert_eq!(said.matches("as sent, for customer progix-1002 and flow create-order").count(), 2, "{said}");
    assert!(said.ends_with("✓ All 5 webhooks ended where they should.\n"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= COLUMNS_MAX), "{said}");
}

#[test]
fn the_demo_stays_up_for_the_lines_to_try() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_pointsman"))
        .arg("demo")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut said =
        BufReader::new(demo.stdout.take().expect("its output")).lines().map(|line| line.expect("text"));
    let mut tries: Vec<String> = said
        .by_ref()
        .skip_while(|line| !line.contains("Try it."))
        .take_while(|line| !line.contains("pointsman get"))
        .collect();
    tries.retain(|line| !line.trim_start().starts_with('#'));
    assert!(tries.iter().all(|line| line.chars().count() <= COLUMNS_MAX), "{tries:?}");

    // As curl would send the first one.
    let commands = tries.join("\n").replace("\\\n", "");
    let command = commands.lines().find(|line| line.contains("curl")).expect("a line to try");
    let words: Vec<&str> = command.split_whitespace().collect();
    let (_, rest) = words[2].split_once("http://").expect("a URL");
    let (address, path) = rest.split_once('/').expect("a path");
    let file = words.last().expect("a file").trim_matches('\'').trim_start_matches('@');
    let body = fs::read_to_string(file).expect("the payload");
    let mut stream = TcpStream::connect(address).expect("the edge");
    write!(
        stream,
        "POST /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let arrived = said.find(|line| line.starts_with('→')).expect("what arrived");
    assert!(arrived.contains("bowlers-inc/update-inventory"), "{arrived}");

    Command::new("kill").args(["-INT", &demo.id().to_string()]).status().expect("kill runs");
    assert_eq!(said.last().as_deref(), Some("Stopping."));
    assert_eq!(demo.wait().expect("it ends").code(), Some(0));
}
