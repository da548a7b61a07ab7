//! What the edge says on a stream.

use std::time::Duration;

use pointsman_proto::edge::{
    hash::ConfigHash,
    v1::{Heartbeat, StreamConfigRequest, stream_config_request::Message as Outgoing},
};
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior, interval_at, timeout},
};

use super::{end::EndReason, holder::Holder};

/// The way to the control plane.
pub(super) struct Outbound {
    outbox: mpsc::Sender<StreamConfigRequest>,
    beats: Interval,
    patience: Duration,
}

impl Outbound {
    pub(super) fn new(
        outbox: mpsc::Sender<StreamConfigRequest>,
        heartbeat: Duration,
        patience: Duration,
    ) -> Self {
        let mut beats = interval_at(Instant::now() + heartbeat, heartbeat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { outbox, beats, patience }
    }

    pub(super) async fn send(&mut self, message: Outgoing) -> Result<(), EndReason> {
        match timeout(self.patience, self.outbox.send(request(message))).await {
            // A stream that has ended says so itself.
            Ok(_) => Ok(()),
            Err(_) => Err(EndReason::Stalled(self.patience)),
        }
    }

    /// Waits for the next heartbeat and sends it.
    pub(super) async fn beat(&mut self, holder: &Holder) {
        self.beat_with((holder.revision(), holder.hash())).await;
    }

    async fn beat_with(&mut self, (revision, hash): (i64, ConfigHash)) {
        self.beats.tick().await;
        let heartbeat = Heartbeat { revision, hash: hash.to_wire() };
        // Where the channel is full, something that says that we are there is waiting already.
        let _ = self.outbox.try_send(request(Outgoing::Heartbeat(heartbeat)));
    }

    /// Waits for long work, and goes on saying that we are there.
    pub(super) async fn beating<T>(&mut self, work: impl Future<Output = T>, holder: &Holder) -> T {
        self.beating_with(work, (holder.revision(), holder.hash())).await
    }

    pub(super) async fn beating_with<T>(
        &mut self,
        work: impl Future<Output = T>,
        position: (i64, ConfigHash),
    ) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = work.as_mut() => return done,
                () = self.beat_with(position) => {}
            }
        }
    }
}

pub(super) fn request(message: Outgoing) -> StreamConfigRequest {
    StreamConfigRequest { message: Some(message) }
}
