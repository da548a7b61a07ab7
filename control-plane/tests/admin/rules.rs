//! The rules across resources.

use pointsman_proto::admin::v1::{deployment::State, *};
use tonic::Code;

use crate::harness::{
    ControlPlane, acme, acme_erp, customer, deployment, flow, mapping, said, unshared, url,
};

const PARENT: &str = "integrations/acme-erp";
const BOWLERS: &str = "customers/bowlers-inc";

#[tokio::test]
async fn a_customer_has_one_enabled_deployment_on_a_shared_endpoint() {
    let plane = ControlPlane::with_acme().await;
    let refused = said(plane.create_deployment(PARENT, "second", deployment("", BOWLERS)).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::FailedPrecondition, "DEPLOYMENT_ALREADY_ENABLED")
    );
    assert_eq!(refused.preconditions[0].1, "integrations/acme-erp/deployments/bowlers-inc");
    assert_eq!(refused.fields(), ["deployment.state"]);

    // A paused one beside it is fine, until it is enabled.
    let paused = Deployment { state: State::Paused.into(), ..deployment("", BOWLERS) };
    let mut second = plane.create_deployment(PARENT, "second", paused).await.unwrap();
    second.state = State::Enabled.into();
    let refused = said(plane.update_deployment(second.clone(), &["state"]).await);
    assert_eq!(refused.preconditions[0].1, "integrations/acme-erp/deployments/bowlers-inc");

    // It moves to whoever has none, and away again.
    plane.create_customer("third", customer("", "3")).await.unwrap();
    second.customer = "customers/third".into();
    second = plane.update_deployment(second, &["state", "customer"]).await.unwrap().deployment.unwrap();
    second.customer = BOWLERS.into();
    assert_eq!(said(plane.update_deployment(second, &["customer"]).await).code, Code::FailedPrecondition);
}

#[tokio::test]
async fn an_integration_becomes_shared_only_where_no_customer_is_enabled_twice() {
    let plane = ControlPlane::start().await;
    plane.create_customer("bowlers-inc", customer("", "1")).await.unwrap();
    let mut separate = unshared("integrations/acme-erp", EndpointType::InstanceSpecific);
    separate.flows = acme_erp().flows;
    separate.endpoint.as_mut().unwrap().flow_name = acme_erp().endpoint.unwrap().flow_name;
    plane.create_integration("acme-erp", separate).await.unwrap();
    plane.create_deployment(PARENT, "a", deployment("", BOWLERS)).await.unwrap();
    plane.create_deployment(PARENT, "b", deployment("", BOWLERS)).await.unwrap();

    let refused = said(plane.update_integration(acme_erp(), &["*"]).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::FailedPrecondition, "DEPLOYMENT_ALREADY_ENABLED")
    );
    assert_eq!(refused.fields(), ["integration.endpoint.type"]);
    assert_eq!(refused.preconditions[0].1, "integrations/acme-erp/deployments/a");
    assert!(refused.preconditions[0].2.contains("deployments/b"), "{refused:?}");

    let paused = Deployment {
        name: "integrations/acme-erp/deployments/b".into(),
        state: State::Paused.into(),
        ..Default::default()
    };
    plane.update_deployment(paused, &["state"]).await.unwrap();
    plane.update_integration(acme_erp(), &["*"]).await.unwrap();
}

#[tokio::test]
async fn a_deployment_has_urls_for_known_flows_only() {
    let plane = ControlPlane::with_acme().await;
    let mut faulty = Deployment { state: State::Paused.into(), ..deployment("", BOWLERS) };
    faulty.flow_endpoints.insert("Update Inventory".into(), url("http://127.0.0.1/"));
    faulty.flow_endpoints.insert("later".into(), url("http://127.0.0.1/"));
    let refused = said(plane.create_deployment(PARENT, "new", faulty.clone()).await);
    assert!(refused.fields().contains(&"deployment.flow_endpoints[\"later\"]"), "{refused:?}");
    faulty.flow_endpoints.remove("Update Inventory");
    let refused = said(plane.create_deployment(PARENT, "new", faulty.clone()).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "FLOW_NOT_FOUND"));

    let mut integration = acme_erp();
    integration.flows.push(flow("later", ""));
    plane.update_integration(integration, &["flows"]).await.unwrap();
    plane.create_deployment(PARENT, "new", faulty).await.unwrap();
}

#[tokio::test]
async fn a_flow_that_has_urls_stays_and_the_refusal_names_the_deployments() {
    let plane = ControlPlane::with_acme().await;
    let mut integration = acme_erp();
    integration.flows.pop();
    integration.endpoint.as_mut().unwrap().flow_name = None;
    let refused = said(plane.update_integration(integration.clone(), &["flows", "endpoint.flow_name"]).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "FLOW_IN_USE"));
    let subjects: Vec<_> = refused.preconditions.iter().map(|(_, subject, _)| subject.as_str()).collect();
    assert_eq!(
        subjects,
        ["integrations/acme-erp/deployments/bowlers-inc", "integrations/acme-erp/deployments/gamma-llc"]
    );

    for name in subjects {
        let without = Deployment { name: name.to_owned(), ..Default::default() };
        plane.update_deployment(without, &["flow_endpoints.create-order"]).await.unwrap();
    }
    let updated = plane.update_integration(integration, &["flows", "endpoint.flow_name"]).await.unwrap();
    assert_eq!(updated.integration.unwrap().flows.len(), 1);
}

