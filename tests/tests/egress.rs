//! Flow URLs and Preprocess addresses that lead where no edge should go, under every name that a place has.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use pointsman_edge::config::Egress;
use pointsman_tests::{
    acme,
    receiver::Receiver,
    sandbox::Sandbox,
    sender::post_json,
    stand::{self, Stand},
};
use serde_json::{Value, json};

/// This machine, as URLs may write it.
const LOOPBACK: [&str; 12] = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::1]",
];

/// Addresses that nobody may be led to, and names of theirs.
const NEVER: [&str; 12] = [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[fe80::1]",
    "0.0.0.0",
    "0",
    "[::]",
    "224.0.0.1",
    "255.255.255.255",
];

fn to(flow_base: &str, url: &str) -> Value {
    let mut manifest = stand::manifest(flow_base);
    manifest["deployments"][2]["flowEndpoints"]["in"] = json!({ "url": url });
    manifest
}

/// What a sender is told where the flow is at `url`: nothing where such a URL is not even accepted.
async fn outcome(stand: &Stand, flow_base: &str, url: &str) -> Option<String> {
    let applied = stand.sandbox.try_apply(&to(flow_base, url)).await.ok()?;
    stand.sandbox.served(applied.revision).await;
    let answer = post_json(stand.edge, &stand.direct, "{}").await;
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    for address in ["127.0.0.1", "169.254", "::1"] {
        assert!(!told.contains(address), "{url}: {told}");
    }
    Some(if answer.status == 200 { "served".to_owned() } else { answer.code() })
}

#[tokio::test]
async fn our_own_listeners_are_never_called_under_any_name() {
    let flows = Receiver::start().await;
    let base = flows.url("");
    for listen in [
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    ] {
        // Stands for the admin port of an edge and a control plane in one process.
        let admin = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let admin = (admin.local_addr().expect("a bound port"), admin);
        let sandbox = Sandbox::start_with(|config| {
            config.edge_listen = listen;
            config.status_listen = listen;
            config.own_listeners = vec![admin.0];
        })
        .await;
        sandbox.apply(&stand::manifest(&base)).await;
        let edge = SocketAddr::from((Ipv4Addr::LOCALHOST, sandbox.edge_addr().await.port()));
        let direct = sandbox.deployment("integrations/direct/deployments/bowlers-inc").await;
        let direct = pointsman_tests::sandbox::hook_path(&direct.flow_endpoints["in"].endpoint_url);
        let ports = [edge.port(), sandbox.status_addr().port(), admin.0.port()];
        let stand = Stand { sandbox, edge, shared: String::new(), direct };
        for (host, port) in LOOPBACK.iter().flat_map(|host| ports.map(|port| (host, port))) {
            let outcome = outcome(&stand, &base, &format!("http://{host}:{port}/metrics")).await;
            assert!(
                outcome.as_deref().is_none_or(|outcome| outcome == "upstream_unreachable"),
                "{host}:{port} {outcome:?}"
            );
        }
        let nobody = tokio::time::timeout(std::time::Duration::ZERO, admin.1.accept()).await;
        assert!(nobody.is_err(), "a connection to what stands for the admin port");
        assert_eq!(outcome(&stand, &base, &flows.url("/")).await.as_deref(), Some("served"));
    }
}

#[tokio::test]
async fn what_is_never_dialled_is_not_dialled_under_other_names_either() {
    let flows = Receiver::start().await;
    let base = flows.url("");
    let stand = Stand::start(&base).await;
    for host in NEVER {
        let outcome = outcome(&stand, &base, &format!("http://{host}:{}/", flows.addr().port())).await;
        assert!(
            outcome.as_deref().is_none_or(|outcome| outcome == "upstream_unreachable"),
            "{host} {outcome:?}"
        );
    }
}

#[tokio::test]
async fn only_where_private_addresses_are_allowed_is_this_machine_called() {
    for policy in [Egress::Private, Egress::Public] {
        let mut flows = Receiver::start().await;
        let base = flows.url("");
        let stand = Stand::start_with(|config| config.egress = policy, &base).await;
        for host in LOOPBACK {
            let outcome = outcome(&stand, &base, &format!("http://{host}:{}/", flows.addr().port())).await;
            match (policy, outcome.as_deref()) {
                // The receiver listens on IPv4 alone.
                (Egress::Private, Some("upstream_unreachable")) if host == "[::1]" => {}
                (Egress::Private, Some("served")) => _ = flows.next().await,
                (Egress::Public, None | Some("upstream_unreachable")) => {}
                (_, outcome) => panic!("{host} under {policy:?}: {outcome:?}"),
            }
        }
        flows.expect_nothing();
    }
}

#[tokio::test]
async fn the_same_rules_hold_for_preprocess_services() {
    let flows = Receiver::start().await;
    let sandbox = Sandbox::start().await;
    sandbox.apply(&acme::manifest(&flows.url(""))).await;
    let edge = sandbox.edge_addr().await;
    let hook = sandbox.hook("integrations/acme-erp").await;
    let own = LOOPBACK.map(|host| format!("http://{host}:{}", edge.port()));
    let never = NEVER.map(|host| format!("http://{host}:{}", flows.addr().port()));
    let files =
        ["unix:/etc/passwd", "unix:///run/docker.sock", "unix:../../run/docker.sock"].map(str::to_owned);
    for address in own.iter().chain(&never).chain(&files) {
        let manifest = acme::manifest_with_preprocess(&flows.url(""), address);
        let Ok(applied) = sandbox.try_apply(&manifest).await else { continue };
        sandbox.served(applied.revision).await;
        let answer = post_json(edge, &hook, acme::CREATE_ORDER).await;
        assert_eq!(answer.code(), "preprocess_failed", "{address}");
    }
    let calls = sandbox.metric("pointsman_edge_connections").await;
    assert!(calls < 5.0, "the edge does not call itself");
}
