//! Whatever happens on the way: what an edge holds is what a snapshot would give it, and nobody's requests reach
//! somebody else.

use std::collections::BTreeMap;

use pointsman_routing::table::Table;
use proptest::prelude::*;

use super::*;

const CUSTOMERS: [&str; 3] = ["a", "b", "c"];
const DEPLOYMENTS: usize = 3;

/// A change of the database.
#[derive(Clone, Debug)]
enum Write {
    /// A deployment for a customer; not good where the edge cannot use it.
    Deploy {
        deployment: usize,
        customer: usize,
        good: bool,
        paused: bool,
        token: u8,
    },
    /// A deployment that cannot even be decoded.
    Junk {
        deployment: usize,
    },
    Remove {
        deployment: usize,
    },
    /// A customer's external ID comes or goes.
    Customer {
        customer: usize,
        there: bool,
    },
}

/// How it gets to the edge.
#[derive(Clone, Debug)]
enum Delivery {
    /// With the next one.
    Held,
    Change,
    /// Twice.
    Repeated,
    Snapshot,
    /// The edge starts anew, without anything.
    Restart,
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        5 => (0..DEPLOYMENTS, 0..CUSTOMERS.len(), any::<bool>(), any::<bool>(), 0..3_u8).prop_map(
            |(deployment, customer, good, paused, token)| Write::Deploy { deployment, customer, good, paused, token }
        ),
        1 => (0..DEPLOYMENTS).prop_map(|deployment| Write::Junk { deployment }),
        1 => (0..DEPLOYMENTS).prop_map(|deployment| Write::Remove { deployment }),
        2 => (0..CUSTOMERS.len(), any::<bool>()).prop_map(|(customer, there)| Write::Customer { customer, there }),
    ]
}

fn delivery() -> impl Strategy<Value = Delivery> {
    prop_oneof![
        3 => Just(Delivery::Held),
        6 => Just(Delivery::Change),
        1 => Just(Delivery::Repeated),
        1 => Just(Delivery::Snapshot),
        1 => Just(Delivery::Restart),
    ]
}

/// The control plane's side.
#[derive(Default)]
struct Database {
    revision: i64,
    resources: BTreeMap<String, v1::Resource>,
    /// When a name was last changed or removed.
    log: BTreeMap<String, i64>,
}

impl Database {
    fn new() -> Self {
        let mut database = Self::default();
        database.put(INTEGRATION.to_owned(), |revision| {
            let wire = v1::Integration {
                endpoint_type: v1::EndpointType::InstanceSpecific.into(),
                external_customer_id: None,
                ..integration(&[])
            };
            resource(INTEGRATION, revision, &wire)
        });
        database
    }

    fn write(&mut self, write: &Write) {
        match *write {
            Write::Deploy { deployment: n, customer, good, paused, token } => {
                let name = deployment_name(n);
                let url = if good { "http://flows.example/" } else { "ftp://flows.example/" };
                let wire = v1::Deployment {
                    paused,
                    endpoint_tokens: vec![format!("token-{n}-{token}")],
                    ..deployment(&customer_name(customer), url)
                };
                self.put(name.clone(), |revision| resource(&name, revision, &wire));
            }
            Write::Junk { deployment } => {
                let name = deployment_name(deployment);
                self.put(name.clone(), |revision| junk(&name, revision));
            }
            Write::Remove { deployment } => self.remove(&deployment_name(deployment)),
            Write::Customer { customer: n, there: true } => {
                let name = customer_name(n);
                self.put(name.clone(), |revision| resource(&name, revision, &customer(CUSTOMERS[n])));
            }
            Write::Customer { customer, there: false } => self.remove(&customer_name(customer)),
        }
    }

    fn put(&mut self, name: String, make: impl FnOnce(i64) -> v1::Resource) {
        self.revision += 1;
        self.log.insert(name.clone(), self.revision);
        self.resources.insert(name, make(self.revision));
    }

    fn remove(&mut self, name: &str) {
        self.revision += 1;
        self.log.insert(name.to_owned(), self.revision);
        self.resources.remove(name);
    }

