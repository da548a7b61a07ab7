//! Converts chunks and gathers them off the path of requests, each while the next one is being received.

use tokio::task::{JoinHandle, spawn_blocking};

use super::{
    commit::{ChunkError, Commit, Gathering, Part},
    end::EndReason,
    holder::Holder,
    keeping::Keeping,
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

/// A chunk that was added.
#[derive(Debug)]
pub(super) struct Added {
    gathering: Gathering,
    is_first: bool,
    part: Part,
    whole: Result<Option<Commit>, ChunkError>,
}

impl Default for Intake {
    fn default() -> Self {
        Self::Settled(Gathering::default())
    }
}

impl Intake {
    /// Adds a chunk, after the one before it; the whole commit where it was the last one. What was added goes to the copy
    /// on disk. `holder` is what heartbeats tell of meanwhile.
    pub(super) async fn add(
        &mut self,
        part: Part,
        keeping: &mut Keeping,
        outbound: &mut Outbound,
        holder: &Holder,
    ) -> Result<Option<Commit>, EndReason> {
        let gathering = match std::mem::take(self) {
            Self::Settled(gathering) => gathering,
            Self::Adding(adding) => {
                outbound.beating(adding, holder).await?.keep(keeping, outbound, holder).await?.0
            }
        };
        let is_last = part.is_last();
        let added = if part.len() <= FEW_RESOURCES {
            Added::to(gathering, part)
        } else {
            let adding = spawn_blocking(move || Added::to(gathering, part));
            if !is_last {
                *self = Self::Adding(adding);
                return Ok(None);
            }
            outbound.beating(adding, holder).await?
        };
        let (gathering, whole) = added.keep(keeping, outbound, holder).await?;
        *self = Self::Settled(gathering);
        Ok(whole)
    }

    /// Whether a commit has begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Settled(gathering) => gathering.is_open(),
            Self::Adding(_) => true,
        }
    }
}

impl Added {
    fn to(mut gathering: Gathering, part: Part) -> Self {
        let is_first = !gathering.is_open();
        let whole = gathering.add(&part);
        Self { gathering, is_first, part, whole }
    }

    /// Hands what was added to the copy on disk.
    async fn keep(
        self,
        keeping: &mut Keeping,
        outbound: &mut Outbound,
        holder: &Holder,
    ) -> Result<(Gathering, Option<Commit>), EndReason> {
        let Self { gathering, is_first, part, whole } = self;
        outbound.beating(keeping.hear(is_first, part.into_raw()), holder).await;
        Ok((gathering, whole?))
    }
}
