//! Converts chunks and gathers them off the path of requests, each while the next one is being received.

use tokio::task::{JoinHandle, spawn_blocking};

use super::{
    commit::{ChunkError, Commit, Gathering, Part},
    end::EndReason,
    holder::Holder,
    outbound::Outbound,
};

/// Up to so many resources are converted or taken in at once, where starting a thread would cost more.
pub(super) const FEW_RESOURCES: usize = 16;

/// The chunks of a commit so far, and perhaps the one that is just being added.
#[derive(Debug)]
pub(super) enum Intake {
    Settled(Gathering),
    Adding(JoinHandle<Added>),
}

type Added = (Gathering, Result<Option<Commit>, ChunkError>);

impl Default for Intake {
    fn default() -> Self {
        Self::Settled(Gathering::default())
    }
}

impl Intake {
    /// Adds a chunk, after the one before it; the whole commit where it was the last one. `holder` is what heartbeats tell
    /// of meanwhile.
    pub(super) async fn add(
        &mut self,
        part: Part,
        outbound: &mut Outbound,
        holder: &Holder,
    ) -> Result<Option<Commit>, EndReason> {
        let mut gathering = self.settle(outbound, holder).await?.0;
        if part.len() <= FEW_RESOURCES {
            let whole = gathering.add(part)?;
            *self = Self::Settled(gathering);
            return Ok(whole);
        }
        let is_last = part.is_last();
        *self = Self::Adding(spawn_blocking(move || {
            let added = gathering.add(part);
            (gathering, added)
        }));
        if !is_last {
            return Ok(None);
        }
        Ok(self.settle(outbound, holder).await?.1)
    }

    /// Whether a commit has begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Settled(gathering) => gathering.is_open(),
            Self::Adding(_) => true,
        }
    }

    async fn settle(
        &mut self,
        outbound: &mut Outbound,
        holder: &Holder,
    ) -> Result<(Gathering, Option<Commit>), EndReason> {
        match std::mem::take(self) {
            Self::Settled(gathering) => Ok((gathering, None)),
            Self::Adding(adding) => {
                let (gathering, added) = outbound.beating(adding, holder).await?;
                Ok((gathering, added?))
            }
        }
    }
}
