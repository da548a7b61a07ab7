//! For tests: a store in a folder of its own, a publisher and the services over it, and an edge that does as it is told.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use pointsman_proto::{
    admin::v1::{
        edge_service_client::EdgeServiceClient, edge_service_server::EdgeServiceServer,
        integration_service_client::IntegrationServiceClient,
        integration_service_server::IntegrationServiceServer,
    },
    edge::v1::{config_service_client::ConfigServiceClient, config_service_server::ConfigServiceServer},
    preprocess::v1::PreprocessRequest,
};
use pointsman_routing::{
    deployment::{DeploymentSpec, FlowEndpointSpec},
    integration::{EndpointType, FlowSpec, IntegrationSpec, Preprocess},
    name::EdgeId,
    outcome::Refusal,
    results::Reply,
    source::ValueSourceSpec,
    table::EndpointToken,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::{
    PreprocessCaller, PublicUrl,
    domain::{CustomerSpec, DeploymentTokens, Kind, MappingSpec, Meta, Owner, Resource, Revision},
    fleet::{self, Fleet},
    grpc::{IntegrationService, config::ConfigService, edge::EdgeService},
    publisher::{Publisher, Settings},
    registry::Registry,
    store::{Keep, Store, StoreError, Table, WriteTransaction},
    test_endpoint::EndpointTester,
};

pub(crate) mod edge;

/// A store with a publisher, without sockets.
pub(crate) struct Plane {
    pub(crate) store: Store,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) publisher: Publisher,
    data: Option<tempfile::TempDir>,
}

/// Settings under which nothing happens by itself while a test runs.
pub(crate) fn patient() -> Settings {
    let long = Duration::from_secs(600);
    Settings { hello_timeout: long, heartbeat: long, commit_timeout: long, ..Settings::default() }
}

impl Plane {
    pub(crate) fn new(settings: Settings) -> Self {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(data.path()).unwrap();
        Self { data: Some(data), ..Self::over(store, settings) }
    }

    pub(crate) fn over(store: Store, settings: Settings) -> Self {
        let fleet = Arc::new(Fleet::new(SystemTime::now));
        let publisher = Publisher::new(store.clone(), Arc::clone(&fleet), settings);
        Self { store, fleet, publisher, data: None }
    }

    /// The folder of its database.
    pub(crate) fn data(&self) -> &std::path::Path {
        self.data.as_ref().expect("a folder of its own").path()
    }

    /// The same store under a publisher that knows nothing yet.
    pub(crate) fn restart(self, settings: Settings) -> Self {
        Self { data: self.data, ..Self::over(self.store, settings) }
    }

    /// One transaction.
    pub(crate) async fn write(
        &self,
        write: impl FnOnce(&mut WriteTransaction<'_>) + Send + 'static,
    ) -> Revision {
        let kept = self.store.write::<_, StoreError, _>(Keep::Changes, |tx| {
            write(tx);
            Ok(())
        });
        kept.await.unwrap().revision
    }

    /// Waits until the fleet knows something of an edge.
    pub(crate) async fn until(&self, edge: &str, known: impl Fn(&fleet::Edge) -> bool) -> fleet::Edge {
        let id = EdgeId::parse(edge).unwrap();
        let seen = async {
            loop {
                if let Some(edge) = self.fleet.edge(&id).filter(|edge| known(edge)) {
                    return edge;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), seen).await.expect("the fleet hears of it")
    }

    /// One customer in one transaction.
    pub(crate) async fn customer(&self, id: &str, external_id: &str) -> Revision {
        let (id, external_id) = (id.to_owned(), external_id.to_owned());
        self.write(move |tx| put_customer(tx, &id, &external_id)).await
    }

    pub(crate) async fn serve(self) -> Served {
        self.serve_with(Arc::new(NoService)).await
    }

    pub(crate) async fn serve_with(self, preprocess: Arc<dyn PreprocessCaller>) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let registry = Registry::new(self.store.clone(), SystemTime::now);
        let tester = EndpointTester::new(self.store.clone(), preprocess, SystemTime::now);
        let edges = EdgeService::new(Arc::clone(&self.fleet), registry.clone());
        let integrations = IntegrationService::new(registry, PublicUrl::default(), tester);
        let server = tonic::transport::Server::builder()
            .add_service(IntegrationServiceServer::new(integrations).max_decoding_message_size(usize::MAX))
            .add_service(ConfigServiceServer::new(ConfigService::new(self.publisher.clone())))
            .add_service(EdgeServiceServer::new(edges))
            .serve_with_incoming(TcpListenerStream::new(listener));
        Served { addr, plane: self, server: tokio::spawn(async { server.await.unwrap() }) }
    }
}

/// For tests that call no service.
struct NoService;

#[async_trait::async_trait]
impl PreprocessCaller for NoService {
    async fn call(&self, service: &Preprocess, _request: PreprocessRequest) -> Result<Reply, Refusal> {
        panic!("{service:?} is called")
    }
}

/// The same behind a socket.
pub(crate) struct Served {
    pub(crate) addr: SocketAddr,
    pub(crate) plane: Plane,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Served {
    async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.addr)).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn config(&self) -> ConfigServiceClient<Channel> {
        ConfigServiceClient::new(self.channel().await)
    }

