//! Mappings in batches: all rows or none, told apart by their source customer ids.

use pointsman_proto::admin::v1::{customer_mapping_row::Target, *};
use rusqlite::Connection;
use tonic::{Code, Status};

use crate::harness::{ControlPlane, said};

const ACME: &str = "integrations/acme-erp";

pub(crate) fn row(source: &str, target: &str) -> CustomerMappingRow {
    let target = match target.starts_with("customers/") {
        true => Target::Customer(target.to_owned()),
        false => Target::ExternalId(target.to_owned()),
    };
    CustomerMappingRow { source_customer_id: source.to_owned(), target: Some(target), ..Default::default() }
}

fn batch(rows: Vec<CustomerMappingRow>) -> BatchUpsertCustomerMappingsRequest {
    BatchUpsertCustomerMappingsRequest { parent: ACME.to_owned(), rows, ..Default::default() }
}

async fn upsert(
    plane: &ControlPlane,
    request: BatchUpsertCustomerMappingsRequest,
) -> Result<BatchUpsertCustomerMappingsResponse, Status> {
    plane.mappings().batch_upsert_customer_mappings(request).await.map(tonic::Response::into_inner)
}

fn names(answer: &BatchUpsertCustomerMappingsResponse) -> Vec<&str> {
    let prefix = "integrations/acme-erp/customerMappings/";
    answer.customer_mappings.iter().map(|mapping| mapping.name.strip_prefix(prefix).unwrap()).collect()
}

#[tokio::test]
async fn rows_are_made_changed_or_left_by_their_source_id_in_one_revision() {
    let plane = ControlPlane::with_acme().await;
    let rows = vec![
        // There, under a name of its own.
        row("A06DFFAC", "customers/gamma-llc"),
        row("NEW/1", "progix-1001"),
        row("C3E72B0C", "progix-1002"),
        row("NEW2", "customers/bowlers-inc"),
        CustomerMappingRow {
            customer_mapping_id: "mine".into(),
            display_name: Some("Mine".into()),
            ..row("NEW/3", "progix-1001")
        },
    ];
    let answer = upsert(&plane, batch(rows.clone())).await.unwrap();
    assert_eq!((answer.created, answer.updated, answer.unchanged, answer.revision), (3, 1, 1, 2));
    let derived = names(&answer)[1].to_owned();
    assert_eq!(names(&answer), ["a06dffac", derived.as_str(), "c3e72b0c", "NEW2", "mine"]);
    assert!(derived.starts_with("NEW-1-"), "{derived}");
    let customers: Vec<&str> =
        answer.customer_mappings.iter().map(|mapping| mapping.customer.as_str()).collect();
    let [bowlers, gamma] = ["customers/bowlers-inc", "customers/gamma-llc"];
    assert_eq!(customers, [gamma, bowlers, gamma, bowlers, bowlers]);
    assert_eq!(answer.customer_mappings[4].display_name, "Mine");

    // Again, and nothing is left to do; a display name that is not given stays.
    let mut again = rows;
    again[4].display_name = None;
    let answer = upsert(&plane, batch(again)).await.unwrap();
    assert_eq!((answer.created, answer.updated, answer.unchanged, answer.revision), (0, 0, 5, 2));
    assert_eq!(answer.customer_mappings[4].display_name, "Mine");
}

