//! Confirming what edges hold back.

use pointsman_routing::name::EdgeId;

use super::{Edge, Fleet, HeldBack};
use crate::domain::Revision;

/// Which held back configurations are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// Of this edge; of all that hold something back where there is none.
    pub edge: Option<EdgeId>,
    /// Of this database; of any where it is empty.
    pub epoch: String,
    /// Of this revision, where there is one.
    pub revision: Option<Revision>,
}

/// An edge that holds something back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which edge.
    pub edge: EdgeId,
    /// The database of what it serves.
    pub epoch: String,
    /// The revision of what it serves.
    pub revision: Revision,
    /// What it does not take in.
    pub held_back: HeldBack,
}

/// Why there is nothing to confirm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// Nobody knows the edge.
    #[error("{0} has not connected since this control plane was started")]
    Unknown(EdgeId),
    /// It cannot be told.
    #[error("{0} is not connected: when it is again, it says what it holds back")]
    NotConnected(EdgeId),
    /// It serves what it was sent.
    #[error("{0} holds nothing back")]
    NothingHeld(EdgeId),
    /// No edge does.
    #[error("no edge that is connected holds such a configuration back")]
    NobodyHolds,
    /// It is not what was named.
    #[error("{edge} holds back {held_back}: look at it again")]
    HoldsOther {
        /// Which edge.
        edge: EdgeId,
        /// What it holds back now.
        held_back: HeldBack,
    },
}

impl Which {
    fn is(&self, held_back: &HeldBack) -> bool {
        (self.epoch.is_empty() || self.epoch == held_back.epoch)
            && self.revision.is_none_or(|revision| revision == held_back.revision)
    }
}

impl Fleet {
    /// What edges hold back of what is meant: at least one, in the order of their ids.
    pub fn held_back(&self, which: &Which) -> Result<Vec<Held>, AcceptError> {
        let state = self.state.borrow();
        let Some(id) = &which.edge else {
            let held: Vec<_> = state
                .edges
                .iter()
                .filter(|(_, edge)| edge.is_connected())
                .filter_map(|(id, edge)| held(id, edge))
                .filter(|held| which.is(&held.held_back))
                .collect();
            return if held.is_empty() { Err(AcceptError::NobodyHolds) } else { Ok(held) };
        };
        let edge = state.edges.get(id).ok_or_else(|| AcceptError::Unknown(id.clone()))?;
        if !edge.is_connected() {
            return Err(AcceptError::NotConnected(id.clone()));
        }
        let held = held(id, edge).ok_or_else(|| AcceptError::NothingHeld(id.clone()))?;
        if which.is(&held.held_back) {
            return Ok(vec![held]);
        }
        Err(AcceptError::HoldsOther { edge: held.edge, held_back: held.held_back })
    }

    /// Has an edge told that what it holds back is confirmed, if it still does.
    pub fn accept(&self, held: &Held) {
        self.state.send_if_modified(|state| {
            let edge = state.edges.get_mut(&held.edge);
            let edge =
                edge.filter(|edge| edge.held_back.as_ref().is_some_and(|now| held.held_back.is_before(now)));
            let Some(link) = edge.and_then(|edge| edge.link.as_mut()) else { return false };
            link.accepting = true;
            link.accepted.send_replace(Some(held.held_back.revision));
            true
        });
    }
}

impl HeldBack {
    /// Whether `now` is the same, or a later revision of it.
    fn is_before(&self, now: &Self) -> bool {
        self.epoch == now.epoch && self.revision <= now.revision
    }
}

fn held(id: &EdgeId, edge: &Edge) -> Option<Held> {
    Some(Held {
        edge: id.clone(),
        epoch: edge.epoch.clone(),
        revision: edge.revision,
        held_back: edge.held_back.clone()?,
    })
}
