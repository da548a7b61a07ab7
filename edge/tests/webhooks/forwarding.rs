//! What of a request reaches a flow endpoint, and what the edge says itself.

use crate::harness::{Edge, FLOW, Head, INSTANCE, STREAMED, Upstream, get};

/// What arrives of a GET request with these fields.
async fn forwarded(edge: &Edge, upstream: &mut Upstream, fields: &str) -> Head {
    arrived(edge, upstream, &get(STREAMED, fields)).await
}

async fn arrived(edge: &Edge, upstream: &mut Upstream, request: &str) -> Head {
    let mut sender = edge.connect().await;
    sender.write(request).await;
    let mut flow = upstream.accept().await;
    let head = flow.head().await;
    flow.write("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
    assert_eq!(sender.answer().await.status, 204);
    head
}

#[tokio::test]
async fn only_an_edge_says_whose_a_request_is() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let head = forwarded(
        &edge,
        &mut upstream,
        "pointsman-customer: evil\r\nPointsman_Customer: evil\r\npointsman_customer-user: evil\r\n\
         POINTSMAN-FLOW: evil\r\nPointsman-Anything: evil\r\nconnection: pointsman-customer, pointsman-flow\r\n",
    )
    .await;
    assert!(!head.fields.iter().any(|(_, value)| value == "evil"), "{head:?}");
    let ours: Vec<_> = head.fields.iter().filter(|(name, _)| name.starts_with("pointsman")).collect();
    let names: Vec<_> = ours.iter().map(|(name, _)| name.as_str()).collect();
    let expected = ["execution-id", "integration", "deployment", "customer", "flow"];
    assert_eq!(names, expected.map(|name| format!("pointsman-{name}")));
    assert_eq!(head.get("pointsman-integration"), "streamed");
    assert_eq!(head.get("pointsman-deployment"), "first-streamed");
    assert_eq!(head.get("pointsman-customer"), "C-1");
    assert_eq!(head.get("pointsman-flow"), "order");
    assert_eq!(head.get("pointsman-execution-id").len(), 36);
    for (token, deployment) in [(INSTANCE, "first-instance"), (FLOW, "first-flow")] {
        let head = arrived(&edge, &mut upstream, &get(token, "")).await;
        assert_eq!(head.get("pointsman-deployment"), deployment);
    }
}

#[tokio::test]
async fn what_speaks_of_one_connection_only_stays_behind() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let head = forwarded(
        &edge,
        &mut upstream,
        "connection: X-One , keep-alive\r\nconnection: x-two\r\nx-one: 1\r\nX-Two: 2\r\nkeep-alive: 5\r\n\
         te: trailers\r\ntrailer: x\r\nupgrade: websocket\r\nproxy-connection: x\r\nproxy-authorization: x\r\n\
         http2-settings: x\r\ntransfer_encoding: chunked\r\nx_forwarded_for: 6.6.6.6\r\n",
    )
    .await;
    for gone in [
        "connection",
        "x-one",
        "x-two",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "proxy-connection",
        "proxy-authorization",
        "transfer_encoding",
        "x_forwarded_for",
        "transfer-encoding",
        "content-length",
    ] {
        assert_eq!(head.all(gone), [""; 0], "{gone}");
    }
}

#[tokio::test]
async fn the_rest_passes_as_it_is_and_host_is_the_endpoint_s() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let head = forwarded(
        &edge,
        &mut upstream,
        "accept-encoding: br, x\r\nX-Twice: 1\r\nx-twice: 2\r\nauthorization: Bearer x\r\ncookie: a=b\r\nx-empty:\r\n\
         traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=b\r\nx-odd: \u{e9}\r\n",
    )
    .await;
    assert_eq!(head.line, "GET /in HTTP/1.1");
    assert_eq!(head.get("host"), upstream.addr.to_string());
    assert_eq!(head.get("accept-encoding"), "br, x");
    assert_eq!(head.all("x-twice"), ["1", "2"]);
    assert_eq!(head.get("authorization"), "Bearer x");
    assert_eq!(head.get("cookie"), "a=b");
    assert_eq!(head.all("x-empty"), [""]);
    assert_eq!(head.get("traceparent"), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(head.get("tracestate"), "a=b");
    assert_eq!(head.get("x-odd"), "\u{e9}");
}

#[tokio::test]
async fn an_unknown_peer_s_word_on_earlier_hops_is_replaced() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let said = "x-forwarded-for: 6.6.6.6\r\nx-forwarded-host: evil\r\nx-forwarded-proto: https\r\nforwarded: for=6.6.6.6\r\nvia: 1.1 other\r\n";
    let head = forwarded(&edge, &mut upstream, said).await;
    assert_eq!(head.get("x-forwarded-for"), "127.0.0.1");
    assert_eq!(head.get("x-forwarded-host"), "hooks.example");
    assert_eq!(head.get("x-forwarded-proto"), "http");
    assert_eq!(head.get("forwarded"), "for=127.0.0.1;host=\"hooks.example\";proto=http");
    assert_eq!(head.all("via"), ["1.1 other", "1.1 edge-1"]);
}

