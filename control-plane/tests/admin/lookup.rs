//! Looking customers up.

use pointsman_proto::admin::v1::{lookup_customer_request::Known, *};
use tonic::{Code, Status};

use crate::harness::{ControlPlane, acme_erp, mapping, said};

const ACME: &str = "integrations/acme-erp";

impl ControlPlane {
    async fn look_up(&self, parent: &str, known: Known) -> Result<LookupCustomerResponse, Status> {
        let request = LookupCustomerRequest { parent: parent.to_owned(), known: Some(known) };
        self.mappings().lookup_customer(request).await.map(tonic::Response::into_inner)
    }
}

fn found(answer: LookupCustomerResponse) -> (String, Vec<String>) {
    let mappings = answer.customer_mappings.into_iter().map(|mapping| mapping.source_customer_id);
    (answer.customer.unwrap().external_id, mappings.collect())
}

#[tokio::test]
async fn a_customer_is_found_by_what_either_side_calls_it() {
    let plane = ControlPlane::with_acme().await;
    let second = mapping("", "0-SECOND", "customers/bowlers-inc");
    plane.create_mapping(ACME, "second", second).await.unwrap();
    // The same customer elsewhere, under a name that begins as this integration's does.
    for id in ["acme-erp-2", "acme-erp.x"] {
        plane.create_integration(id, Integration { name: String::new(), ..acme_erp() }).await.unwrap();
        let elsewhere = mapping("", "ELSEWHERE", "customers/bowlers-inc");
        plane.create_mapping(&format!("integrations/{id}"), "b", elsewhere).await.unwrap();
    }

    let by_source = plane.look_up(ACME, Known::SourceCustomerId("A06DFFAC".into())).await.unwrap();
    assert_eq!(by_source.customer, Some(plane.customer("customers/bowlers-inc").await));
    assert_eq!(found(by_source), ("progix-1001".into(), vec!["A06DFFAC".into()]));

    let both = ("progix-1001".to_owned(), vec!["A06DFFAC".to_owned(), "0-SECOND".to_owned()]);
    let by_id = plane.look_up(ACME, Known::ExternalId("progix-1001".into())).await.unwrap();
    assert_eq!(found(by_id), both, "in the order of their names");
    let by_name = plane.look_up(ACME, Known::Customer("customers/bowlers-inc".into())).await.unwrap();
    assert_eq!(found(by_name), both);

    let elsewhere = plane.look_up("integrations/acme-erp-2", Known::ExternalId("progix-1002".into())).await;
    assert_eq!(
        found(elsewhere.unwrap()),
        ("progix-1002".into(), vec![]),
        "known, and mapped by nothing here"
    );
}

#[tokio::test]
async fn who_is_not_found_is_named() {
    let plane = ControlPlane::with_acme().await;
    for (known, kind, name) in [
        (Known::SourceCustomerId("a06dffac".into()), "CustomerMapping", "a06dffac"),
        (Known::ExternalId("progix-9".into()), "Customer", "progix-9"),
        (Known::Customer("customers/nobody".into()), "Customer", "customers/nobody"),
    ] {
        let refused = plane.look_up(ACME, known).await.unwrap_err();
        let details = tonic_types::StatusExt::get_error_details(&refused);
        let resource = details.resource_info().unwrap();
        assert_eq!(resource.resource_type, format!("pointsman.admin.v1.{kind}"));
        assert_eq!(resource.resource_name, name);
        assert!(refused.message().contains(name), "{refused:?}");
        let said = said::<()>(Err(refused));
        assert_eq!((said.code, said.reason.as_str()), (Code::NotFound, "CUSTOMER_UNKNOWN"));
    }
    let nowhere = said(plane.look_up("integrations/none", Known::ExternalId("progix-1001".into())).await);
    assert_eq!((nowhere.code, nowhere.reason.as_str()), (Code::NotFound, "NOT_FOUND"));
    assert_eq!(nowhere.resource.as_deref(), Some("integrations/none"));
}

#[tokio::test]
async fn requests_that_say_nothing_are_refused() {
    let plane = ControlPlane::with_acme().await;
    let nothing = LookupCustomerRequest::default();
    assert_eq!(said(plane.mappings().lookup_customer(nothing).await).fields(), ["known", "parent"]);
    for (known, field) in [
        (Known::SourceCustomerId(String::new()), "source_customer_id"),
        (Known::ExternalId(String::new()), "external_id"),
        (Known::Customer("progix-1001".into()), "customer"),
    ] {
        assert_eq!(said(plane.look_up(ACME, known).await).fields(), [field]);
    }
    let all = said(plane.look_up("integrations/-", Known::ExternalId("progix-1001".into())).await);
    assert_eq!(all.fields(), ["parent"], "a customer is looked up in one integration");
}

#[tokio::test]
async fn a_thousand_mappings_are_read_and_no_more() {
    let plane = ControlPlane::with_acme().await;
    let mappings = (0..1_002).map(|number| {
        mapping(
            &format!("{ACME}/customerMappings/m{number:04}"),
            &format!("S{number}"),
            "customers/gamma-llc",
        )
    });
    plane.apply(Manifest { customer_mappings: mappings.collect(), ..Manifest::default() }).await.unwrap();
    let many = plane.look_up(ACME, Known::Customer("customers/gamma-llc".into())).await.unwrap();
    assert_eq!(many.customer_mappings.len(), 1_000);
    assert_eq!(many.customer_mappings[0].source_customer_id, "C3E72B0C");
    assert_eq!(many.customer_mappings[999].source_customer_id, "S998");
}
