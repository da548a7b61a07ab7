//! A scripted edge: it takes in what it is sent by the letter, and says what the test tells it to.

use std::{collections::BTreeMap, time::Duration};

use futures::{Stream, StreamExt as _, stream::BoxStream};
use pointsman_proto::edge::{
    hash::ConfigHash,
    v1::{
        Ack, Chunk, Heartbeat, HeldBack, Hello, Rejection, Resource, StreamConfigRequest,
        StreamConfigResponse, stream_config_request, stream_config_response,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::{Plane, Served};

/// Nothing in these tests takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What an edge holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Holdings {
    pub(crate) epoch: String,
    pub(crate) revision: i64,
    pub(crate) resources: BTreeMap<String, Resource>,
}

impl Holdings {
    pub(crate) fn hash(&self) -> ConfigHash {
        self.resources.values().map(ConfigHash::from).sum()
    }

    pub(crate) fn take_in(&mut self, commit: &Commit) {
        if commit.full {
            self.resources.clear();
        }
        self.epoch.clone_from(&commit.epoch);
        self.revision = commit.revision;
        for resource in &commit.upserts {
            self.resources.insert(resource.name.clone(), resource.clone());
        }
        for name in &commit.removals {
            assert!(!commit.full, "a snapshot removes what it does not hold");
            self.resources.remove(name);
        }
    }
}

/// The chunks of a commit, joined.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Commit {
    pub(crate) epoch: String,
    pub(crate) revision: i64,
    pub(crate) full: bool,
    pub(crate) upserts: Vec<Resource>,
    pub(crate) removals: Vec<String>,
    pub(crate) chunks: usize,
    /// An admin's word came before it: for this revision.
    pub(crate) accepted: Option<i64>,
}

impl Commit {
    fn join(&mut self, chunk: Chunk) {
        if self.chunks > 0 {
            assert_eq!((&self.epoch, self.revision, self.full), (&chunk.epoch, chunk.revision, chunk.full));
        }
        (self.epoch, self.revision, self.full) = (chunk.epoch, chunk.revision, chunk.full);
        self.upserts.extend(chunk.upserts);
        self.removals.extend(chunk.removals);
        self.chunks += 1;
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.upserts.iter().map(|resource| resource.name.as_str()).collect()
    }
}

/// An edge with a stream open.
pub(crate) struct Edge {
    pub(crate) holdings: Holdings,
    requests: mpsc::Sender<StreamConfigRequest>,
    responses: BoxStream<'static, Result<StreamConfigResponse, Status>>,
}

impl Edge {
    /// Over a socket, saying nothing yet.
    pub(crate) async fn silent(served: &Served) -> Self {
        let (requests, receiver) = mpsc::channel(16);
        let stream = served.config().await.stream_config(ReceiverStream::new(receiver)).await;
        let responses = match stream {
            Ok(stream) => stream.into_inner().boxed(),
            Err(status) => futures::stream::iter([Err(status)]).boxed(),
        };
        Self { holdings: Holdings::default(), requests, responses }
    }

    /// Over a socket, with a hello.
    pub(crate) async fn connect(served: &Served, id: &str, holdings: Holdings) -> Self {
        let edge = Self { holdings, ..Self::silent(served).await };
        edge.say(edge.hello(id)).await;
        edge
    }

    /// Without a socket.
    pub(crate) async fn attach(plane: &Plane, id: &str, holdings: Holdings) -> Self {
        let (requests, receiver) = mpsc::channel(16);
        let responses = plane.publisher.stream(ReceiverStream::new(receiver).map(Ok), None).unwrap();
        let responses = responses.map(|response| response.map_err(|end| Status::unknown(end.to_string())));
        let edge = Self { holdings, requests, responses: responses.boxed() };
        edge.say(edge.hello(id)).await;
        edge
    }

