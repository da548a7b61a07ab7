//! How a stream can end.

use std::time::Duration;

use pointsman_proto::edge::hash::ConfigHash;
use tokio::task::JoinError;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{commit::ChunkError, credentials::AccessTokenError, holder::ApplyError};

/// Why a stream is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum EndReason {
    #[error("the edge stops")]
    Stop,
    #[error("no connection: {}", chain(.0))]
    Unreachable(#[from] tonic::transport::Error),
    #[error("the control plane ended it: {:?}: {}", .0.code(), .0.message())]
    Status(Status),
    #[error("the control plane does not let this edge in: {}", .0.message())]
    Denied(Status),
    #[error(transparent)]
    Token(#[from] AccessTokenError),
    #[error("the control plane ended it")]
    Closed,
    #[error("nothing came from the control plane for {0:?}")]
    Silent(Duration),
    #[error("the control plane took nothing for {0:?}")]
    Stalled(Duration),
    #[error("the edge holds revision {held}, {held_hash}, and was sent {sent}, {sent_hash}")]
    Drift { held: i64, held_hash: ConfigHash, sent: i64, sent_hash: String },
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("the copy on disk is to be written anew, which needs a snapshot")]
    Copy,
    #[error("the configuration could not be taken in: {0}")]
    Internal(#[from] JoinError),
}

impl EndReason {
    /// The label of metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Unreachable(_) => "unreachable",
            Self::Status(_) => "status",
            Self::Denied(_) | Self::Token(_) => "denied",
            Self::Closed => "closed",
            Self::Silent(_) => "silent",
            Self::Stalled(_) => "stalled",
            Self::Drift { .. } => "drift",
            Self::Chunk(_) | Self::Apply(_) => "protocol",
            Self::Copy => "copy",
            Self::Internal(_) => "internal",
        }
    }

    /// For how long the control plane wants no new stream, where it has said so.
    pub(super) fn told_to_wait(&self) -> Option<Duration> {
        match self {
            Self::Status(status) => status.get_details_retry_info()?.retry_delay,
            _ => None,
        }
    }

    pub(super) fn is_stop(&self) -> bool {
        matches!(self, Self::Stop)
    }

    /// Whether there is no going on from what the edge holds.
    pub(super) fn wants_snapshot(&self) -> bool {
        matches!(self, Self::Drift { .. } | Self::Chunk(_) | Self::Apply(_) | Self::Internal(_))
    }
}

impl From<Status> for EndReason {
    fn from(status: Status) -> Self {
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => Self::Denied(status),
            _ => Self::Status(status),
        }
    }
}

/// An error with its causes: tonic's own words say only "transport error".
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}
