//! Who may call: access tokens, and whom they let in.
//!
//! A call's way: [`Access::admit`] looks the hash of its token up in memory, which costs no read → a [`Pass`] with the
//! [`Caller`] → the call runs until it is done or the pass ends, whichever comes first. Tokens are made and revoked
//! in a transaction, and after each the database is read again, so that what it says counts at once, for
//! calls and streams that are under way too.
//!
//! Where no token was ever made, a control plane that only this machine reaches lets everybody in. The first token closes
//! it for good.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::SystemTime,
};

use pointsman_routing::name::EdgeId;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{Caller, RandomError, Role, Secret, SecretHash, TokenEnd},
    store::{Store, StoreError},
};

mod holders;
mod keeper;

use holders::{Holder, Holders};

/// Who may call. Clones are handles to the same one.
#[derive(Clone)]
pub struct Access(Arc<Shared>);

struct Shared {
    store: Store,
    clock: fn() -> SystemTime,
    reach: Reach,
    holders: RwLock<Arc<Holders>>,
    /// Held while the database is read, so that what was read later counts.
    reading: Mutex<()>,
    /// The keeper has something new to look at.
    changed: Notify,
    /// The edge in this process. In no database.
    own_edge: OnceLock<(SecretHash, Arc<Holder>)>,
}

/// Who can reach the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Processes on this machine.
    ThisMachine,
    /// Other machines too.
    OtherMachines,
}

/// Why a caller is not let in, or its call has ended. None of it tells anything of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There is no token, and there must be one.
    #[error("the call has no access token: send one as `authorization: Bearer <secret>`")]
    Missing,
    /// What was sent is no token.
    #[error("the authorization header cannot be used: send it once, as `authorization: Bearer <secret>`")]
    Malformed,
    /// No such token.
    #[error("the access token is not known here: check that it is whole, and of this control plane")]
    Unknown,
    /// It ended by itself.
    #[error("the access token has expired: ask an admin for a new one")]
    Expired,
    /// Somebody ended it.
    #[error("the access token was revoked: ask an admin for a new one")]
    Revoked,
}

impl From<TokenEnd> for Denied {
    fn from(end: TokenEnd) -> Self {
        match end {
            TokenEnd::Expired => Self::Expired,
            TokenEnd::Revoked => Self::Revoked,
        }
    }
}

/// What a call shows to be let in.
#[derive(Clone, Copy)]
pub enum Credentials<'a> {
    /// Nothing.
    Nothing,
    /// What cannot be a token.
    Malformed,
    /// What may be the secret of one.
    Secret(&'a str),
}

/// Somebody who was let in.
#[derive(Debug)]
pub struct Pass {
    /// Who it is.
    pub caller: Caller,
    holder: Option<holders::InUse>,
    over: CancellationToken,
}

impl Pass {
    /// Answers when it is good no more, with why.
    pub async fn over(&self) -> Denied {
        self.over.cancelled().await;
        // Who came without a token did so while none was asked for.
        self.holder.as_ref().map_or(Denied::Missing, |holder| holder.end().into())
    }
}

impl Access {
    /// Reads the access tokens of `store`.
    pub async fn load(store: Store, clock: fn() -> SystemTime, reach: Reach) -> Result<Self, StoreError> {
        let access = Self(Arc::new(Shared {
            store,
            clock,
            reach,
            holders: RwLock::default(),
            reading: Mutex::default(),
            changed: Notify::new(),
            own_edge: OnceLock::new(),
        }));
        access.reload().await?;
        Ok(access)
    }

    /// Whether everybody is let in: nobody was ever given a token, and only this machine can call.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.holders().open.is_some()
    }

    /// Whether there is a token with which an admin can call.
    #[must_use]
    pub fn has_admin(&self) -> bool {
        let now = (self.0.clock)();
        self.holders().by_hash.values().any(|holder| holder.role() == Role::Admin && !holder.is_over(now))
    }

    /// Lets the edge in that runs in this process, by a secret that nobody else knows. There is one such edge: a later
    /// one takes the place of nobody, and gets a secret that is good for nothing.
    pub fn admit_own_edge(&self, edge: EdgeId) -> Result<Secret, RandomError> {
        let secret = Secret::random()?;
        let _ = self.0.own_edge.set((secret.hash(), Arc::new(Holder::own_edge(edge))));
        Ok(secret)
    }

    /// Lets a caller in, or says why not.
    pub fn admit(&self, credentials: Credentials<'_>, peer: Option<SocketAddr>) -> Result<Pass, Denied> {
        let now = (self.0.clock)();
        let holders = self.holders();
        let holder = match credentials {
            Credentials::Secret(secret) => self.holder(&holders, &SecretHash::of(secret)),
            Credentials::Nothing | Credentials::Malformed => None,
        };
        if let Some(holder) = holder {
            let caller = holder.caller(peer);
            let (holder, over) = holder.admit(now)?;
            return Ok(Pass { caller, holder: Some(holder), over });
        }
        match (&holders.open, credentials) {
            // Also with a token that is not known: it may be meant for another control plane.
            (Some(open), _) => Ok(Pass { caller: Caller::anybody(peer), holder: None, over: open.clone() }),
            (None, Credentials::Nothing) => Err(Denied::Missing),
            (None, Credentials::Malformed) => Err(Denied::Malformed),
            (None, Credentials::Secret(_)) => Err(Denied::Unknown),
        }
    }

    /// Reads the database again: what it says then counts, for calls that are under way too.
    pub(crate) async fn reload(&self) -> Result<(), StoreError> {
        let _reading = self.0.reading.lock().await;
        let (was_any_made, tokens) = self
            .0
            .store
            .read(|snapshot| {
                let tokens = snapshot.access_tokens("", usize::MAX)?;
                Ok::<_, StoreError>((snapshot.was_any_access_token_made()?, tokens))
            })
            .await?;
        let may_be_open = self.0.reach == Reach::ThisMachine && !was_any_made;
        let older = self.holders();
        let newer = Arc::new(Holders::new(&older, tokens, may_be_open));
        *self.0.holders.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&newer);
        if older.end_those_not_in(&newer) {
            tracing::info!("the first access token was made: from now on, calls need one");
        }
        self.0.changed.notify_one();
        Ok(())
    }

    fn holder(&self, holders: &Holders, hash: &SecretHash) -> Option<Arc<Holder>> {
        let own = self.0.own_edge.get().filter(|(own, _)| own == hash).map(|(_, holder)| holder);
        own.or_else(|| holders.by_hash.get(hash)).cloned()
    }

    fn holders(&self) -> Arc<Holders> {
        Arc::clone(&self.0.holders.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holders = self.holders();
        f.debug_struct("Access")
            .field("open", &holders.open.is_some())
            .field("tokens", &holders.by_hash.len())
            .finish_non_exhaustive()
    }
}
