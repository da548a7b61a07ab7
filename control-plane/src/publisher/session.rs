//! One edge's stream, from its hello to its end.

use std::{future::pending, pin::Pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _, future::BoxFuture};
use pointsman_proto::edge::v1::{
    Heartbeat, StreamConfigRequest, StreamConfigResponse, stream_config_response::Message as Outgoing,
};
use pointsman_routing::name::EdgeId;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    Settings, Shared, StreamEnd, Unreadable,
    commit::Commit,
    message::{Hello, Message},
    progress::{Base, Position, Progress, Verdict},
};
use crate::fleet::Connection;

/// An edge that has said nothing for this many heartbeats is gone.
const SILENT_HEARTBEATS: u32 = 3;

type Inbound = Pin<Box<dyn Stream<Item = Result<StreamConfigRequest, Unreadable>> + Send>>;
type Outbox = mpsc::Sender<Result<StreamConfigResponse, StreamEnd>>;

/// Runs a stream and tells the edge how it ended, if it is still there to hear it.
pub(super) async fn run(shared: &Arc<Shared>, mut inbound: Inbound, bound: Option<EdgeId>, outbox: Outbox) {
    let hello = hello(shared, &mut inbound, &outbox).await;
    let ended = match hello.and_then(|hello| check_edge(hello, bound)) {
        Ok(Some(hello)) => {
            let edge = hello.edge.clone();
            tracing::info!(%edge, version = hello.version, held = ?hello.held, "an edge has connected");
            let ended = Session::new(shared, hello, inbound, outbox.clone()).run().await;
            match &ended {
                Ok(()) => tracing::info!(%edge, "an edge has left"),
                Err(StreamEnd::Store(error)) => tracing::error!(%edge, %error, "an edge's stream has failed"),
                Err(end) => tracing::info!(%edge, %end, "an edge's stream has ended"),
            }
            ended
        }
        Ok(None) => Ok(()),
        Err(end) => {
            if let StreamEnd::AnotherEdge { .. } = end {
                tracing::warn!(%end, "an edge is turned away");
            }
            Err(end)
        }
    };
    if let Err(end) = ended {
        // What waits in the outbox goes out first, but nobody waits for an edge that takes nothing.
        let _ = timeout(shared.settings.heartbeat, outbox.send(Err(end))).await;
    }
}

/// The first message; none where the edge leaves before it.
async fn hello(shared: &Shared, inbound: &mut Inbound, outbox: &Outbox) -> Result<Option<Hello>, StreamEnd> {
    let patience = shared.settings.hello_timeout;
    tokio::select! {
        () = shared.drain.cancelled() => Err(StreamEnd::Draining),
        () = outbox.closed() => Ok(None),
        first = timeout(patience, inbound.next()) => match first {
            Ok(Some(request)) => Ok(Some(Hello::parse(request?)?)),
            Ok(None) => Ok(None),
            Err(_) => Err(StreamEnd::NoHello(patience)),
        },
    }
}

/// The hello, unless the caller may not be that edge: said before it takes anything over from the edge that it is.
fn check_edge(hello: Option<Hello>, bound: Option<EdgeId>) -> Result<Option<Hello>, StreamEnd> {
    match (hello, bound) {
        (Some(Hello { edge, .. }), Some(bound)) if edge != bound => {
            Err(StreamEnd::AnotherEdge { edge, bound })
        }
        (hello, _) => Ok(hello),
    }
}

struct Session<'s> {
    shared: &'s Arc<Shared>,
    connection: Connection,
    inbound: Inbound,
    outbox: Outbox,
    progress: Progress,
    stage: Stage,
    /// When the edge counts as gone.
    silent_at: Instant,
    /// When the edge should hear from us, if nothing else was sent.
    beat_at: Instant,
}

/// Where the one commit is that can be under way.
enum Stage {
    Idle,
    /// It is being read and sent.
    Sending(BoxFuture<'static, Result<Position, StreamEnd>>),
    /// It was sent and is to be acknowledged by then.
    Sent {
        overdue_at: Instant,
        patience: Duration,
    },
}

impl<'s> Session<'s> {
    fn new(shared: &'s Arc<Shared>, hello: Hello, inbound: Inbound, outbox: Outbox) -> Self {
        let commits = &shared.commits;
        let settings = &shared.settings;
        let progress = Progress::new(
            hello.held.as_ref(),
            commits.epoch().as_str(),
            commits.head(),
            |revision| commits.recall(revision),
            settings.heartbeat,
        );
        let now = Instant::now();
        Self {
            connection: shared.fleet.connect(hello.edge, &hello.version),
            silent_at: now + settings.heartbeat * SILENT_HEARTBEATS,
            beat_at: now + settings.heartbeat,
            stage: Stage::Idle,
            shared,
            inbound,
            outbox,
            progress,
        }
    }

