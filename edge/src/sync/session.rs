//! One stream from the control plane, from its hello to its end.

use std::{convert::Infallible, sync::Arc, time::Instant as StdInstant};

use pointsman_proto::edge::{
    hash::ConfigHash,
    v1::{
        Accept, Ack, Chunk, Heartbeat, Hello, StreamConfigRequest, StreamConfigResponse,
        config_service_client::ConfigServiceClient, stream_config_request::Message as Outgoing,
        stream_config_response::Message as Incoming,
    },
};
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{Instant, timeout, timeout_at},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Streaming};

use super::{
    Sync,
    commit::{Commit, Part},
    credentials::AccessToken,
    end::EndReason,
    hold::{self, HeldBack, Outcome},
    holder::{Applied, Holder},
    intake::{FEW_RESOURCES, Intake},
    keeping::Keeping,
    outbound::{Outbound, request},
};
use crate::serving;

/// The longest message from the control plane. One resource fits in it with room to spare.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// Messages to the control plane that wait for the network.
const OUTBOUND_MESSAGES: usize = 4;

/// One stream.
pub(super) struct Session<'s> {
    sync: &'s Arc<Sync>,
    holder: Holder,
    keeping: &'s mut Keeping,
    snapshot_wanted: bool,
    stop: CancellationToken,
    was_good: bool,
    /// What was offered last, where it was not taken in.
    held_back: Option<HeldBack>,
    /// An admin's word for the next snapshot.
    accepted: Option<Accept>,
}

/// A stream that is over.
pub(super) struct Ended {
    pub(super) holder: Holder,
    pub(super) reason: EndReason,
    /// What the edge holds is not what it should be: only a snapshot helps.
    pub(super) snapshot_wanted: bool,
    /// Something useful came before the end.
    pub(super) was_good: bool,
}

impl<'s> Session<'s> {
    pub(super) fn new(
        sync: &'s Arc<Sync>,
        holder: Holder,
        keeping: &'s mut Keeping,
        snapshot_wanted: bool,
        stop: CancellationToken,
    ) -> Self {
        let snapshot_wanted = keeping.wants_snapshot() || snapshot_wanted;
        Self {
            sync,
            holder,
            keeping,
            snapshot_wanted,
            stop,
            was_good: false,
            held_back: None,
            accepted: None,
        }
    }

    /// Runs the stream until it ends.
    pub(super) async fn run(mut self) -> Ended {
        let reason = match self.follow().await {
            Err(reason) => reason,
            Ok(never) => match never {},
        };
        self.sync.metrics.set_config_connected(false);
        self.keeping.discard().await;
        let was_good = self.was_good && !reason.wants_snapshot();
        let snapshot_wanted = self.snapshot_wanted || reason.wants_snapshot();
        Ended { holder: self.holder, reason, snapshot_wanted, was_good }
    }

    async fn follow(&mut self) -> Result<Infallible, EndReason> {
        let (outbox, outbound) = mpsc::channel(OUTBOUND_MESSAGES);
        let stop = self.stop.clone();
        let opened = stop.run_until_cancelled(self.open(&outbox, outbound)).await;
        let mut inbound = opened.unwrap_or(Err(EndReason::Stop))?;
        self.sync.metrics.set_config_connected(true);
        tracing::info!(held = self.holder.revision(), "the stream from the control plane is open");

        let times = &self.sync.times;
        let mut outbound = Outbound::new(outbox, times.heartbeat, times.answer);
        let mut intake = Intake::default();
        let mut silent_at = Instant::now() + times.silence;
        loop {
            let message = tokio::select! {
                () = stop.cancelled() => return Err(EndReason::Stop),
                message = timeout_at(silent_at, inbound.message()) => {
                    message.map_err(|_| EndReason::Silent(times.silence))??
                }
                () = outbound.beat(&self.holder) => continue,
                () = self.keeping.snapshot_wanted() => return Err(EndReason::Copy),
            };
            match message.ok_or(EndReason::Closed)?.message {
                Some(Incoming::Chunk(chunk)) => self.hear_chunk(chunk, &mut intake, &mut outbound).await?,
                Some(Incoming::Heartbeat(heartbeat)) => self.hear_heartbeat(&heartbeat, &intake)?,
                Some(Incoming::Accept(accept)) => self.accepted = Some(accept),
                // A kind of message that this version does not know; what it must know comes as chunks.
                None => {}
            }
            // Counted from when we are ready to hear, not from before a long conversion.
            silent_at = Instant::now() + times.silence;
        }
    }

