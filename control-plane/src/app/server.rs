//! The gRPC server on the admin port.

use std::{
    future::Future,
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::Stream;
use pointsman_proto::{
    FILE_DESCRIPTOR_SET,
    admin::v1::{
        access_token_service_server::AccessTokenServiceServer, audit_service_server::AuditServiceServer,
        customer_mapping_service_server::CustomerMappingServiceServer,
        customer_service_server::CustomerServiceServer, deployment_service_server::DeploymentServiceServer,
        edge_service_server::EdgeServiceServer, integration_service_server::IntegrationServiceServer,
        manifest_service_server::ManifestServiceServer,
    },
    edge::v1::config_service_server::ConfigServiceServer,
};
use pointsman_routing::integration::DEFAULT_MAX_BODY_BYTES;
use tonic::{
    server::NamedService,
    service::Routes,
    transport::{self, Server, ServerTlsConfig},
};

use super::{BuildError, Health, incoming::Connection};
use crate::{
    access::Access,
    config::Config,
    fleet::Fleet,
    grpc::{
        AccessTokenService, AuditService, CompleteLayer, CustomerMappingService, CustomerService,
        DeploymentService, IntegrationService, MANIFEST_BYTES_MAX, ManifestService, access::DoorLayer,
        config::ConfigService, edge::EdgeService,
    },
    publisher::Publisher,
    registry::{AccessTokens, Registry},
    store::Store,
    test_endpoint::EndpointTester,
};

/// The longest request, but for manifests and tests.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The longest request of the service that tests endpoints: the body of a sample can be as long as an endpoint takes
/// where it says nothing, and a little longer, to see it refused. Resources have their own, lower bound.
const TEST_BYTES_MAX: usize = DEFAULT_MAX_BODY_BYTES + 2 * 1024 * 1024;
/// For a call to be answered, or a stream to begin. Longer than the longest `WaitForRevision`.
const CALL_TIMEOUT: Duration = Duration::from_secs(330);
/// Calls at a time on one connection.
const STREAMS_PER_CONNECTION: u32 = 256;
/// A connection on which nothing moves is asked for a sign of life.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// For that sign.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// The header block of a request.
const HEADER_BYTES_MAX: u32 = 64 * 1024;

/// All services.
#[derive(Debug)]
pub(super) struct Services {
    routes: Routes,
    /// What edges need of them.
    edge_routes: Routes,
    door: DoorLayer,
    health: Health,
}

/// A server with our bounds.
pub(super) fn builder(tls: Option<ServerTlsConfig>) -> Result<Server, transport::Error> {
    let builder = Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_header_list_size(HEADER_BYTES_MAX);
    match tls {
        Some(tls) => builder.tls_config(tls),
        None => Ok(builder),
    }
}

impl Services {
    pub(super) fn new(
        config: &Config,
        store: Store,
        access: Access,
        registry: Registry,
        fleet: Arc<Fleet>,
        publisher: Publisher,
        health: &Health,
    ) -> Result<Self, BuildError> {
        let urls = &config.public_url;
        let page_key = store.page_key().clone();
        let tester = EndpointTester::new(store, Arc::clone(&config.preprocess), SystemTime::now);
        let integrations = IntegrationService::new(registry.clone(), urls.clone(), tester);
        let customers = CustomerService::new(registry.clone(), urls.clone());
        let mappings = CustomerMappingService::new(registry.clone(), urls.clone());
        let deployments = DeploymentService::new(registry.clone(), urls.clone());
        let tokens = AccessTokens::new(registry.clone(), access.clone());
        let tokens = AccessTokenServiceServer::new(AccessTokenService::new(tokens, page_key))
            .max_decoding_message_size(REQUEST_BYTES_MAX);
        let audit = AuditServiceServer::new(AuditService::new(registry.clone()))
            .max_decoding_message_size(REQUEST_BYTES_MAX);
        let edges = EdgeServiceServer::new(EdgeService::new(fleet, registry.clone()))
            .max_decoding_message_size(REQUEST_BYTES_MAX);
        let manifests = ManifestServiceServer::new(ManifestService::new(registry))
            .max_decoding_message_size(MANIFEST_BYTES_MAX)
            .max_encoding_message_size(MANIFEST_BYTES_MAX);

        let config_service = ConfigServiceServer::new(ConfigService::new(publisher))
            .max_decoding_message_size(REQUEST_BYTES_MAX);
        let mut edge_routes = Routes::builder();
        edge_routes.add_service(config_service.clone());

        let mut routes = Routes::builder();
        routes
            .add_service(
                IntegrationServiceServer::new(integrations).max_decoding_message_size(TEST_BYTES_MAX),
            )
            .add_service(CustomerServiceServer::new(customers).max_decoding_message_size(REQUEST_BYTES_MAX))
            .add_service(
                CustomerMappingServiceServer::new(mappings).max_decoding_message_size(REQUEST_BYTES_MAX),
            )
            .add_service(
                DeploymentServiceServer::new(deployments).max_decoding_message_size(REQUEST_BYTES_MAX),
            )
            .add_service(manifests)
            .add_service(tokens)
            .add_service(audit)
            .add_service(edges)
            .add_service(config_service)
            .add_service(health.service())
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
        Ok(Self {
            routes: routes.routes(),
            edge_routes: edge_routes.routes(),
            door: DoorLayer::new(access),
            health: health.clone(),
        })
    }

    /// Serves edges alone, without TLS, until `stop`, and then until their streams are done.
    pub(super) fn serve_edges<I, S>(
        &self,
        incoming: I,
        stop: S,
    ) -> impl Future<Output = Result<(), transport::Error>> + use<I, S>
    where
        I: Stream<Item = io::Result<Connection>>,
        S: Future<Output = ()>,
    {
        let (routes, door) = (self.edge_routes.clone(), self.door.clone());
        async {
            let mut builder = builder(None)?.layer(CompleteLayer::new(CALL_TIMEOUT)).layer(door);
            builder.add_routes(routes).serve_with_incoming_shutdown(incoming, stop).await
        }
    }

    /// Serves until `stop`, and then until the calls under way are done.
    pub(super) async fn serve(
        self,
        builder: Server,
        incoming: impl Stream<Item = io::Result<Connection>>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), transport::Error> {
        self.health.start().await;
        let mut builder = builder.layer(CompleteLayer::new(CALL_TIMEOUT)).layer(self.door);
        builder.add_routes(self.routes).serve_with_incoming_shutdown(incoming, stop).await
    }
}

/// Of what is served here: the descriptors also hold what Preprocess services serve.
fn reflection() -> tonic_reflection::server::Builder<'static> {
    [
        IntegrationServiceServer::<IntegrationService>::NAME,
        CustomerServiceServer::<CustomerService>::NAME,
        CustomerMappingServiceServer::<CustomerMappingService>::NAME,
        DeploymentServiceServer::<DeploymentService>::NAME,
        ManifestServiceServer::<ManifestService>::NAME,
        AccessTokenServiceServer::<AccessTokenService>::NAME,
        AuditServiceServer::<AuditService>::NAME,
        EdgeServiceServer::<EdgeService>::NAME,
        ConfigServiceServer::<ConfigService>::NAME,
        tonic_health::pb::health_server::SERVICE_NAME,
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ]
    .into_iter()
    .fold(
        tonic_reflection::server::Builder::configure(),
        tonic_reflection::server::Builder::with_service_name,
    )
    .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
    .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
    .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
}
