//! Follows the control plane: receives the configuration, serves it, and says so.
//!
//! A change's way: [`session`] receives chunks → [`intake`] works on one while the next is received → [`convert`] turns
//! each resource into its domain form, alone and off the path of requests → [`commit`] gathers them until the commit, a
//! snapshot as what it will be ([`held`]) → [`hold`] holds it back where it takes away too much → [`holder`] takes the whole
//! commit in → what is served is swapped once → the edge acknowledges, with every resource that it cannot use.
//!
//! Before that, and where there is one, [`restore`] takes the copy on disk in, and [`keeping`] writes it on: a commit is
//! there before it is acknowledged.
//!
//! A stream that ends, stalls or drifts is begun anew, with growing pauses. Meanwhile the edge serves what it has.

mod backoff;
mod claims;
mod commit;
mod control_plane;
mod convert;
mod credentials;
mod end;
#[cfg(test)]
pub(crate) mod fixtures;
mod held;
mod hold;
mod holder;
mod intake;
mod keeping;
mod outbound;
mod restore;
#[cfg(test)]
pub(crate) mod scripted;
mod session;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use pointsman_routing::name::EdgeId;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

pub(crate) use self::control_plane::ControlPlane;
use self::{backoff::Backoff, holder::Holder, keeping::Keeping, session::Session};
pub use self::{control_plane::ControlPlaneError, credentials::AccessToken};
use crate::{copy::Folder, serving::Serving, telemetry::Metrics};

/// Keeps what is served up to date.
pub(crate) struct Sync {
    /// Where to.
    pub(crate) control_plane: ControlPlane,
    /// Who we are.
    pub(crate) edge: EdgeId,
    /// What requests see.
    pub(crate) serving: Serving,
    /// What to tell.
    pub(crate) metrics: Metrics,
    /// Cancelled once there is a configuration, also an empty one.
    pub(crate) configured: CancellationToken,
    /// Times.
    pub(crate) times: Times,
    /// Where the copy on disk is kept, until it is taken in.
    pub(crate) copy: Option<Folder>,
}

/// Times of the stream.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    /// For the control plane to take a stream or a message: 10 s.
    pub(crate) answer: Duration,
    /// Between two heartbeats of ours: 5 s. A control plane gives an edge up after three.
    pub(crate) heartbeat: Duration,
    /// Without a message from the control plane: 15 s, which is three of its heartbeats.
    pub(crate) silence: Duration,
    /// The first pause before a new stream: 100 ms. It doubles …
    pub(crate) first_pause: Duration,
    /// … up to this: 10 s.
    pub(crate) longest_pause: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            heartbeat: Duration::from_secs(5),
            silence: Duration::from_secs(15),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(10),
        }
    }
}

impl Times {
    /// The usual ones, with no longer pause than this between two streams.
    pub(crate) fn within(longest_pause: Duration) -> Self {
        let usual = Self::default();
        Self { first_pause: usual.first_pause.min(longest_pause), longest_pause, ..usual }
    }
}

impl Sync {
    /// Runs until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let folder = self.copy.take();
        let sync = Arc::new(self);
        let (mut holder, mut keeping) = sync.restore(folder).await;
        let mut backoff = Backoff::new(sync.times.first_pause, sync.times.longest_pause);
        let mut snapshot_wanted = false;
        loop {
            let begun = Instant::now();
            let ended = Session::new(&sync, holder, &mut keeping, snapshot_wanted, stop.clone()).run().await;
            holder = ended.holder;
            snapshot_wanted = ended.snapshot_wanted;
            if ended.reason.is_stop() {
                break;
            }
            // One that ends right after it began, as when two edges have one id, is no reason to hurry.
            if ended.was_good && begun.elapsed() >= sync.times.longest_pause {
                backoff.reset();
            }
            sync.metrics.config_stream_ended(ended.reason.label());
            let pause = backoff.pause(ended.reason.told_to_wait());
            tracing::warn!(reason = %ended.reason, ?pause, "the stream from the control plane has ended");
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                break;
            }
        }
        keeping.close().await;
    }

    /// Serves what is on disk, if there is something.
    async fn restore(&self, folder: Option<Folder>) -> (Holder, Keeping) {
        let Some(folder) = folder else { return (Holder::default(), Keeping::default()) };
        let metrics = self.metrics.clone();
        let restored = spawn_blocking(move || {
            let (holder, restored) = restore::restore(&folder, &metrics);
            (folder, holder, restored)
        });
        // Lost only where it panics, which tells of itself.
        let Ok((folder, holder, restored)) = restored.await else {
            return (Holder::default(), Keeping::default());
        };
        if !holder.epoch().is_empty() {
            self.serving.store(Arc::new(holder.served()));
            self.metrics.config_restored(holder.revision(), holder.len(), holder.rejected());
            self.configured.cancel();
            holder.log_rejections_after(-1);
        }
        let copy = folder.keep(restored, restore::usable, self.metrics.clone());
        let copy =
            copy.inspect_err(|error| tracing::warn!(%error, "the edge keeps no copy of its configuration"));
        let mut keeping = Keeping::new(copy.ok());
        keeping.begin(&holder).await;
        (holder, keeping)
    }
}

#[cfg(test)]
mod tests;

/// Why a resource cannot be used, where it cannot.
#[cfg(feature = "fuzzing")]
pub(crate) fn refusal(resource: pointsman_proto::edge::v1::Resource) -> Option<String> {
    convert::resource(&resource).form.err().map(|unusable| unusable.reason)
}

/// Takes a copy in, if it can be.
#[cfg(feature = "fuzzing")]
pub(crate) fn restored(file: &[u8], key: &crate::copy::CopyKey) {
    restore::take_in_bytes(file, key);
}

/// What is acknowledged of these chunks, up to one that ends the stream.
#[cfg(feature = "fuzzing")]
pub(crate) fn acknowledged(
    chunks: Vec<pointsman_proto::edge::v1::Chunk>,
) -> Vec<pointsman_proto::edge::v1::Ack> {
    let (mut holder, mut gathering) = (Holder::default(), commit::Gathering::default());
    let mut acknowledged = Vec::new();
    for chunk in chunks {
        let added = commit::Part::parse(chunk).and_then(|part| gathering.add(&part));
        let Ok(whole) = added else { break };
        let Some(commit) = whole else { continue };
        if holder.apply(commit).is_err() {
            break;
        }
        acknowledged.push(holder.ack());
    }
    acknowledged
}
