//! A stream that stops without an end: nothing more comes through, and nobody is told.

use std::time::Instant;

use super::{
    gate::{Gate, Way},
    load::Load,
    process::message,
    restarts::{connected, stream_ended},
    world::{CUSTOMERS, World, reaching, served},
};

/// Each way alone, and both.
const WAYS: [&[Way]; 3] = [&[Way::ToEdge], &[Way::ToControlPlane], &[Way::ToEdge, Way::ToControlPlane]];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_stalls_is_noticed_and_begun_anew() {
    tokio::join!(stalled(WAYS[0]), stalled(WAYS[1]), stalled(WAYS[2]));
}

/// The bound is the heartbeat's, three times 5 s; the test only waits for it, and prints what it took.
async fn stalled(ways: &[Way]) {
    let world = World::start().await;
    let gate = Gate::to(world.admin().to_owned()).await;
    let mut edge = world.start_edge("a", &gate.url(), "127.0.0.1:0");
    let hook = world.hook(edge.address("edge").await).await;
    connected(&world).await;
    let load = Load::start(&hook, CUSTOMERS);

    gate.stall(ways);
    let stalled = Instant::now();
    let reason = edge.says("the stall is noticed", stream_ended).await;
    let noticed = stalled.elapsed();
    let streams = |line: &&serde_json::Value| message(line) == "the stream from the control plane is open";
    edge.eventually("a new stream", |edge| (edge.log().iter().filter(streams).count() > 1).then_some(()))
        .await;
    let mut customers: Vec<usize> = (0..CUSTOMERS).collect();
    customers.push(3);
    connected(&world).await;
    world.apply(&customers).await;
    assert_eq!(served(&hook, customers.len()).await, reaching(&customers));
    println!(
        "{ways:?} stalled: noticed within {noticed:?} ({reason}), a change served after {:?}, {} webhooks, none failed",
        stalled.elapsed(),
        load.stop().await
    );
}
