//! An import beside an edge that serves: the short form of `bench-import`, for what it does and not for how fast.

use futures::stream;
use pointsman_proto::admin::v1::{
    CustomerMappingRow, ImportCommit, ImportCustomerMappingsRequest, ImportCustomerMappingsResponse,
    ImportMode, ImportRows, ImportStart, customer_mapping_row::Target,
    customer_mapping_service_client::CustomerMappingServiceClient, import_customer_mappings_request::Message,
};
use pointsman_tests::{
    acme,
    receiver::Receiver,
    sandbox::Sandbox,
    sender::{Answered, post_json},
};

const ROWS: usize = 20_000;

fn row(n: usize, external_id: &str) -> CustomerMappingRow {
    CustomerMappingRow {
        source_customer_id: format!("ROW-{n}"),
        target: Some(Target::ExternalId(external_id.to_owned())),
        ..CustomerMappingRow::default()
    }
}

async fn import(
    sandbox: &Sandbox,
    mode: ImportMode,
    rows: &[CustomerMappingRow],
) -> ImportCustomerMappingsResponse {
    let start = ImportStart {
        parent: "integrations/acme-erp".to_owned(),
        import_id: format!("import-{}", i32::from(mode)),
        mode: mode.into(),
        ..ImportStart::default()
    };
    let row_count = i64::try_from(rows.len()).expect("a small number");
    let chunks = rows.chunks(3_000).map(|rows| Message::Rows(ImportRows { rows: rows.to_vec() }));
    let messages = std::iter::once(Message::Start(start)).chain(chunks);
    let messages = messages.chain(std::iter::once(Message::Commit(ImportCommit { row_count })));
    let messages = messages.map(|message| ImportCustomerMappingsRequest { message: Some(message) });
    let messages: Vec<_> = messages.collect();
    let imported = CustomerMappingServiceClient::new(sandbox.admin())
        .import_customer_mappings(stream::iter(messages))
        .await;
    imported.expect("an import").into_inner()
}

async fn webhook(sandbox: &Sandbox, customer: &str) -> Answered {
    let hook = sandbox.hook("integrations/acme-erp").await;
    let body = acme::INVENTORY_UPDATE.replace("A06DFFAC", customer);
    post_json(sandbox.edge_addr().await, &hook, body).await
}

#[tokio::test]
async fn the_edge_serves_what_was_imported_and_goes_on_serving_meanwhile() {
    let mut flow = Receiver::start().await;
    let sandbox = Sandbox::with_manifest(&acme::manifest(&flow.url(""))).await;
    let mut rows: Vec<_> = (0..ROWS).map(|n| row(n, "progix-1002")).collect();

    let importing = import(&sandbox, ImportMode::AllOrNothing, &rows);
    let (imported, served) = tokio::join!(importing, webhook(&sandbox, "A06DFFAC"));
    assert_eq!((imported.created, imported.failed, imported.revision), (20_000, 0, 2));
    assert_eq!(served.status, 200);
    assert!(flow.next().await.target.starts_with("/bowlers-inc/"));
    sandbox.served(imported.revision).await;
    for n in [0, 7, ROWS - 1] {
        assert_eq!(webhook(&sandbox, &format!("ROW-{n}")).await.status, 200);
        assert!(flow.next().await.target.starts_with("/pencils-co/"), "ROW-{n}");
    }
    assert_eq!(webhook(&sandbox, "ROW-20000").await.code(), "customer_unknown");

    // One row goes to another customer, one is bad, the others are as they were.
    rows[7] = row(7, "progix-1001");
    rows[8] = row(8, "nobody");
    let again = import(&sandbox, ImportMode::KeepGoing, &rows).await;
    assert_eq!((again.created, again.updated, again.failed, again.revision), (0, 1, 1, 3));
    sandbox.served(again.revision).await;
    for (n, customer) in [(7, "/bowlers-inc/"), (8, "/pencils-co/")] {
        assert_eq!(webhook(&sandbox, &format!("ROW-{n}")).await.status, 200);
        assert!(flow.next().await.target.starts_with(customer), "ROW-{n}");
    }
    assert_eq!(sandbox.metric("pointsman_edge_config_connected").await.to_bits(), 1.0_f64.to_bits());
}
