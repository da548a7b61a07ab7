use tempfile::TempDir;

use super::*;
use crate::{
    domain::{REDACTED, Resource},
    store::{Store, files, migrations},
};

/// Integrations that were made before there were revisions have one: what they are now.
#[tokio::test]
async fn what_was_there_before_revisions_is_the_first_one() {
    let data = TempDir::new().unwrap();
    drop(migrations::tests::at_version(&files::database(data.path()), 1));
    let store = Store::open(data.path()).unwrap();
    let mut secrets = 0;
    for name in ["shared", "by-flow", "with-service"] {
        let name = IntegrationId::parse(name).unwrap();
        let read = store.read(move |snapshot| {
            let mut revisions = Vec::new();
            snapshot.for_each_integration_revision(&name, None, |kept| {
                revisions.push(kept);
                ControlFlow::Continue(())
            })?;
            Ok::<_, StoreError>((snapshot.get::<IntegrationSpec>(&name)?, revisions))
        });
        let (current, revisions) = read.await.unwrap();
        let Resource { name, meta, mut spec, .. } = current.unwrap();
        for secret in spec.preprocess.iter_mut().flat_map(|service| service.metadata.values_mut()) {
            assert_ne!(secret, REDACTED);
            REDACTED.clone_into(secret);
            secrets += 1;
        }
        let first = IntegrationRevision {
            revision: meta.revision,
            create_time: meta.update_time,
            caller: String::new(),
            rolled_back_to: None,
            display_name: meta.display_name,
            spec,
            changes: Vec::new(),
            more_changes: 0,
        };
        assert_eq!(revisions, [first], "{name}");
    }
    assert!(secrets > 0, "the fixture holds a secret");
}

#[tokio::test]
async fn a_revision_is_never_changed() {
    let data = TempDir::new().unwrap();
    drop(migrations::tests::at_version(&files::database(data.path()), 1));
    Store::open(data.path()).unwrap().close().await;
    let database = rusqlite::Connection::open(files::database(data.path())).unwrap();
    let change = database.execute("UPDATE integration_revisions SET caller = 'somebody'", []).unwrap_err();
    assert!(change.to_string().contains("a revision is never changed"), "{change}");
}

/// A customer can have mappings in many integrations; those of one are found without a look at the others.
#[tokio::test]
async fn mappings_of_a_customer_are_found_by_an_index() {
    let data = TempDir::new().unwrap();
    Store::open(data.path()).unwrap().close().await;
    let database = rusqlite::Connection::open(files::database(data.path())).unwrap();
    let plan: String = database
        .query_row(
            &format!("EXPLAIN QUERY PLAN {}", crate::store::rules::MAPPINGS_OF),
            ["", "", "", "1"],
            |row| row.get(3),
        )
        .unwrap();
    assert!(plan.ends_with("customer_mappings_by_customer (customer=? AND name>? AND name<?)"), "{plan}");
}
