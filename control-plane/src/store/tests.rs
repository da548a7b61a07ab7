//! The store by itself: its file, its transactions, its log.

use std::{ops::ControlFlow, time::SystemTime};

use pointsman_routing::name::{CustomerId, ResourceName};
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Change, Keep, OpenError, Store, StoreError, WriteTransaction, migrations};
use crate::domain::{CustomerSpec, Meta, Owner, Resource, Revision};

mod failures;
mod sharing;

pub(super) fn open() -> (TempDir, Store) {
    let data = TempDir::new().unwrap();
    let store = Store::open(data.path()).unwrap();
    (data, store)
}

fn id(id: &str) -> CustomerId {
    CustomerId::parse(id).unwrap()
}

pub(super) fn put(
    transaction: &mut WriteTransaction<'_>,
    name: &str,
    external_id: &str,
) -> Result<(), StoreError> {
    let now = SystemTime::UNIX_EPOCH;
    let meta = Meta {
        uid: Uuid::nil(),
        display_name: String::new(),
        owner: Owner::default(),
        create_time: now,
        update_time: now,
        revision: transaction.revision(),
    };
    let spec = CustomerSpec { external_id: external_id.to_owned() };
    transaction.put(&Resource { name: id(name), meta, spec, tokens: () })
}

pub(super) async fn write(store: &Store, name: &'static str) -> Revision {
    store.write(Keep::Changes, move |tx| put(tx, name, name)).await.unwrap().revision
}

async fn remove(store: &Store, name: &'static str) -> Revision {
    let removal =
        store.write::<_, StoreError, _>(Keep::Changes, move |tx| tx.remove::<CustomerSpec>(&id(name)));
    removal.await.unwrap().revision
}

async fn changes(store: &Store, since: i64) -> Vec<(String, i64, bool)> {
    let read = store.read(move |snapshot| snapshot.changes_since(Revision::new(since), 100));
    let shown = |change: Change| (change.name.to_string(), change.revision.number(), change.removed);
    read.await.unwrap().unwrap().into_iter().map(shown).collect()
}

pub(super) fn connection(data: &TempDir) -> Connection {
    Connection::open(data.path().join("pointsman.db")).unwrap()
}

#[tokio::test]
async fn a_new_database_is_made_with_the_latest_schema() {
    let (data, store) = open();
    assert_eq!(store.read(|snapshot| snapshot.head()).await.unwrap().revision, Revision::new(0));
    store.close().await;
    let pragma =
        |name: &str| -> i64 { connection(&data).pragma_query_value(None, name, |row| row.get(0)).unwrap() };
    assert_eq!(pragma("user_version"), i64::from(migrations::latest()));
    assert_eq!(pragma("application_id"), i64::from(i32::from_be_bytes(*b"PtMn")));
    let mode: String = connection(&data).pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let loose: i64 = connection(&data)
        .query_row("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND strict = 0", [], |row| row.get(0))
        .unwrap();
    assert_eq!(loose, 0, "every table is STRICT");
}

/// A write that was answered survives a loss of power, and no reference leads nowhere.
#[tokio::test]
async fn writes_are_synced_and_references_checked() {
    let (_data, store) = open();
    for (pragma, value) in [("synchronous", 2_i64), ("foreign_keys", 1)] {
        let read = store.write::<_, StoreError, _>(Keep::Nothing, move |tx| {
            Ok(tx.snapshot().connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))?)
        });
        assert_eq!(read.await.unwrap().value, value, "{pragma}");
    }
}

#[tokio::test]
async fn a_newer_database_and_a_foreign_one_are_refused_and_left_alone() {
    let (data, store) = open();
    store.close().await;
    connection(&data).pragma_update(None, "user_version", 99).unwrap();
    let newer = Store::open(data.path()).unwrap_err();
    assert!(matches!(newer, OpenError::Newer { found: 99, .. }), "{newer}");

    let other = TempDir::new().unwrap();
    connection(&other).execute_batch("CREATE TABLE theirs (x)").unwrap();
    let foreign = Store::open(other.path()).unwrap_err();
    assert!(matches!(foreign, OpenError::Foreign { .. }), "{foreign}");
    let tables: i64 =
        connection(&other).query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);

    let garbage = TempDir::new().unwrap();
    std::fs::write(garbage.path().join("pointsman.db"), [7; 4096]).unwrap();
    let refused = Store::open(garbage.path()).unwrap_err();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
}

