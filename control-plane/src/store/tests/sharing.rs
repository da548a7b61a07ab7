//! One writer, pooled readers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use rusqlite::{Connection, ErrorCode};

use super::{changes, connection, open, put, write};
use crate::{
    domain::Revision,
    store::{Keep, OpenError, Store, StoreError},
};

/// As many reads go on at a time.
const READERS: usize = 8;

/// Whether another program can begin to write.
fn others_may_write(connection: &Connection) -> bool {
    match connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK") {
        Ok(()) => true,
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => false,
        Err(error) => panic!("{error}"),
    }
}

/// What a write reads before it writes cannot be changed by others in between, and it cannot fail half way for a lock.
#[tokio::test]
async fn a_write_has_the_database_from_its_beginning() {
    let (data, store) = open();
    let other = connection(&data);
    other.busy_timeout(Duration::ZERO).unwrap();
    assert!(others_may_write(&other));
    let path = data.path().join("pointsman.db");
    for keep in [Keep::Changes, Keep::Nothing] {
        let path = path.clone();
        let during = store.write::<_, StoreError, _>(keep, move |_| {
            let other = Connection::open(path)?;
            other.busy_timeout(Duration::ZERO)?;
            Ok(others_may_write(&other))
        });
        assert!(!during.await.unwrap().value, "{keep:?}: nothing was written yet, and the lock is taken");
        assert!(others_may_write(&other), "{keep:?}: it is let go");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_come_one_after_the_other() {
    let (_data, store) = open();
    let under_way = Arc::new(AtomicUsize::new(0));
    let last = Arc::new(AtomicI64::new(0));
    let writes = (0..64).map(|number| {
        let (store, under_way, last) = (store.clone(), Arc::clone(&under_way), Arc::clone(&last));
        tokio::spawn(async move {
            let write = store.write(Keep::Changes, move |tx| {
                assert_eq!(under_way.fetch_add(1, Ordering::SeqCst), 0, "another write is under way");
                let before = last.swap(tx.revision().number(), Ordering::SeqCst);
                assert_eq!(tx.revision().number(), before + 1, "it sees what the one before it did");
                let name = format!("c{number}");
                put(tx, &name, &name)?;
                under_way.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, StoreError>(())
            });
            write.await.unwrap().revision.number()
        })
    });
    let mut revisions = Vec::new();
    for write in writes.collect::<Vec<_>>() {
        revisions.push(write.await.unwrap());
    }
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=64).collect::<Vec<_>>());
}

/// All of them are inside at the same time; the one more waits until one has gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_beside_each_other_and_beside_a_write() {
    let (_data, store) = open();
    write(&store, "a").await;
    let (writing, has_begun) = mpsc::channel();
    let (end_write, may_end) = mpsc::channel::<()>();
    let slow_write = tokio::spawn({
        let store = store.clone();
        async move {
            let write = store.write(Keep::Changes, move |tx| {
                put(tx, "b", "b")?;
                writing.send(()).unwrap();
                may_end.recv().unwrap();
                Ok::<_, StoreError>(())
            });
            write.await.unwrap().revision
        }
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();

    let (entered, inside) = mpsc::channel();
    let mut leave = Vec::new();
    let mut reads = Vec::new();
    for number in 0..=READERS {
        let (go, may_go) = mpsc::channel::<()>();
        leave.push(go);
        let (store, entered) = (store.clone(), entered.clone());
        reads.push(tokio::spawn(async move {
            let read = store.read(move |snapshot| {
                entered.send(number).unwrap();
                may_go.recv().unwrap();
                snapshot.head()
            });
            read.await.unwrap().revision
        }));
    }
    let (first, inside) = tokio::task::spawn_blocking(move || {
        let first: Vec<_> = (0..READERS).map(|_| inside.recv().unwrap()).collect();
        (first, inside)
    })
    .await
    .unwrap();
    assert!(inside.try_recv().is_err(), "one more than there are readers waits");
    leave[first[0]].send(()).unwrap();
    let last = tokio::task::spawn_blocking(move || inside.recv().unwrap()).await.unwrap();
    assert!(!first.contains(&last));
    for number in first.into_iter().skip(1).chain([last]) {
        leave[number].send(()).unwrap();
    }
    for read in reads {
        assert_eq!(read.await.unwrap(), Revision::new(1), "what is not committed is not seen");
    }
    end_write.send(()).unwrap();
    assert_eq!(slow_write.await.unwrap(), Revision::new(2));
}

#[tokio::test]
async fn readers_cannot_write() {
    let (_data, store) = open();
    write(&store, "a").await;
    let tried = store.read(|snapshot| {
        snapshot.connection.execute("DELETE FROM customers", [])?;
        Ok::<_, StoreError>(())
    });
    assert!(matches!(tried.await, Err(StoreError::ReadOnly(_))));
    assert_eq!(changes(&store, 0).await.len(), 1);
}

#[tokio::test]
async fn a_folder_has_one_store_at_a_time() {
    let (data, store) = open();
    let folder = data.path().to_owned();
    let second = tokio::task::spawn_blocking(move || Store::open(&folder)).await.unwrap();
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
    store.close().await;
    Store::open(data.path()).unwrap();
}
