//! Changes of a small configuration, and what an edge makes of it.

use std::collections::BTreeMap;

use pointsman_proto::edge::v1;
use pointsman_routing::{name::ResourceName, table::Entry};
use proptest::prelude::*;

use crate::sync::{
    fixtures::{EPOCH, chunk, customer, deployment, integration, junk, resource},
    holder::Holder,
};

const DEPLOYMENTS: usize = 4;
const CUSTOMERS: usize = 3;

/// A change of the database.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// An update that is not good cannot be used.
    Deploy {
        deployment: usize,
        customer: usize,
        good: bool,
        paused: bool,
    },
    /// Not even to be decoded.
    Junk {
        deployment: usize,
    },
    Remove {
        deployment: usize,
    },
    Customer {
        customer: usize,
        there: bool,
    },
}

/// What happens then.
#[derive(Clone, Debug)]
pub(super) enum Delivery {
    /// The edge is told with the next one.
    Held,
    Change,
    Snapshot,
    /// The end of a snapshot does not come.
    Torn,
    /// Another generation is made.
    Settled,
    Restart,
}

pub(super) fn write() -> impl Strategy<Value = Write> {
    let deploy = (0..DEPLOYMENTS, 0..CUSTOMERS, any::<bool>(), prop::bool::weighted(0.2));
    prop_oneof![
        6 => deploy.prop_map(|(deployment, customer, good, paused)| {
            Write::Deploy { deployment, customer, good, paused }
        }),
        1 => (0..DEPLOYMENTS).prop_map(|deployment| Write::Junk { deployment }),
        1 => (0..DEPLOYMENTS).prop_map(|deployment| Write::Remove { deployment }),
        2 => (0..CUSTOMERS, any::<bool>()).prop_map(|(customer, there)| Write::Customer { customer, there }),
    ]
}

pub(super) fn delivery() -> impl Strategy<Value = Delivery> {
    prop_oneof![
        2 => Just(Delivery::Held),
        8 => Just(Delivery::Change),
        1 => Just(Delivery::Snapshot),
        1 => Just(Delivery::Torn),
        1 => Just(Delivery::Settled),
        2 => Just(Delivery::Restart),
    ]
}

/// A history with all that matters: last good forms, what went out of service, what came back.
pub(super) fn fixed() -> Vec<Write> {
    let deploy = |deployment, customer, good| Write::Deploy { deployment, customer, good, paused: false };
    vec![
        deploy(0, 0, true),
        deploy(0, 0, false),
        deploy(1, 1, true),
        deploy(1, 2, false),
        deploy(2, 0, true),
        Write::Junk { deployment: 2 },
        deploy(3, 0, true),
        deploy(3, 0, false),
        Write::Customer { customer: 1, there: false },
        deploy(1, 2, true),
        Write::Remove { deployment: 3 },
        deploy(0, 1, true),
    ]
}

/// The control plane's side.
pub(super) struct Database {
    revision: i64,
    resources: BTreeMap<String, v1::Resource>,
    /// When a name was last changed or removed.
    log: BTreeMap<String, i64>,
}

impl Database {
    pub(super) fn new() -> Self {
        let mut database = Self { revision: 0, resources: BTreeMap::new(), log: BTreeMap::new() };
        database.put("integrations/acme".to_owned(), |name, revision| {
            resource(name, revision, &integration(&["shared"]))
        });
        for n in 0..CUSTOMERS {
            database.write(&Write::Customer { customer: n, there: true });
        }
        database
    }

    pub(super) fn write(&mut self, write: &Write) {
        match *write {
            Write::Deploy { deployment: n, customer, good, paused } => {
                let url = if good { "http://flows.example/" } else { "ftp://flows.example/" };
                let wire = v1::Deployment { paused, ..deployment(&customer_name(customer), url) };
                self.put(deployment_name(n), |name, revision| resource(name, revision, &wire));
            }
            Write::Junk { deployment } => self.put(deployment_name(deployment), junk),
            Write::Remove { deployment } => self.remove(deployment_name(deployment)),
            Write::Customer { customer: n, there: true } => {
                self.put(customer_name(n), |name, revision| {
                    resource(name, revision, &customer(&format!("external-{n}")))
                });
            }
            Write::Customer { customer, there: false } => self.remove(customer_name(customer)),
        }
    }

    /// In chunks of two.
    pub(super) fn snapshot(&self) -> Vec<v1::Chunk> {
        let resources: Vec<_> = self.resources.values().cloned().collect();
        let parts = resources.chunks(2).map(|part| chunk(self.revision, true, part.to_vec(), &[]));
        let mut chunks: Vec<_> = parts.map(|part| v1::Chunk { commit: false, ..part }).collect();
        chunks.push(chunk(self.revision, true, vec![], &[]));
        chunks
    }

    pub(super) fn changes_after(&self, held: i64) -> Vec<v1::Chunk> {
        let changed = || self.log.iter().filter(|(_, revision)| **revision > held).map(|(name, _)| name);
        let upserts = changed().filter_map(|name| self.resources.get(name).cloned()).collect();
        let gone: Vec<_> =
            changed().filter(|name| !self.resources.contains_key(*name)).map(String::as_str).collect();
        vec![chunk(self.revision, false, upserts, &gone)]
    }

    fn put(&mut self, name: String, make: impl FnOnce(&str, i64) -> v1::Resource) {
        self.revision += 1;
        self.log.insert(name.clone(), self.revision);
        let resource = make(&name, self.revision);
        self.resources.insert(name, resource);
    }

    fn remove(&mut self, name: String) {
        self.revision += 1;
        self.resources.remove(&name);
        self.log.insert(name, self.revision);
    }
}

fn deployment_name(n: usize) -> String {
    format!("integrations/acme/deployments/d{n}")
}

fn customer_name(n: usize) -> String {
    format!("customers/c{n}")
}

/// All that an edge serves and says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    epoch: String,
    ack: v1::Ack,
    entries: Vec<Option<Entry>>,
}

impl State {
    pub(super) fn of(holder: &Holder) -> Self {
        let served = holder.served();
        if served.epoch.is_empty() {
            return Self::default();
        }
        assert_eq!(served.epoch, EPOCH);
        let names = (0..DEPLOYMENTS).map(deployment_name).chain((0..CUSTOMERS).map(customer_name));
        let names = names.chain(["integrations/acme".to_owned()]);
        let entries = names.map(|name| served.table.get(&name.parse::<ResourceName>().unwrap()));
        Self { epoch: served.epoch.clone(), ack: holder.ack(), entries: entries.collect() }
    }
}

/// The same numbers in each run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}