#[tokio::test]
async fn a_flow_may_be_renamed_and_moved_while_it_has_urls() {
    let plane = ControlPlane::with_acme().await;
    let mut integration = acme_erp();
    integration.flows = vec![flow("create-order", "Create Order"), flow("update-inventory", "Update Stock")];
    integration
        .endpoint
        .as_mut()
        .unwrap()
        .flow_name
        .as_mut()
        .unwrap()
        .values
        .insert("inventory_update".into(), "Update Stock".into());
    plane.update_integration(integration.clone(), &["flows", "endpoint.flow_name"]).await.unwrap();
    assert_eq!(plane.integration(PARENT).await.flows, integration.flows);
}

#[tokio::test]
async fn external_ids_are_unique_and_the_refusal_names_the_holder() {
    let plane = ControlPlane::with_acme().await;
    let refused = said(plane.create_customer("new", customer("", "progix-1001")).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "EXTERNAL_ID_TAKEN"));
    assert_eq!(refused.fields(), ["customer.external_id"]);
    assert_eq!(refused.preconditions[0].1, BOWLERS);
    let update =
        plane.update_customer(customer("customers/gamma-llc", "progix-1001"), &["external_id"]).await;
    assert_eq!(said(update).preconditions[0].1, BOWLERS);
    // What was free stays free, and case counts.
    plane.create_customer("new", customer("", "PROGIX-1001")).await.unwrap();
}

#[tokio::test]
async fn source_ids_are_unique_within_their_integration() {
    let plane = ControlPlane::with_acme().await;
    let refused = said(plane.create_mapping(PARENT, "new", mapping("", "A06DFFAC", BOWLERS)).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::FailedPrecondition, "SOURCE_CUSTOMER_ID_TAKEN")
    );
    assert_eq!(refused.preconditions[0].1, "integrations/acme-erp/customerMappings/a06dffac");

    let other = unshared("", EndpointType::InstanceSpecific);
    plane.create_integration("other", other).await.unwrap();
    plane.create_mapping("integrations/other", "new", mapping("", "A06DFFAC", BOWLERS)).await.unwrap();
    // A customer can have many ids.
    plane.create_mapping(PARENT, "new", mapping("", "B", BOWLERS)).await.unwrap();
}

#[tokio::test]
async fn what_is_in_use_is_not_deleted_and_the_users_are_named() {
    let plane = ControlPlane::with_acme().await;
    let delete = |name: &str| DeleteCustomerRequest { name: name.to_owned(), ..Default::default() };
    let refused = said(plane.customers().delete_customer(delete(BOWLERS)).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "IN_USE"));
    let users: Vec<_> = refused.preconditions.iter().map(|(_, subject, _)| subject.as_str()).collect();
    assert_eq!(
        users,
        ["integrations/acme-erp/deployments/bowlers-inc", "integrations/acme-erp/customerMappings/a06dffac"]
    );
    let delete_integration = DeleteIntegrationRequest { name: PARENT.into(), ..Default::default() };
    let refused = said(plane.integrations().delete_integration(delete_integration.clone()).await);
    assert_eq!(refused.preconditions.len(), 4);

    let Manifest { customer_mappings, deployments, .. } = acme();
    for mapping in customer_mappings {
        let request = DeleteCustomerMappingRequest { name: mapping.name, ..Default::default() };
        plane.mappings().delete_customer_mapping(request).await.unwrap();
    }
    for deployment in deployments {
        let request = DeleteDeploymentRequest { name: deployment.name, ..Default::default() };
        plane.deployments().delete_deployment(request).await.unwrap();
    }
    plane.customers().delete_customer(delete(BOWLERS)).await.unwrap();
    let deleted = plane.integrations().delete_integration(delete_integration).await.unwrap();
    assert_eq!(deleted.into_inner().revision, 7);
    assert_eq!(said(plane.customers().delete_customer(delete(BOWLERS)).await).code, Code::NotFound);
}

#[tokio::test]
async fn more_users_than_are_named_are_said_to_be_there() {
    let plane = ControlPlane::with_acme().await;
    for index in 0..30 {
        let id = format!("m{index}");
        plane.create_mapping(PARENT, &id, mapping("", &id, BOWLERS)).await.unwrap();
    }
    let request = DeleteCustomerRequest { name: BOWLERS.into(), ..Default::default() };
    let refused = said(plane.customers().delete_customer(request).await);
    assert!(refused.preconditions.len() > 10 && refused.preconditions.len() <= 21, "{refused:?}");
}

#[tokio::test]
async fn a_missing_parent_is_not_found_and_a_missing_customer_is_a_field() {
    let plane = ControlPlane::with_acme().await;
    let none = "integrations/none";
    let refused = said(plane.create_mapping(none, "x", mapping("", "x", BOWLERS)).await);
    assert_eq!((refused.code, refused.resource.as_deref()), (Code::NotFound, Some(none)));
    let refused = said(plane.create_deployment(none, "x", deployment("", BOWLERS)).await);
    assert_eq!((refused.code, refused.resource.as_deref()), (Code::NotFound, Some(none)));

    // What is wrong with the resource itself is said first.
    let refused = said(plane.create_mapping(none, "x", mapping("", "", "customers/")).await);
    assert_eq!(
        (refused.code, refused.fields()),
        (Code::InvalidArgument, vec!["customer_mapping.customer", "customer_mapping.source_customer_id"])
    );

    for field in ["customer_mapping.customer", "deployment.customer"] {
        let refused = match field {
            "deployment.customer" => {
                said(plane.create_deployment(PARENT, "x", deployment("", "customers/no")).await)
            }
            _ => said(plane.create_mapping(PARENT, "x", mapping("", "x", "customers/no")).await),
        };
        assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "CUSTOMER_NOT_FOUND"));
        assert_eq!(refused.fields(), [field]);
        assert_eq!(refused.preconditions[0].1, "customers/no");
    }
}
