//! Edges that hold nothing but the hash of what they were sent, so that there can be hundreds on one machine.

use std::{collections::HashMap, time::Duration};

use pointsman_proto::edge::{
    hash::ConfigHash,
    v1::{
        Ack, Chunk, Heartbeat, Hello, StreamConfigRequest, config_service_client::ConfigServiceClient,
        stream_config_request::Message as Outgoing, stream_config_response::Message as Incoming,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Status, Streaming, transport::Channel};

use crate::{changes, data::Data, part::ControlPlane};

/// The longest message from a control plane.
const MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// Between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(4);
/// Before a stream that was not let in is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// What a simulated edge holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Position {
    epoch: String,
    revision: i64,
    hash: ConfigHash,
    /// What the resources count for that are going to be changed.
    known: HashMap<String, ConfigHash>,
}

/// Simulated edges, connected until this is dropped.
#[derive(Debug)]
pub(crate) struct Fleet {
    edges: Vec<AbortOnDropHandle<()>>,
}

impl Position {
    /// Where the control plane stands, from everything that it sends.
    pub(crate) async fn learn(plane: &ControlPlane, data: &Data) -> Self {
        let mut position = Self::default();
        let mut stream = Stream::open(plane.url(), "edges/learner", &position).await.expect("a stream");
        while !stream.hear(&mut position).await.expect("a message") {}
        let flipped = changes::flipped(data);
        position.known.retain(|name, _| flipped.contains(name));
        position.known.shrink_to_fit();
        position
    }

    /// Takes a chunk in; true where a commit is whole with it.
    fn take_in(&mut self, chunk: Chunk) -> bool {
        for resource in chunk.upserts {
            let hash = ConfigHash::from(&resource);
            self.hash += hash;
            if let Some(before) = self.known.insert(resource.name, hash) {
                self.hash -= before;
            }
        }
        (self.epoch, self.revision) = (chunk.epoch, chunk.revision);
        chunk.commit
    }
}

impl Fleet {
    /// Connects so many, that hold `position`, and waits until the control plane has heard of all.
    pub(crate) async fn connect(plane: &ControlPlane, count: usize, position: &Position) -> Self {
        let follow = |n: usize| {
            let (url, position) = (plane.url().to_owned(), position.clone());
            AbortOnDropHandle::new(tokio::spawn(async move {
                let name = format!("edges/simulated-{n}");
                let mut position = position;
                loop {
                    let _ended = follow(&url, &name, &mut position).await;
                    tokio::time::sleep(PAUSE).await;
                }
            }))
        };
        let fleet = Self { edges: (0..count).map(follow).collect() };
        changes::until_served(plane, position.revision, fleet.len()).await;
        fleet
    }

    /// Connects so many that hold nothing, want everything, say that they are there, and never read; answers when all
    /// are connected.
    pub(crate) async fn connect_dead(plane: &ControlPlane, count: usize) -> Self {
        let (connected, mut connections) = mpsc::channel(1);
        let stay = |n: usize| {
            let (url, connected) = (plane.url().to_owned(), connected.clone());
            AbortOnDropHandle::new(tokio::spawn(async move {
                let position = Position::default();
                loop {
                    if let Ok(mut stream) = Stream::open(&url, &format!("edges/dead-{n}"), &position).await {
                        let _ = connected.send(()).await;
                        // It is over when it takes no more of ours.
                        while !stream.outbox.is_closed() {
                            stream.beats.tick().await;
                            stream.beat(&position).await;
                        }
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }))
        };
        let fleet = Self { edges: (0..count).map(stay).collect() };
        for _ in 0..count {
            connections.recv().await.expect("an edge that is there");
        }
        // Whoever connects once more need not say so.
        connections.close();
        fleet
    }

    pub(crate) fn len(&self) -> usize {
        self.edges.len()
    }
}

async fn follow(url: &str, name: &str, position: &mut Position) -> Result<(), Status> {
    let mut stream = Stream::open(url, name, position).await?;
    loop {
        stream.hear(position).await?;
    }
}

struct Stream {
    outbox: mpsc::Sender<StreamConfigRequest>,
    inbound: Streaming<pointsman_proto::edge::v1::StreamConfigResponse>,
    beats: tokio::time::Interval,
}

impl Stream {
    async fn open(url: &str, name: &str, position: &Position) -> Result<Self, Status> {
        let (outbox, outbound) = mpsc::channel(4);
        let Position { epoch, revision, hash, .. } = position;
        let hello = Hello {
            edge: name.to_owned(),
            version: "simulated".to_owned(),
            epoch: epoch.clone(),
            revision: *revision,
            hash: hash.to_wire(),
        };
        let _ = outbox.send(StreamConfigRequest { message: Some(Outgoing::Hello(hello)) }).await;
        let endpoint = Channel::from_shared(url.to_owned()).expect("a URL");
        let channel = endpoint.connect().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let client = ConfigServiceClient::new(channel);
        let mut client = client.max_decoding_message_size(MESSAGE_BYTES);
        let inbound = client.stream_config(ReceiverStream::new(outbound)).await?.into_inner();
        let beats = tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
        Ok(Self { outbox, inbound, beats })
    }

    /// Waits for the next message, and answers it; true where it ended a commit.
    async fn hear(&mut self, position: &mut Position) -> Result<bool, Status> {
        let message = tokio::select! {
            message = self.inbound.message() => message?.ok_or_else(|| Status::unavailable("the end"))?,
            _ = self.beats.tick() => {
                self.beat(position).await;
                return Ok(false);
            }
        };
        let Some(Incoming::Chunk(chunk)) = message.message else { return Ok(false) };
        let is_whole = position.take_in(chunk);
        if is_whole {
            let Position { revision, hash, .. } = position;
            let ack = Ack { revision: *revision, hash: hash.to_wire(), ..Ack::default() };
            self.say(Outgoing::Ack(ack)).await;
        }
        Ok(is_whole)
    }

    async fn beat(&self, Position { revision, hash, .. }: &Position) {
        self.say(Outgoing::Heartbeat(Heartbeat { revision: *revision, hash: hash.to_wire() })).await;
    }

    async fn say(&self, message: Outgoing) {
        // One that has ended says so itself.
        let _ = self.outbox.send(StreamConfigRequest { message: Some(message) }).await;
    }
}
