//! Whatever is written, and wherever streams are cut, control planes and edges started again, databases swapped, resources
//! unusable and configurations held back: what an edge has acknowledged is what the database says, by hash (else it is
//! never acknowledged as good) and as senders see it. A deployment that has moved to another customer is never served
//! under the old one after its revision was acknowledged or rejected.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use pointsman_control_plane as control_plane;
use pointsman_edge as edge;
use pointsman_proto::admin::v1::{
    AcceptConfigurationRequest, DeleteDeploymentRequest, Deployment, FlowEndpoint, GetEdgeRequest,
    PauseDeploymentRequest, ResumeDeploymentRequest, UpdateDeploymentRequest, WaitForRevisionRequest,
};
use pointsman_sdk::admin::AdminClient;
use pointsman_tests::{
    receiver::Receiver,
    sandbox::{EdgePreprocess, hook_path, read_manifest},
    sender::{self, Version},
    soon,
};
use proptest::prelude::*;
use rusqlite::params;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Mutex,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

const EDGE: &str = "edges/e";
const DEPLOYMENTS: u8 = 4;

#[derive(Clone, Debug)]
enum Step {
    /// A deployment is made for a customer, or moved to it.
    Put(u8, u8),
    Pause(u8, bool),
    Remove(u8),
    /// A deployment becomes one that no edge can use, and another customer's; while the control plane is stopped.
    Unusable(u8, u8),
    /// All connections between edge and control plane break.
    Cut,
    RestartControlPlane,
    RestartEdge,
    /// The control plane gets the other database.
    Swap,
    /// An admin accepts what is held back.
    Accept,
    /// What the edge has acknowledged is held against the database.
    Look,
}

fn step() -> impl Strategy<Value = Step> {
    let (deployment, customer) = (|| 0..DEPLOYMENTS, || 0..3_u8);
    prop_oneof![
        8 => (deployment(), customer()).prop_map(|(d, c)| Step::Put(d, c)),
        2 => (deployment(), any::<bool>()).prop_map(|(d, paused)| Step::Pause(d, paused)),
        2 => deployment().prop_map(Step::Remove),
        2 => (deployment(), customer()).prop_map(|(d, c)| Step::Unusable(d, c)),
        2 => Just(Step::Cut),
        1 => Just(Step::RestartControlPlane),
        1 => Just(Step::RestartEdge),
        2 => Just(Step::Swap),
        2 => Just(Step::Accept),
        6 => Just(Step::Look),
    ]
}

/// Sequences of steps: few, or `CONVERGENCE_CASES`.
fn cases() -> u32 {
    std::env::var("CONVERGENCE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_acknowledged_is_what_the_database_says(steps in prop::collection::vec(step(), 8..24)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut world = World::start().await;
            for step in &steps {
                world.take(step).await;
            }
            world.look().await;
        });
    }
}

/// What a database says of a deployment.
#[derive(Clone, Debug)]
struct Known {
    customer: u8,
    paused: bool,
    usable: bool,
    path: String,
}

struct Database {
    data: TempDir,
    deployments: BTreeMap<u8, Known>,
    revision: i64,
}

/// What a sender gets at an endpoint: the customer whose flow answers, where one does.
type Seen = (StatusCode, String);

struct World {
    databases: [Database; 2],
    current: usize,
    control_plane: Option<control_plane::Running>,
    admin_addr: SocketAddr,
    admin: AdminClient,
    line: Line,
    edge: Option<edge::Running>,
    flow: Receiver,
    /// Every endpoint that there ever was, and what was seen there when it was looked at last.
    seen: BTreeMap<String, Seen>,
}

