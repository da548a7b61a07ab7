//! Those who hold tokens, in memory.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed},
    },
    time::SystemTime,
};

use pointsman_routing::name::{EdgeId, IntegrationId};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Denied;
use crate::{
    domain::{AccessToken, Caller, Role, SecretHash, TokenEnd},
    store::{from_micros, to_micros},
};

/// All tokens at some moment.
#[derive(Default)]
pub(super) struct Holders {
    pub(super) by_hash: HashMap<SecretHash, Arc<Holder>>,
    /// Everybody is let in, until this is cancelled.
    pub(super) open: Option<CancellationToken>,
}

/// The holder of one token.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) name: Arc<str>,
    pub(super) uid: Uuid,
    role: Role,
    scope: Option<Arc<[IntegrationId]>>,
    edge: Option<EdgeId>,
    pub(super) expire_time: Option<SystemTime>,
    is_revoked: AtomicBool,
    /// Cancelled when it was revoked or has expired.
    over: CancellationToken,
    /// Calls under way.
    calls: AtomicUsize,
    /// In microseconds since 1970; 0 where it was not used.
    used: AtomicI64,
    /// What of that the database knows.
    used_noted: AtomicI64,
}

/// A holder whose call is under way.
#[derive(Debug)]
pub(super) struct InUse(Arc<Holder>);

impl Holders {
    /// Those of `tokens`; whom `older` knows stays the same.
    pub(super) fn new(older: &Self, tokens: Vec<(AccessToken, SecretHash)>, may_be_open: bool) -> Self {
        let by_hash = tokens.into_iter().map(|(token, hash)| {
            let known = older.by_hash.get(&hash).filter(|holder| holder.uid == token.uid);
            let holder = known.cloned().unwrap_or_else(|| Arc::new(Holder::of(&token)));
            if token.revoke_time.is_some() {
                holder.revoke();
            }
            (hash, holder)
        });
        let open = may_be_open.then(|| older.open.clone().unwrap_or_default());
        Self { by_hash: by_hash.collect(), open }
    }

    /// Ends the calls of those who are not in `newer`; says whether everybody was let in, and is no more.
    pub(super) fn end_those_not_in(&self, newer: &Self) -> bool {
        for (hash, holder) in &self.by_hash {
            if !newer.by_hash.contains_key(hash) {
                holder.revoke();
            }
        }
        match (&self.open, &newer.open) {
            (Some(open), None) => {
                open.cancel();
                true
            }
            _ => false,
        }
    }
}

impl Holder {
    fn of(token: &AccessToken) -> Self {
        let scope = &token.spec.integrations;
        Self {
            uid: token.uid,
            scope: (!scope.is_empty()).then(|| scope.clone().into()),
            edge: token.spec.edge.clone(),
            expire_time: token.spec.expire_time,
            ..Self::new(token.id.to_string().into(), token.spec.role)
        }
    }

    /// The edge in this process.
    pub(super) fn own_edge(edge: EdgeId) -> Self {
        Self { edge: Some(edge), ..Self::new(Caller::LOCAL.into(), Role::Edge) }
    }

    fn new(name: Arc<str>, role: Role) -> Self {
        Self {
            name,
            uid: Uuid::nil(),
            role,
            scope: None,
            edge: None,
            expire_time: None,
            is_revoked: AtomicBool::default(),
            over: CancellationToken::new(),
            calls: AtomicUsize::default(),
            used: AtomicI64::default(),
            used_noted: AtomicI64::default(),
        }
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    pub(super) fn caller(&self, peer: Option<SocketAddr>) -> Caller {
        Caller {
            name: Arc::clone(&self.name),
            role: self.role,
            scope: self.scope.clone(),
            edge: self.edge.clone(),
            peer,
        }
    }

    /// Begins a call, and says what ends it.
    pub(super) fn admit(self: Arc<Self>, now: SystemTime) -> Result<(InUse, CancellationToken), Denied> {
        if self.is_over(now) {
            return Err(self.end().into());
        }
        self.used.store(to_micros(now), Relaxed);
        self.calls.fetch_add(1, Relaxed);
        let over = self.over.clone();
        Ok((InUse(self), over))
    }

    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        self.over.is_cancelled() || self.expire_time.is_some_and(|expire_time| expire_time <= now)
    }

    /// Ends it and its calls where its time has come.
    pub(super) fn expire(&self, now: SystemTime) {
        if self.is_over(now) {
            self.over.cancel();
        }
    }

    /// When it was last used, where the database does not know yet.
    pub(super) fn take_use(&self, now: SystemTime) -> Option<SystemTime> {
        if self.calls.load(Relaxed) > 0 {
            self.used.store(to_micros(now), Relaxed);
        }
        let used = self.used.load(Relaxed);
        (self.used_noted.swap(used, Relaxed) != used).then(|| from_micros(used))
    }

    fn revoke(&self) {
        // Told before its calls end, which then say so.
        self.is_revoked.store(true, std::sync::atomic::Ordering::Release);
        self.over.cancel();
    }

    /// Why it is over.
    fn end(&self) -> TokenEnd {
        match self.is_revoked.load(std::sync::atomic::Ordering::Acquire) {
            true => TokenEnd::Revoked,
            false => TokenEnd::Expired,
        }
    }
}

impl InUse {
    pub(super) fn end(&self) -> TokenEnd {
        self.0.end()
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Relaxed);
    }
}
