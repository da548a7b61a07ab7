//! A full disk, a locked file, files that cannot be written: what fails, what stays, how it goes on.

use std::{fs, time::Duration};

use super::{changes, connection, open, put, write};
use crate::{
    domain::Revision,
    store::{Condition, Keep, OpenError, Store, StoreError, integrity, migrations},
};

/// Bounds the database to as many pages as it has, and some more; none lets it grow again.
async fn bound(store: &Store, more: Option<i64>) {
    let bound = store.write::<_, StoreError, _>(Keep::Nothing, move |tx| {
        let connection = tx.snapshot().connection;
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let bound = more.map_or(1 << 30, |more| pages + more);
        Ok(connection.pragma_update_and_check(None, "max_page_count", bound, |_| Ok(()))?)
    });
    bound.await.unwrap();
}

/// Writes `count` customers in one transaction.
async fn write_many(store: &Store, prefix: &'static str, count: usize) -> Result<Revision, StoreError> {
    let write = store.write(Keep::Changes, move |tx| {
        for number in 0..count {
            let name = format!("{prefix}{number}");
            put(tx, &name, &format!("{name}-{}", "x".repeat(200)))?;
        }
        Ok::<_, StoreError>(())
    });
    write.await.map(|written| written.revision)
}

async fn customers(store: &Store) -> i64 {
    let counted = store.read::<_, StoreError, _>(|snapshot| {
        Ok(snapshot.connection.query_row("SELECT count(*) FROM customers", [], |row| row.get(0))?)
    });
    counted.await.unwrap()
}

async fn whole(store: &Store) {
    let checked = store.read(|snapshot| {
        let checked =
            integrity::check(&snapshot.connection, std::path::Path::new("x"), integrity::Depth::Full);
        Ok::<_, StoreError>(checked.map_err(|error| error.to_string()))
    });
    checked.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_disk_fails_the_write_and_nothing_else() {
    let (_data, store) = open();
    write(&store, "before").await;
    let mut revisions = store.revisions();
    revisions.borrow_and_update();
    bound(&store, Some(2)).await;
    for _ in 0..3 {
        let full = write_many(&store, "many", 500).await;
        assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
        assert_eq!(*store.condition().borrow(), Condition::Failing);
        // Nothing of it is there, and nobody was told of it.
        assert_eq!(changes(&store, 0).await, [("customers/before".into(), 1, false)]);
        assert!(!revisions.has_changed().unwrap());
    }
    // What fits is kept, and takes the next revision.
    assert_eq!(write(&store, "small").await, Revision::new(2));
    assert_eq!(*store.condition().borrow(), Condition::Well);
    // With room, all goes on as if nothing had been.
    bound(&store, None).await;
    assert_eq!(write_many(&store, "many", 500).await.unwrap(), Revision::new(3));
    assert_eq!(customers(&store).await, 502);
    whole(&store).await;
}

/// The disk fills up in the middle of a transaction that is larger than what is kept in memory.
#[tokio::test]
async fn a_large_write_that_does_not_fit_is_not_half_there() {
    let (data, store) = open();
    write(&store, "before").await;
    let spilling = store.write(Keep::Nothing, |tx| {
        tx.snapshot().connection.pragma_update(None, "cache_size", 10)?;
        Ok::<_, StoreError>(())
    });
    spilling.await.unwrap();
    bound(&store, Some(100)).await;
    let full = write_many(&store, "many", 5_000).await;
    assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
    assert_eq!(*store.condition().borrow(), Condition::Failing);
    let log = fs::metadata(data.path().join("pointsman.db-wal")).unwrap().len();
    assert!(log > 100 * 4096, "part of it went to the log, {log} bytes");
    assert_eq!(changes(&store, 0).await, [("customers/before".into(), 1, false)]);
    store.close().await;
    let again = Store::open(data.path()).unwrap();
    assert_eq!(changes(&again, 0).await, [("customers/before".into(), 1, false)]);
    assert_eq!(write(&again, "after").await, Revision::new(2));
    whole(&again).await;
}

#[tokio::test]
async fn a_probe_changes_nothing() {
    let (_data, store) = open();
    write(&store, "a").await;
    let mut revisions = store.revisions();
    revisions.borrow_and_update();
    store.probe().await.unwrap();
    assert!(!store.condition().has_changed().unwrap());
    assert!(!revisions.has_changed().unwrap());
    assert_eq!(changes(&store, 0).await.len(), 1);
    assert_eq!(write(&store, "b").await, Revision::new(2));
}

/// Another program that takes the lock of a write holds writes up for a while, not each for as long, and reads not.
#[tokio::test]
async fn a_locked_database_fails_writes_until_it_is_let_go() {
    let (data, store) = open();
    write(&store, "before").await;
    let other = connection(&data);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = std::time::Instant::now();
    let waiting: Vec<_> = ["a", "b", "c", "d"]
        .into_iter()
        .map(|name| {
            let store = store.clone();
            tokio::spawn(async move { store.write(Keep::Changes, move |tx| put(tx, name, name)).await })
        })
        .collect();
    assert_eq!(changes(&store, 0).await.len(), 1, "reads go on");
    for write in waiting {
        let busy = write.await.unwrap();
        assert!(matches!(busy, Err(StoreError::Busy(_))), "{busy:?}");
    }
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(5), "the first has waited: {waited:?}");
    assert!(waited < Duration::from_secs(10), "the others not as long again: {waited:?}");
    assert_eq!(*store.condition().borrow(), Condition::Failing);
    assert!(matches!(store.probe().await, Err(StoreError::Busy(_))));
    other.execute_batch("COMMIT").unwrap();
    store.probe().await.unwrap();
    assert_eq!(*store.condition().borrow(), Condition::Well);
    assert_eq!(write(&store, "after").await, Revision::new(2));
}

