//! Webhooks that go on whatever happens, each answer checked.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::JoinSet,
};

use super::{flow::head, world::Hook};

const SENDERS: usize = 4;

/// Senders of webhooks.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    senders: JoinSet<()>,
}

impl Load {
    /// Sends webhooks of all these customers in turns; each answer must be the customer's.
    pub(crate) fn start(hook: &Hook, customers: usize) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            let (stop, answered, hook) = (stop.clone(), answered.clone(), hook.clone());
            senders.spawn(async move {
                let mut connection = Connection::open(&hook).await.expect("a connection to the edge");
                let mut customer = sender;
                while !stop.load(Ordering::Relaxed) {
                    customer = (customer + 1) % customers;
                    let answer = connection.post(&hook, &format!("M{customer}")).await;
                    assert_eq!(
                        answer.as_deref(),
                        Some(&*format!("200 /c{customer}")),
                        "webhook of M{customer}"
                    );
                    answered.fetch_add(1, Ordering::Relaxed);
                    // Other work gets its turn on a small machine.
                    tokio::task::yield_now().await;
                }
            });
        }
        Self { stop, answered, senders }
    }

    /// Waits until so many more webhooks were answered.
    pub(crate) async fn goes_on(&mut self, webhooks: usize) {
        let goal = self.answered.load(Ordering::Relaxed) + webhooks;
        while self.answered.load(Ordering::Relaxed) < goal {
            if let Some(ended) = self.senders.try_join_next() {
                ended.expect("every webhook is answered by its own flow");
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    /// Stops, and says how many webhooks were answered. Not one of them failed.
    pub(crate) async fn stop(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.senders.join_next().await {
            ended.expect("every webhook is answered by its own flow");
        }
        self.answered.load(Ordering::Relaxed)
    }
}

/// A kept-alive connection to an edge.
struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn open(hook: &Hook) -> Option<Self> {
        Some(Self(BufReader::new(TcpStream::connect(&hook.edge).await.ok()?)))
    }

    /// Status and body of the answer to a webhook that is about `source`; none where the connection breaks.
    async fn post(&mut self, hook: &Hook, source: &str) -> Option<String> {
        let body = format!(r#"{{"id":"{source}"}}"#);
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            hook.path,
            body.len()
        );
        self.0.write_all(request.as_bytes()).await.ok()?;
        let (first, length) = head(&mut self.0).await?;
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        Some(format!("{} {}", first.split(' ').nth(1)?, String::from_utf8_lossy(&body)))
    }
}

/// The answer to one webhook about `source`, on a connection of its own.
pub(crate) async fn ask(hook: &Hook, source: &str) -> String {
    let mut connection = Connection::open(hook).await.expect("a connection to the edge");
    connection.post(hook, source).await.expect("an answer")
}