#[tokio::test]
async fn each_database_has_its_own_epoch_and_keeps_it() {
    let (data, store) = open();
    let epoch = store.epoch().clone();
    let key = store.page_key().expose().to_vec();
    store.close().await;
    let again = Store::open(data.path()).unwrap();
    assert_eq!((again.epoch(), again.page_key().expose()), (&epoch, key.as_slice()));
    let (_other_data, other) = open();
    assert_ne!(other.epoch(), &epoch);
    assert_ne!(other.page_key().expose(), key);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = TempDir::new().unwrap();
    let data = parent.path().join("new/data");
    let store = Store::open(&data).unwrap();
    write(&store, "x").await;
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    for file in std::fs::read_dir(&data).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.path());
    }
}

#[tokio::test]
async fn a_write_is_there_as_a_whole_or_not_at_all() {
    let (_data, store) = open();
    let mut revisions = store.revisions();
    let failed = store
        .write::<(), _, _>(Keep::Changes, |tx| {
            put(tx, "a", "a")?;
            Err(StoreError::Closed)
        })
        .await;
    failed.unwrap_err();
    let dry = store.write(Keep::Nothing, |tx| put(tx, "a", "a")).await.unwrap();
    assert_eq!(dry.revision, Revision::new(0));
    assert!(!revisions.has_changed().unwrap());
    assert!(changes(&store, 0).await.is_empty());

    let written = store.write(Keep::Changes, |tx| {
        put(tx, "a", "a")?;
        put(tx, "b", "b")
    });
    assert_eq!(written.await.unwrap().revision, Revision::new(1));
    assert_eq!(*revisions.borrow_and_update(), Revision::new(1));
    assert_eq!(
        changes(&store, 0).await,
        [("customers/a".into(), 1, false), ("customers/b".into(), 1, false)]
    );

    let nothing = store.write::<_, StoreError, _>(Keep::Changes, |_| Ok(())).await.unwrap();
    assert_eq!(nothing.revision, Revision::new(1));
    assert!(!revisions.has_changed().unwrap());
}

#[tokio::test]
async fn a_panic_takes_back_its_own_write_and_nothing_else() {
    let (_data, store) = open();
    let panicked = store
        .write::<(), StoreError, _>(Keep::Changes, |tx| {
            put(tx, "a", "a")?;
            panic!("a fault of ours, on purpose");
        })
        .await;
    assert!(matches!(panicked, Err(StoreError::Panicked)));
    for _ in 0..20 {
        let panicked = store.read::<(), StoreError, _>(|_| panic!("on purpose")).await;
        assert!(matches!(panicked, Err(StoreError::Panicked)));
    }
    assert_eq!(write(&store, "b").await, Revision::new(1));
    assert_eq!(changes(&store, 0).await, [("customers/b".into(), 1, false)]);
}

#[tokio::test]
async fn what_breaks_a_reference_is_not_committed() {
    let (_data, store) = open();
    let broken = store
        .write::<(), StoreError, _>(Keep::Changes, |tx| {
            tx.snapshot().connection.execute(
                "INSERT INTO flows (integration, key, position, name) VALUES ('integrations/none', 'x', 0, '')",
                [],
            )?;
            put(tx, "a", "a")
        })
        .await;
    assert!(matches!(broken, Err(StoreError::Sqlite(_))), "{broken:?}");
    assert!(changes(&store, 0).await.is_empty());
}

#[tokio::test]
async fn the_log_holds_the_latest_change_of_each_name() {
    let (_data, store) = open();
    write(&store, "a").await;
    write(&store, "b").await;
    write(&store, "a").await;
    remove(&store, "b").await;
    assert_eq!(changes(&store, 0).await, [("customers/a".into(), 3, false), ("customers/b".into(), 4, true)]);
    assert_eq!(changes(&store, 3).await, [("customers/b".into(), 4, true)]);
    assert_eq!(write(&store, "b").await, Revision::new(5));
    assert_eq!(changes(&store, 3).await, [("customers/b".into(), 5, false)]);

    let limited = store.read(|snapshot| snapshot.changes_since(Revision::new(0), 1)).await.unwrap();
    assert!(limited.is_none());
    let remembers = async |revision| store.read(move |s| s.remembers(Revision::new(revision))).await.unwrap();
    assert!(remembers(0).await && remembers(5).await);
    assert!(!remembers(6).await && !remembers(-1).await);
}

