//! One edge's stream, from its hello to its end.

use std::{future::pending, pin::Pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _, future::BoxFuture};
use pointsman_proto::edge::v1::{
    Accept, Chunk, Heartbeat, StreamConfigRequest, StreamConfigResponse,
    stream_config_response::Message as Outgoing,
};
use pointsman_routing::name::EdgeId;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    Settings, Shared, StreamEnd, Unreadable,
    commit::Commit,
    message::{Ack, Hello, Message, MessageError},
    progress::{Base, Position, Progress, Verdict},
};
use crate::fleet::{Accepted, Connection};

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
    accepted: Accepted,
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
            settings.offer_delay,
        );
        let connection = shared.fleet.connect(hello.edge, &hello.version);
        if let Some(held) = &hello.held {
            connection.serves(&held.epoch, held.revision);
        }
        let now = Instant::now();
        Self {
            accepted: connection.accepted(),
            connection,
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
            let wake_at = self.progress.wake_at(head);
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
                revision = self.accepted.next() => self.progress.accept(revision),
                () = sleep_until(wake_at.unwrap_or(self.silent_at)), if wake_at.is_some() => {}
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
            Message::Heartbeat(serves) => match self.progress.heartbeat(serves, now) {
                Verdict::Drifted => self.drifted(),
                Verdict::Good | Verdict::Old => self.connection.seen(),
            },
            Message::Ack(ack) => self.hear_ack(ack, now)?,
        }
        Ok(())
    }

    fn hear_ack(&mut self, ack: Ack, now: Instant) -> Result<(), StreamEnd> {
        let Ack { serves, rejections, held_back, copy_fault } = ack;
        let awaited = matches!(self.stage, Stage::Sent { .. });
        let epoch = self.shared.commits.epoch().as_str();
        let verdict = match &held_back {
            Some(held_back) if held_back.epoch != epoch => {
                return Err(MessageError::NeverSent(held_back.revision).into());
            }
            Some(held_back) => self.progress.held_back(held_back.revision, awaited, now)?,
            None => self.progress.acknowledged(serves, awaited, now)?,
        };
        self.connection.copy_fault(&copy_fault);
        if verdict != Verdict::Old {
            self.stage = Stage::Idle;
        }
        match (verdict, held_back) {
            (Verdict::Good, None) => self.connection.acknowledged(epoch, serves.revision, rejections),
            (Verdict::Good, Some(held_back)) => {
                tracing::warn!(edge = %self.connection.edge(), %held_back, "an edge holds a configuration back");
                self.connection.holds_back(serves.revision, held_back, rejections);
            }
            (Verdict::Drifted, _) => self.drifted(),
            (Verdict::Old, _) => self.connection.seen(),
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

/// Sends a commit while it is being read.
async fn send(shared: Arc<Shared>, base: Base, outbox: Outbox) -> Result<Position, StreamEnd> {
    let (commit, mut admission) = read(&shared, base).await?;
    let tell = async |message: Outgoing, admission: &mut Option<OwnedSemaphorePermit>| {
        let message = StreamConfigResponse { message: Some(message) };
        let sending = outbox.send(Ok(message));
        tokio::pin!(sending);
        if admission.is_some() {
            match timeout(shared.settings.slow, sending.as_mut()).await {
                Ok(sent) => return Ok(sent),
                // It is slow, or gone: others need not wait for it.
                Err(_) => *admission = None,
            }
        }
        let patience = shared.settings.commit_timeout;
        tokio::select! {
            sent = timeout(patience, sending) => sent.map_err(|_| StreamEnd::Stalled(patience)),
            () = commit.outrun() => Err(StreamEnd::Outrun),
        }
    };
    let accept = match base {
        Base::Accepted { at_least } => {
            let epoch = shared.commits.epoch().as_str().to_owned();
            Some(Outgoing::Accept(Accept { epoch, revision: at_least.number() }))
        }
        Base::Nothing { .. } | Base::Revision(_) => None,
    };
    if let Some(accept) = accept
        && tell(accept, &mut admission).await?.is_err()
    {
        return pending().await;
    }
    let mut sent = 0;
    while let Some(chunk) = commit.chunk(sent).await? {
        sent += 1;
        if tell(Outgoing::Chunk(Chunk::clone(&chunk)), &mut admission).await?.is_err() {
            // The edge has left, which the session notices by itself.
            return pending().await;
        }
    }
    Ok(commit.position())
}

/// The commit for an edge; a snapshot only when it is its turn, with the admission to be sent it.
async fn read(shared: &Shared, base: Base) -> Result<(Arc<Commit>, Option<OwnedSemaphorePermit>), StreamEnd> {
    let at_least = match base {
        Base::Nothing { at_least } | Base::Accepted { at_least } => at_least,
        Base::Revision(since) => match shared.commits.delta(since).await? {
            Some(delta) => return Ok((delta, None)),
            // The way from there is forgotten, or too long.
            None => since,
        },
    };
    // Never closed.
    let admission = Arc::clone(&shared.snapshots).acquire_owned().await.ok();
    Ok((shared.commits.snapshot(at_least).await?, admission))
}