#[tokio::test]
async fn every_fault_is_told_by_row_and_nothing_is_written() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.export().await;
    let taken = CustomerMappingRow { customer_mapping_id: "a06dffac".into(), ..row("x3", "progix-1001") };
    let other_name =
        CustomerMappingRow { customer_mapping_id: "other".into(), ..row("A06DFFAC", "progix-1001") };
    let long = "x".repeat(256);
    let bad_id = CustomerMappingRow { customer_mapping_id: "-".into(), ..row("x5", "progix-1001") };
    let named = CustomerMappingRow { customer_mapping_id: "same".into(), ..row("x8", "progix-1001") };
    let display = CustomerMappingRow { display_name: Some(long.clone()), ..row("x10", "progix-1001") };
    let rows = vec![
        row("good", "progix-1001"),
        row("x1", "nobody"),
        row("x2", "customers/nobody"),
        taken,
        other_name,
        bad_id,
        row("", "progix-1001"),
        row(&long, "progix-1001"),
        named.clone(),
        CustomerMappingRow { source_customer_id: "x9".into(), ..named },
        display,
        row("good", "progix-1002"),
        CustomerMappingRow { target: None, ..row("x12", "") },
        row("x13", "customers/-"),
        row("x14", ""),
    ];
    let said = said(upsert(&plane, batch(rows)).await);
    assert_eq!(said.code, Code::InvalidArgument);
    let told = |field: &str| said.fields.get(field).unwrap_or_else(|| panic!("{field}: {:?}", said.fields));
    assert_eq!(told("rows[1].external_id"), "no customer has the external id \"nobody\"");
    assert_eq!(told("rows[2].customer"), "there is no customers/nobody");
    assert!(told("rows[3].customer_mapping_id").contains("\"A06DFFAC\""));
    assert!(told("rows[4].customer_mapping_id").contains("customerMappings/a06dffac"));
    assert!(told("rows[5].customer_mapping_id").contains("matches"));
    assert_eq!(told("rows[6].source_customer_id"), "is empty");
    assert_eq!(told("rows[7].source_customer_id"), "is longer than 255 bytes");
    assert!(told("rows[9].customer_mapping_id").contains("stands in rows[8] already"));
    assert!(told("rows[10].display_name").contains("256 bytes"));
    assert_eq!(told("rows[11].source_customer_id"), "stands in rows[0] already");
    assert!(told("rows[12].customer").contains("is missing"));
    assert!(told("rows[13].customer").contains("an id matches"));
    assert_eq!(told("rows[14].external_id"), "is empty");
    assert_eq!(said.fields.len(), 13, "{:?}", said.fields);
    assert_eq!(plane.export().await, before);
}

/// A source customer id that reads as if it were derived from another one never gets at that one's mapping.
#[tokio::test]
async fn a_crafted_source_id_is_refused_and_reroutes_nobody() {
    let plane = ControlPlane::with_acme().await;
    let made = upsert(&plane, batch(vec![row("org/42", "progix-1001")])).await.unwrap();
    let derived = names(&made)[0].to_owned();
    let crafted = said(upsert(&plane, batch(vec![row(&derived, "progix-1002")])).await);
    assert_eq!(
        (crafted.code, crafted.reason.as_str()),
        (Code::FailedPrecondition, "CUSTOMER_MAPPING_ID_TAKEN")
    );
    assert!(crafted.fields["rows[0].customer_mapping_id"].contains("\"org/42\""), "{crafted:?}");

    // The other way round, and in one batch.
    let request = BatchUpsertCustomerMappingsRequest {
        validate_only: true,
        ..batch(vec![row("org/43", "progix-1001")])
    };
    let second = names(&upsert(&plane, request).await.unwrap())[0].to_owned();
    let both = vec![row("org/43", "progix-1001"), row(&second, "progix-1002")];
    let together = said(upsert(&plane, batch(both)).await);
    let told = &together.fields["rows[1].customer_mapping_id"];
    assert!(told.contains("stands in rows[0] already"), "{told}");
    upsert(&plane, batch(vec![row(&second, "progix-1002")])).await.unwrap();
    let later = said(upsert(&plane, batch(vec![row("org/43", "progix-1001")])).await);
    assert_eq!(later.reason, "CUSTOMER_MAPPING_ID_TAKEN");

    // What the refusal says helps.
    let named = CustomerMappingRow { customer_mapping_id: "own".into(), ..row(&derived, "progix-1002") };
    let answer = upsert(&plane, batch(vec![named])).await.unwrap();
    assert_eq!((names(&answer), answer.created), (vec!["own"], 1));
}

