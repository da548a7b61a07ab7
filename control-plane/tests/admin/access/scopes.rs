//! Callers that are for one integration, and every RPC that their role may call: nothing of another integration is shown,
//! written or named.

use std::collections::BTreeSet;

use http::uri::PathAndQuery;
use pointsman_control_plane::{
    domain::Role as DomainRole,
    grpc::access::{Requirement, requirements},
};
use pointsman_proto::{
    admin::v1::{access_token::Role, *},
    descriptor_pool,
    edge::hash::ConfigHash,
    edge::v1::{
        Ack, Hello, Rejection, StreamConfigRequest, config_service_client::ConfigServiceClient,
        stream_config_request::Message, stream_config_response,
    },
};
use prost_reflect::{DynamicMessage, prost::Message as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

use super::bearer::{token, with};
use crate::harness::{ControlPlane, acme, acme_erp, customer, deployment, mapping, reason};

/// In everything of the other integration but its name, which the caller may guess.
const CANARY: &str = "canary-of-theirs";

/// What comes of a call that is about something of theirs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    /// It is refused.
    Refused,
    /// It is answered, without anything of theirs.
    WithoutTheirs,
    /// It is answered, without anything of theirs, and with something of ours.
    WithOurs,
}

use Expected::{Refused, WithOurs, WithoutTheirs};