impl World {
    async fn start() -> Self {
        let database = || Database {
            data: TempDir::new().expect("a folder"),
            deployments: BTreeMap::new(),
            revision: 0,
        };
        let databases = [database(), database()];
        let control_plane =
            start_control_plane(&databases[0].data, SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let admin_addr = control_plane.admin_addr();
        let line = Line::to(admin_addr).await;
        let edge = start_edge(line.addr).await;
        let flow = Receiver::answering(|received| {
            Response::new(Full::from(received.header("pointsman-customer").to_owned()))
        });
        let mut world = Self {
            databases,
            current: 0,
            control_plane: Some(control_plane),
            admin_addr,
            admin: AdminClient::connect(&format!("http://{admin_addr}")).await.expect("a connection"),
            line,
            edge: Some(edge),
            flow: flow.await,
            seen: BTreeMap::new(),
        };
        world.fill().await;
        world
    }

    /// Puts in what never changes.
    async fn fill(&mut self) {
        let customers =
            [0, 1, 2].map(|n| json!({"name": format!("customers/c{n}"), "externalId": format!("x{n}")}));
        let manifest = json!({
            "integrations": [{"name": "integrations/i", "flows": [{"key": "f"}],
                "endpoint": {"type": "ENDPOINT_TYPE_INSTANCE_SPECIFIC"}}],
            "customers": customers,
        });
        let request = pointsman_proto::admin::v1::ApplyManifestRequest {
            manifest: Some(read_manifest(&manifest)),
            ..Default::default()
        };
        self.database().revision = self.admin.apply_manifest(request).await.expect("it is done").revision;
    }

    fn database(&mut self) -> &mut Database {
        &mut self.databases[self.current]
    }

    async fn take(&mut self, step: &Step) {
        match *step {
            Step::Put(d, customer) => self.put(d, customer).await,
            Step::Pause(d, paused) => self.pause(d, paused).await,
            Step::Remove(d) => {
                if self.database().deployments.remove(&d).is_some() {
                    let request = DeleteDeploymentRequest { name: name(d), ..Default::default() };
                    self.database().revision =
                        self.admin.delete_deployment(request).await.expect("it is done").revision;
                }
            }
            Step::Unusable(d, customer) => self.make_unusable(d, customer).await,
            Step::Cut => self.line.cut().await,
            Step::RestartControlPlane => self.restart_control_plane(|_| {}).await,
            Step::RestartEdge => {
                if let Some(edge) = self.edge.take() {
                    soon("the edge drains", edge.drain()).await;
                }
                self.edge = Some(start_edge(self.line.addr).await);
            }
            Step::Swap => {
                // So that it is known what is served from here on where the other one is held back.
                self.look().await;
                self.current = 1 - self.current;
                self.restart_control_plane(|_| {}).await;
                if self.database().revision == 0 {
                    self.fill().await;
                }
            }
            Step::Accept => {
                if self.settle().await == Settled::HeldBack {
                    let request = AcceptConfigurationRequest { name: EDGE.to_owned(), ..Default::default() };
                    self.admin.accept_configuration(request).await.expect("it is done");
                    assert_eq!(self.settle().await, Settled::TakenIn, "what was accepted is taken in");
                    self.look().await;
                }
            }
            Step::Look => self.look().await,
        }
    }

    async fn put(&mut self, d: u8, customer: u8) {
        let endpoint = FlowEndpoint { url: self.flow.url("/"), ..FlowEndpoint::default() };
        let deployment = Deployment {
            name: name(d),
            customer: format!("customers/c{customer}"),
            flow_endpoints: BTreeMap::from([("f".to_owned(), endpoint)]),
            ..Deployment::default()
        };
        let request = UpdateDeploymentRequest {
            deployment: Some(deployment),
            allow_missing: true,
            ..UpdateDeploymentRequest::default()
        };
        let answer = self.admin.update_deployment(request).await.expect("it is done");
        let path = hook_path(&answer.deployment.expect("a deployment").endpoint_url);
        self.seen.entry(path.clone()).or_insert((StatusCode::NOT_FOUND, String::new()));
        let database = self.database();
        database.revision = answer.revision;
        let paused = database.deployments.get(&d).is_some_and(|known| known.paused);
        database.deployments.insert(d, Known { customer, paused, usable: true, path });
    }

    async fn pause(&mut self, d: u8, paused: bool) {
        let Some(known) = self.database().deployments.get_mut(&d).filter(|known| known.usable) else {
            return;
        };
        known.paused = paused;
        let name = name(d);
        self.database().revision = if paused {
            let request = PauseDeploymentRequest { name, ..Default::default() };
            self.admin.pause_deployment(request).await.expect("it is done").revision
        } else {
            let request = ResumeDeploymentRequest { name, ..Default::default() };
            self.admin.resume_deployment(request).await.expect("it is done").revision
        };
    }

    /// As a control plane with laxer rules would have written it.
    async fn make_unusable(&mut self, d: u8, customer: u8) {
        if !self.database().deployments.contains_key(&d) {
            return;
        }
        self.restart_control_plane(|database| {
            database.revision += 1;
            let known = database.deployments.get_mut(&d).expect("it is there");
            (known.customer, known.usable) = (customer, false);
            let mut connection =
                rusqlite::Connection::open(database.data.path().join("pointsman.db")).expect("the database");
            let tx = connection.transaction().expect("a transaction");
            let (name, revision) = (name(d), database.revision);
            tx.execute("UPDATE flow_endpoints SET url = 'ftp://h/' WHERE deployment = ?1", [&name])
                .expect("it is done");
            tx.execute(
                "UPDATE deployments SET customer = ?2, revision = ?3 WHERE name = ?1",
                params![name, format!("customers/c{customer}"), revision],
            )
            .expect("it is done");
            tx.execute("UPDATE changes SET revision = ?2 WHERE name = ?1", params![name, revision])
                .expect("it is done");
            tx.execute("UPDATE meta SET revision = ?1", [revision]).expect("it is done");
            tx.commit().expect("committed");
        })
        .await;
    }

    async fn restart_control_plane(&mut self, while_stopped: impl FnOnce(&mut Database)) {
        self.line.cut().await;
        if let Some(control_plane) = self.control_plane.take() {
            soon("the control plane stops", control_plane.drain()).await;
        }
        while_stopped(self.database());
        self.control_plane =
            Some(start_control_plane(&self.databases[self.current].data, self.admin_addr).await);
        self.admin =
            AdminClient::connect(&format!("http://{}", self.admin_addr)).await.expect("a connection");
    }

    /// Waits until the edge has acknowledged the latest revision, or holds something back.
    async fn settle(&mut self) -> Settled {
        let revision = self.database().revision;
        let settled = async {
            loop {
                let request =
                    WaitForRevisionRequest { revision, edges: vec![EDGE.to_owned()], ..Default::default() };
                let waited = self.admin.wait_for_revision(request).await.expect("an answer");
                let reason = waited.lagging.first().map_or("", |laggard| laggard.reason.as_str());
                if waited.reached || reason.starts_with("rejects") {
                    return Settled::TakenIn;
                }
                if reason.starts_with("holds back") {
                    return Settled::HeldBack;
                }
            }
        };
        soon("the edge settles", settled).await
    }

    /// Holds what senders see against what the database says, or, where that is held back, against what they saw before.
    async fn look(&mut self) {
        let settled = self.settle().await;
        let now = self.send_everywhere().await;
        if settled == Settled::HeldBack {
            assert_eq!(now, self.seen, "what was served before the databases were swapped is served still");
            return;
        }
        let edge = self
            .admin
            .get_edge(GetEdgeRequest { name: EDGE.to_owned() })
            .await
            .expect("an edge")
            .edge
            .expect("an edge");
        let kept: BTreeMap<_, _> =
            edge.rejections.into_iter().map(|r| (r.name, r.serving_previous)).collect();
        let deployments = &self.databases[self.current].deployments;
        let unusable = deployments.iter().filter(|(_, known)| !known.usable).map(|(d, _)| name(*d));
        assert_eq!(
            kept.keys().cloned().collect::<BTreeSet<_>>(),
            unusable.collect(),
            "each is rejected alone"
        );
        let mut expected: BTreeMap<_, _> =
            now.keys().map(|path| (path.clone(), (StatusCode::NOT_FOUND, String::new()))).collect();
        for (d, known) in deployments {
            if kept.get(&name(*d)) == Some(&false) {
                continue;
            }
            let seen = match known.paused {
                true => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
                false => (StatusCode::OK, format!("x{}", known.customer)),
            };
            expected.insert(known.path.clone(), seen);
        }
        assert_eq!(now, expected);
        self.seen = now;
    }

    async fn send_everywhere(&self) -> BTreeMap<String, Seen> {
        let edge = self.edge.as_ref().expect("an edge");
        let addr = soon("the edge binds its port", edge.edge_addr()).await.expect("a bound edge");
        let mut seen = BTreeMap::new();
        for path in self.seen.keys() {
            let request = Request::get(path.as_str()).body(Full::default()).expect("a request");
            let answer = sender::send(addr, Version::Http1, request).await;
            let customer = match answer.status {
                StatusCode::OK => String::from_utf8(answer.body.to_vec()).expect("text"),
                _ => String::new(),
            };
            seen.insert(path.clone(), (answer.status, customer));
        }
        seen
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    TakenIn,
    HeldBack,
}

fn name(d: u8) -> String {
    format!("integrations/i/deployments/d{d}")
}

async fn start_control_plane(data: &TempDir, listen: SocketAddr) -> control_plane::Running {
    let mut config = control_plane::Config::new(data.path(), Arc::new(EdgePreprocess::new()));
    config.admin_listen = listen;
    config.public_url = control_plane::PublicUrl::known("http://edge.invalid");
    control_plane::App::build(config).await.expect("a control plane").spawn()
}

async fn start_edge(control_plane: SocketAddr) -> edge::Running {
    let mut config = edge::Config::new("e", format!("http://{control_plane}"));
    config.edge_listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.status_listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.longest_pause = Duration::from_millis(20);
    edge::App::build(config).await.expect("an edge").spawn()
}

/// The line between edge and control plane, which can be cut.
struct Line {
    addr: SocketAddr,
    connections: Arc<Mutex<JoinSet<()>>>,
    _listening: AbortOnDropHandle<()>,
}

impl Line {
    async fn to(control_plane: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("its address");
        let connections = Arc::new(Mutex::new(JoinSet::new()));
        let open = Arc::clone(&connections);
        let listening = tokio::spawn(async move {
            loop {
                let (mut edge, _) = listener.accept().await.expect("a connection");
                open.lock().await.spawn(async move {
                    if let Ok(mut plane) = TcpStream::connect(control_plane).await {
                        let _ = tokio::io::copy_bidirectional(&mut edge, &mut plane).await;
                    }
                });
            }
        });
        Self { addr, connections, _listening: AbortOnDropHandle::new(listening) }
    }

    async fn cut(&self) {
        self.connections.lock().await.shutdown().await;
    }
}
