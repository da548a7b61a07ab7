//! What flow endpoints are told of where a webhook came from, over IPv6 and TLS and behind other proxies.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use pointsman_tests::{
    frames::{self, END_HEADERS, END_STREAM, block, frame, kind, verdict},
    receiver::{Received, Receiver},
    stand::Stand,
    wire::Wire,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: hooks.example:8443\r\n{fields}\r\n")
}

fn hop(received: &Received) -> [&str; 5] {
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "via"]
        .map(|name| received.header(name))
}

#[tokio::test]
async fn senders_over_ipv6_are_named_as_the_rfc_says() {
    let mut flows = Receiver::start().await;
    let listen = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let stand = Stand::start_with(|config| config.edge_listen = listen, &flows.url("")).await;
    assert!(stand.edge.is_ipv6());
    let mut wire = stand.connect().await;
    wire.write(get(&stand.direct, "")).await;
    wire.answer_to("GET").await.expect("an answer");
    assert_eq!(
        hop(&flows.next().await),
        [
            "::1",
            "hooks.example:8443",
            "http",
            "for=\"[::1]\";host=\"hooks.example:8443\";proto=http",
            "1.1 sandbox"
        ]
    );
}

#[tokio::test]
async fn a_sender_over_ipv4_is_one_also_where_the_port_takes_both() {
    let mut flows = Receiver::start().await;
    let trusted = "127.0.0.0/8".parse().expect("a network");
    for trusts in [false, true] {
        let stand = Stand::start_with(
            |config| {
                config.edge_listen = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
                config.trusted_proxies = if trusts { vec![trusted] } else { Vec::new() };
            },
            &flows.url(""),
        )
        .await;
        let edge = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), stand.edge.port());
        let mut wire = Wire::connect(edge).await;
        wire.write(get(&stand.direct, "x-forwarded-for: 1.2.3.4\r\n")).await;
        wire.answer_to("GET").await.expect("an answer");
        let expected = if trusts { "1.2.3.4, 127.0.0.1" } else { "127.0.0.1" };
        assert_eq!(flows.next().await.header("x-forwarded-for"), expected);
    }
}

#[tokio::test]
async fn what_trusted_proxies_say_is_extended_and_what_others_say_replaced() {
    let said = "x-forwarded-for: 2001:db8::7, evil\r\nx-forwarded-for: 10.0.0.1\r\nx-forwarded-host: first.example\r\n\
                x-forwarded-proto: https\r\nforwarded: for=\"[2001:db8::7]:4711\"\r\nforwarded: for=unknown\r\n\
                via: 2 cdn (with, a comment)\r\nvia: 1.1 other\r\nx_forwarded_for: evil\r\nX-Forwarded-For_: kept\r\n";
    for trusts in [false, true] {
        let mut flows = Receiver::start().await;
        let stand = Stand::start_with(
            |config| {
                let net = if trusts { "::1/128" } else { "2001:db8::/32" };
                config.edge_listen = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
                config.trusted_proxies = vec![net.parse().expect("a network")];
            },
            &flows.url(""),
        )
        .await;
        let mut wire = stand.connect().await;
        wire.write(get(&stand.direct, said)).await;
        wire.answer_to("GET").await.expect("an answer");
        let received = flows.next().await;
        let ours = "for=\"[::1]\";host=\"hooks.example:8443\";proto=http";
        let [for_, host, proto, forwarded, _] = hop(&received);
        if trusts {
            assert_eq!([for_, host, proto], ["2001:db8::7, evil, 10.0.0.1, ::1", "first.example", "https"]);
            assert_eq!(forwarded, format!("for=\"[2001:db8::7]:4711\", for=unknown, {ours}"));
        } else {
            assert_eq!([for_, host, proto], ["::1", "hooks.example:8443", "http"]);
            assert_eq!(forwarded, ours);
        }
        let via: Vec<_> = received.headers.get_all("via").iter().collect();
        assert_eq!(via, ["2 cdn (with, a comment)", "1.1 other", "1.1 sandbox"]);
        for name in ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded"] {
            assert_eq!(received.headers.get_all(name).iter().count(), 1, "{name}");
        }
        assert!(!received.headers.contains_key("x_forwarded_for"));
    }
}

#[tokio::test]
async fn https_is_told_over_both_versions_of_http() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let files = tempfile::TempDir::new().expect("a temporary folder");
    let (cert, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
    std::fs::write(&cert, certified.cert.pem()).expect("a file");
    std::fs::write(&key, certified.signing_key.serialize_pem()).expect("a file");
    let mut flows = Receiver::start().await;
    let stand = Stand::start_with(
        |config| config.tls = Some(pointsman_edge::config::TlsFiles { cert, key }),
        &flows.url(""),
    )
    .await;
    let mut roots = RootCertStore::empty();
    roots.add(certified.cert.der().clone()).expect("a certificate");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();

    let mut wire = Wire::connect_tls(stand.edge, Arc::new(config.clone())).await;
    wire.write(get(&stand.direct, "x-forwarded-proto: http\r\n")).await;
    wire.answer_to("GET").await.expect("an answer");
    let told =
        ["127.0.0.1", "hooks.example:8443", "https", "for=127.0.0.1;host=\"hooks.example:8443\";proto=https"];
    assert_eq!(hop(&flows.next().await), [&told[..], &["1.1 sandbox"]].concat()[..]);

    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut wire = Wire::connect_tls(stand.edge, Arc::new(config)).await;
    let fields = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "hooks.example:8443"),
        (":path", &*stand.direct),
    ];
    wire.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    wire.write(frame(kind::SETTINGS, 0, 0, &[])).await;
    wire.write(frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields))).await;
    assert_eq!(verdict(&mut wire, 1).await.expect("an answer").status(), 200);
    assert_eq!(hop(&flows.next().await), [&told[..], &["2 sandbox"]].concat()[..]);
    assert!(frames::next(&mut wire).await.is_some());
}

#[tokio::test]
async fn a_request_that_has_been_here_is_a_loop_however_it_is_told() {
    let mut flows = Receiver::start().await;
    let stand = Stand::start(&flows.url("")).await;
    for (via, is_loop) in [
        ("via: 1.1 sandbox\r\n", true),
        ("via: 1.1 SANDBOX\r\n", true),
        ("via: HTTP/1.1 sandbox\r\n", true),
        ("via: 1.0 a, 1.1 sandbox, 1.1 b\r\n", true),
        ("via: 1.0 a,1.1\tsandbox,1.1 b\r\n", true),
        ("via: 1.0 a\r\nvia: 2 sandbox (a comment)\r\n", true),
        ("connection: via\r\nvia: 1.1 sandbox\r\n", true),
        ("via: 1.1 sandbox2\r\n", false),
        ("via: 1.1 a (sandbox)\r\n", false),
        ("via: sandbox\r\n", false),
        ("x-via: 1.1 sandbox\r\n", false),
    ] {
        let mut wire = stand.connect().await;
        wire.write(get(&stand.direct, via)).await;
        let answer = wire.answer_to("GET").await.expect("an answer");
        let expected = if is_loop { (508, "loop_detected") } else { (200, "") };
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), expected, "{via}");
        if !is_loop {
            flows.next().await;
        }
    }
    flows.expect_nothing();
}