/// Every RPC that an editor may call, with requests that are about theirs, or about all.
const CALLS: &[(&str, &str, Expected)] = &[
    ("IntegrationService/CreateIntegration", r#"{"integrationId": "theirs", "integration": {}}"#, Refused),
    ("IntegrationService/GetIntegration", r#"{"name": "integrations/theirs"}"#, Refused),
    ("IntegrationService/GetIntegration", r#"{"name": "integrations/acme-erp"}"#, WithOurs),
    ("IntegrationService/ListIntegrations", "{}", WithOurs),
    ("IntegrationService/UpdateIntegration", r#"{"integration": {"name": "integrations/theirs"}}"#, Refused),
    (
        "IntegrationService/UpdateIntegration",
        r#"{"integration": {"name": "integrations/none"}, "allowMissing": true}"#,
        Refused,
    ),
    ("IntegrationService/DeleteIntegration", r#"{"name": "integrations/theirs"}"#, Refused),
    ("IntegrationService/ListIntegrationRevisions", r#"{"name": "integrations/theirs"}"#, Refused),
    (
        "IntegrationService/RollbackIntegration",
        r#"{"name": "integrations/theirs", "revision": "1"}"#,
        Refused,
    ),
    ("IntegrationService/RotateEndpointToken", r#"{"name": "integrations/theirs"}"#, Refused),
    ("IntegrationService/TestEndpoint", r#"{"name": "integrations/theirs"}"#, Refused),
    (
        "IntegrationService/TestEndpoint",
        r#"{"name": "integrations/acme-erp", "deployment": "integrations/theirs/deployments/x",
            "request": {"body": "e30="}}"#,
        WithoutTheirs,
    ),
    ("CustomerService/CreateCustomer", r#"{"customerId": "x", "customer": {"externalId": "x"}}"#, Refused),
    ("CustomerService/GetCustomer", r#"{"name": "customers/bowlers-inc"}"#, WithOurs),
    ("CustomerService/ListCustomers", "{}", WithOurs),
    ("CustomerService/UpdateCustomer", r#"{"customer": {"name": "customers/bowlers-inc"}}"#, Refused),
    ("CustomerService/DeleteCustomer", r#"{"name": "customers/bowlers-inc"}"#, Refused),
    (
        "CustomerMappingService/CreateCustomerMapping",
        r#"{"parent": "integrations/theirs", "customerMappingId": "x", "customerMapping": {}}"#,
        Refused,
    ),
    (
        "CustomerMappingService/GetCustomerMapping",
        r#"{"name": "integrations/theirs/customerMappings/x"}"#,
        Refused,
    ),
    ("CustomerMappingService/ListCustomerMappings", r#"{"parent": "integrations/theirs"}"#, Refused),
    ("CustomerMappingService/ListCustomerMappings", r#"{"parent": "integrations/-"}"#, WithOurs),
    (
        "CustomerMappingService/UpdateCustomerMapping",
        r#"{"customerMapping": {"name": "integrations/theirs/customerMappings/x"}}"#,
        Refused,
    ),
    (
        "CustomerMappingService/DeleteCustomerMapping",
        r#"{"name": "integrations/theirs/customerMappings/x"}"#,
        Refused,
    ),
    (
        "CustomerMappingService/BatchUpsertCustomerMappings",
        r#"{"parent": "integrations/theirs", "rows": [{"sourceCustomerId": "a", "customer": "customers/bowlers-inc"}]}"#,
        Refused,
    ),
    (
        "CustomerMappingService/ImportCustomerMappings",
        r#"{"start": {"parent": "integrations/theirs", "importId": "x"}}"#,
        Refused,
    ),
    (
        "CustomerMappingService/GetCustomerMappingImport",
        r#"{"parent": "integrations/theirs", "importId": "x"}"#,
        Refused,
    ),
    (
        "CustomerMappingService/LookupCustomer",
        r#"{"parent": "integrations/theirs", "sourceCustomerId": "canary-of-theirs-id"}"#,
        Refused,
    ),
    (
        "DeploymentService/CreateDeployment",
        r#"{"parent": "integrations/theirs", "deploymentId": "x", "deployment": {}}"#,
        Refused,
    ),
    ("DeploymentService/GetDeployment", r#"{"name": "integrations/theirs/deployments/x"}"#, Refused),
    ("DeploymentService/ListDeployments", r#"{"parent": "integrations/theirs"}"#, Refused),
    ("DeploymentService/ListDeployments", r#"{"parent": "integrations/-"}"#, WithOurs),
    (
        "DeploymentService/UpdateDeployment",
        r#"{"deployment": {"name": "integrations/theirs/deployments/x"}}"#,
        Refused,
    ),
    ("DeploymentService/DeleteDeployment", r#"{"name": "integrations/theirs/deployments/x"}"#, Refused),
    ("DeploymentService/PauseDeployment", r#"{"name": "integrations/theirs/deployments/x"}"#, Refused),
    ("DeploymentService/ResumeDeployment", r#"{"name": "integrations/theirs/deployments/x"}"#, Refused),
    ("DeploymentService/RotateEndpointToken", r#"{"name": "integrations/theirs/deployments/x"}"#, Refused),
    ("ManifestService/ExportManifest", "{}", WithOurs),
    (
        "ManifestService/ApplyManifest",
        r#"{"manifest": {"integrations": [{"name": "integrations/theirs", "displayName": "x", "flows": [{"key": "a"}],
            "endpoint": {"type": "ENDPOINT_TYPE_INSTANCE_SPECIFIC"}}]}}"#,
        Refused,
    ),
    (
        "ManifestService/ApplyManifest",
        r#"{"manifest": {"customers": [{"name": "customers/bowlers-inc", "externalId": "other"}]}}"#,
        Refused,
    ),
    ("EdgeService/GetEdge", r#"{"name": "edges/a"}"#, WithoutTheirs),
    ("EdgeService/ListEdges", "{}", WithoutTheirs),
    (
        "EdgeService/WaitForRevision",
        r#"{"revision": "1", "timeout": "0s", "edges": ["edges/a"]}"#,
        WithoutTheirs,
    ),
    ("pointsman.edge.v1.ConfigService/GetConfig", "{}", WithOurs),
];

#[tokio::test]
async fn of_another_integration_nothing_is_shown_and_nothing_written() {
    let plane = with_theirs().await;
    let admin = plane.close().await;
    let _edge = rejecting_edge(&plane, &admin).await;
    let editor = plane.make(&admin, "editor", token(Role::Editor, &["acme-erp"])).await;
    let before = dump(&plane, &admin).await;
    assert!(before.contains(CANARY), "there is something to show");

    let mut called = BTreeSet::new();
    for (method, request, expected) in CALLS {
        let method = full(method);
        let answer = call(plane.channel(), &editor, &method, request).await;
        let place = format!("{method} {request}");
        match (expected, &answer) {
            (Refused, Err(status)) => assert_eq!(reason(status), "OUT_OF_SCOPE", "{place}: {status}"),
            (Refused, Ok(_)) => panic!("{place} is answered"),
            (WithOurs | WithoutTheirs, _) => {}
        }
        let said = match &answer {
            Ok(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Err(status) => format!("{status:?} {}", String::from_utf8_lossy(status.details())),
        };
        // What was asked for may be named.
        assert!(request.contains(CANARY) || !said.contains(CANARY), "{place}: {said}");
        if *expected == WithOurs {
            assert!(
                answer.is_ok() && ["acme-erp", "bowlers"].iter().any(|ours| said.contains(ours)),
                "{place}: {said}"
            );
        }
        called.insert(method);
    }
    assert_eq!(dump(&plane, &admin).await, before, "nothing was written");

    let callable: BTreeSet<_> = requirements()
        .filter(|(_, requirement)| matches!(requirement, Requirement::Roles(roles) if roles.contains(&DomainRole::Editor)))
        .map(|(method, _)| method)
        .collect();
    assert_eq!(called, callable, "each RPC that a scoped caller may call is tried here");
}

#[tokio::test]
async fn a_caller_for_no_single_integration_sees_what_the_edge_says() {
    let plane = with_theirs().await;
    let admin = plane.close().await;
    let _edge = rejecting_edge(&plane, &admin).await;
    for (method, request) in
        [("EdgeService/GetEdge", r#"{"name": "edges/a"}"#), ("EdgeService/ListEdges", "{}")]
    {
        let answer = call(plane.channel(), &admin, &full(method), request).await.unwrap();
        assert!(String::from_utf8_lossy(&answer).contains(CANARY), "{method}");
    }
}

#[tokio::test]
async fn within_its_integration_a_caller_writes_and_a_service_looks_up() {
    let plane = with_theirs().await;
    let admin = plane.close().await;
    let editor = plane.make(&admin, "editor", token(Role::Editor, &["acme-erp"])).await;
    let service = plane.make(&admin, "service", token(Role::Preprocess, &["acme-erp"])).await;
    for (secret, method, request) in [
        (
            &editor,
            "IntegrationService/UpdateIntegration",
            r#"{"integration": {"name": "integrations/acme-erp", "displayName": "x"}, "updateMask": "displayName"}"#,
        ),
        (
            &editor,
            "DeploymentService/PauseDeployment",
            r#"{"name": "integrations/acme-erp/deployments/bowlers-inc"}"#,
        ),
        (
            &service,
            "CustomerMappingService/LookupCustomer",
            r#"{"parent": "integrations/acme-erp", "sourceCustomerId": "A06DFFAC"}"#,
        ),
    ] {
        call(plane.channel(), secret, &full(method), request)
            .await
            .unwrap_or_else(|status| panic!("{method}: {status}"));
    }
    let theirs = r#"{"parent": "integrations/theirs", "sourceCustomerId": "A06DFFAC"}"#;
    let refused =
        call(plane.channel(), &service, &full("CustomerMappingService/LookupCustomer"), theirs).await;
    assert_eq!(reason(&refused.unwrap_err()), "OUT_OF_SCOPE");
}

/// The tutorial's integration, and another one that is full of canaries.
async fn with_theirs() -> ControlPlane {
    let plane = ControlPlane::start().await;
    let mut manifest = acme();
    let mut theirs =
        Integration { name: "integrations/theirs".into(), display_name: CANARY.into(), ..acme_erp() };
    theirs.flows[0].name = format!("{CANARY}-flow");
    theirs.endpoint.as_mut().unwrap().flow_name.as_mut().unwrap().values.clear();
    manifest.integrations.push(theirs);
    manifest.customers.push(customer("customers/another", "another"));
    let name = format!("integrations/theirs/customerMappings/{CANARY}");
    manifest.customer_mappings.push(mapping(&name, &format!("{CANARY}-id"), "customers/another"));
    let name = format!("integrations/theirs/deployments/{CANARY}");
    manifest.deployments.push(deployment(&name, "customers/another"));
    plane.apply(manifest).await.unwrap();
    plane
}

/// An edge that cannot use something of theirs, and says so.
async fn rejecting_edge(plane: &ControlPlane, secret: &str) -> mpsc::Sender<StreamConfigRequest> {
    let (sender, receiver) = mpsc::channel(2);
    let hello = Hello { edge: "edges/a".to_owned(), version: "0".to_owned(), ..Hello::default() };
    sender.send(StreamConfigRequest { message: Some(Message::Hello(hello)) }).await.unwrap();
    let mut client = ConfigServiceClient::new(with(plane.channel(), secret));
    let mut stream = client.stream_config(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    let mut held = ConfigHash::default();
    loop {
        let Some(stream_config_response::Message::Chunk(chunk)) =
            stream.message().await.unwrap().unwrap().message
        else {
            continue;
        };
        for resource in &chunk.upserts {
            held += ConfigHash::of(&resource.name, resource.revision, &resource.body);
        }
        if !chunk.commit {
            continue;
        }
        let rejection = Rejection {
            name: format!("integrations/theirs/deployments/{CANARY}"),
            revision: chunk.revision,
            reason: format!("its token is that of integrations/theirs/deployments/{CANARY}-2"),
            ..Rejection::default()
        };
        let (revision, hash) = (chunk.revision, held.to_wire());
        let ack = Ack { revision, hash, rejections: vec![rejection], ..Ack::default() };
        sender.send(StreamConfigRequest { message: Some(Message::Ack(ack)) }).await.unwrap();
        break;
    }
    // It was heard: somebody who may sees it.
    let heard = async {
        loop {
            let answer =
                call(plane.channel(), secret, &full("EdgeService/GetEdge"), r#"{"name": "edges/a"}"#).await;
            if String::from_utf8_lossy(&answer.unwrap()).contains(CANARY) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), heard).await.expect("the edge is heard");
    // It says no more, and stays.
    tokio::spawn(async move { while let Ok(Some(_)) = stream.message().await {} });
    sender
}

/// Everything that there is, as an admin sees it.
async fn dump(plane: &ControlPlane, secret: &str) -> String {
    let exported =
        call(plane.channel(), secret, &full("ManifestService/ExportManifest"), "{}").await.unwrap();
    String::from_utf8_lossy(&exported).into_owned()
}

fn full(method: &str) -> String {
    if method.starts_with("pointsman.") { method.to_owned() } else { format!("pointsman.admin.v1.{method}") }
}

/// Calls a method with a message in JSON, and gives the answer's bytes.
async fn call(channel: Channel, secret: &str, method: &str, request: &str) -> Result<Vec<u8>, Status> {
    let (service, name) = method.split_once('/').unwrap();
    let service = descriptor_pool().get_service_by_name(service).unwrap();
    let input = service.methods().find(|found| found.name() == name).unwrap().input();
    let mut json = serde_json::Deserializer::from_str(request);
    let message =
        DynamicMessage::deserialize(input, &mut json).unwrap_or_else(|error| panic!("{method}: {error}"));
    let mut grpc = tonic::client::Grpc::new(with(channel, secret));
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::try_from(format!("/{method}")).unwrap();
    let request = Request::new(tokio_stream::iter([message.encode_to_vec()]));
    grpc.client_streaming(request, path, Bytes).await.map(tonic::Response::into_inner)
}

/// Messages as their bytes.
#[derive(Clone, Copy)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(buffer, &item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; bytes::Buf::remaining(buffer)];
        bytes::Buf::copy_to_slice(buffer, &mut item);
        Ok(Some(item))
    }
}
