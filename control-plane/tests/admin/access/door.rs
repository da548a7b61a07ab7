//! Every role against every RPC; calls and streams whose token ends.

use std::time::Duration;

use http::uri::PathAndQuery;
use pointsman_control_plane::{
    domain::Role as DomainRole,
    grpc::access::{Requirement, requirement},
};
use pointsman_proto::{
    admin::v1::{
        access_token::Role, customer_mapping_service_client::CustomerMappingServiceClient,
        edge_service_client::EdgeServiceClient, *,
    },
    descriptor_pool,
    edge::v1::{
        Hello, StreamConfigRequest, StreamConfigResponse, config_service_client::ConfigServiceClient,
        stream_config_request::Message,
    },
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status, Streaming, transport::Channel};
use tonic_prost::ProstCodec;

use super::bearer::{expiring, token, with};
use crate::harness::{ControlPlane, reason, said};

const ROLES: [(Role, DomainRole); 5] = [
    (Role::Admin, DomainRole::Admin),
    (Role::Editor, DomainRole::Editor),
    (Role::Viewer, DomainRole::Viewer),
    (Role::Edge, DomainRole::Edge),
    (Role::Preprocess, DomainRole::Preprocess),
];
/// How long anything may take that should happen at once.
const SOON: Duration = Duration::from_secs(10);

/// All methods that are served here, out of the descriptors.
fn methods() -> Vec<String> {
    let services = descriptor_pool().services().filter(|service| {
        let name = service.full_name();
        name.starts_with("pointsman.") && !name.starts_with("pointsman.preprocess.")
    });
    services
        .flat_map(|service| {
            let path = |method: prost_reflect::MethodDescriptor| {
                format!("{}/{}", service.full_name(), method.name())
            };
            service.methods().map(path).collect::<Vec<_>>()
        })
        .collect()
}

/// Calls any method with an empty message.
async fn call(channel: Channel, secret: &str, method: &str) -> Result<(), Status> {
    let mut grpc = tonic::client::Grpc::new(with(channel, secret));
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::try_from(format!("/{method}")).unwrap();
    let request = Request::new(tokio_stream::iter([()]));
    let answer = grpc.streaming(request, path, ProstCodec::<(), ()>::default());
    let mut answer = timeout(SOON, answer).await.expect(method)?.into_inner();
    timeout(SOON, answer.message()).await.expect(method).map(drop)
}

