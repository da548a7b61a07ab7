use std::{
    fs,
    io::{Seek as _, Write as _},
};

use super::*;
use crate::store::{OpenError, Store, tests};

/// Takes a row's entry out of an index, as a fault of the disk could.
pub(in crate::store) fn lose_an_index_entry(connection: &Connection) {
    // SQLite takes another table's definition for the index's pages, and deletes from them alone.
    connection
        .execute_batch(
            "PRAGMA writable_schema = on;
             CREATE TABLE taken (external_id TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (external_id, name)) WITHOUT ROWID;
             CREATE TABLE kept (root INTEGER);
             INSERT INTO kept SELECT rootpage FROM sqlite_schema WHERE name = 'taken';
             UPDATE sqlite_schema SET rootpage =
                 (SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_customers_2') WHERE name = 'taken';",
        )
        .unwrap();
    let path = connection.path().unwrap().to_owned();
    let again = Connection::open(&path).unwrap();
    again.execute("DELETE FROM taken", []).unwrap();
    again
        .execute_batch(
            "PRAGMA writable_schema = on;
             UPDATE sqlite_schema SET rootpage = (SELECT root FROM kept) WHERE name = 'taken';",
        )
        .unwrap();
    let last = Connection::open(&path).unwrap();
    last.execute_batch("DROP TABLE taken; DROP TABLE kept;").unwrap();
}

fn refused(data: &tempfile::TempDir) -> String {
    match Store::open(data.path()) {
        Err(error @ OpenError::Damaged { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_whole_database_passes() {
    let (data, store) = tests::open();
    tests::write(&store, "a").await;
    store.close().await;
    let connection = tests::connection(&data);
    for depth in [Depth::Quick, Depth::Full] {
        check(&connection, Path::new("x"), depth).unwrap();
    }
}

#[tokio::test]
async fn a_lost_index_entry_shows_in_a_full_check() {
    let (data, store) = tests::open();
    tests::write(&store, "a").await;
    store.close().await;
    let connection = tests::connection(&data);
    lose_an_index_entry(&connection);
    drop(connection);
    let connection = tests::connection(&data);
    let error = check(&connection, Path::new("x"), Depth::Full).unwrap_err();
    assert!(error.to_string().contains("sqlite_autoindex_customers_2"), "{error}");
}

#[tokio::test]
async fn pages_that_were_overwritten_keep_a_control_plane_from_starting() {
    let (data, store) = tests::open();
    for name in ["a", "b", "c"] {
        tests::write(&store, name).await;
    }
    store.close().await;
    let path = data.path().join("pointsman.db");
    let whole = fs::read(&path).unwrap();
    let root: u32 = tests::connection(&data)
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'customers'", [], |row| row.get(0))
        .unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(std::io::SeekFrom::Start(u64::from(root - 1) * 4096)).unwrap();
    file.write_all(&[0xa5; 4096]).unwrap();
    drop(file);
    let said = refused(&data);
    assert!(
        said.starts_with(&format!("{} is damaged, and a backup of it should be restored: ", path.display())),
        "{said}"
    );
    assert!(said.len() < 1_500, "{}", said.len());

    // Cut off in the middle.
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(refused(&data).contains("pointsman.db is damaged"));
    fs::write(&path, &whole[..50]).unwrap();
    assert!(refused(&data).contains("pointsman.db is damaged"));
    fs::write(&path, whole).unwrap();
    Store::open(data.path()).unwrap();
}

#[tokio::test]
async fn rows_that_refer_to_nothing_keep_a_control_plane_from_starting() {
    let (data, store) = tests::open();
    store.close().await;
    let connection = tests::connection(&data);
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    for position in 0..20 {
        let sql =
            "INSERT INTO flows (integration, key, position, name) VALUES ('integrations/secret', ?1, ?1, '')";
        connection.execute(sql, [position]).unwrap();
    }
    drop(connection);
    let said = refused(&data);
    assert!(said.ends_with("20 rows of flows refer to rows of integrations that are not there"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[tokio::test]
async fn what_is_found_is_bounded() {
    let (data, store) = tests::open();
    store.close().await;
    let connection = tests::connection(&data);
    connection.pragma_update(None, "ignore_check_constraints", true).unwrap();
    for number in 0..50 {
        let sql = "INSERT INTO changes (name, revision, removed) VALUES (?1, 1, 7)";
        connection.execute(sql, [number]).unwrap();
    }
    drop(connection);
    match Store::open(data.path()) {
        Err(OpenError::Damaged { faults, .. }) => {
            assert_eq!(faults.len(), 5);
            assert!(faults.iter().all(|fault| fault.contains("changes")), "{faults:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(cut(&"é".repeat(500)).len(), 200);
    assert_eq!(cut("one\ntwo"), "one");
}
