//! The control plane gone, the edge restarted without it, both.

use super::{
    chance,
    load::Load,
    number,
    process::{Process, message},
    world::{CUSTOMERS, Hook, World, reaching, served},
};

const ROUNDS: u64 = 2;
/// Webhooks that are answered between two events.
const WEBHOOKS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_webhook_fails_while_the_control_plane_comes_and_goes() {
    let mut world = World::start().await;
    let mut edge = world.start_edge("a", &format!("http://{}", world.admin()), "127.0.0.1:0");
    let hook = world.hook(edge.address("edge").await).await;
    let mut load = Load::start(&hook, CUSTOMERS);
    let rounds = number("OUTAGE_ROUNDS").unwrap_or(ROUNDS);
    for round in 0..rounds {
        load.goes_on(WEBHOOKS).await;
        world.kill_control_plane();
        load.goes_on(WEBHOOKS).await;
        world.start_control_plane().await;
        // A new mapping beside those that are asked for. It is there once the edge serves it.
        let mut customers: Vec<usize> = (0..CUSTOMERS).collect();
        customers.push(usize::try_from(round).expect("a small number") % CUSTOMERS);
        connected(&world).await;
        world.apply(&customers).await;
        assert_eq!(served(&hook, customers.len()).await, reaching(&customers));
    }
    println!("{rounds} outages, {} webhooks, none failed", load.stop().await);
    let snapshots = edge.log().iter().filter(|line| line["full"] == true).count();
    assert_eq!(snapshots, 1, "the edge goes on from its revision: {:#?}", edge.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_restarted_without_the_control_plane_serves_what_it_acknowledged() {
    let mut chance = chance();
    let mut world = World::start().await;
    let url = format!("http://{}", world.admin());
    let mut edge = world.start_edge("a", &url, "127.0.0.1:0");
    let hook = world.hook(edge.address("edge").await).await;
    let mut customers: Vec<usize> = (0..CUSTOMERS).collect();
    for round in 0..number("OUTAGE_ROUNDS").unwrap_or(ROUNDS) {
        // What is served under the old customer after this would be a wrong tenant.
        for _ in 0..=chance.below(3) {
            customers[chance.below(CUSTOMERS)] = chance.below(CUSTOMERS);
            world.apply(&customers).await;
        }
        let control_plane_first = chance.below(2) == 0;
        if control_plane_first {
            world.kill_control_plane();
        }
        edge.kill();
        if !control_plane_first {
            world.kill_control_plane();
        }
        edge = restarted(&world, &url, &hook).await;
        assert_eq!(served(&hook, CUSTOMERS).await, reaching(&customers), "round {round}");

        world.start_control_plane().await;
        connected(&world).await;
        assert!(edge.said(|line| (line["full"] == true).then_some(())).is_none(), "{:#?}", edge.log());
    }
}

/// The edge, started again at its address on its folder, once it takes webhooks.
async fn restarted(world: &World, url: &str, hook: &Hook) -> Process {
    let mut edge = world.start_edge("a", url, &hook.edge);
    assert_eq!(edge.address("edge").await, hook.edge);
    edge
}

/// Waits until an edge is connected to the control plane and has acknowledged what there is.
pub(crate) async fn connected(world: &World) {
    loop {
        let edges: serde_json::Value =
            serde_json::from_str(&world.admin_command(&["get", "edges", "-o", "json"]).await).expect("JSON");
        if edges.to_string().contains("\"connected\":true") {
            return;
        }
    }
}

/// The line that tells of a stream that has ended.
pub(crate) fn stream_ended(line: &serde_json::Value) -> Option<String> {
    message(line)
        .starts_with("the stream from the control plane has ended")
        .then(|| line["reason"].to_string())
}
