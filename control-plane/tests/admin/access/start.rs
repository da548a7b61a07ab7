//! Starting beyond loopback, the first token, mutual TLS.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use pointsman_control_plane::{
    App, BuildError,
    grpc::access_token::{OfflineError, create_offline},
};
use pointsman_proto::admin::v1::{access_token::Role, *};
use tempfile::TempDir;

use super::bearer::{create, expiring, token};
use crate::harness::{ControlPlane, config};

fn beyond_loopback(data: &TempDir) -> pointsman_control_plane::Config {
    let mut config = config(data.path());
    config.admin_listen = SocketAddr::from(([0, 0, 0, 0], 0));
    config.plaintext = true;
    config
}

#[tokio::test]
async fn beyond_loopback_nothing_starts_without_a_token_that_an_admin_could_use() {
    let data = TempDir::new().unwrap();
    let refused = || async { App::build(beyond_loopback(&data)).await.unwrap_err() };
    assert!(matches!(refused().await, BuildError::NoAdminToken { .. }));
    create_offline(data.path(), create("viewer", token(Role::Viewer, &[]))).await.unwrap();
    assert!(matches!(refused().await, BuildError::NoAdminToken { .. }));
    let short = Duration::from_millis(200);
    create_offline(data.path(), create("short", expiring(token(Role::Admin, &[]), short))).await.unwrap();
    let over = SystemTime::now() + short;
    while SystemTime::now() < over {
        tokio::task::yield_now().await;
    }
    assert!(matches!(refused().await, BuildError::NoAdminToken { .. }));
    create_offline(data.path(), create("admin", token(Role::Admin, &[]))).await.unwrap();
    App::build(beyond_loopback(&data)).await.unwrap();
}

#[tokio::test]
async fn a_token_that_was_made_offline_counts_from_the_start() {
    let data = TempDir::new().unwrap();
    let made = create_offline(data.path(), create("admin", token(Role::Admin, &[]))).await.unwrap();
    let plane = ControlPlane::on(data).await;
    assert_eq!(plane.reads("").await, Err("TOKEN_MISSING".to_owned()));
    assert_eq!(plane.reads(&made.secret).await, Ok(()));
}

#[tokio::test]
async fn offline_is_for_when_nobody_runs() {
    let plane = ControlPlane::start().await;
    let refused = create_offline(plane.data(), create("admin", token(Role::Admin, &[]))).await.unwrap_err();
    assert!(matches!(refused, OfflineError::Open(_)), "{refused}");
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
}

#[tokio::test]
async fn what_is_faulty_makes_nothing_offline_either() {
    let data = TempDir::new().unwrap();
    let refused = create_offline(data.path(), create("", AccessToken::default())).await.unwrap_err();
    assert!(matches!(&refused, OfflineError::Faulty(faults) if faults.len() == 2), "{refused}");
    assert!(std::fs::read_dir(data.path()).unwrap().next().is_none());
}
