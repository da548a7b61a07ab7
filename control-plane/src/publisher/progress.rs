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
}

impl Progress {
    /// The start of a stream. `known` is our own hash at the edge's revision, if we remember it.
    pub(super) fn new(
        held: Option<&Held>,
        epoch: &str,
        head: Revision,
        known: impl FnOnce(Revision) -> Option<ConfigHash>,
        repair_delay: Duration,
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
        }
    }

    /// What to send now, if anything.
    pub(super) fn next(&mut self, head: Revision, now: Instant) -> Option<Base> {
        if self.busy {
            return None;
        }
        let base = match self.held {
            None => Base::Nothing { at_least: self.at_least },
            Some(held) if self.repair.is_some_and(|at| at <= now) => Base::Nothing { at_least: held },
            Some(held) if !self.greeted || held < head => Base::Revision(held),
            Some(_) => return None,
        };
        self.busy = true;
        Some(base)
    }

    /// When there may be something to send without a change.
    pub(super) fn repair_at(&self) -> Option<Instant> {
        self.repair.filter(|_| !self.busy)
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
