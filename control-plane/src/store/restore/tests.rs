use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::{
    domain::Revision,
    store::{Store, backup, migrations, tests},
};

/// A backup of a database with the customer `kept`, its epoch, and the same database in its folder, which went on
/// and was killed: a customer `later` is only in its log.
async fn backed_up() -> (TempDir, TempDir, Epoch) {
    let (data, store) = tests::open();
    tests::write(&store, "kept").await;
    let out = TempDir::new().unwrap();
    backup(data.path(), &out.path().join("backup.db"), Existing::Keep).unwrap();
    tests::write(&store, "later").await;
    let killed = TempDir::new().unwrap();
    for name in ["pointsman.db", "pointsman.db-wal", "pointsman.db-shm"] {
        fs::copy(data.path().join(name), killed.path().join(name)).unwrap();
    }
    assert_eq!(customers(killed.path()), ["customers/kept", "customers/later"]);
    (killed, out, store.epoch().clone())
}

/// What a folder's database holds, as a copy of the folder's files says: looking does not change them.
fn customers(data: &Path) -> Vec<String> {
    customers_of(data, "pointsman.db")
}

fn customers_of(data: &Path, database: &str) -> Vec<String> {
    let looked = TempDir::new().unwrap();
    for suffix in ["", "-wal", "-journal"] {
        let file = data.join(format!("{database}{suffix}"));
        if file.exists() {
            fs::copy(file, looked.path().join(format!("x{suffix}"))).unwrap();
        }
    }
    let connection = Connection::open(looked.path().join("x")).unwrap();
    let mut statement = connection.prepare("SELECT name FROM customers ORDER BY name").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn all(folder: &TempDir) -> Vec<String> {
    tests::files(folder)
}

#[tokio::test]
async fn a_backup_becomes_a_database_under_a_new_epoch() {
    let (_, out, epoch) = backed_up().await;
    let from = out.path().join("backup.db");
    let before = fs::read(&from).unwrap();
    let parent = TempDir::new().unwrap();
    let data = parent.path().join("new");
    let restored = restore(&data, &from, Existing::Keep).unwrap();
    assert_eq!((&restored.backed_up, restored.head.revision), (&epoch, Revision::new(1)));
    assert_ne!(restored.head.epoch, epoch);
    assert_eq!(restored.replaced, None);
    assert_eq!(fs::read(&from).unwrap(), before, "the backup is as it was");
    assert_eq!(all(&out), ["backup.db"]);

    let store = Store::open(&data).unwrap();
    assert_eq!(store.epoch(), &restored.head.epoch);
    assert_eq!(tests::write(&store, "more").await, Revision::new(2));
    store.close().await;
    assert_eq!(customers(&data), ["customers/kept", "customers/more"]);
    let twice = restore(&data, &from, Existing::Replace).unwrap();
    assert_ne!(twice.head.epoch, restored.head.epoch, "each restore has an epoch of its own");
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_what_was_restored() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_, out, _) = backed_up().await;
    let from = out.path().join("backup.db");
    fs::set_permissions(&from, fs::Permissions::from_mode(0o644)).unwrap();
    let parent = TempDir::new().unwrap();
    let data = parent.path().join("new");
    restore(&data, &from, Existing::Keep).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in ["pointsman.db", "pointsman.lock"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_database_that_is_there_is_replaced_only_where_that_is_asked_for_and_kept() {
    let (data, out, _) = backed_up().await;
    let from = out.path().join("backup.db");
    let refused = restore(data.path(), &from, Existing::Keep).unwrap_err();
    assert!(matches!(refused, RestoreError::Exists(_)), "{refused}");
    assert_eq!(customers(data.path()), ["customers/kept", "customers/later"]);

    let restored = restore(data.path(), &from, Existing::Replace).unwrap();
    assert_eq!(restored.replaced, Some(data.path().join("pointsman.db.replaced-1")));
    // The log of the old one went with it.
    let left = ["pointsman.db", "pointsman.db.replaced-1", "pointsman.db.replaced-1-wal", "pointsman.lock"];
    assert_eq!(all(&data), left);
    assert_eq!(customers(data.path()), ["customers/kept"]);
    let old = restored.replaced.unwrap();
    assert_eq!(customers_of(data.path(), "pointsman.db.replaced-1"), ["customers/kept", "customers/later"]);

    // And can come back.
    let back = restore(data.path(), &old, Existing::Replace).unwrap();
    assert_eq!(back.replaced, Some(data.path().join("pointsman.db.replaced-2")));
    assert_eq!(customers(data.path()), ["customers/kept", "customers/later"]);
    Store::open(data.path()).unwrap();
}

/// A log without its database is no reason to lose it, and none to take it for one of the new database.
#[tokio::test]
async fn a_log_that_was_left_alone_is_not_taken_for_the_new_databases() {
    let (data, out, _) = backed_up().await;
    fs::remove_file(data.path().join("pointsman.db")).unwrap();
    let from = out.path().join("backup.db");
    assert!(matches!(restore(data.path(), &from, Existing::Keep), Err(RestoreError::Exists(_))));
    restore(data.path(), &from, Existing::Replace).unwrap();
    let store = Store::open(data.path()).unwrap();
    store.close().await;
    assert_eq!(customers(data.path()), ["customers/kept"]);
    assert!(data.path().join("pointsman.db.replaced-1-wal").exists());
}

#[tokio::test]
async fn nothing_is_restored_below_a_running_control_plane() {
    let (_, out, _) = backed_up().await;
    let (data, store) = tests::open();
    tests::write(&store, "running").await;
    let refused = restore(data.path(), &out.path().join("backup.db"), Existing::Replace).unwrap_err();
    assert!(matches!(refused, RestoreError::Folder(OpenError::InUse { .. })), "{refused}");
    assert_eq!(tests::write(&store, "still").await, Revision::new(2));
    assert_eq!(customers(data.path()), ["customers/running", "customers/still"]);
}

#[tokio::test]
async fn what_is_no_backup_is_refused_and_changes_nothing() {
    let (data, out, _) = backed_up().await;
    let from = |name: &str, bytes: &[u8]| {
        let path = out.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let good = fs::read(out.path().join("backup.db")).unwrap();
    let foreign = out.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let newer = from("newer.db", &good);
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let hollow = out.path().join("hollow.db");
    let id = i32::from_be_bytes(*b"PtMn");
    Connection::open(&hollow)
        .unwrap()
        .execute_batch(&format!("PRAGMA application_id = {id}; PRAGMA user_version = 1; CREATE TABLE x (y)"))
        .unwrap();
    let cases = [
        (out.path().join("none.db"), "there is no database at "),
        (out.path().to_owned(), "there is no database at "),
        (from("empty.db", b""), "empty.db is empty"),
        (from("text.db", &b"not a database ".repeat(500)), "text.db is damaged"),
        (from("cut.db", &good[..good.len() / 2]), "cut.db is damaged"),
        (foreign, "foreign.db is not a database of Pointsman"),
        (newer, "newer.db has schema version 99"),
        (hollow, "no such table: meta"),
    ];
    let before = all(&data);
    for (from, said) in cases {
        for existing in [Existing::Keep, Existing::Replace] {
            let empty = TempDir::new().unwrap();
            let folder = if existing == Existing::Keep { &empty } else { &data };
            let refused = restore(folder.path(), &from, existing).unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
            assert!(!empty.path().join("pointsman.db").exists());
        }
        assert_eq!(customers(data.path()), ["customers/kept", "customers/later"]);
    }
    let mut now = all(&data);
    now.retain(|name| name != "pointsman.lock");
    assert_eq!(now, before, "nothing is left");
}

/// Cut off after each of its steps, as by a kill.
#[tokio::test]
async fn a_restore_that_is_cut_off_leaves_the_old_or_the_new() {
    let steps: [(&str, &[&str], &[&str]); 6] = [
        ("a draft", &["customers/kept", "customers/later"], &[]),
        ("ready", &["customers/kept"], &[]),
        ("the log is moved", &["customers/kept"], &["-wal"]),
        ("all is moved", &["customers/kept"], &["-wal", ""]),
        ("the index is gone", &["customers/kept"], &["-wal", "", "-shm"]),
        ("all is done", &["customers/kept"], &[]),
    ];
    for (step, expected, moved) in steps {
        let (data, out, _) = backed_up().await;
        let here = |name: &str| data.path().join(format!("pointsman.db{name}"));
        let backup = out.path().join("backup.db");
        match step {
            "a draft" => {
                // Half of it was copied.
                let bytes = fs::read(&backup).unwrap();
                fs::write(here(".restoring-abc"), &bytes[..bytes.len() / 2]).unwrap();
                fs::write(here(".restoring-abc-journal"), "x").unwrap();
            }
            "all is done" => drop(restore(data.path(), &backup, Existing::Replace).unwrap()),
            _ => drop(fs::copy(&backup, here(".restored-1")).unwrap()),
        }
        for suffix in moved {
            match *suffix {
                "-shm" => fs::remove_file(here("-shm")).unwrap(),
                suffix => fs::rename(here(suffix), here(&format!(".replaced-1{suffix}"))).unwrap(),
            }
        }
        if !matches!(step, "a draft" | "all is done") {
            let unsure = crate::store::backup(data.path(), &out.path().join("b.db"), Existing::Keep);
            assert!(matches!(unsure, Err(crate::store::BackupError::Unfinished(_))), "{step}: {unsure:?}");
        }
        let store = Store::open(data.path()).unwrap();
        store.close().await;
        assert_eq!(customers(data.path()), expected, "{step}");
        let left: Vec<_> = all(&data).into_iter().filter(|name| !name.contains(".replaced-")).collect();
        assert_eq!(left, ["pointsman.db", "pointsman.key", "pointsman.lock"], "{step}");
        if step != "a draft" {
            let old = customers_of(data.path(), "pointsman.db.replaced-1");
            assert_eq!(old, ["customers/kept", "customers/later"], "{step}: the old one is kept as a whole");
        }
    }
}

#[tokio::test]
async fn a_backup_of_an_earlier_version_is_brought_up_to_date_at_the_start() {
    let out = TempDir::new().unwrap();
    let from = out.path().join("backup.db");
    migrations::tests::at_version(&from, 1);
    let data = TempDir::new().unwrap();
    restore(data.path(), &from, Existing::Keep).unwrap();
    let version = || -> i32 {
        tests::connection(&data).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    };
    assert_eq!(version(), 1);
    Store::open(data.path()).unwrap().close().await;
    assert_eq!(version(), migrations::latest());
}