#[tokio::test]
async fn each_role_may_call_what_is_its_and_nothing_else() {
    let plane = ControlPlane::start().await;
    let admin = plane.close().await;
    let mut secrets = Vec::new();
    for (role, domain_role) in ROLES {
        let scope: &[&str] = if role == Role::Preprocess { &["acme-erp"] } else { &[] };
        let id = domain_role.label();
        secrets.push((domain_role, plane.make(&admin, &format!("a-{id}"), token(role, scope)).await));
    }
    let methods = methods();
    assert!(methods.len() > 40, "{methods:?}");
    for method in &methods {
        let Some(Requirement::Roles(needed)) = requirement(method) else { panic!("{method}") };
        for (role, secret) in &secrets {
            let answer = call(plane.channel(), secret, method).await;
            let refused = answer.as_ref().is_err_and(|status| status.code() == Code::PermissionDenied);
            if needed.contains(role) {
                let denied = answer.is_err_and(|status| {
                    status.code() == Code::Unauthenticated || reason(&status) == "ROLE_NOT_ENOUGH"
                });
                assert!(!denied, "{role} may call {method}");
            } else {
                assert!(refused, "{role} may not call {method}: {answer:?}");
                let said = said(answer);
                assert_eq!(said.reason, "ROLE_NOT_ENOUGH");
                let labels: Vec<_> = needed.iter().map(|role| role.label()).collect();
                assert_eq!(said.metadata["neededRoles"], labels.join(","), "{method}");
            }
        }
        let nobody = call(plane.channel(), "", method).await.unwrap_err();
        assert_eq!(
            (nobody.code(), reason(&nobody).as_str()),
            (Code::Unauthenticated, "TOKEN_MISSING"),
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_method_that_nobody_knows_is_refused_whoever_asks() {
    let plane = ControlPlane::start().await;
    for secret in [String::new(), plane.close().await, String::new()] {
        for method in ["pointsman.admin.v1.CustomerService/Drop", "pointsman.admin.v2.X/Y", "x"] {
            let refused = call(plane.channel(), &secret, method).await.unwrap_err();
            assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unimplemented, "UNIMPLEMENTED"));
        }
    }
}

#[tokio::test]
async fn health_and_reflection_ask_for_no_token() {
    let plane = ControlPlane::start().await;
    plane.close().await;
    call(plane.channel(), "", "grpc.health.v1.Health/Check").await.unwrap();
    // It is heard: an empty message asks it for nothing.
    for version in ["v1", "v1alpha"] {
        let method = format!("grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let refused = call(plane.channel(), "", &method).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    }
}

#[tokio::test]
async fn what_is_no_good_token_is_told_apart_and_never_repeated() {
    let plane = ControlPlane::start().await;
    let admin = plane.close().await;
    let customers = |value: &str| {
        let mut request = Request::new(ListCustomersRequest::default());
        request.metadata_mut().insert("authorization", value.parse().unwrap());
        let mut client = plane.customers();
        async move { client.list_customers(request).await }
    };
    for (value, expected) in [
        ("Bearer pmt_unknown", "TOKEN_UNKNOWN"),
        (&format!("Bearer {}x", admin), "TOKEN_UNKNOWN"),
        (&format!("Basic {admin}"), "TOKEN_MALFORMED"),
        (&admin, "TOKEN_MALFORMED"),
        ("Bearer", "TOKEN_MALFORMED"),
        ("Bearer  ", "TOKEN_MALFORMED"),
        (&format!("Bearer {}", "x".repeat(5_000)), "TOKEN_MALFORMED"),
    ] {
        let refused = customers(value).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, expected), "{value}");
        assert!(!format!("{refused:?}").contains(&admin[10..]), "{refused:?}");
    }
    for value in [format!("Bearer {admin}"), format!("bearer  {admin}")] {
        customers(&value).await.unwrap();
    }
    let mut twice = Request::new(ListCustomersRequest::default());
    for _ in 0..2 {
        twice.metadata_mut().append("authorization", format!("Bearer {admin}").parse().unwrap());
    }
    let refused = plane.customers().list_customers(twice).await.unwrap_err();
    assert_eq!(reason(&refused), "TOKEN_MALFORMED");
}

#[tokio::test]
async fn the_first_token_closes_the_control_plane_at_once() {
    let plane = ControlPlane::start().await;
    assert_eq!(plane.reads("").await, Ok(()));
    // A token of another control plane does no harm where none is asked for.
    assert_eq!(plane.reads("pmt_unknown").await, Ok(()));
    let (_hello, mut stream) = stream(&plane, "", "edges/a").await;
    stream.message().await.unwrap().expect("a snapshot");

    let admin = plane.close().await;
    assert_eq!(plane.reads("").await, Err("TOKEN_MISSING".to_owned()));
    assert_eq!(plane.reads(&admin).await, Ok(()));
    let ended = end(&mut stream).await;
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unauthenticated, "TOKEN_MISSING"));
}

#[tokio::test]
async fn it_stays_closed_when_no_token_is_left_and_after_a_restart() {
    let mut plane = ControlPlane::start().await;
    let admin = plane.close().await;
    let second = plane.make(&admin, "second", token(Role::Admin, &[])).await;
    plane.revoke(&second, "admin").await;
    let delete = DeleteAccessTokenRequest { name: "accessTokens/admin".into(), ..Default::default() };
    plane.tokens(&second).delete_access_token(delete).await.unwrap();
    // The answer to the end of one's own token is still given.
    assert!(plane.revoke(&second, "second").await.revoke_time.is_some());
    assert_eq!(plane.reads("").await, Err("TOKEN_MISSING".to_owned()));
    assert_eq!(plane.reads(&second).await, Err("TOKEN_REVOKED".to_owned()));
    assert_eq!(plane.reads(&admin).await, Err("TOKEN_UNKNOWN".to_owned()));
    plane.restart().await;
    assert_eq!(plane.reads("").await, Err("TOKEN_MISSING".to_owned()));
    assert_eq!(plane.reads(&second).await, Err("TOKEN_REVOKED".to_owned()));
}

#[tokio::test]
async fn a_revoked_token_ends_its_streams_and_calls_at_once_and_no_others() {
    let plane = ControlPlane::start().await;
    let admin = plane.close().await;
    let edge = plane.make(&admin, "edge", token(Role::Edge, &[])).await;
    let viewer = plane.make(&admin, "viewer", token(Role::Viewer, &[])).await;
    let (_hello, mut stream) = stream(&plane, &edge, "edges/a").await;
    stream.message().await.unwrap().expect("a snapshot");
    let waiting = tokio::spawn(wait(plane.channel(), viewer.clone()));
    let others = tokio::spawn(wait(plane.channel(), admin.clone()));
    // Who waits is counted nowhere: a call on the same connection that comes later is answered after it is there.
    assert_eq!(plane.reads(&viewer).await, Ok(()));

    plane.revoke(&admin, "edge").await;
    plane.revoke(&admin, "viewer").await;
    let ended = end(&mut stream).await;
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unauthenticated, "TOKEN_REVOKED"));
    let ended = timeout(SOON, waiting).await.unwrap().unwrap().unwrap_err();
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unauthenticated, "TOKEN_REVOKED"));
    assert!(!others.is_finished(), "others' calls go on");
    others.abort();
    // The edge is gone for the fleet too.
    let name = "edges/a".to_owned();
    let mut edges = EdgeServiceClient::new(with(plane.channel(), &admin));
    let gone = async {
        while edges
            .get_edge(GetEdgeRequest { name: name.clone() })
            .await
            .unwrap()
            .into_inner()
            .edge
            .unwrap()
            .connected
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, gone).await.expect("the edge is no longer connected");
}