#[tokio::test]
async fn old_removals_are_forgotten_and_that_is_known() {
    let (data, store) = open();
    write(&store, "a").await;
    remove(&store, "a").await;
    write(&store, "kept").await;
    store.close().await;
    // As if many revisions had gone by.
    connection(&data).execute("UPDATE meta SET revision = 200000", []).unwrap();
    let later = Store::open(data.path()).unwrap();
    assert_eq!(write(&later, "b").await, Revision::new(200_001));
    assert_eq!(
        changes(&later, 0).await,
        [("customers/kept".into(), 3, false), ("customers/b".into(), 200_001, false)]
    );
    let remembers = async |revision| later.read(move |s| s.remembers(Revision::new(revision))).await.unwrap();
    assert!(!remembers(3).await && remembers(100_001).await);
}

#[tokio::test]
async fn a_read_sees_one_revision_while_others_write() {
    let (_data, store) = open();
    write(&store, "a").await;
    let (started, has_started) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let reading = tokio::spawn({
        let store = store.clone();
        async move {
            let count = |snapshot: &super::Snapshot<'_>| {
                let mut count = 0;
                snapshot.for_each_resource::<StoreError>(None, |_| {
                    count += 1;
                    Ok(ControlFlow::Continue(()))
                })?;
                Ok::<_, StoreError>(count)
            };
            let read = store.read(move |snapshot| {
                let before = (snapshot.head()?, count(snapshot)?);
                started.send(()).unwrap();
                may_go_on.recv().unwrap();
                Ok::<_, StoreError>((before, (snapshot.head()?, count(snapshot)?)))
            });
            read.await.unwrap()
        }
    });
    tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
    write(&store, "b").await;
    go_on.send(()).unwrap();
    let (before, after) = reading.await.unwrap();
    assert_eq!(before, after);
    assert_eq!(before.1, 1);
}

#[tokio::test]
async fn resources_come_in_the_order_of_their_names_from_anywhere_on() {
    let (_data, store) = open();
    for name in ["b", "a", "c", "a-b", "B"] {
        write(&store, name).await;
    }
    let names = async |after: Option<&str>| {
        let after = after.map(|name| name.parse::<ResourceName>().unwrap());
        let read = store.read(move |snapshot| {
            let mut names = Vec::new();
            snapshot.for_each_resource::<StoreError>(after.as_ref(), |resource| {
                names.push(resource.name().to_string());
                Ok(ControlFlow::Continue(()))
            })?;
            Ok::<_, StoreError>(names)
        });
        read.await.unwrap()
    };
    assert_eq!(
        names(None).await,
        ["customers/B", "customers/a", "customers/a-b", "customers/b", "customers/c"]
    );
    assert_eq!(names(Some("customers/a-b")).await, ["customers/b", "customers/c"]);
    assert!(names(Some("integrations/a")).await.is_empty());
}

#[tokio::test]
async fn a_closed_store_refuses_reads_and_writes() {
    let (_data, store) = open();
    store.close().await;
    store.close().await;
    let refused = store.write(Keep::Changes, |tx| put(tx, "a", "a")).await;
    assert!(matches!(refused, Err(StoreError::Closed)));
    let refused = store.read(|snapshot| snapshot.head()).await;
    assert!(matches!(refused, Err(StoreError::Closed)));
}

#[tokio::test]
async fn closing_waits_for_reads_and_folds_the_log_in() {
    let (data, store) = open();
    write(&store, "a").await;
    let (go_on, told) = std::sync::mpsc::channel::<()>();
    let (reading, begun) = tokio::sync::oneshot::channel();
    let slow = tokio::spawn({
        let store = store.clone();
        async move {
            let read = store.read(move |snapshot| {
                reading.send(()).unwrap();
                told.recv().unwrap();
                snapshot.contains::<CustomerSpec>(&id("a"))
            });
            read.await
        }
    });
    begun.await.unwrap();
    let close = store.close();
    tokio::pin!(close);
    assert!(futures::poll!(&mut close).is_pending(), "a read is under way");
    go_on.send(()).unwrap();
    close.await;
    assert!(slow.await.unwrap().unwrap(), "the read is not cut");
    assert_eq!(files(&data), ["pointsman.db", "pointsman.key", "pointsman.lock"]);
}

pub(super) fn files(data: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(data.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
