use std::{fs, sync::atomic::Ordering, thread};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::{
    domain::Revision,
    store::{OpenError, Store, StoreError, integrity, tests},
};

/// How many customers a database holds, and its revision.
fn held(file: &Path) -> (i64, i64) {
    let connection = Connection::open(file).unwrap();
    let ask = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).unwrap();
    (ask("SELECT count(*) FROM customers"), ask("SELECT revision FROM meta"))
}

fn names(folder: &TempDir) -> Vec<String> {
    tests::files(folder)
}

#[tokio::test]
async fn a_backup_of_a_running_store_holds_what_is_only_in_its_log() {
    let (data, store) = tests::open();
    tests::write(&store, "a").await;
    tests::write(&store, "b").await;
    let out = TempDir::new().unwrap();
    let to = out.path().join("backup.db");
    let made = backup(data.path(), &to, Existing::Keep).unwrap();
    assert_eq!(made.head, Head { epoch: store.epoch().clone(), revision: Revision::new(2) });
    assert_eq!(made.bytes, fs::metadata(&to).unwrap().len());
    assert_eq!(held(&to), (2, 2));
    assert_eq!(names(&out), ["backup.db"], "one file");
    // It holds nobody up.
    assert_eq!(tests::write(&store, "c").await, Revision::new(3));
    assert_eq!(held(&to), (2, 2));
}

#[tokio::test]
async fn a_backup_is_made_where_nothing_runs_and_where_something_was_killed() {
    let (data, store) = tests::open();
    tests::write(&store, "a").await;
    // As after a kill: the log is not folded in.
    let killed = TempDir::new().unwrap();
    for name in ["pointsman.db", "pointsman.db-wal"] {
        fs::copy(data.path().join(name), killed.path().join(name)).unwrap();
    }
    store.close().await;
    let out = TempDir::new().unwrap();
    for (folder, name) in [(&data, "stopped.db"), (&killed, "killed.db")] {
        let to = out.path().join(name);
        backup(folder.path(), &to, Existing::Keep).unwrap();
        assert_eq!(held(&to), (1, 1), "{name}");
    }
    let again = Store::open(killed.path()).unwrap();
    assert_eq!(tests::write(&again, "b").await, Revision::new(2));
}

/// Each write puts one customer in: at revision n there are n.
#[tokio::test(flavor = "multi_thread")]
async fn backups_are_of_one_revision_while_others_write() {
    let (data, store) = tests::open();
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writing = tokio::spawn({
        let (store, done) = (store.clone(), done.clone());
        async move {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                let name: &'static str = format!("c{number}").leak();
                tests::write(&store, name).await;
            }
        }
    });
    let mut revisions = store.revisions();
    let out = TempDir::new().unwrap();
    let to = out.path().join("backup.db");
    for _ in 0..5 {
        revisions.changed().await.unwrap();
        let (data, to) = (data.path().to_owned(), to.clone());
        let made = tokio::task::spawn_blocking(move || {
            let made = backup(&data, &to, Existing::Replace).unwrap();
            let (customers, revision) = held(&to);
            assert_eq!((customers, revision), (revision, made.head.revision.number()));
        });
        made.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    writing.await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_a_backup() {
    use std::os::unix::fs::PermissionsExt as _;
    let (data, _store) = tests::open();
    let out = TempDir::new().unwrap();
    let to = out.path().join("backup.db");
    for existing in [Existing::Keep, Existing::Replace] {
        backup(data.path(), &to, existing).unwrap();
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&to, fs::Permissions::from_mode(0o644)).unwrap();
    }
}

#[tokio::test]
async fn a_file_that_is_there_is_replaced_only_where_that_is_asked_for() {
    let (data, store) = tests::open();
    let out = TempDir::new().unwrap();
    let to = out.path().join("backup.db");
    fs::write(&to, "precious").unwrap();
    let refused = backup(data.path(), &to, Existing::Keep).unwrap_err();
    assert!(matches!(refused, BackupError::Exists(_)), "{refused}");
    assert_eq!(fs::read(&to).unwrap(), b"precious");
    tests::write(&store, "a").await;
    backup(data.path(), &to, Existing::Replace).unwrap();
    assert_eq!(held(&to), (1, 1));
    // A folder is not replaced.
    let folder = out.path().join("folder");
    fs::create_dir(&folder).unwrap();
    for existing in [Existing::Keep, Existing::Replace] {
        backup(data.path(), &folder, existing).unwrap_err();
    }
    assert_eq!(names(&out), ["backup.db", "folder"]);
}

