//! What one edge holds, and what it needs next. Pure: [`session`](super::session) does what this says.

use std::time::Duration;

use pointsman_proto::edge::hash::ConfigHash;
use tokio::time::Instant;

use super::message::{Held, MessageError};
use crate::domain::Revision;

/// A snapshot that did not help is not followed by the next one at once, but after one heartbeat, then two, four, … up
/// to this many doublings. It has helped when a heartbeat says so.
const MAX_REPAIR_DOUBLINGS: u32 = 6;

/// What a commit starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Nothing: a snapshot, of this revision or a later one.
    Nothing { at_least: Revision },
    /// The same, for an edge that held this revision back until an admin confirmed it.
    Accepted { at_least: Revision },
    /// What the edge holds at this revision.
    Revision(Revision),
}

/// A revision, and the hash over everything that an edge holds at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) revision: Revision,
    pub(super) hash: ConfigHash,
}

/// What an edge's word about what it holds amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It holds what we sent.
    Good,
    /// It holds something else.
    Drifted,
    /// It spoke of an earlier state; nothing to learn.
    Old,
}

/// How far one edge is.
#[derive(Debug)]
pub(super) struct Progress {
    /// What the edge was last sent in full, or said in its hello.
    held: Option<Revision>,
    /// The hash of that. Not known for a hello's revision, until the first acknowledgement.
    hash: Option<ConfigHash>,
    /// The first snapshot does not go back behind this: the edge's own revision, where it is one of ours.
    at_least: Revision,
    /// A commit is being read, sent, or waits for its acknowledgement.
    busy: bool,
    /// A commit has been acknowledged on this stream.
    greeted: bool,
    repair: Option<Instant>,
    repairs: u32,
    repair_delay: Duration,
    /// It was sent a snapshot and did not take it in.
    holding: Option<Holding>,
    offer_delay: Duration,
}

/// An edge that holds a snapshot back. The next state may be fine again, and so is offered: not each one, since each
/// offer is all of the configuration.
#[derive(Debug)]
struct Holding {
    offered: Revision,
    /// The next one is not offered before.
    offer_at: Instant,
    /// An admin has confirmed this revision.
    accepted: Option<Revision>,
}

impl Progress {
    /// The start of a stream. `known` is our own hash at the edge's revision, if we remember it.
    pub(super) fn new(
        held: Option<&Held>,
        epoch: &str,
        head: Revision,
        known: impl FnOnce(Revision) -> Option<ConfigHash>,
        repair_delay: Duration,
        offer_delay: Duration,
    ) -> Self {
        let ours = held.filter(|held| held.epoch == epoch && held.revision <= head);
        let at_least = ours.map(|held| held.revision).unwrap_or_default();
        let same = |held: &&Held| known(held.revision).is_none_or(|hash| hash == held.hash);
        let held = ours.filter(same).map(|held| held.revision);
        Self {
            held,
            at_least,
            hash: None,
            busy: false,
            greeted: false,
            repair: None,
            repairs: 0,
            repair_delay,
            holding: None,
            offer_delay,
        }
    }

    /// What to send now, if anything.
    pub(super) fn next(&mut self, head: Revision, now: Instant) -> Option<Base> {
        if self.busy {
            return None;
        }
        let base = match self.held {
            _ if self.holding.is_some() => self.offer(head, now)?,
            None => Base::Nothing { at_least: self.at_least },
            Some(held) if self.repair.is_some_and(|at| at <= now) => Base::Nothing { at_least: held },
            Some(held) if !self.greeted || held < head => Base::Revision(held),
            Some(_) => return None,
        };
        self.busy = true;
        Some(base)
    }

    /// What to offer to an edge that holds something back.
    fn offer(&mut self, head: Revision, now: Instant) -> Option<Base> {
        let holding = self.holding.as_mut()?;
        if let Some(at_least) = holding.accepted.take() {
            return Some(Base::Accepted { at_least });
        }
        let at_least = Revision::new(holding.offered.number() + 1);
        (head >= at_least && now >= holding.offer_at).then_some(Base::Nothing { at_least })
    }

    /// When there may be something to send without a change.
    pub(super) fn wake_at(&self, head: Revision) -> Option<Instant> {
        let at = match &self.holding {
            Some(holding) => (head > holding.offered).then_some(holding.offer_at),
            None => self.repair,
        };
        at.filter(|_| !self.busy)
    }

    /// An admin has confirmed what was held back at this revision.
    pub(super) fn accept(&mut self, revision: Revision) {
        if let Some(holding) = &mut self.holding {
            holding.accepted = Some(revision);
        }
    }

    /// The edge has not taken in what it was sent, a snapshot of this revision.
    pub(super) fn held_back(
        &mut self,
        offered: Revision,
        awaited: bool,
        now: Instant,
    ) -> Result<Verdict, MessageError> {
        match self.held {
            Some(sent) if sent == offered && (awaited || (!self.busy && self.holding.is_some())) => {
                let accepted = self.holding.take().and_then(|holding| holding.accepted);
                self.holding = Some(Holding { offered, offer_at: now + self.offer_delay, accepted });
                (self.busy, self.greeted, self.repair) = (false, true, None);
                Ok(Verdict::Good)
            }
            Some(sent) if offered <= sent => Ok(Verdict::Old),
            _ => Err(MessageError::NeverSent(offered)),
        }
    }

    /// A commit was sent in full.
    pub(super) fn sent(&mut self, position: Position) {
        self.held = Some(position.revision);
        self.hash = Some(position.hash);
    }

    /// What the edge was last sent; its heartbeats should say the same.
    pub(super) fn position(&self) -> Option<Position> {
        Some(Position { revision: self.held?, hash: self.hash? })
    }

    /// The edge acknowledges. `awaited` says that all of a commit was sent and not yet acknowledged.
    pub(super) fn acknowledged(
        &mut self,
        ack: Position,
        awaited: bool,
        now: Instant,
    ) -> Result<Verdict, MessageError> {
        match self.position() {
            // One that nothing is awaited for says that the edge now rejects something else.
            Some(sent) if sent.revision == ack.revision && (awaited || !self.busy) => {
                self.busy = false;
                self.greeted = true;
                self.holding = None;
                if sent == ack {
                    self.repair = None;
                    return Ok(Verdict::Good);
                }
                Ok(self.drifted(now))
            }
            // A duplicate, perhaps of what it said on its stream before this one.
            _ if self.held.is_some_and(|held| ack.revision <= held) => Ok(Verdict::Old),
            _ => Err(MessageError::NeverSent(ack.revision)),
        }
    }

    /// The edge says what it serves.
    pub(super) fn heartbeat(&mut self, serves: Position, now: Instant) -> Verdict {
        match self.position() {
            // It serves what it has, and not what it was sent.
            _ if self.holding.is_some() => Verdict::Old,
            // While a commit is on its way the edge may still speak of what was before it.
            Some(sent) if !self.busy && sent == serves => {
                if self.repair.is_none() {
                    self.repairs = 0;
                }
                Verdict::Good
            }
            Some(_) if !self.busy => self.drifted(now),
            _ => Verdict::Old,
        }
    }

    fn drifted(&mut self, now: Instant) -> Verdict {
        if self.repair.is_none_or(|at| at <= now) {
            let wait = match self.repairs {
                0 => Duration::ZERO,
                repairs => self.repair_delay * 2_u32.pow((repairs - 1).min(MAX_REPAIR_DOUBLINGS)),
            };
            self.repair = Some(now + wait);
            self.repairs += 1;
        }
        Verdict::Drifted
    }
}

#[cfg(test)]
mod tests;
