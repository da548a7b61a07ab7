//! Senders that leave at any moment leave nothing behind. Alone in its process, whose sockets and tasks it counts.

use std::sync::Arc;

use pointsman_tests::{
    acme,
    frames::{self, END_HEADERS, END_STREAM, block, frame, kind},
    soon,
    stand::{Stand, post},
    wire::{Stage, Wire},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

const ROUNDS: usize = 400;

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("the files of this process").count()
}

/// Plays a flow endpoint that begins an answer to what it gets, and ends when the edge does.
fn half_answers(stage: Arc<Stage>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let tracker = TaskTracker::new();
        loop {
            let mut flow = stage.enter_patiently().await;
            tracker.spawn(async move {
                if flow.head().await.is_some_and(|head| head.starts_with("POST")) {
                    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345").await;
                }
                flow.rest().await;
            });
        }
    }))
}

/// Sends this much of a request, reads this much of the answer, and leaves.
async fn leave(mut wire: Wire, request: &[u8], read: usize) {
    wire.write(request).await;
    wire.bytes(read).await;
}

async fn round(stand: &Stand, number: usize) {
    let order = acme::CREATE_ORDER;
    let chunked = format!(
        "POST {} HTTP/1.1\r\nhost: edge\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{order}\r\n0\r\n\r\n",
        stand.direct,
        order.len()
    );
    let requests = [post(&stand.shared, order), post(&stand.direct, order), chunked.into_bytes()];
    let request = &requests[number % requests.len()];
    match number % 4 {
        // Somewhere inside the request.
        0 => leave(stand.connect().await, &request[..(number * 7) % request.len()], 0).await,
        // Once it is sent, or somewhere inside the answer.
        1 => leave(stand.connect().await, request, number % 80).await,
        // Before an answer that never comes.
        2 => {
            leave(
                stand.connect().await,
                format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", stand.direct).as_bytes(),
                0,
            )
            .await
        }
        _ => {
            let fields =
                [(":method", "POST"), (":scheme", "http"), (":authority", "edge"), (":path", &*stand.direct)];
            let bytes = [
                frame(kind::HEADERS, END_HEADERS, 1, &block(&fields)),
                frame(kind::DATA, 0, 1, order.as_bytes()),
                frame(kind::HEADERS, END_HEADERS | END_STREAM, 3, &block(&fields)),
                frame(kind::DATA, END_STREAM, 1, order.as_bytes()),
                frame(kind::RST_STREAM, 0, 3, &8_u32.to_be_bytes()),
            ]
            .concat();
            leave(frames::connect(stand.edge, &[]).await, &bytes[..(number * 11) % bytes.len()], number % 50)
                .await;
        }
    }
}

#[tokio::test]
async fn nothing_is_left_of_senders_that_leave_at_any_moment() {
    let stage = Arc::new(Stage::open().await);
    let flows = half_answers(stage.clone());
    let stand = Stand::start(&stage.url()).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let settled = async || {
        stand.until_idle().await;
        stand.sandbox.until_metric("pointsman_edge_connections", 0.0).await;
    };
    // The first ones warm up what stays.
    for number in 0..20 {
        round(&stand, number).await;
    }
    settled().await;
    let (files_before, tasks_before) = (open_files(), tasks());
    for numbers in (0..ROUNDS).collect::<Vec<_>>().chunks(20) {
        futures::future::join_all(numbers.iter().map(|number| round(&stand, *number))).await;
    }
    settled().await;
    soon(&format!("{files_before} open files and {tasks_before} tasks as before"), async {
        while open_files() > files_before || tasks() > tasks_before {
            // The kernel and the other ends of the connections have their part in this.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    let ended = stand
        .sandbox
        .metric("pointsman_edge_requests_total{outcome=\"client_closed\",status=\"none\"}")
        .await;
    assert!(ended > 50.0, "{ended} requests were given up before their answer");
    drop(flows);
    stand.sandbox.stop().await;
}
