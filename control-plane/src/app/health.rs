//! `grpc.health.v1` for every service.

use std::time::Duration;

use tokio::time::timeout;
use tonic_health::{
    ServingStatus,
    pb::health_server,
    server::{HealthReporter, HealthService},
};

use crate::store::{Condition, Store};

/// The services that need the database to take writes.
const WRITING: [&str; 6] = [
    "pointsman.admin.v1.AccessTokenService",
    "pointsman.admin.v1.CustomerMappingService",
    "pointsman.admin.v1.CustomerService",
    "pointsman.admin.v1.DeploymentService",
    "pointsman.admin.v1.IntegrationService",
    "pointsman.admin.v1.ManifestService",
];
/// Those that do not, and the whole under the empty name: edges and everybody who reads are served all the same.
const READING: [&str; 4] = [
    "",
    "pointsman.admin.v1.AuditService",
    "pointsman.admin.v1.EdgeService",
    "pointsman.edge.v1.ConfigService",
];
/// While writes fail, somebody tries one so often, so that it is known when they do not any more.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

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
        self.set(&WRITING, ServingStatus::Serving).await;
        self.set(&READING, ServingStatus::Serving).await;
    }

    /// Follows whether `store` keeps writes, and says so of the services that write.
    pub(super) async fn follow(self, store: Store) {
        let mut condition = store.condition();
        loop {
            let now = *condition.borrow_and_update();
            match now {
                Condition::Well => {
                    self.set(&WRITING, ServingStatus::Serving).await;
                    if condition.changed().await.is_err() {
                        // The store is closed.
                        return;
                    }
                }
                Condition::Failing => {
                    self.set(&WRITING, ServingStatus::NotServing).await;
                    if let Ok(Err(_)) = timeout(PROBE_INTERVAL, condition.changed()).await {
                        return;
                    }
                    // What comes of it is told as the condition.
                    let _ = store.probe().await;
                }
            }
        }
    }

    /// Not any more. Whoever watches is told, and its stream ends, so that it holds nobody up.
    pub(super) async fn stop(&mut self) {
        for services in [&WRITING[..], &READING] {
            self.set(services, ServingStatus::NotServing).await;
        }
        for service in WRITING.into_iter().chain(READING) {
            self.reporter.clear_service_status(service).await;
        }
    }

    async fn set(&self, services: &[&str], status: ServingStatus) {
        for service in services {
            self.reporter.set_service_status(*service, status).await;
        }
    }
}
