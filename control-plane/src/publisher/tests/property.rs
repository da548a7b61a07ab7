//! For any sequence of changes, with disconnects, duplicates, drift and restarts anywhere: what deltas make of an edge
//! is what a snapshot would have made of it, by content and by hash.

use std::{collections::BTreeMap, ops::ControlFlow};

use futures::StreamExt as _;
use pointsman_proto::edge::{hash::ConfigHash, v1};
use pointsman_routing::{
    deployment::DeploymentSpec,
    integration::IntegrationSpec,
    name::{CustomerId, DeploymentName, IntegrationId, MappingName},
};
use proptest::prelude::*;

use super::super::Settings;
use crate::{
    domain::{CustomerSpec, MappingSpec},
    grpc::convert,
    store::{StoreError, WriteTransaction},
    testkit::{
        Plane, acme,
        edge::{Edge, Holdings},
        patient, put_acme, put_customer, put_deployment, put_mapping,
    },
};

const EDGES: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    /// Several changes in one transaction.
    Write(Vec<Change>),
    /// An edge takes in and acknowledges one commit, if there is one.
    Follow(usize),
    /// An edge leaves after so many messages, in the middle of a commit, say.
    Leave { edge: usize, after: usize },
    /// An edge loses a resource, as by a fault of its own.
    Drift(usize),
    /// An edge says again what it said before.
    Repeat(usize),
    /// An edge forgets everything.
    Forget(usize),
    /// The control plane's publisher starts over.
    Restart,
}

