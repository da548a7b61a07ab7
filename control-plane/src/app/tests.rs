use futures::StreamExt as _;
use pointsman_proto::{
    admin::v1::{
        AccessToken, CreateAccessTokenRequest, ListCustomersRequest, access_token::Role,
        customer_service_client::CustomerServiceClient,
    },
    edge::v1::{
        GetConfigRequest, Hello, StreamConfigRequest, config_service_client::ConfigServiceClient,
        stream_config_request::Message,
    },
};
use pointsman_routing::{integration::Preprocess, outcome::Refusal, results::Reply};
use tonic::{Code, transport::Endpoint};

use super::*;
use crate::{config::PreprocessCaller, grpc::access_token::create_offline};

struct NoService;

#[async_trait::async_trait]
impl PreprocessCaller for NoService {
    async fn call(
        &self,
        _service: &Preprocess,
        _request: pointsman_proto::preprocess::v1::PreprocessRequest,
    ) -> Result<Reply, Refusal> {
        unreachable!("nothing is tested here")
    }
}

fn config(data: &Path) -> Config {
    let mut config = Config::new(data, Arc::new(NoService));
    config.admin_listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.edge_listen = Some(config.admin_listen);
    config
}

#[tokio::test]
async fn the_edge_port_serves_edges_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let app = App::build(config(data.path())).await.unwrap();
    let edge_port = app.edge_addr().expect("an edge port");
    assert_ne!(edge_port, app.admin_addr());
    let running = app.spawn();
    let channel = Endpoint::from_shared(format!("http://{edge_port}")).unwrap().connect().await.unwrap();
    ConfigServiceClient::new(channel.clone()).get_config(GetConfigRequest::default()).await.unwrap();
    let refused = CustomerServiceClient::new(channel).list_customers(ListCustomersRequest::default()).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unimplemented);
    running.drain().await;
    assert!(tokio::net::TcpStream::connect(edge_port).await.is_err(), "it is closed with the rest");
}

#[tokio::test]
async fn an_edge_port_that_others_reach_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    config.edge_listen = Some(SocketAddr::from(([0, 0, 0, 0], 0)));
    assert!(matches!(App::build(config).await, Err(BuildError::Plaintext(_))));
}

#[tokio::test]
async fn there_is_no_edge_port_unless_it_is_asked_for() {
    let data = tempfile::tempdir().unwrap();
    let mut config = config(data.path());
    config.edge_listen = None;
    assert_eq!(App::build(config).await.unwrap().edge_addr(), None);
}

#[tokio::test]
async fn once_closed_the_edge_port_is_for_the_edge_of_this_process_and_for_tokens() {
    let data = tempfile::tempdir().unwrap();
    let admin = CreateAccessTokenRequest {
        access_token_id: "admin".to_owned(),
        access_token: Some(AccessToken { role: Role::Admin.into(), ..AccessToken::default() }),
        ..CreateAccessTokenRequest::default()
    };
    create_offline(data.path(), admin).await.unwrap();
    let app = App::build(config(data.path())).await.unwrap();
    let secret = app.admit_own_edge(EdgeId::parse("local").unwrap()).unwrap();
    let edge_port = app.edge_addr().expect("an edge port");
    let running = app.spawn();
    let channel = Endpoint::from_shared(format!("http://{edge_port}")).unwrap().connect().await.unwrap();
    let stream = async |secret: &str, edge: &str| {
        let hello = Message::Hello(Hello { edge: edge.to_owned(), ..Hello::default() });
        let hello = StreamConfigRequest { message: Some(hello) };
        let mut request = tonic::Request::new(tokio_stream::iter([hello]).chain(tokio_stream::pending()));
        if !secret.is_empty() {
            request.metadata_mut().insert("authorization", format!("Bearer {secret}").parse().unwrap());
        }
        let mut answer = ConfigServiceClient::new(channel.clone()).stream_config(request).await?.into_inner();
        answer.message().await.map(|message| message.expect("a snapshot"))
    };
    stream(secret.expose(), "edges/local").await.unwrap();
    let refused = stream(secret.expose(), "edges/other").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    for other in ["", "pmt_guessed"] {
        let refused = stream(other, "edges/local").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{other:?}");
    }
    let refused =
        ConfigServiceClient::new(channel).get_config(GetConfigRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    running.drain().await;
}