    async fn run(mut self) -> Result<(), StreamEnd> {
        let mut revisions = self.shared.commits.revisions();
        loop {
            let head = *revisions.borrow_and_update();
            if let Some(base) = self.progress.next(head, Instant::now()) {
                self.stage =
                    Stage::Sending(Box::pin(send(Arc::clone(self.shared), base, self.outbox.clone())));
            }
            let repair_at = self.progress.repair_at();
            tokio::select! {
                () = self.shared.drain.cancelled() => return Err(StreamEnd::Draining),
                () = self.connection.replaced() => return Err(StreamEnd::Replaced),
                () = self.outbox.closed() => return Ok(()),
                request = timeout_at(self.silent_at, self.inbound.next()) => match request {
                    Ok(Some(request)) => self.hear(request?)?,
                    Ok(None) => return Ok(()),
                    Err(_) => return Err(StreamEnd::Silent(self.settings().heartbeat * SILENT_HEARTBEATS)),
                },
                sent = self.stage.finish() => self.sent(sent?),
                // An error would mean that the store is gone, and then reads say so.
                Ok(()) = revisions.changed() => {}
                () = sleep_until(self.beat_at) => self.beat(),
                () = sleep_until(repair_at.unwrap_or(self.silent_at)), if repair_at.is_some() => {}
            }
        }
    }

    fn settings(&self) -> &'s Settings {
        &self.shared.settings
    }

    /// A message from the edge.
    fn hear(&mut self, request: StreamConfigRequest) -> Result<(), StreamEnd> {
        let now = Instant::now();
        self.silent_at = now + self.settings().heartbeat * SILENT_HEARTBEATS;
        match Message::parse(request)? {
            Message::Heartbeat { revision, hash } => {
                match self.progress.heartbeat(Position { revision, hash }, now) {
                    Verdict::Drifted => self.drifted(),
                    Verdict::Good | Verdict::Old => self.connection.seen(),
                }
            }
            Message::Ack { revision, hash, rejections } => {
                let awaited = matches!(self.stage, Stage::Sent { .. });
                match self.progress.acknowledged(Position { revision, hash }, awaited, now)? {
                    Verdict::Good => {
                        self.stage = Stage::Idle;
                        self.connection.acknowledged(revision, rejections);
                    }
                    Verdict::Drifted => {
                        self.stage = Stage::Idle;
                        self.drifted();
                    }
                    Verdict::Old => self.connection.seen(),
                }
            }
        }
        Ok(())
    }

    fn drifted(&self) {
        let edge = self.connection.edge();
        tracing::warn!(%edge, "an edge holds something else than it was sent; it gets a snapshot");
        self.connection.in_trouble("holds something else than it was sent; it gets a snapshot");
    }

    fn sent(&mut self, position: Position) {
        let now = Instant::now();
        self.progress.sent(position);
        self.beat_at = now + self.settings().heartbeat;
        let patience = self.settings().commit_timeout;
        self.stage = Stage::Sent { overdue_at: now + patience, patience };
    }

    /// Says that we are there, unless something that says so waits to be sent.
    fn beat(&mut self) {
        self.beat_at = Instant::now() + self.settings().heartbeat;
        let heartbeat = match self.progress.position() {
            Some(Position { revision, hash }) => {
                Heartbeat { revision: revision.number(), hash: hash.to_wire() }
            }
            None => Heartbeat::default(),
        };
        let _ =
            self.outbox.try_send(Ok(StreamConfigResponse { message: Some(Outgoing::Heartbeat(heartbeat)) }));
    }
}

impl Stage {
    /// Answers when the commit was sent, or has failed: it is not acknowledged in time, too.
    async fn finish(&mut self) -> Result<Position, StreamEnd> {
        match self {
            Self::Idle => pending().await,
            Self::Sending(sending) => sending.await,
            Self::Sent { overdue_at, patience } => {
                sleep_until(*overdue_at).await;
                Err(StreamEnd::Stalled(*patience))
            }
        }
    }
}

/// Reads a commit and sends it.
async fn send(shared: Arc<Shared>, base: Base, outbox: Outbox) -> Result<Position, StreamEnd> {
    let commit: Arc<Commit> = shared.commits.commit(base).await?;
    let patience = shared.settings.commit_timeout;
    for chunk in commit.chunks() {
        let message = StreamConfigResponse { message: Some(Outgoing::Chunk(chunk.clone())) };
        match timeout(patience, outbox.send(Ok(message))).await {
            Ok(Ok(())) => {}
            // The edge has left, which the session notices by itself.
            Ok(Err(_)) => return pending().await,
            Err(_) => return Err(StreamEnd::Stalled(patience)),
        }
    }
    Ok(commit.position())
}