    pub(crate) fn hello(&self, id: &str) -> stream_config_request::Message {
        stream_config_request::Message::Hello(Hello {
            edge: format!("edges/{id}"),
            version: "1.2.3".to_owned(),
            epoch: self.holdings.epoch.clone(),
            revision: self.holdings.revision,
            hash: self.holdings.hash().to_wire(),
        })
    }

    pub(crate) async fn say(&self, message: stream_config_request::Message) {
        // A stream that has ended takes nothing, which the test sees from its end.
        let _ = self.requests.send(StreamConfigRequest { message: Some(message) }).await;
    }

    /// Acknowledges what it holds.
    pub(crate) async fn ack(&self) {
        self.ack_with(self.holdings.hash(), Vec::new()).await;
    }

    pub(crate) async fn ack_with(&self, hash: ConfigHash, rejections: Vec<Rejection>) {
        let revision = self.holdings.revision;
        let ack = Ack { revision, hash: hash.to_wire(), rejections, ..Ack::default() };
        self.say(stream_config_request::Message::Ack(ack)).await;
    }

    /// The next commit, which it does not take in: it goes on with what it has.
    pub(crate) async fn hold_back(&mut self) -> Commit {
        let held = self.holdings.clone();
        let commit = self.commit().await;
        self.holdings = held;
        let held_back = HeldBack {
            epoch: commit.epoch.clone(),
            revision: commit.revision,
            endpoints_served: 4,
            endpoints_removed: 3,
            deployments_served: 2,
            deployments_removed: 2,
        };
        let (revision, hash) = (self.holdings.revision, self.holdings.hash().to_wire());
        let ack = Ack { revision, hash, held_back: Some(held_back), ..Ack::default() };
        self.say(stream_config_request::Message::Ack(ack)).await;
        commit
    }

    pub(crate) async fn beat(&self) {
        let Holdings { revision, .. } = self.holdings;
        let hash = self.holdings.hash().to_wire();
        self.say(stream_config_request::Message::Heartbeat(Heartbeat { revision, hash })).await;
    }

    /// The next message, whatever it is; none at the stream's end.
    pub(crate) async fn next(&mut self) -> Option<Result<stream_config_response::Message, Status>> {
        let next = tokio::time::timeout(PATIENCE, self.responses.next());
        let response = next.await.expect("a message or the end of the stream within time")?;
        Some(response.map(|response| response.message.expect("a message")))
    }

    /// The next commit, taken in but not acknowledged. Heartbeats before it are passed over.
    pub(crate) async fn commit(&mut self) -> Commit {
        let mut commit = Commit::default();
        loop {
            match self.next().await.expect("the stream is open").expect("no error") {
                stream_config_response::Message::Heartbeat(_) => {}
                stream_config_response::Message::Accept(accept) => commit.accepted = Some(accept.revision),
                stream_config_response::Message::Chunk(chunk) => {
                    let is_last = chunk.commit;
                    commit.join(chunk);
                    if is_last {
                        self.holdings.take_in(&commit);
                        return commit;
                    }
                }
            }
        }
    }

    /// The next commit, taken in and acknowledged.
    pub(crate) async fn follow(&mut self) -> Commit {
        let commit = self.commit().await;
        self.ack().await;
        commit
    }

    /// The next heartbeat.
    pub(crate) async fn heartbeat(&mut self) -> Heartbeat {
        loop {
            let message = self.next().await.expect("the stream is open").expect("no error");
            if let stream_config_response::Message::Heartbeat(heartbeat) = message {
                return heartbeat;
            }
        }
    }

    /// How the stream ends; what comes before is passed over.
    pub(crate) async fn end(&mut self) -> Result<(), (Code, String)> {
        loop {
            match self.next().await {
                Some(Ok(_)) => {}
                Some(Err(status)) => return Err((status.code(), status.message().to_owned())),
                None => return Ok(()),
            }
        }
    }

    /// The messages as they come, for tests that leave in the middle of a commit.
    pub(crate) fn messages(&mut self) -> impl Stream<Item = Result<StreamConfigResponse, Status>> + Unpin {
        &mut self.responses
    }
}
