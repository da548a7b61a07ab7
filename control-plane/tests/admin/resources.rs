//! Create, Get, List, Update, Delete of each kind, and what the control plane adds to a resource.

use pointsman_proto::admin::v1::*;
use tonic::Code;

use crate::harness::{
    ControlPlane, acme, acme_erp, customer, deployment, mapping, reference, said, unshared, url,
};

#[tokio::test]
async fn what_was_created_is_read_back_as_written() {
    let plane = ControlPlane::start().await;
    let made = plane.create_integration("acme-erp", acme_erp()).await.unwrap();
    plane.create_customer("bowlers-inc", customer("", "progix-1001")).await.unwrap();
    let parent = "integrations/acme-erp";
    let mapped = plane
        .create_mapping(parent, "a06dffac", mapping("", "A06DFFAC", "customers/bowlers-inc"))
        .await
        .unwrap();
    let deployed = plane
        .create_deployment(parent, "bowlers-inc", deployment("", "customers/bowlers-inc"))
        .await
        .unwrap();

    assert_eq!(plane.integration("integrations/acme-erp").await, made);
    assert_eq!(plane.deployment("integrations/acme-erp/deployments/bowlers-inc").await, deployed);
    assert_eq!(mapped.name, "integrations/acme-erp/customerMappings/a06dffac");
    assert_eq!(made.flows, acme_erp().flows);
    let endpoint = made.endpoint.unwrap();
    assert!(endpoint.url.starts_with("https://hooks.example.com/hooks/"));
    assert_eq!(Endpoint { url: String::new(), ..endpoint }, acme_erp().endpoint.unwrap());
    assert!(!made.uid.is_empty() && !made.etag.is_empty());
    assert!(made.create_time.is_some() && made.create_time == made.update_time);
}

#[tokio::test]
async fn a_manifest_holds_the_whole_tutorial() {
    let plane = ControlPlane::with_acme().await;
    let exported = plane.export().await;
    assert_eq!(exported.manifest.unwrap(), acme());
    assert_eq!(exported.revision, 1);
}

#[tokio::test]
async fn urls_are_shown_where_the_endpoint_type_has_them() {
    let plane = ControlPlane::start().await;
    plane.create_customer("one", customer("", "1")).await.unwrap();
    let types = [
        ("shared", EndpointType::Shared),
        ("instance", EndpointType::InstanceSpecific),
        ("flow", EndpointType::FlowSpecific),
    ];
    let mut urls = Vec::new();
    for (id, endpoint_type) in types {
        let mut integration = unshared("", endpoint_type);
        if endpoint_type == EndpointType::Shared {
            integration.endpoint.as_mut().unwrap().external_customer_id =
                Some(reference("results.body.data.id"));
        }
        let integration = plane.create_integration(id, integration).await.unwrap();
        let deployed = Deployment {
            customer: "customers/one".to_owned(),
            flow_endpoints: [("main".to_owned(), url("http://127.0.0.1:1/"))].into(),
            ..Default::default()
        };
        let deployed = plane.create_deployment(&integration.name, "one", deployed).await.unwrap();
        urls.push([
            integration.endpoint.unwrap().url,
            deployed.endpoint_url,
            deployed.flow_endpoints["main"].endpoint_url.clone(),
        ]);
    }
    for (row, urls) in urls.iter().enumerate() {
        for (column, url) in urls.iter().enumerate() {
            assert_eq!(url.is_empty(), row != column, "{urls:?}");
        }
    }
}

#[tokio::test]
async fn missing_and_taken_names_are_told_with_the_resource() {
    let plane = ControlPlane::with_acme().await;
    let missing =
        said(plane.customers().get_customer(GetCustomerRequest { name: "customers/no".into() }).await);
    assert_eq!((missing.code, missing.resource.as_deref()), (Code::NotFound, Some("customers/no")));
    assert_eq!(missing.reason, "NOT_FOUND");

    let taken = said(plane.create_customer("bowlers-inc", customer("", "other")).await);
    assert_eq!((taken.code, taken.resource.as_deref()), (Code::AlreadyExists, Some("customers/bowlers-inc")));
    assert_eq!(taken.reason, "ALREADY_EXISTS");
}