#[tokio::test]
async fn a_batch_has_1_to_1000_rows_of_an_integration_that_is_there() {
    let plane = ControlPlane::with_acme().await;
    let rows = |count: usize| (0..count).map(|n| row(&format!("s{n}"), "progix-1001")).collect::<Vec<_>>();
    for (count, told) in [(0, "is empty"), (1_001, "at most 1000")] {
        let said = said(upsert(&plane, batch(rows(count))).await);
        assert_eq!((said.code, said.fields()), (Code::InvalidArgument, vec!["rows"]));
        assert!(said.fields["rows"].contains(told), "{said:?}");
    }
    let answer = upsert(&plane, batch(rows(1_000))).await.unwrap();
    assert_eq!((answer.created, answer.revision, answer.customer_mappings.len()), (1_000, 2, 1_000));

    let elsewhere = |parent: &str| BatchUpsertCustomerMappingsRequest {
        parent: parent.to_owned(),
        ..batch(vec![row("a", "progix-1001")])
    };
    assert_eq!(said(upsert(&plane, elsewhere("integrations/none")).await).code, Code::NotFound);
    let said = said(upsert(&plane, elsewhere("integrations/-")).await);
    assert_eq!((said.code, said.fields()), (Code::InvalidArgument, vec!["parent"]));
}

#[tokio::test]
async fn a_dry_run_shows_all_and_writes_nothing() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.export().await;
    let rows = vec![row("A06DFFAC", "customers/gamma-llc"), row("new", "progix-1001")];
    let request = BatchUpsertCustomerMappingsRequest { validate_only: true, ..batch(rows) };
    let answer = upsert(&plane, request).await.unwrap();
    assert_eq!((answer.created, answer.updated, answer.revision), (1, 1, 0));
    assert_eq!(answer.customer_mappings[0].customer, "customers/gamma-llc");
    assert_eq!(plane.export().await, before);
}

#[tokio::test]
async fn a_repeated_batch_is_answered_as_the_first_was() {
    let mut plane = ControlPlane::with_acme().await;
    let request = BatchUpsertCustomerMappingsRequest {
        request_id: "one".into(),
        ..batch(vec![row("new", "progix-1001")])
    };
    let first = upsert(&plane, request.clone()).await.unwrap();
    plane.restart().await;
    assert_eq!(upsert(&plane, request.clone()).await.unwrap(), first);
    assert_eq!(plane.revision().await, 2);
    let other =
        BatchUpsertCustomerMappingsRequest { rows: vec![row("other", "progix-1001")], ..request.clone() };
    assert_eq!(said(upsert(&plane, other).await).reason, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn each_mapping_is_audited_and_one_that_changes_its_customer_stands_out() {
    let plane = ControlPlane::with_acme().await;
    upsert(&plane, batch(vec![row("A06DFFAC", "customers/gamma-llc"), row("new", "progix-1001")]))
        .await
        .unwrap();
    let database = Connection::open(plane.data().join("pointsman.db")).unwrap();
    let sql = "SELECT resource, action, reroutes, method FROM audit_entries WHERE revision = 2 ORDER BY id";
    let mut entries = database.prepare(sql).unwrap();
    let entries = entries
        .query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, bool>(2)?,
                row.get::<_, String>(3)?,
            ))
        })
        .unwrap();
    let entries: Vec<_> = entries.map(Result::unwrap).collect();
    let method = "pointsman.admin.v1.CustomerMappingService/BatchUpsertCustomerMappings";
    let entry = |id: &str, action: &str| {
        (format!("{ACME}/customerMappings/{id}"), action.to_owned(), action == "updated", method.to_owned())
    };
    assert_eq!(entries, [entry("a06dffac", "updated"), entry("new", "created")]);
}
