use pointsman_routing::{fault::Fault, name::ResourceName};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{from_error, from_faults};
use crate::{registry::Error, store::StoreError};

#[test]
fn a_fault_of_ours_says_nothing_of_its_cause() {
    let error = Error::Store(StoreError::Damaged { name: "x".into(), reason: "secret".into() });
    let status = from_error(error);
    assert_eq!(status.code(), Code::Internal);
    assert!(!format!("{status:?}").contains("secret"));
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "INTERNAL");
}

#[test]
fn every_error_has_a_reason_in_our_domain() {
    let name: ResourceName = "customers/x".parse().unwrap();
    let errors = [
        Error::NotFound(name.clone()),
        Error::AlreadyExists(name.clone()),
        Error::EtagMismatch(name),
        Error::TooLarge { limit_bytes: 1 },
        Error::Store(StoreError::Closed),
        Error::Store(StoreError::Panicked),
        Error::PageToken(crate::registry::PageTokenError),
    ];
    for error in errors {
        let details = from_error(error).get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(info.domain, "pointsman");
        assert!(!info.reason.is_empty());
    }
}

#[test]
fn long_texts_are_cut_between_characters() {
    let status = from_faults(vec![Fault::new("a".repeat(1_000), "é".repeat(1_000))]);
    let details = status.get_error_details();
    let violation = &details.bad_request().unwrap().field_violations[0];
    assert!(violation.field.len() < 410 && violation.description.len() < 410);
    assert!(status.message().len() < 410);
}
