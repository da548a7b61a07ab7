//! What edges say, parsed.

use pointsman_proto::edge::{
    hash::ConfigHash,
    v1::{self, StreamConfigRequest, stream_config_request},
};
use pointsman_routing::name::{EdgeId, NameError};

use super::progress::Position;
use crate::{
    domain::Revision,
    fleet::{HeldBack, Loss, Rejection},
};

/// A message that makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// No message in the message.
    #[error("the message is empty, or of a kind that this control plane does not know")]
    Unknown,
    /// Not a hello at the start.
    #[error("the first message must be a hello")]
    NotHello,
    /// A second hello.
    #[error("a hello is only the first message")]
    HelloAgain,
    /// The edge's name.
    #[error("hello.edge: {0}")]
    Edge(NameError),
    /// A revision below 0.
    #[error("a revision cannot be negative")]
    Revision,
    /// A hash of another length.
    #[error("a hash has 16 bytes")]
    Hash,
    /// An acknowledgement of something that was not sent.
    #[error("revision {0} was acknowledged and never sent")]
    NeverSent(Revision),
}

/// Who an edge is and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) edge: EdgeId,
    pub(super) version: String,
    /// `None` where it holds nothing.
    pub(super) held: Option<Held>,
}

/// What an edge says that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) epoch: String,
    pub(super) revision: Revision,
    pub(super) hash: ConfigHash,
}

/// Every message but the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Ack(Ack),
    Heartbeat(Position),
}

/// What an edge says of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ack {
    /// What it serves.
    pub(super) serves: Position,
    pub(super) rejections: Vec<Rejection>,
    /// It did not take the commit in: this is what the commit was.
    pub(super) held_back: Option<HeldBack>,
    pub(super) copy_fault: String,
}

impl Hello {
    pub(super) fn parse(request: StreamConfigRequest) -> Result<Self, MessageError> {
        let hello = match request.message {
            Some(stream_config_request::Message::Hello(hello)) => hello,
            Some(_) => return Err(MessageError::NotHello),
            None => return Err(MessageError::Unknown),
        };
        Ok(Self {
            edge: hello.edge.parse().map_err(MessageError::Edge)?,
            version: hello.version,
            held: match (hello.epoch, position(hello.revision, &hello.hash)?) {
                // Without an epoch there is nothing to compare a revision with, and with revision 0 there is nothing
                // that a snapshot would send again.
                (epoch, (revision, hash)) if !epoch.is_empty() && revision > Revision::default() => {
                    Some(Held { epoch, revision, hash })
                }
                _ => None,
            },
        })
    }
}

impl Message {
    pub(super) fn parse(request: StreamConfigRequest) -> Result<Self, MessageError> {
        match request.message {
            Some(stream_config_request::Message::Hello(_)) => Err(MessageError::HelloAgain),
            Some(stream_config_request::Message::Ack(ack)) => Ok(Self::Ack(Ack {
                serves: Position { revision: revision(ack.revision)?, hash: hash(&ack.hash)? },
                rejections: ack.rejections.into_iter().map(rejection).collect(),
                held_back: ack.held_back.map(held_back).transpose()?,
                copy_fault: ack.copy_fault,
            })),
            Some(stream_config_request::Message::Heartbeat(heartbeat)) => {
                let (revision, hash) = position(heartbeat.revision, &heartbeat.hash)?;
                Ok(Self::Heartbeat(Position { revision, hash }))
            }
            None => Err(MessageError::Unknown),
        }
    }
}

/// A message is a hello, or another one, or refused; what it says of a configuration makes sense.
#[cfg(feature = "fuzzing")]
pub(crate) fn judge(request: StreamConfigRequest) {
    let sound = |revision: Revision| assert!(revision >= Revision::default());
    match (Hello::parse(request.clone()), Message::parse(request)) {
        (Ok(hello), message) => {
            assert!(message.is_err(), "a hello is only the first message");
            assert!(
                hello.held.is_none_or(|held| !held.epoch.is_empty() && held.revision > Revision::default())
            );
        }
        (Err(_), Ok(Message::Ack(ack))) => {
            sound(ack.serves.revision);
            ack.held_back.into_iter().for_each(|held_back| sound(held_back.revision));
        }
        (Err(_), Ok(Message::Heartbeat(position))) => sound(position.revision),
        (Err(_), Err(error)) => assert!(!error.to_string().is_empty()),
    }
}

/// A revision with its hash. An edge that holds nothing need not know the hash of nothing.
fn position(number: i64, bytes: &[u8]) -> Result<(Revision, ConfigHash), MessageError> {
    let hash = if number == 0 && bytes.is_empty() { Ok(ConfigHash::default()) } else { hash(bytes) };
    Ok((revision(number)?, hash?))
}

fn revision(number: i64) -> Result<Revision, MessageError> {
    (number >= 0).then_some(Revision::new(number)).ok_or(MessageError::Revision)
}

fn hash(bytes: &[u8]) -> Result<ConfigHash, MessageError> {
    ConfigHash::from_wire(bytes).ok_or(MessageError::Hash)
}

fn held_back(wire: v1::HeldBack) -> Result<HeldBack, MessageError> {
    Ok(HeldBack {
        revision: revision(wire.revision)?,
        epoch: wire.epoch,
        endpoints: Loss { served: wire.endpoints_served, removed: wire.endpoints_removed },
        deployments: Loss { served: wire.deployments_served, removed: wire.deployments_removed },
    })
}

fn rejection(rejection: v1::Rejection) -> Rejection {
    Rejection {
        name: rejection.name,
        revision: Revision::new(rejection.revision),
        reason: rejection.reason,
        serving_previous: rejection.serving_previous,
    }
}
