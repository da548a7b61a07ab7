//! `grpc.health.v1` for every service.

use tonic_health::{
    ServingStatus,
    pb::health_server,
    server::{HealthReporter, HealthService},
};

/// Every service that is reported, and the whole under the empty name.
const SERVICES: [&str; 8] = [
    "",
    "pointsman.admin.v1.CustomerMappingService",
    "pointsman.admin.v1.CustomerService",
    "pointsman.admin.v1.DeploymentService",
    "pointsman.admin.v1.EdgeService",
    "pointsman.admin.v1.IntegrationService",
    "pointsman.admin.v1.ManifestService",
    "pointsman.edge.v1.ConfigService",
];

/// What is said of our health.
#[derive(Clone, Debug)]
pub(super) struct Health {
    reporter: HealthReporter,
}

impl Health {
    pub(super) fn new() -> Self {
        Self { reporter: HealthReporter::new() }
    }

    /// The service that says it.
    pub(super) fn service(&self) -> health_server::HealthServer<HealthService> {
        health_server::HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// All is well from here on.
    pub(super) async fn start(&self) {
        self.set(ServingStatus::Serving).await;
    }

    /// Not any more. Whoever watches is told, and its stream ends, so that it holds nobody up.
    pub(super) async fn stop(&mut self) {
        self.set(ServingStatus::NotServing).await;
        for service in SERVICES {
            self.reporter.clear_service_status(service).await;
        }
    }

    async fn set(&self, status: ServingStatus) {
        for service in SERVICES {
            self.reporter.set_service_status(service, status).await;
        }
    }
}
