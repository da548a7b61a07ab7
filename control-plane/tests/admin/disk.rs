//! What the database's file does to the API.

use std::time::Duration;

use pointsman_control_plane::{Existing, backup, restore};
use pointsman_proto::admin::v1::ListCustomersRequest;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt as _;

use crate::harness::{ControlPlane, customer};

/// How long anything may take that should happen soon.
const SOON: Duration = Duration::from_secs(30);

async fn health(plane: &ControlPlane, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.to_owned() };
    HealthClient::new(plane.channel()).check(request).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn a_locked_file_is_told_and_health_says_so_until_it_is_let_go() {
    const WRITES: &str = "pointsman.admin.v1.CustomerService";
    let plane = ControlPlane::start().await;
    plane.create_customer("before", customer("", "before")).await.unwrap();
    let request = HealthCheckRequest { service: WRITES.to_owned() };
    let mut watch = HealthClient::new(plane.channel()).watch(request).await.unwrap().into_inner();
    let mut next = async || timeout(SOON, watch.message()).await.unwrap().unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::Serving);

    let other = Connection::open(plane.data().join("pointsman.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = plane.create_customer("during", customer("", "during")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "DATABASE_BUSY");
    assert!(details.retry_info().is_some());
    assert_eq!(next().await, ServingStatus::NotServing);
    for service in ["", "pointsman.edge.v1.ConfigService", "pointsman.admin.v1.EdgeService"] {
        assert_eq!(health(&plane, service).await, ServingStatus::Serving, "{service}");
    }
    // Reads go on.
    let listed = plane.customers().list_customers(ListCustomersRequest::default()).await.unwrap();
    assert_eq!(listed.into_inner().customers.len(), 1);

    other.execute_batch("COMMIT").unwrap();
    assert_eq!(next().await, ServingStatus::Serving, "nobody has written meanwhile");
    assert_eq!(plane.revision().await, 1);
    plane.create_customer("after", customer("", "after")).await.unwrap();
    assert_eq!(plane.revision().await, 2);
}

/// A backup that is made while a control plane runs is what it had then; restored, it has another epoch.
#[tokio::test]
async fn what_was_backed_up_comes_back() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.export().await;
    let out = TempDir::new().unwrap();
    let file = out.path().join("backup.db");
    let made = backup(plane.data(), &file, Existing::Keep).unwrap();
    assert_eq!(made.head.revision.number(), before.revision);
    plane.create_customer("later", customer("", "later")).await.unwrap();
    assert_ne!(plane.export().await, before);

    let data = TempDir::new().unwrap();
    let restored = restore(data.path(), &file, Existing::Keep).unwrap();
    assert_eq!(restored.backed_up, made.head.epoch);
    let other = ControlPlane::on(data).await;
    assert_eq!(other.export().await, before);
    let integration = other.integration("integrations/acme-erp").await;
    assert_eq!(
        integration,
        plane.integration("integrations/acme-erp").await,
        "with its public URL and times"
    );
}
