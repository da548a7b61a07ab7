//! Names to addresses, without blocking: a cache with bounds in front of the system's way to resolve.

mod system;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::time::timeout;

pub(super) use self::system::SystemNames;
use super::EgressError;

/// How many names are remembered at a time.
const MAX_NAMES: usize = 4_096;
/// The bounds of an answer's time to live.
const MIN_TTL: Duration = Duration::from_secs(1);
const MAX_TTL: Duration = Duration::from_secs(300);
/// How long an answer stands in while the name servers fail.
const MAX_STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long after a failure the name servers are left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a caller waits for the name servers.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

/// Asks someone for a name's addresses, each time anew.
#[async_trait]
pub(super) trait Lookup: Send + Sync + 'static {
    async fn lookup(&self, host: &str) -> Result<Answer, LookupError>;
}

/// The addresses of a name, none where it has none, and for how long that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) ttl: Duration,
}

/// No answer was to be had.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct LookupError(pub(super) Box<str>);

/// Remembers answers.
pub(super) struct Names {
    lookup: Box<dyn Lookup>,
    slots: Mutex<HashMap<Box<str>, Arc<Slot>>>,
}

/// What is known of one name.
#[derive(Default)]
struct Slot {
    known: Mutex<Option<Known>>,
    /// Held by the one caller that asks the name servers; the others wait for its answer.
    refresh: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Known {
    addresses: Result<Arc<[IpAddr]>, EgressError>,
    /// Until when it is taken as it is.
    fresh_until: Instant,
    /// When the name servers said so.
    answered: Instant,
}

impl Names {
    pub(super) fn new(lookup: impl Lookup) -> Self {
        Self { lookup: Box::new(lookup), slots: Mutex::default() }
    }

    pub(super) async fn resolve(&self, host: &str) -> Result<Arc<[IpAddr]>, EgressError> {
        self.resolve_at(host, Instant::now).await
    }

    /// The clock is an argument, so that tests need not wait for answers to age.
    async fn resolve_at(&self, host: &str, now: impl Fn() -> Instant) -> Result<Arc<[IpAddr]>, EgressError> {
        let slot = self.slot(host);
        if let Some(fresh) = slot.fresh(now()) {
            return fresh;
        }
        let _asking = slot.refresh.lock().await;
        if let Some(fresh) = slot.fresh(now()) {
            return fresh;
        }
        let answer = match timeout(LOOKUP_TIMEOUT, self.lookup.lookup(host)).await {
            Ok(answer) => answer,
            Err(_) => Err(LookupError("the name servers did not answer in time".into())),
        };
        let known = slot.learn(host, answer, now());
        known.addresses
    }

    fn slot(&self, host: &str) -> Arc<Slot> {
        let mut slots = locked(&self.slots);
        if let Some(slot) = slots.get(host) {
            return Arc::clone(slot);
        }
        if slots.len() >= MAX_NAMES {
            forget_oldest(&mut slots);
        }
        Arc::clone(slots.entry(host.into()).or_default())
    }
}

fn forget_oldest(slots: &mut HashMap<Box<str>, Arc<Slot>>) {
    let age = |slot: &Slot| locked(&slot.known).as_ref().map(|known| known.fresh_until);
    if let Some(oldest) = slots.iter().min_by_key(|(_, slot)| age(slot)).map(|(host, _)| host.clone()) {
        slots.remove(&oldest);
    }
}

impl Slot {
    fn fresh(&self, now: Instant) -> Option<Result<Arc<[IpAddr]>, EgressError>> {
        let known = locked(&self.known);
        let known = known.as_ref().filter(|known| now < known.fresh_until)?;
        Some(known.addresses.clone())
    }

    /// Takes in an answer. That there is no address is one; that nobody answered is none, and what was known stays.
    fn learn(&self, host: &str, answer: Result<Answer, LookupError>, now: Instant) -> Known {
        let mut slot = locked(&self.known);
        let known = match answer {
            Ok(Answer { addresses, ttl }) => Known {
                addresses: match addresses.as_slice() {
                    [] => Err(EgressError::NoAddress { host: host.into() }),
                    addresses => Ok(addresses.into()),
                },
                fresh_until: now + ttl.clamp(MIN_TTL, MAX_TTL),
                answered: now,
            },
            Err(LookupError(reason)) => {
                let stale =
                    slot.take().filter(|known| now < known.answered + MAX_STALE && known.addresses.is_ok());
                if stale.is_some() {
                    tracing::warn!(host, %reason, "name resolution failed; an earlier answer stands in");
                }
                let failed = Err(EgressError::Unresolved { host: host.into(), reason });
                let (addresses, answered) =
                    stale.map_or((failed, now), |stale| (stale.addresses, stale.answered));
                Known { addresses, fresh_until: now + RETRY_AFTER, answered }
            }
        };
        slot.insert(known).clone()
    }
}

/// A poisoned lock is taken all the same: what it guards is whole after each step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
