//! What requests take of what there is: memory for bodies, and places at a deployment.

use std::{
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use hashbrown::hash_map::{EntryRef, HashMap};
use pointsman_routing::name::{DeploymentName, FlowKey, IntegrationId};

use crate::telemetry::Metrics;

/// One endpoint takes at most this part of the memory for bodies.
const ENDPOINT_PART: usize = 4;

/// Counts things by key, and forgets keys that nothing is counted for. Keys are names of the configuration, which senders
/// do not choose, so a fast hash is enough.
#[derive(Debug)]
struct Counts<K>(Mutex<HashMap<K, usize>>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone> Counts<K> {
    /// Adds, unless it would be more than `limit`.
    fn add(&self, key: &K, count: usize, limit: usize) -> bool {
        match self.lock().entry_ref(key) {
            EntryRef::Occupied(mut now) if now.get().saturating_add(count) <= limit => {
                *now.get_mut() += count
            }
            EntryRef::Vacant(none) if count <= limit => _ = none.insert_with_key(key.clone(), count),
            _ => return false,
        }
        true
    }

    fn subtract(&self, key: &K, count: usize) {
        if let EntryRef::Occupied(mut now) = self.lock().entry_ref(key) {
            match now.get().saturating_sub(count) {
                0 => _ = now.remove(),
                rest => *now.get_mut() = rest,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        // A poisoned lock is taken all the same: the counts are whole after each step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The requests in flight of each deployment.
#[derive(Debug)]
pub(super) struct Places {
    taken: Arc<Counts<DeploymentName>>,
    per_deployment: usize,
}

/// A request's place at a deployment, for as long as it lives.
#[derive(Debug)]
pub(super) struct Place {
    taken: Arc<Counts<DeploymentName>>,
    deployment: DeploymentName,
}

impl Places {
    pub(super) fn new(per_deployment: usize) -> Self {
        Self { taken: Arc::default(), per_deployment }
    }

    /// A place, unless all are taken.
    pub(super) fn take(&self, deployment: &DeploymentName) -> Option<Place> {
        self.taken
            .add(deployment, 1, self.per_deployment)
            .then(|| Place { taken: self.taken.clone(), deployment: deployment.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.subtract(&self.deployment, 1);
    }
}

/// What an endpoint is called for the account of its memory; its tokens may change.
pub(super) type EndpointKey = (IntegrationId, Option<DeploymentName>, Option<FlowKey>);

/// The memory for bodies, counted by the bytes received.
#[derive(Debug)]
pub(super) struct BodyMemory {
    inner: Arc<Memory>,
}

#[derive(Debug)]
struct Memory {
    used: AtomicUsize,
    by_endpoint: Counts<EndpointKey>,
    limit: usize,
    metrics: Metrics,
}

/// What one request has taken of it, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Account {
    memory: Arc<Memory>,
    endpoint: EndpointKey,
    bytes: usize,
}

impl BodyMemory {
    pub(super) fn new(limit: usize, metrics: Metrics) -> Self {
        let inner = Memory { used: AtomicUsize::new(0), by_endpoint: Counts::default(), limit, metrics };
        Self { inner: Arc::new(inner) }
    }

    /// An account with nothing on it.
    pub(super) fn account(&self, endpoint: EndpointKey) -> Account {
        Account { memory: self.inner.clone(), endpoint, bytes: 0 }
    }
}

impl Account {
    /// Takes more, unless that is more than there is.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let memory = &*self.memory;
        let more = |used: usize| used.checked_add(bytes).filter(|used| *used <= memory.limit);
        if memory.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            return false;
        }
        if !memory.by_endpoint.add(&self.endpoint, bytes, memory.limit / ENDPOINT_PART) {
            memory.used.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.bytes += bytes;
        memory.show();
        true
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.memory.by_endpoint.subtract(&self.endpoint, self.bytes);
            self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
            self.memory.show();
        }
    }
}

impl Memory {
    fn show(&self) {
        self.metrics.set_body_memory(self.used.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(id: &str) -> EndpointKey {
        (IntegrationId::parse(id).unwrap(), None, None)
    }

    #[test]
    fn one_endpoint_takes_at_most_a_quarter_of_the_memory() {
        let memory = BodyMemory::new(400, Metrics::new());
        let mut first = memory.account(endpoint("a"));
        let mut second = memory.account(endpoint("a"));
        assert!(first.take(60) && second.take(40));
        assert!(!second.take(1), "the endpoint has its quarter");
        assert!(memory.account(endpoint("b")).take(100));
        drop(first);
        assert!(second.take(60), "what was given back can be taken again");
        assert!(!second.take(1));
    }

    #[test]
    fn all_endpoints_together_take_no_more_than_there_is() {
        let memory = BodyMemory::new(400, Metrics::new());
        let mut accounts: Vec<_> =
            ["a", "b", "c", "d", "e"].into_iter().map(|id| memory.account(endpoint(id))).collect();
        for account in &mut accounts[..4] {
            assert!(account.take(100));
        }
        assert!(!accounts[4].take(1));
        accounts.clear();
        assert_eq!(memory.inner.used.load(Ordering::Relaxed), 0);
        assert!(memory.inner.by_endpoint.0.lock().unwrap().is_empty(), "no key is kept for nothing");
    }

    #[test]
    fn a_deployment_has_so_many_places() {
        let places = Places::new(2);
        let deployment: DeploymentName = "integrations/a/deployments/b".parse().unwrap();
        let other = "integrations/a/deployments/c".parse().unwrap();
        let (first, _second) = (places.take(&deployment).unwrap(), places.take(&deployment).unwrap());
        assert!(places.take(&deployment).is_none());
        assert!(places.take(&other).is_some());
        drop(first);
        assert!(places.take(&deployment).is_some());
    }
}