    async fn open(
        &self,
        outbox: &mpsc::Sender<StreamConfigRequest>,
        outbound: mpsc::Receiver<StreamConfigRequest>,
    ) -> Result<Streaming<StreamConfigResponse>, EndReason> {
        let times = &self.sync.times;
        let control_plane = &self.sync.control_plane;
        let token = control_plane.token.as_ref().map(AccessToken::to_bearer).transpose()?;
        let channel = control_plane.endpoint.connect().await?;
        let mut client = ConfigServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES);
        // The channel is empty: it takes the hello at once.
        let _ = outbox.send(request(Outgoing::Hello(self.hello()))).await;
        let mut opening = Request::new(ReceiverStream::new(outbound));
        if let Some(token) = token {
            opening.metadata_mut().insert("authorization", token);
        }
        let opening = client.stream_config(opening);
        let opened = timeout(times.answer, opening).await.map_err(|_| EndReason::Stalled(times.answer))?;
        Ok(opened?.into_inner())
    }

    fn hello(&self) -> Hello {
        let (revision, hash) = match self.snapshot_wanted {
            true => (0, ConfigHash::default()),
            false => (self.holder.revision(), self.holder.hash()),
        };
        Hello {
            edge: self.sync.edge.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.holder.epoch().to_owned(),
            revision,
            hash: hash.to_wire(),
        }
    }

    async fn hear_chunk(
        &mut self,
        chunk: Chunk,
        intake: &mut Intake,
        outbound: &mut Outbound,
    ) -> Result<(), EndReason> {
        let part = Part::parse(chunk)?;
        let added = intake.add(part, self.keeping, outbound, &self.holder).await?;
        let Some(commit) = added else { return Ok(()) };
        self.take_in(commit, outbound).await?;
        self.was_good = true;
        outbound.send(Outgoing::Ack(self.ack())).await
    }

    fn ack(&self) -> Ack {
        let held_back = self.held_back.as_ref().map(HeldBack::to_wire);
        Ack { held_back, copy_fault: self.keeping.fault(), ..self.holder.ack() }
    }

    /// What is served is swapped here and nowhere else.
    async fn take_in(&mut self, commit: Commit, outbound: &mut Outbound) -> Result<(), EndReason> {
        let started = StdInstant::now();
        let before = (self.holder.revision(), self.holder.hash());
        let (revision, full, changes) = (commit.revision, commit.is_full(), commit.len());
        // The revisions of a snapshot may count in another database.
        let news_after = if full { -1 } else { self.holder.revision() };
        // An admin's word is for one snapshot.
        let accepted = if full { self.accepted.take() } else { None };
        match self.offer(commit, accepted, outbound).await? {
            Outcome::Applied(Applied::Taken) => self.set_held_back(None),
            Outcome::Applied(Applied::Old) => {
                tracing::debug!(revision, held = self.holder.revision(), "a commit came that is not new");
                self.keeping.discard().await;
                return Ok(());
            }
            Outcome::HeldBack(held_back) => {
                self.set_held_back(Some(held_back));
                self.keeping.discard().await;
                return Ok(());
            }
        }
        self.snapshot_wanted &= !full;
        let holder = &self.holder;
        let served_before = self.sync.serving.swap(Arc::new(holder.served()));
        if full || changes > FEW_RESOURCES {
            tokio::spawn(serving::retire(served_before));
        }
        self.sync.configured.cancel();
        self.sync.metrics.config_committed(revision, holder.len(), holder.rejected());
        let (resources, rejected, took) = (holder.len(), holder.rejected(), started.elapsed());
        holder.log_rejections_after(news_after);
        tracing::info!(revision, full, changes, resources, rejected, ?took, "a configuration is served");
        // Not told of before it is on disk.
        outbound.beating_with(self.keeping.commit(full, &self.holder), before).await;
        Ok(())
    }

    fn set_held_back(&mut self, held_back: Option<HeldBack>) {
        self.sync.metrics.set_config_held_back(held_back.is_some());
        if let Some(HeldBack { epoch, revision, endpoints, deployments }) = &held_back
            && held_back != self.held_back
        {
            tracing::warn!(
                epoch,
                revision,
                endpoints = endpoints.served,
                endpoints_removed = endpoints.removed,
                deployments = deployments.served,
                deployments_removed = deployments.removed,
                held = self.holder.revision(),
                "a configuration is held back: it would remove most of what is served; an admin can accept it"
            );
        }
        self.held_back = held_back;
    }

    async fn offer(
        &mut self,
        commit: Commit,
        accepted: Option<Accept>,
        outbound: &mut Outbound,
    ) -> Result<Outcome, EndReason> {
        // What a small snapshot is held against may be large.
        if commit.len() <= FEW_RESOURCES && !commit.is_full() {
            return Ok(hold::offer(&mut self.holder, commit, accepted.as_ref())?);
        }
        // Lost with the thread only if that panics; then a snapshot fills a new one.
        let mut holder = std::mem::take(&mut self.holder);
        let before = (holder.revision(), holder.hash());
        let applying = spawn_blocking(move || {
            let outcome = hold::offer(&mut holder, commit, accepted.as_ref());
            (holder, outcome)
        });
        let (holder, outcome) = outbound.beating_with(applying, before).await?;
        self.holder = holder;
        Ok(outcome?)
    }

    fn hear_heartbeat(&mut self, heartbeat: &Heartbeat, intake: &Intake) -> Result<(), EndReason> {
        let Heartbeat { revision: sent, hash } = heartbeat;
        // Nothing was sent yet, a commit is on its way, or what was sent is held back.
        let nothing_to_compare =
            (*sent == 0 && hash.is_empty()) || intake.is_open() || self.held_back.is_some();
        let (held, held_hash) = (self.holder.revision(), self.holder.hash());
        if nothing_to_compare || (*sent == held && ConfigHash::from_wire(hash) == Some(held_hash)) {
            self.was_good = true;
            return Ok(());
        }
        let sent_hash =
            ConfigHash::from_wire(hash).map_or_else(|| "no hash".to_owned(), |hash| hash.to_string());
        Err(EndReason::Drift { held, held_hash, sent: *sent, sent_hash })
    }
}