/// Programs that are done soon are waited for.
#[tokio::test]
async fn a_lock_that_is_let_go_in_time_is_not_noticed() {
    let (data, store) = open();
    let other = connection(&data);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (waits, begun) = tokio::sync::oneshot::channel();
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            waits.send(()).unwrap();
            write(&store, "a").await
        }
    });
    begun.await.unwrap();
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(writing.await.unwrap(), Revision::new(1));
}

#[tokio::test]
async fn a_database_that_others_hold_alone_is_told_at_the_start() {
    let (data, store) = open();
    store.close().await;
    let other = connection(&data);
    other
        .execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE meta SET revision = 0; COMMIT",
        )
        .unwrap();
    let folder = data.path().to_owned();
    let refused = tokio::task::spawn_blocking(move || Store::open(&folder)).await.unwrap().unwrap_err();
    assert!(matches!(refused, OpenError::Busy { .. }), "{refused}");
    assert!(refused.to_string().contains("pointsman.db"), "{refused}");
    drop(other);
    Store::open(data.path()).unwrap();
}

#[tokio::test]
async fn side_files_that_cannot_be_used_are_told_at_the_start() {
    let (data, store) = open();
    store.close().await;
    for name in ["pointsman.db-wal", "pointsman.db-shm", "pointsman.lock"] {
        let path = data.path().join(name);
        let _ = fs::remove_file(&path);
        fs::create_dir(&path).unwrap();
        let refused = Store::open(data.path()).expect_err(name).to_string();
        assert!(refused.contains(data.path().to_str().unwrap()), "{refused}");
        assert!(refused.contains("pointsman."), "{refused}");
        fs::remove_dir(&path).unwrap();
    }
    Store::open(data.path()).unwrap();
}

/// What is not a folder, what is not a file.
#[tokio::test]
async fn a_folder_that_is_none_is_told_at_the_start() {
    let parent = tempfile::TempDir::new().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "x").unwrap();
    let refused = Store::open(&file).unwrap_err();
    assert!(matches!(refused, OpenError::File { .. }), "{refused}");
    fs::create_dir_all(parent.path().join("data/pointsman.db")).unwrap();
    let refused = Store::open(&parent.path().join("data")).unwrap_err();
    assert!(refused.to_string().contains("pointsman.db"), "{refused}");
}

#[cfg(unix)]
#[tokio::test]
async fn files_that_others_may_read_are_taken_from_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let (data, store) = open();
    write(&store, "a").await;
    let names = ["pointsman.db", "pointsman.db-wal", "pointsman.db-shm", "pointsman.lock"];
    let killed = tempfile::TempDir::new().unwrap();
    for name in names {
        let to = killed.path().join(name);
        fs::copy(data.path().join(name), &to).unwrap();
        // One was made while the database could only be read, for an hour.
        let mode = if name.ends_with("-shm") { 0o400 } else { 0o664 };
        fs::set_permissions(&to, fs::Permissions::from_mode(mode)).unwrap();
    }
    let again = Store::open(killed.path()).unwrap();
    write(&again, "b").await;
    for name in names {
        let mode = fs::metadata(killed.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
}

/// Another program's database keeps its journal, too.
#[tokio::test]
async fn a_database_that_is_refused_is_not_touched() {
    let other = tempfile::TempDir::new().unwrap();
    connection(&other).execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").unwrap();
    let path = other.path().join("pointsman.db");
    let before = fs::read(&path).unwrap();
    Store::open(other.path()).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before);

    let newer = tempfile::TempDir::new().unwrap();
    migrations::tests::at_version(&newer.path().join("pointsman.db"), 1)
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let before = fs::read(newer.path().join("pointsman.db")).unwrap();
    Store::open(newer.path()).unwrap_err();
    assert_eq!(fs::read(newer.path().join("pointsman.db")).unwrap(), before);
}
