//! What is in a frame: resources as the control plane sent them, and at the end of a commit what the edge held then.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use pointsman_proto::edge::{hash::ConfigHash, v1::Resource};
use prost::Message;

/// Frames are begun anew beyond this. One holds whole resources, so it can be longer.
pub(super) const FULL_BYTES: usize = 128 * 1024;

/// A part of a commit.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(crate) struct Frame {
    /// The last good forms of resources whose update cannot be used and leaves them in service.
    #[prost(message, repeated, tag = "1")]
    pub(crate) previous: Vec<Resource>,
    /// New and changed resources.
    #[prost(message, repeated, tag = "2")]
    pub(crate) upserts: Vec<Resource>,
    /// Names of resources that are gone.
    #[prost(string, repeated, tag = "3")]
    pub(crate) removals: Vec<String>,
    #[prost(message, optional, tag = "4")]
    end: Option<End>,
}

#[derive(Clone, PartialEq, Message)]
struct End {
    #[prost(string, tag = "1")]
    epoch: String,
    #[prost(int64, tag = "2")]
    revision: i64,
    #[prost(bytes = "bytes", tag = "3")]
    hash: Bytes,
    #[prost(uint64, tag = "4")]
    resources: u64,
    #[prost(uint64, tag = "5")]
    sequence: u64,
    #[prost(uint64, tag = "6")]
    unix_ms: u64,
}

/// What the edge held at the end of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) epoch: String,
    pub(crate) revision: i64,
    pub(crate) hash: ConfigHash,
    /// How many resources.
    pub(crate) resources: u64,
    /// Counts commits, so that of two files the later one is known.
    pub(crate) sequence: u64,
    /// When it was taken in.
    pub(crate) time: SystemTime,
}

impl Frame {
    pub(super) fn end_with(&mut self, mark: &Mark) {
        self.end = Some(End {
            epoch: mark.epoch.clone(),
            revision: mark.revision,
            hash: mark.hash.to_wire(),
            resources: mark.resources,
            sequence: mark.sequence,
            unix_ms: mark
                .time
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or_default()),
        });
    }

    /// What ends the commit; none where it goes on.
    pub(crate) fn mark(&self) -> Option<Mark> {
        let end = self.end.as_ref()?;
        Some(Mark {
            epoch: end.epoch.clone(),
            revision: end.revision,
            hash: ConfigHash::from_wire(&end.hash)?,
            resources: end.resources,
            sequence: end.sequence,
            time: UNIX_EPOCH.checked_add(Duration::from_millis(end.unix_ms)).unwrap_or(UNIX_EPOCH),
        })
    }
}

/// Resources can hold secrets.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("end", &self.end).finish_non_exhaustive()
    }
}
