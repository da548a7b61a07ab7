//! Requests, frames and answers that were damaged at random: nothing panics, nothing hangs, nothing is mistaken for
//! another's, and the next request is served. Alone in its process, whose panics it counts.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::future::join_all;
use pointsman_tests::{
    acme,
    frames::{ACK, END_HEADERS, END_STREAM, block, frame, kind, next},
    receiver::Receiver,
    sender::post_json,
    stand::{Stand, post},
    wire::{Stage, Wire},
};
use tokio_util::task::AbortOnDropHandle;

const ROUNDS: u64 = 1_500;
const AT_A_TIME: usize = 250;

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A small generator of numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound.max(1)
    }

    /// Damages bytes in a few places: changes, cuts, doubles and inserts.
    fn damage(&mut self, bytes: &[u8]) -> Vec<u8> {
        const TELLING: [&[u8]; 12] = [
            b"\r\n",
            b"\n",
            b"\r",
            b"\0",
            b" ",
            b":",
            b"0",
            b"ffffffff",
            b"chunked",
            b"content-length: 3\r\n",
            b"\r\n\r\n",
            b"\xff",
        ];
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            let until = (at + self.below(12)).min(bytes.len());
            match self.below(5) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                1 => drop(bytes.drain(at..until)),
                2 => drop(bytes.splice(at..at, bytes[at..until].to_vec())),
                3 => bytes.truncate(bytes.len() - self.below(20).min(bytes.len())),
                _ => drop(bytes.splice(at..at, TELLING[self.below(TELLING.len())].to_vec())),
            }
        }
        bytes
    }
}

fn impatient(config: &mut pointsman_edge::Config) {
    config.limits.client_head = Duration::from_millis(300);
    config.limits.client_request = Duration::from_millis(500);
    config.limits.client_keepalive = Duration::from_millis(100);
    config.limits.upstream_head = Duration::from_millis(300);
    config.limits.upstream_idle = Duration::from_millis(300);
}

/// Sends these bytes and reads until the edge ends the connection.
async fn send(stand: &Stand, bytes: Vec<u8>) {
    let mut wire = stand.connect().await;
    wire.write(&bytes).await;
    if bytes.starts_with(b"PRI") {
        // It says goodbye, and would then wait for a sender that has heard it.
        while next(&mut wire).await.is_some_and(|frame| frame.kind != kind::GOAWAY) {}
    } else {
        wire.rest().await;
    }
}

async fn in_batches<F: Future<Output = ()>>(make: impl Fn(u64) -> F) {
    for numbers in (0..ROUNDS).collect::<Vec<_>>().chunks(AT_A_TIME) {
        join_all(numbers.iter().map(|number| make(*number))).await;
    }
}

async fn damaged_requests() {
    let mut flows = Receiver::start().await;
    let stand = Stand::start_with(impatient, &flows.url("")).await;
    let order = acme::CREATE_ORDER;
    let chunked = format!(
        "POST {} HTTP/1.1\r\nhost: edge\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n{:x}\r\n{order}\r\n0\r\na: b\r\n\r\n",
        stand.direct,
        order.len()
    );
    let fields =
        [(":method", "POST"), (":scheme", "http"), (":authority", "edge"), (":path", &*stand.direct)];
    let frames = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(kind::SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]),
        frame(kind::SETTINGS, ACK, 0, &[]),
        frame(kind::HEADERS, END_HEADERS, 1, &block(&fields)),
        frame(kind::DATA, 0, 1, b"hello"),
        frame(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 1, 0]),
        frame(kind::HEADERS, END_HEADERS | END_STREAM, 3, &block(&fields)),
        frame(kind::DATA, END_STREAM, 1, order.as_bytes()),
        frame(kind::RST_STREAM, 0, 3, &[0, 0, 0, 8]),
        frame(kind::PING, 0, 0, b"pingpong"),
    ]
    .concat();
    let seeds = [
        [post(&stand.shared, order), post(&stand.direct, "second")].concat(),
        [chunked.into_bytes(), post(&stand.shared, order)].concat(),
        format!(
            "GET {}/a/b?c=d HTTP/1.1\r\nhost: edge\r\nx-a: 1\r\nexpect: 100-continue\r\n\r\n",
            stand.direct
        )
        .into_bytes(),
        frames,
    ];
    in_batches(|number| {
        let mut dice = Dice::new(number + 1);
        let seed = &seeds[dice.below(seeds.len())];
        send(&stand, dice.damage(seed))
    })
    .await;
    stand.until_idle().await;
    // Whatever has arrived is whole and says whose it is, once.
    let last = post_json(stand.edge, &format!("{}/last", stand.direct), "{}").await;
    assert_eq!(last.status, 200);
    loop {
        let received = flows.next().await;
        let customers: Vec<_> = received.headers.get_all("pointsman-customer").iter().collect();
        let target = received.target.split(['?', '/']).nth(1).unwrap_or_default();
        let expected = match target {
            "direct" | "bowlers-inc" => "progix-1001",
            "pencils-co" => "progix-1002",
            _ => panic!("nobody's request: {received:?}"),
        };
        assert_eq!(customers, [expected], "{received:?}");
        if received.target.ends_with("/last") {
            break;
        }
    }
    flows.expect_nothing();
}

/// Plays a flow endpoint that answers what it is asked with damaged bytes.
async fn damaged_answer(mut flow: Wire, number: u64) {
    const ANSWERS: [&str; 4] = [
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 11\r\n\r\nhello world",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x\r\nhello\r\n6\r\n world\r\n0\r\na: b\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\nHTTP/1.1 204 No Content\r\netag: x\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nserver: x\r\nset-cookie: a=b\r\nset-cookie: c=d\r\n\r\nhello",
    ];
    let mut dice = Dice::new(number + 1);
    while flow.head().await.is_some() {
        let answer = ANSWERS[dice.below(ANSWERS.len())];
        flow.write(dice.damage(answer.as_bytes())).await;
        if dice.below(2) == 0 {
            return;
        }
    }
}

async fn damaged_answers() {
    let stage = std::sync::Arc::new(Stage::open().await);
    let stand = Stand::start_with(impatient, &stage.url()).await;
    let play = AbortOnDropHandle::new(tokio::spawn(async move {
        for number in 0.. {
            let flow = stage.enter_patiently().await;
            tokio::spawn(damaged_answer(flow, number));
        }
    }));
    in_batches(|number| {
        let body = if number % 2 == 0 { "" } else { "content-length: 0\r\n" };
        let method = ["GET", "HEAD", "POST"][usize::try_from(number % 3).expect("a small number")];
        send(&stand, format!("{method} {} HTTP/1.1\r\nhost: edge\r\n{body}\r\n", stand.direct).into_bytes())
    })
    .await;
    stand.until_idle().await;
    drop(play);
    let flows = Receiver::start().await;
    stand.sandbox.apply(&pointsman_tests::stand::manifest(&flows.url(""))).await;
    assert_eq!(post_json(stand.edge, &stand.direct, "{}").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_bytes_do_no_harm() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        report(panic);
    }));
    tokio::join!(damaged_requests(), damaged_answers());
    assert_eq!(PANICS.load(Ordering::Relaxed), 0, "panics; see above");
}