#[tokio::test]
async fn a_trusted_peer_s_word_on_earlier_hops_is_extended() {
    let mut upstream = Upstream::start().await;
    let trust = |config: &mut pointsman_edge::Config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    };
    let edge = Edge::with(&upstream, trust).await;
    let said = "x-forwarded-for: 6.6.6.6\r\nx-forwarded-for: 7.7.7.7\r\nx-forwarded-host: first.example\r\nx-forwarded-proto: https\r\nforwarded: for=6.6.6.6\r\n";
    let head = forwarded(&edge, &mut upstream, said).await;
    assert_eq!(head.get("x-forwarded-for"), "6.6.6.6, 7.7.7.7, 127.0.0.1");
    assert_eq!(head.get("x-forwarded-host"), "first.example");
    assert_eq!(head.get("x-forwarded-proto"), "https");
    assert_eq!(head.get("forwarded"), "for=6.6.6.6, for=127.0.0.1;host=\"hooks.example\";proto=http");
    let head = forwarded(&edge, &mut upstream, "").await;
    assert_eq!(head.get("x-forwarded-for"), "127.0.0.1");
    assert_eq!(head.get("x-forwarded-host"), "hooks.example");
}

#[tokio::test]
async fn a_request_that_has_been_here_is_a_loop() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    for via in ["1.1 edge-1", "1.1 other, 2 EDGE-1 (comment)", "1.0 a\r\nvia: HTTP/1.1   edge-1"] {
        let mut sender = edge.connect().await;
        sender.write(get(STREAMED, &format!("via: {via}\r\n"))).await;
        sender.answer().await.expect(508, "loop_detected");
    }
    let head = forwarded(&edge, &mut upstream, "via: 1.1 edge-10, edge-1\r\n").await;
    assert_eq!(head.all("via").last(), Some(&"1.1 edge-1"));
}

#[tokio::test]
async fn paths_and_queries_are_joined() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    for (url, target, expected) in [
        ("/in", "", "/in"),
        ("/in", "/", "/in"),
        ("/in", "/deep/er?q=1&q=2", "/in/deep/er?q=1&q=2"),
        ("/in?src=a", "/deep?q=1", "/in/deep?src=a&q=1"),
        ("/in/", "//x", "/in//x"),
        ("", "/a%20b/%E2%82%AC?x=%2e%2e/..", "/a%20b/%E2%82%AC?x=%2e%2e/.."),
        ("/in", "?", "/in"),
        ("/in", "/a{b}|c~?d[]=[e]", "/in/a{b}|c~?d[]=[e]"),
    ] {
        edge.redirect(&upstream.url(url));
        let request = get(STREAMED, "").replacen("streamed-token", &format!("streamed-token{target}"), 1);
        let head = arrived(&edge, &mut upstream, &request).await;
        assert_eq!(head.line, format!("GET {expected} HTTP/1.1"), "{url:?} and {target:?}");
    }
    let absolute = get(STREAMED, "").replacen("/hooks", "http://hooks.example/hooks", 1);
    assert_eq!(arrived(&edge, &mut upstream, &absolute).await.get("x-forwarded-host"), "hooks.example");
}

#[tokio::test]
async fn the_flow_s_own_header_fields_come_before_ours_and_in_place_of_the_sender_s() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::start(
        &upstream,
        |_| {},
        |flow| {
            flow.headers.insert("Authorization".to_owned(), "Bearer of the flow".to_owned());
            flow.headers.insert("x-flow".to_owned(), "1".to_owned());
        },
    )
    .await;
    let head =
        forwarded(&edge, &mut upstream, "authorization: Bearer of the sender\r\nx-flow: 2\r\nx-flow: 3\r\n")
            .await;
    assert_eq!(head.get("authorization"), "Bearer of the flow");
    assert_eq!(head.get("x-flow"), "1");
    let at = |name: &str| head.fields.iter().position(|(n, _)| n == name).unwrap();
    assert!(at("via") < at("x-flow") && at("x-flow") < at("pointsman-execution-id"), "{head:?}");
}

#[tokio::test]
async fn our_values_are_percent_encoded() {
    let mut upstream = Upstream::start().await;
    let edge = Edge::to(&upstream).await;
    let external_id = "Zoë 100%\u{1F600}\u{7}";
    edge.rename_customer(external_id);
    let head = arrived(&edge, &mut upstream, &get(INSTANCE, "")).await;
    assert_eq!(head.get("pointsman-customer"), "Zo%C3%AB%20100%25%F0%9F%98%80%07");
}