#[tokio::test]
async fn an_expired_token_ends_its_streams_and_calls_by_itself() {
    let plane = ControlPlane::start().await;
    let admin = plane.close().await;
    let short = expiring(token(Role::Edge, &[]), Duration::from_millis(1_500));
    let edge = plane.make(&admin, "edge", short).await;
    let (_hello, mut stream) = stream(&plane, &edge, "edges/a").await;
    stream.message().await.unwrap().expect("a snapshot");
    let ended = end(&mut stream).await;
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unauthenticated, "TOKEN_EXPIRED"));
    assert_eq!(plane.reads(&edge).await, Err("TOKEN_EXPIRED".to_owned()));
}

#[tokio::test]
async fn an_edge_is_the_one_of_its_token_and_disturbs_no_other() {
    let plane = ControlPlane::start().await;
    let admin = plane.close().await;
    let secret = plane.make(&admin, "edge", token(Role::Edge, &[])).await;
    let (_hello, mut other) = stream(&plane, &admin, "edges/b").await;
    other.message().await.unwrap().expect("a snapshot");

    let (_hello, mut refused) = stream(&plane, &secret, "edges/b").await;
    let ended = end(&mut refused).await;
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::PermissionDenied, "EDGE_NOT_BOUND"));
    let mut edges = EdgeServiceClient::new(with(plane.channel(), &admin));
    let edge = edges.get_edge(GetEdgeRequest { name: "edges/b".into() }).await.unwrap();
    assert!(edge.into_inner().edge.unwrap().connected, "the real one is still there");

    let (_hello, mut right) = stream(&plane, &secret, "edges/a").await;
    right.message().await.unwrap().expect("a snapshot");
}

/// Waits for a revision that never comes.
async fn wait(channel: Channel, secret: String) -> Result<(), Status> {
    let request = WaitForRevisionRequest {
        revision: 1_000,
        timeout: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
        ..Default::default()
    };
    EdgeServiceClient::new(with(channel, &secret)).wait_for_revision(request).await.map(drop)
}

type Hellos = mpsc::Sender<StreamConfigRequest>;

/// An edge's stream after its hello. The edge says no more, and stays.
pub(crate) async fn stream(
    plane: &ControlPlane,
    secret: &str,
    edge: &str,
) -> (Hellos, Streaming<StreamConfigResponse>) {
    let (sender, receiver) = mpsc::channel(1);
    let hello = Hello { edge: edge.to_owned(), version: "0".to_owned(), ..Hello::default() };
    sender.send(StreamConfigRequest { message: Some(Message::Hello(hello)) }).await.unwrap();
    let mut client = ConfigServiceClient::new(with(plane.channel(), secret));
    let answer = client.stream_config(ReceiverStream::new(receiver)).await.unwrap();
    (sender, answer.into_inner())
}

/// The end of a stream, whatever comes before it.
async fn end(stream: &mut Streaming<StreamConfigResponse>) -> Status {
    let ended = async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended as if all were well"),
                Err(status) => return status,
            }
        }
    };
    timeout(SOON, ended).await.expect("it ends")
}

#[tokio::test]
async fn an_import_ends_with_its_token() {
    let plane = ControlPlane::with_acme().await;
    let admin = plane.close().await;
    let editor = plane.make(&admin, "editor", token(Role::Editor, &["acme-erp"])).await;
    let (sender, receiver) = mpsc::channel(1);
    let start = ImportStart {
        parent: "integrations/acme-erp".to_owned(),
        import_id: "one".to_owned(),
        ..ImportStart::default()
    };
    let message = import_customer_mappings_request::Message::Start(start);
    sender.send(ImportCustomerMappingsRequest { message: Some(message) }).await.unwrap();
    let mut client = CustomerMappingServiceClient::new(with(plane.channel(), &editor));
    let importing =
        tokio::spawn(async move { client.import_customer_mappings(ReceiverStream::new(receiver)).await });
    // Heard behind it, on the same connection.
    assert_eq!(plane.reads(&editor).await, Ok(()));
    plane.revoke(&admin, "editor").await;
    let ended = timeout(SOON, importing).await.unwrap().unwrap().unwrap_err();
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unauthenticated, "TOKEN_REVOKED"));
    drop(sender);
}