#[tokio::test]
async fn a_backup_never_becomes_one_of_the_control_planes_own_files() {
    let (data, _store) = tests::open();
    for name in ["pointsman.db", "pointsman.db-wal", "pointsman.lock", "pointsman.key", "pointsman.db.bak"] {
        let refused = backup(data.path(), &data.path().join(name), Existing::Replace).unwrap_err();
        assert!(matches!(refused, BackupError::Ours(_)), "{name}: {refused}");
    }
    // By another way there.
    let around = data.path().join("../").join(data.path().file_name().unwrap()).join("pointsman.db");
    assert!(matches!(backup(data.path(), &around, Existing::Replace), Err(BackupError::Ours(_))));
    backup(data.path(), &data.path().join("mine.db"), Existing::Keep).unwrap();
    for name in ["", "..", "/"] {
        let refused = backup(data.path(), Path::new(name), Existing::Replace).unwrap_err();
        assert!(matches!(refused, BackupError::NoFile(_)), "{name}: {refused}");
    }
}

#[tokio::test]
async fn what_cannot_be_backed_up_is_told_and_leaves_nothing() {
    let out = TempDir::new().unwrap();
    let to = out.path().join("backup.db");
    let none = TempDir::new().unwrap();
    let copied = |data: &TempDir| match backup(data.path(), &to, Existing::Keep) {
        Err(BackupError::Copy(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(copied(&none), CopyError::Missing(_)));
    assert!(names(&none).is_empty(), "nothing is made");
    let missing = backup(&none.path().join("nowhere"), &to, Existing::Keep).unwrap_err();
    assert!(matches!(missing, BackupError::Copy(CopyError::Missing(_))), "{missing}");

    let foreign = TempDir::new().unwrap();
    tests::connection(&foreign).execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(copied(&foreign), CopyError::Source(OpenError::Foreign { .. })));
    let empty = TempDir::new().unwrap();
    fs::write(empty.path().join("pointsman.db"), "").unwrap();
    assert!(matches!(copied(&empty), CopyError::Empty(_)));
    let garbage = TempDir::new().unwrap();
    fs::write(garbage.path().join("pointsman.db"), [7; 4096]).unwrap();
    assert!(matches!(copied(&garbage), CopyError::Source(OpenError::Damaged { .. })));

    let (data, _store) = tests::open();
    let nowhere = out.path().join("nowhere/backup.db");
    let refused = backup(data.path(), &nowhere, Existing::Keep).unwrap_err();
    assert!(matches!(refused, BackupError::File { .. }), "{refused}");
    assert!(names(&out).is_empty(), "{:?}", names(&out));
}

/// An index that lacks a row: the pages are fine, and only a full check sees it.
#[tokio::test]
async fn a_damaged_database_is_not_backed_up() {
    let (data, store) = tests::open();
    tests::write(&store, "a").await;
    store.close().await;
    integrity::tests::lose_an_index_entry(&tests::connection(&data));
    let out = TempDir::new().unwrap();
    let to = out.path().join("backup.db");
    fs::write(&to, "an earlier backup").unwrap();
    let refused = backup(data.path(), &to, Existing::Replace).unwrap_err();
    let BackupError::Copy(CopyError::Source(OpenError::Damaged { .. })) = &refused else {
        panic!("{refused}");
    };
    assert!(refused.to_string().contains("pointsman.db is damaged"), "{refused}");
    assert_eq!(fs::read(&to).unwrap(), b"an earlier backup");
    assert_eq!(names(&out), ["backup.db"]);
}

#[cfg(unix)]
#[tokio::test]
async fn names_that_are_no_text_work_too() {
    use std::os::unix::ffi::OsStrExt as _;
    let (data, store) = tests::open();
    tests::write(&store, "a").await;
    let out = TempDir::new().unwrap();
    for name in [&b"file:a?mode=ro'\"%"[..], b"\xff\xfe.db"] {
        let to = out.path().join(OsStr::from_bytes(name));
        backup(data.path(), &to, Existing::Keep).unwrap();
        assert!(to.is_file());
    }
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 2);
}

/// The rename that decides is one that replaces nothing.
#[tokio::test]
async fn of_two_backups_to_one_file_one_is_refused() {
    let (data, _store) = tests::open();
    let out = TempDir::new().unwrap();
    let to = out.path().join("backup.db");
    let made = thread::scope(|scope| {
        let backups: Vec<_> =
            (0..2).map(|_| scope.spawn(|| backup(data.path(), &to, Existing::Keep))).collect();
        backups.into_iter().map(|one| one.join().unwrap()).filter(Result::is_ok).count()
    });
    assert_eq!(made, 1);
    assert_eq!(names(&out), ["backup.db"]);
}

/// What a failed write says is told apart from the database's own faults.
#[test]
fn a_full_target_is_told() {
    let full: StoreError = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(13), None).into();
    let error = CopyError::Write { from: "a".into(), to: "b".into(), source: full };
    assert!(error.to_string().starts_with("cannot copy a to b: there is no room"), "{error}");
}
