use std::collections::BTreeSet;

use pointsman_routing::{fault::Fault, name::ResourceName};
use rusqlite::ffi;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{error_reasons, from_error, from_faults};
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
fn what_an_operator_can_mend_is_told_apart() {
    let cases = [
        (ffi::SQLITE_FULL, Code::ResourceExhausted, "DISK_FULL"),
        // As with a quota, or a limit on the size of files.
        (ffi::SQLITE_IOERR_WRITE, Code::ResourceExhausted, "DISK_FULL"),
        (ffi::SQLITE_IOERR_SHMSIZE, Code::ResourceExhausted, "DISK_FULL"),
        (ffi::SQLITE_BUSY, Code::Unavailable, "DATABASE_BUSY"),
        (ffi::SQLITE_BUSY_SNAPSHOT, Code::Unavailable, "DATABASE_BUSY"),
        (ffi::SQLITE_READONLY, Code::Unavailable, "DATABASE_READ_ONLY"),
        (ffi::SQLITE_IOERR_FSYNC, Code::Unavailable, "DISK_FAILED"),
        (ffi::SQLITE_IOERR_READ, Code::Unavailable, "DISK_FAILED"),
        (ffi::SQLITE_CANTOPEN, Code::Unavailable, "DISK_FAILED"),
        (ffi::SQLITE_CORRUPT, Code::DataLoss, "DATABASE_DAMAGED"),
        (ffi::SQLITE_NOTADB, Code::DataLoss, "DATABASE_DAMAGED"),
        (ffi::SQLITE_CONSTRAINT, Code::Internal, "INTERNAL"),
    ];
    for (sqlite, code, reason) in cases {
        let complaint = Some("/var/lib/secret".to_owned());
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(sqlite), complaint);
        let status = from_error(Error::Store(error.into()));
        assert_eq!(status.code(), code, "{reason}");
        assert!(!format!("{status:?}").contains("/var/lib"), "{status:?}");
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, reason);
        assert_eq!(details.retry_info().is_some(), code == Code::Unavailable, "{reason}");
    }
    let closed = from_error(Error::Store(StoreError::Closed));
    assert_eq!((closed.code(), closed.message()), (Code::Unavailable, "the control plane is stopping"));
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

/// What stands in the first column of the table of errors.
#[test]
fn every_reason_is_documented_and_no_other() {
    let documented = include_str!("../../../../docs/admin-api.md");
    let (_, errors) = documented.split_once("\n## Errors\n").unwrap();
    let errors = errors.split_once("\n## ").map_or(errors, |(errors, _)| errors);
    let rows = errors.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
    let documented: BTreeSet<&str> =
        rows.flat_map(|(reasons, _)| reasons.split(", ")).map(|reason| reason.trim_matches('`')).collect();
    let reasons: Vec<&str> = error_reasons().collect();
    assert_eq!(documented, reasons.iter().copied().collect::<BTreeSet<_>>());
    assert_eq!(documented.len(), reasons.len(), "each reason is told once");
}
