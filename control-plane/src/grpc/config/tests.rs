use pointsman_proto::edge::v1::{Deployment, Integration};
use pointsman_routing::integration::{IntegrationSpec, PreprocessSpec};
use prost::Message as _;

use super::*;
use crate::testkit::{Plane, Served, acme, patient, put_acme, put_customer, put_deployment, put_mapping};

async fn served() -> Served {
    let served = Plane::new(patient()).serve().await;
    served
        .plane
        .write(|tx| {
            let service = PreprocessSpec {
                address: "http://127.0.0.1:1".to_owned(),
                metadata: [("x-key".to_owned(), "secret-key".to_owned())].into(),
                ..PreprocessSpec::default()
            };
            put_customer(tx, "bowlers", "progix-1");
            put_acme(tx, "acme", IntegrationSpec { preprocess: Some(service), ..acme() });
            put_mapping(tx, "integrations/acme/customerMappings/m", "A06DFFAC", "bowlers");
            put_deployment(tx, "acme", "bowlers", "bowlers", false);
        })
        .await;
    served
}

#[tokio::test]
async fn the_configuration_is_shown_page_by_page_at_its_revision() {
    let served = served().await;
    let mut client = served.config().await;
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = GetConfigRequest { page_size: 3, page_token };
        let page = client.get_config(request).await.unwrap().into_inner();
        assert_eq!(page.epoch, served.plane.store.epoch().as_str());
        assert_eq!(page.revision, 1);
        names.extend(page.resources.into_iter().map(|resource| resource.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(
        names,
        [
            "customers/bowlers",
            "integrations/acme",
            "integrations/acme/customerMappings/m",
            "integrations/acme/deployments/bowlers",
        ]
    );
}

#[tokio::test]
async fn secrets_are_redacted_and_everything_else_is_shown() {
    let served = served().await;
    let page = served.config().await.get_config(GetConfigRequest::default()).await.unwrap().into_inner();
    let body =
        |name: &str| page.resources.iter().find(|resource| resource.name == name).unwrap().body.clone();
    for resource in &page.resources {
        let text = String::from_utf8_lossy(&resource.body);
        assert!(!text.contains("secret-"), "{}: {text}", resource.name);
    }
    let integration = Integration::decode(body("integrations/acme")).unwrap();
    assert_eq!(integration.endpoint_tokens, ["secret"], "as much as a log may hold");
    let service = integration.preprocess.unwrap();
    assert_eq!(service.address, "http://127.0.0.1:1");
    assert_eq!(service.metadata["x-key"], "<redacted>");
    let deployment = Deployment::decode(body("integrations/acme/deployments/bowlers")).unwrap();
    let orders = &deployment.flow_endpoints["create-order"];
    assert_eq!(orders.headers["authorization"], "<redacted>");
    assert_eq!(orders.url, "http://127.0.0.1:9001/bowlers/create-order");
}

#[tokio::test]
async fn a_page_of_large_resources_fits_into_a_message() {
    let served = Plane::new(patient()).serve().await;
    served
        .plane
        .write(|tx| {
            for id in 0..8 {
                let mut large = acme();
                let values = (0..10_000).map(|value| (format!("{value:0>90}"), "Create Order".to_owned()));
                large.flow_name.as_mut().unwrap().values = values.collect();
                put_acme(tx, &format!("large-{id}"), large);
            }
        })
        .await;
    let mut client = served.config().await;
    let (mut sizes, mut page_token) = (Vec::new(), String::new());
    loop {
        let page = client.get_config(GetConfigRequest { page_token, ..GetConfigRequest::default() }).await;
        let page = page.expect("below the usual 4 MiB").into_inner();
        sizes.push(page.resources.len());
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(sizes.iter().sum::<usize>(), 8);
    assert!(sizes.len() > 2, "{sizes:?}");
}

#[tokio::test]
async fn pages_are_bounded_and_their_tokens_are_checked() {
    let served = served().await;
    let mut client = served.config().await;
    for request in [
        GetConfigRequest { page_size: -1, ..GetConfigRequest::default() },
        GetConfigRequest { page_token: "stale".to_owned(), ..GetConfigRequest::default() },
    ] {
        assert_eq!(client.get_config(request).await.unwrap_err().code(), Code::InvalidArgument);
    }
}