    pub(crate) async fn integrations(&self) -> IntegrationServiceClient<Channel> {
        IntegrationServiceClient::new(self.channel().await)
    }

    pub(crate) async fn edges(&self) -> EdgeServiceClient<Channel> {
        EdgeServiceClient::new(self.channel().await)
    }
}

/// Puts a resource in, at the transaction's revision.
pub(crate) fn put<K: Table>(tx: &mut WriteTransaction<'_>, name: &str, spec: K, tokens: K::Tokens) {
    let resource = resource(name, spec, tokens, tx.revision());
    tx.put(&resource).unwrap();
}

pub(crate) fn resource<K: Kind>(name: &str, spec: K, tokens: K::Tokens, revision: Revision) -> Resource<K> {
    let meta = Meta {
        uid: Uuid::nil(),
        display_name: String::new(),
        owner: Owner::default(),
        create_time: UNIX_EPOCH,
        update_time: UNIX_EPOCH,
        revision,
    };
    Resource { name: name.parse().unwrap(), meta, spec, tokens }
}

pub(crate) fn put_customer(tx: &mut WriteTransaction<'_>, id: &str, external_id: &str) {
    let spec = CustomerSpec { external_id: external_id.to_owned() };
    put(tx, &format!("customers/{id}"), spec, ());
}

pub(crate) fn put_mapping(tx: &mut WriteTransaction<'_>, name: &str, source: &str, customer: &str) {
    let spec =
        MappingSpec { source_customer_id: source.to_owned(), customer: format!("customers/{customer}") };
    put(tx, name, spec, ());
}

/// The tutorial's Acme ERP, from references: a mapping table for the customer, a value table for the flow.
pub(crate) fn acme() -> IntegrationSpec {
    let flow = |key: &str, name: &str| FlowSpec { key: key.to_owned(), name: name.to_owned() };
    let values = [("inventory_update", "Update Inventory"), ("create_order", "Create Order")];
    IntegrationSpec {
        flows: vec![flow("update-inventory", "Update Inventory"), flow("create-order", "Create Order")],
        endpoint_type: Some(EndpointType::Shared),
        external_customer_id: Some(ValueSourceSpec {
            reference: Some("results.body.data.customerId".to_owned()),
            lookup_customer_mappings: true,
            ..ValueSourceSpec::default()
        }),
        flow_name: Some(ValueSourceSpec {
            reference: Some("results.body.data.type".to_owned()),
            values: values.map(|(from, to)| (from.to_owned(), to.to_owned())).into(),
            ..ValueSourceSpec::default()
        }),
        ..IntegrationSpec::default()
    }
}

pub(crate) fn put_acme(tx: &mut WriteTransaction<'_>, id: &str, spec: IntegrationSpec) {
    let token = EndpointToken::parse(&format!("secret-token-of-{id}")).unwrap();
    put(tx, &format!("integrations/{id}"), spec, vec![token]);
}

/// A deployment of both of Acme ERP's flows.
pub(crate) fn put_deployment(
    tx: &mut WriteTransaction<'_>,
    integration: &str,
    id: &str,
    customer: &str,
    paused: bool,
) {
    let endpoint = |path: &str| FlowEndpointSpec {
        url: format!("http://127.0.0.1:9001/{id}/{path}"),
        headers: BTreeMap::from([("authorization".to_owned(), format!("Bearer secret-of-{id}"))]),
        ..FlowEndpointSpec::default()
    };
    let token =
        |of: &str| vec![EndpointToken::parse(&format!("secret-token-of-{integration}-{id}-{of}")).unwrap()];
    let flows = ["update-inventory", "create-order"];
    let spec = DeploymentSpec {
        customer: format!("customers/{customer}"),
        paused,
        flow_endpoints: flows.map(|flow| (flow.to_owned(), endpoint(flow))).into(),
    };
    let tokens = DeploymentTokens {
        endpoint_type: None,
        own: token("own"),
        flows: flows.map(|flow| (flow.to_owned(), token(flow))).into(),
    };
    put(tx, &format!("integrations/{integration}/deployments/{id}"), spec, tokens);
}
