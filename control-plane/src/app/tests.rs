use pointsman_proto::{
    admin::v1::{ListCustomersRequest, customer_service_client::CustomerServiceClient},
    edge::v1::{GetConfigRequest, config_service_client::ConfigServiceClient},
};
use pointsman_routing::{integration::Preprocess, outcome::Refusal, results::Reply};
use tonic::{Code, transport::Endpoint};

use super::*;
use crate::config::PreprocessCaller;

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
