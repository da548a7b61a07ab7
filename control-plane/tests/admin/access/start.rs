//! Starting beyond loopback, the first token, mutual TLS.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use pointsman_control_plane::{App, BuildError, grpc::access_token::OfflineError};
use pointsman_proto::admin::v1::{access_token::Role, customer_service_client::CustomerServiceClient, *};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tonic::{
    Code,
    transport::{Certificate, Channel, ClientTlsConfig, Identity},
};

use super::{
    bearer::{create, expiring, token},
    offline,
};
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
    offline(data.path(), create("viewer", token(Role::Viewer, &[]))).await.unwrap();
    assert!(matches!(refused().await, BuildError::NoAdminToken { .. }));
    let short = Duration::from_millis(200);
    offline(data.path(), create("short", expiring(token(Role::Admin, &[]), short))).await.unwrap();
    let over = SystemTime::now() + short;
    while SystemTime::now() < over {
        tokio::task::yield_now().await;
    }
    assert!(matches!(refused().await, BuildError::NoAdminToken { .. }));
    offline(data.path(), create("admin", token(Role::Admin, &[]))).await.unwrap();
    App::build(beyond_loopback(&data)).await.unwrap();
}

#[tokio::test]
async fn a_token_that_was_made_offline_counts_from_the_start() {
    let data = TempDir::new().unwrap();
    let made = offline(data.path(), create("admin", token(Role::Admin, &[]))).await.unwrap();
    let plane = ControlPlane::on(data).await;
    assert_eq!(plane.reads("").await, Err("TOKEN_MISSING".to_owned()));
    assert_eq!(plane.reads(&made.secret).await, Ok(()));
}

#[tokio::test]
async fn offline_is_for_when_nobody_runs() {
    let plane = ControlPlane::start().await;
    let refused = offline(plane.data(), create("admin", token(Role::Admin, &[]))).await.unwrap_err();
    assert!(matches!(refused, OfflineError::Open(_)), "{refused}");
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
}

#[tokio::test]
async fn what_is_faulty_makes_nothing_offline_either() {
    let data = TempDir::new().unwrap();
    let refused = offline(data.path(), create("", AccessToken::default())).await.unwrap_err();
    assert!(matches!(&refused, OfflineError::Faulty(faults) if faults.len() == 2), "{refused}");
    assert!(std::fs::read_dir(data.path()).unwrap().next().is_none());
}

/// A CA, a server's certificate of it for `localhost`, and a client's.
struct Certificates {
    ca: String,
    server: (String, String),
    client: (String, String),
}

impl Certificates {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let issue = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new([name.to_owned()]).unwrap();
            (params.signed_by(&key, &ca).unwrap().pem(), key.serialize_pem())
        };
        Self { server: issue("localhost"), client: issue("client"), ca: ca.pem() }
    }
}

#[tokio::test]
async fn with_a_ca_for_clients_a_certificate_of_it_is_needed_and_a_token_too() {
    let data = TempDir::new().unwrap();
    let (ours, theirs) = (Certificates::new(), Certificates::new());
    let file = |name: &str, pem: &str| {
        let file = data.path().join(name);
        std::fs::write(&file, pem).unwrap();
        file
    };
    let folder = data.path().join("data");
    let made = offline(&folder, create("admin", token(Role::Admin, &[]))).await.unwrap();
    let mut secured = config(&folder);
    secured.tls = Some((file("cert.pem", &ours.server.0), file("key.pem", &ours.server.1)));
    secured.client_ca = Some(file("ca.pem", "no PEM"));
    let refused = App::build(secured.clone()).await.unwrap_err();
    assert!(matches!(refused, BuildError::Tls(_)), "{refused}");
    let without_tls = pointsman_control_plane::Config { tls: None, ..secured.clone() };
    assert!(matches!(App::build(without_tls).await.unwrap_err(), BuildError::ClientCaWithoutTls));
    secured.client_ca = Some(file("ca.pem", &ours.ca));
    let running = App::build(secured).await.unwrap().spawn();

    let url = format!("https://localhost:{}", running.admin_addr().port());
    let call = async |identity: Option<&(String, String)>, secret: &str| {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&ours.ca));
        let tls = match identity {
            Some((cert, key)) => tls.identity(Identity::from_pem(cert, key)),
            None => tls,
        };
        let channel = Channel::from_shared(url.clone()).unwrap().tls_config(tls).unwrap().connect_lazy();
        let mut client = CustomerServiceClient::new(super::with(channel, secret));
        client.list_customers(ListCustomersRequest::default()).await.map(drop)
    };
    call(Some(&ours.client), &made.secret).await.unwrap();
    let refused = call(Some(&ours.client), "").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    for identity in [None, Some(&theirs.client)] {
        let refused = call(identity, &made.secret).await.unwrap_err();
        assert!(std::error::Error::source(&refused).is_some(), "there is no connection: {refused:?}");
    }
    running.drain().await;
}