/// Each puts the resource in or, where it is there, removes it with all that needs it, or changes it.
#[derive(Clone, Debug)]
enum Change {
    Customer(u8, u8),
    NoCustomer(u8),
    Integration(u8, i32),
    NoIntegration(u8),
    Mapping(u8, u8, u8),
    NoMapping(u8, u8),
    Deployment(u8, u8, bool),
    NoDeployment(u8, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let id = || 0..3_u8;
    prop_oneof![
        (id(), any::<u8>()).prop_map(|(c, value)| Change::Customer(c, value)),
        id().prop_map(Change::NoCustomer),
        (id(), 1..9_i32).prop_map(|(i, value)| Change::Integration(i, value)),
        id().prop_map(Change::NoIntegration),
        (id(), id(), id()).prop_map(|(i, m, c)| Change::Mapping(i, m, c)),
        (id(), id()).prop_map(|(i, m)| Change::NoMapping(i, m)),
        (id(), id(), any::<bool>()).prop_map(|(i, d, paused)| Change::Deployment(i, d, paused)),
        (id(), id()).prop_map(|(i, d)| Change::NoDeployment(i, d)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let edge = || 0..EDGES;
    prop_oneof![
        6 => prop::collection::vec(change(), 1..6).prop_map(Step::Write),
        4 => edge().prop_map(Step::Follow),
        2 => (edge(), 0..4_usize).prop_map(|(edge, after)| Step::Leave { edge, after }),
        1 => edge().prop_map(Step::Drift),
        1 => edge().prop_map(Step::Repeat),
        1 => edge().prop_map(Step::Forget),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn deltas_applied_are_the_snapshot_taken(steps in prop::collection::vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}

async fn run(steps: Vec<Step>) {
    // Small chunks, so that there is a middle of a commit to leave in.
    let settings = Settings { chunk_items: 2, ..patient() };
    let mut plane = Plane::new(settings.clone());
    let mut model = Model::default();
    let mut edges: [Option<Edge>; EDGES] = [const { None }; EDGES];
    let mut held: [Holdings; EDGES] = Default::default();
    // Of its own fault an edge can hold something else; without one, no repair may be needed.
    let mut drifted = [false; EDGES];
    // What is stored at each revision: an edge can be sent a commit from before the latest write.
    let mut states = BTreeMap::from([(0, BTreeMap::new())]);
    for step in steps {
        match step {
            Step::Write(changes) => {
                let changes: Vec<_> = changes.into_iter().filter(|change| model.apply(change)).collect();
                plane.write(move |tx| changes.iter().for_each(|change| change.write(tx))).await;
                states.insert(model.revision(&plane), truth(&plane).await.0);
            }
            Step::Follow(index) => {
                let edge = connected(&plane, &mut edges[index], &held[index], index).await;
                if edge.holdings.revision < model.revision(&plane) {
                    let was_empty = edge.holdings.revision == 0;
                    let commit = edge.follow().await;
                    assert!(!commit.full || was_empty || drifted[index], "a snapshot that nobody needs");
                    drifted[index] &= !commit.full;
                    if !drifted[index] {
                        assert_eq!(edge.holdings.resources, states[&edge.holdings.revision]);
                    }
                }
                held[index] = edge.holdings.clone();
            }
            Step::Leave { edge: index, after } => {
                let edge = connected(&plane, &mut edges[index], &held[index], index).await;
                for _ in 0..after.min(usize::from(edge.holdings.revision < model.revision(&plane))) {
                    // A commit that is not complete leaves nothing behind.
                    let _ = edge.messages().next().await;
                }
                edges[index] = None;
            }
            Step::Drift(index) => {
                drifted[index] = true;
                if let Some(edge) = &mut edges[index] {
                    edge.holdings.resources.pop_first();
                }
                held[index].resources.pop_first();
            }
            Step::Repeat(index) => {
                if let Some(edge) = &edges[index]
                    && edge.holdings.revision > 0
                {
                    edge.ack().await;
                    edge.beat().await;
                }
            }
            Step::Forget(index) => {
                edges[index] = None;
                held[index] = Holdings::default();
                drifted[index] = false;
            }
            Step::Restart => {
                edges = [const { None }; EDGES];
                plane = plane.restart(settings.clone());
            }
        }
    }
    let (expected, hash) = truth(&plane).await;
    for (index, held) in held.into_iter().enumerate() {
        drop(edges[index].take());
        let mut edge = Edge::attach(&plane, &format!("e{index}"), held).await;
        // A snapshot that another edge is just being sent can be older than the head, and a delta follows it. Only where
        // the edge was at fault a repair comes as well.
        edge.follow().await;
        while edge.holdings.revision < model.revision(&plane) {
            edge.follow().await;
        }
        if drifted[index] && edge.holdings.hash() != hash {
            edge.follow().await;
        }
        assert_eq!(edge.holdings.resources, expected);
        assert_eq!(edge.holdings.hash(), hash);
        assert_eq!(edge.holdings.revision, plane.store.revisions().borrow().number());
        // Our own sum, kept change by change, is the same, or this would not count as acknowledged.
        let goal = crate::fleet::Goal {
            revision: *plane.store.revisions().borrow(),
            edges: [format!("edges/e{index}").parse().unwrap()].into(),
            min_edges: 0,
        };
        assert!(plane.fleet.wait(&goal, std::time::Duration::from_secs(5)).await.reached);
    }
}

async fn connected<'e>(
    plane: &Plane,
    edge: &'e mut Option<Edge>,
    held: &Holdings,
    index: usize,
) -> &'e mut Edge {
    if edge.is_none() {
        *edge = Some(Edge::attach(plane, &format!("e{index}"), held.clone()).await);
    }
    edge.as_mut().unwrap()
}

/// What is in the store, read afresh.
async fn truth(plane: &Plane) -> (BTreeMap<String, v1::Resource>, ConfigHash) {
    let read = plane.store.read(|view| {
        let mut resources = BTreeMap::new();
        view.for_each_resource(None, |resource| {
            let resource = convert::edge::resource(&resource);
            resources.insert(resource.name.clone(), resource);
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        Ok::<_, StoreError>(resources)
    });
    let resources = read.await.unwrap();
    let hash = resources.values().map(ConfigHash::from).sum();
    (resources, hash)
}

/// What is there, so that every transaction is one that the store takes.
#[derive(Default)]
struct Model {
    customers: std::collections::BTreeSet<u8>,
    integrations: std::collections::BTreeSet<u8>,
    mappings: BTreeMap<(u8, u8), u8>,
    deployments: std::collections::BTreeSet<(u8, u8)>,
}

impl Model {
    fn revision(&self, plane: &Plane) -> i64 {
        plane.store.revisions().borrow().number()
    }

    /// Whether the change can be made.
    fn apply(&mut self, change: &Change) -> bool {
        match *change {
            Change::Customer(c, _) => {
                self.customers.insert(c);
                true
            }
            Change::NoCustomer(c) => {
                let used = self.mappings.values().any(|customer| *customer == c)
                    || self.deployments.iter().any(|(_, d)| *d == c);
                !used && self.customers.remove(&c)
            }
            Change::Integration(i, _) => {
                self.integrations.insert(i);
                true
            }
            Change::NoIntegration(i) => {
                let used = self.mappings.keys().any(|(integration, _)| *integration == i)
                    || self.deployments.iter().any(|(integration, _)| *integration == i);
                !used && self.integrations.remove(&i)
            }
            Change::Mapping(i, m, c) => {
                let possible = self.integrations.contains(&i) && self.customers.contains(&c);
                if possible {
                    self.mappings.insert((i, m), c);
                }
                possible
            }
            Change::NoMapping(i, m) => self.mappings.remove(&(i, m)).is_some(),
            Change::Deployment(i, d, _) => {
                let possible = self.integrations.contains(&i) && self.customers.contains(&d);
                if possible {
                    self.deployments.insert((i, d));
                }
                possible
            }
            Change::NoDeployment(i, d) => self.deployments.remove(&(i, d)),
        }
    }
}

impl Change {
    fn write(&self, tx: &mut WriteTransaction<'_>) {
        let integration = |i: u8| format!("i{i}");
        let mapping = |i: u8, m: u8| format!("integrations/i{i}/customerMappings/m{m}");
        let deployment = |i: u8, d: u8| format!("integrations/i{i}/deployments/d{d}");
        match *self {
            Self::Customer(c, value) => put_customer(tx, &format!("c{c}"), &format!("{c}-{value}")),
            Self::NoCustomer(c) => {
                tx.remove::<CustomerSpec>(&CustomerId::parse(&format!("c{c}")).unwrap()).unwrap();
            }
            Self::Integration(i, value) => {
                put_acme(tx, &integration(i), IntegrationSpec { max_body_bytes: value, ..acme() });
            }
            Self::NoIntegration(i) => {
                tx.remove::<IntegrationSpec>(&IntegrationId::parse(&integration(i)).unwrap()).unwrap();
            }
            Self::Mapping(i, m, c) => put_mapping(tx, &mapping(i, m), &format!("s{m}"), &format!("c{c}")),
            Self::NoMapping(i, m) => {
                tx.remove::<MappingSpec>(&mapping(i, m).parse::<MappingName>().unwrap()).unwrap();
            }
            Self::Deployment(i, d, paused) => {
                put_deployment(tx, &integration(i), &format!("d{d}"), &format!("c{d}"), paused);
            }
            Self::NoDeployment(i, d) => {
                tx.remove::<DeploymentSpec>(&deployment(i, d).parse::<DeploymentName>().unwrap()).unwrap();
            }
        }
    }
}