    fn snapshot(&self) -> v1::Chunk {
        chunk(self.revision, true, self.resources.values().cloned().collect(), &[])
    }

    /// All changes after a revision, each name once.
    fn changes_after(&self, held: i64) -> v1::Chunk {
        let changed = || self.log.iter().filter(|(_, revision)| **revision > held).map(|(name, _)| name);
        let upserts = changed().filter_map(|name| self.resources.get(name).cloned()).collect();
        let removals: Vec<_> =
            changed().filter(|name| !self.resources.contains_key(*name)).map(String::as_str).collect();
        chunk(self.revision, false, upserts, &removals)
    }
}

fn deployment_name(n: usize) -> String {
    format!("{INTEGRATION}/deployments/d{n}")
}

fn customer_name(n: usize) -> String {
    format!("customers/{}", CUSTOMERS[n])
}

/// Which deployment serves which customer, by token.
fn routes(table: &Table) -> BTreeMap<String, (String, bool)> {
    let tokens = (0..DEPLOYMENTS).flat_map(|n| (0..3).map(move |token| format!("token-{n}-{token}")));
    tokens
        .filter_map(|token| match table.endpoint(&token)?.target {
            pointsman_routing::decide::Target::Deployment(deployment) => {
                Some((token, (deployment.customer.to_string(), deployment.paused)))
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Whatever is served now agrees with what the database says of customer, endpoint and state; and what is not rejected
/// is served.
fn check(holder: &Holder, database: &Database) -> Result<(), TestCaseError> {
    prop_assert_eq!(holder.hash(), fixtures::hash(database.resources.values()));
    prop_assert_eq!(holder.len(), database.resources.len());
    let served = holder.served();
    let mut expected = BTreeMap::new();
    for n in 0..DEPLOYMENTS {
        let name = deployment_name(n);
        let Some(resource) = database.resources.get(&name) else { continue };
        let Ok(wire) = <v1::Deployment as prost::Message>::decode(resource.body.clone()) else { continue };
        let rejected = holder.held.rejections().get(&*name);
        if rejected.is_none_or(|rejected| rejected.serving_previous) {
            expected.insert(wire.endpoint_tokens[0].clone(), (wire.customer, wire.paused));
        }
    }
    prop_assert_eq!(routes(&served.table), expected);
    for (n, external_id) in CUSTOMERS.iter().enumerate() {
        let there = database.resources.contains_key(&customer_name(n));
        let found = served.table.customer_by_external_id(external_id).expect("infallible");
        prop_assert_eq!(found.is_some(), there);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changes_taken_in_are_the_snapshot_taken_in(
        history in prop::collection::vec((write(), delivery()), 0..40),
    ) {
        let mut database = Database::new();
        let mut holder = Holder::default();
        holder.apply(commit(database.snapshot())).expect("a snapshot");
        for (write, delivery) in history {
            database.write(&write);
            let changes = database.changes_after(holder.revision());
            match delivery {
                Delivery::Held => continue,
                Delivery::Change => { holder.apply(commit(changes)).expect("changes"); }
                Delivery::Repeated => {
                    prop_assert_eq!(holder.apply(commit(changes.clone())), Ok(Applied::Taken));
                    prop_assert_eq!(holder.apply(commit(changes)), Ok(Applied::Old));
                }
                Delivery::Snapshot => { holder.apply(commit(database.snapshot())).expect("a snapshot"); }
                Delivery::Restart => {
                    holder = Holder::default();
                    holder.apply(commit(database.snapshot())).expect("a snapshot");
                }
            }
            check(&holder, &database)?;
        }
        let _ = holder.apply(commit(database.changes_after(holder.revision())));
        check(&holder, &database)?;

        // An edge that starts now serves the same, but for last good forms that it has never seen.
        let mut fresh = Holder::default();
        fresh.apply(commit(database.snapshot())).expect("a snapshot");
        check(&fresh, &database)?;
        let kept = holder.held.rejections().values().any(|rejected| rejected.serving_previous);
        if !kept {
            prop_assert_eq!(routes(&fresh.served().table), routes(&holder.served().table));
        }
    }
}
