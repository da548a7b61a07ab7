use std::{collections::BTreeMap, ops::ControlFlow};

use rusqlite::types::Value;
use tempfile::TempDir;

use super::*;
use crate::{
    domain::Revision,
    store::{
        Existing, Store, StoreError, backup, files,
        integrity::{self, Depth},
        tests,
    },
};

/// A database of each earlier version, with something in each table, as SQL.
///
/// Before a migration is added, one of the version before it is made with the released program: fill it, and keep what
/// `sqlite3 pointsman.db .dump` writes behind the two pragmas that a dump leaves out, as in the others.
const FIXTURES: &[&str] = &[include_str!("fixtures/0001.sql")];

/// Makes a database of an earlier version.
pub(in crate::store) fn at_version(path: &Path, version: i32) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(FIXTURES[usize::try_from(version).unwrap() - 1]).unwrap();
    connection
}

/// All tables: the columns and the rows of each, in some fixed order.
type Tables = BTreeMap<String, (Vec<String>, Vec<Vec<Value>>)>;

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn tables(connection: &Connection) -> Tables {
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let read = |table: String| {
        let columns = texts(connection, &format!("SELECT name FROM pragma_table_info('{table}')"));
        let rows = rows(connection, &table, &columns);
        (table, (columns, rows))
    };
    texts(connection, names).into_iter().map(read).collect()
}

fn rows(connection: &Connection, table: &str, columns: &[String]) -> Vec<Vec<Value>> {
    let columns = columns.join(", ");
    let mut statement =
        connection.prepare(&format!("SELECT {columns} FROM {table} ORDER BY {columns}")).unwrap();
    let count = statement.column_count();
    let read = |row: &rusqlite::Row<'_>| (0..count).map(|column| row.get(column)).collect();
    statement.query_map([], read).unwrap().collect::<Result<_, _>>().unwrap()
}

fn schema(connection: &Connection) -> Vec<String> {
    texts(
        connection,
        "SELECT type || ' ' || name || ': ' || sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY 1",
    )
}

fn versions() -> impl Iterator<Item = i32> {
    1..latest()
}

#[test]
fn each_earlier_version_has_a_fixture() {
    assert_eq!(
        FIXTURES.len() + 1,
        MIGRATIONS.len(),
        "a migration was added, and no fixture of the version before it: see FIXTURES"
    );
    for version in versions() {
        let data = TempDir::new().unwrap();
        let connection = at_version(&files::database(data.path()), version);
        assert_eq!(super::version(&connection, data.path()).unwrap(), version);
        integrity::check(&connection, data.path(), Depth::Full).unwrap();
        for (table, (_, rows)) in tables(&connection) {
            assert!(!rows.is_empty(), "the fixture of version {version} has nothing in {table}");
        }
    }
}

/// A fixture holds the schema as it was when its version was the newest.
#[test]
fn a_released_migration_is_never_changed() {
    for version in versions() {
        let data = TempDir::new().unwrap();
        let then = at_version(&files::database(data.path()), version);
        let now = Connection::open_in_memory().unwrap();
        for migration in &MIGRATIONS[..usize::try_from(version).unwrap()] {
            now.execute_batch(migration).unwrap();
        }
        assert_eq!(schema(&now), schema(&then), "version {version}");
    }
}

#[tokio::test]
async fn every_earlier_version_comes_up_to_date_and_loses_nothing() {
    for version in versions() {
        let data = TempDir::new().unwrap();
        let path = files::database(data.path());
        let mut connection = at_version(&path, version);
        let before = tables(&connection);
        run(&mut connection, &path, version).unwrap();
        assert_eq!(super::version(&connection, &path).unwrap(), latest());
        integrity::check(&connection, &path, Depth::Full).unwrap();
        for (table, (columns, then)) in &before {
            assert_eq!(&rows(&connection, table, columns), then, "{table} of version {version}");
        }
        assert_eq!(schema(&connection), schema_of_a_new_one(), "version {version}");
        drop(connection);
        reads_and_writes_go_on(&data, &before).await;
    }
}

fn schema_of_a_new_one() -> Vec<String> {
    let mut connection = Connection::open_in_memory().unwrap();
    run(&mut connection, Path::new(""), 0).unwrap();
    schema(&connection)
}

async fn reads_and_writes_go_on(data: &TempDir, before: &Tables) {
    let store = Store::open(data.path()).unwrap();
    let names = store.read(|snapshot| {
        let mut names = Vec::new();
        snapshot.for_each_resource::<StoreError>(None, |resource| {
            names.push(resource.name().to_string());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok::<_, StoreError>(names)
    });
    let mut expected: Vec<_> = ["integrations", "customers", "customer_mappings", "deployments"]
        .into_iter()
        .flat_map(|table| {
            let (columns, rows) = &before[table];
            let name = columns.iter().position(|column| column == "name").unwrap();
            rows.iter().map(move |row| text(&row[name]))
        })
        .collect();
    expected.sort();
    assert_eq!(names.await.unwrap(), expected);

    let (columns, rows) = &before["meta"];
    let meta = |name: &str| &rows[0][columns.iter().position(|column| column == name).unwrap()];
    assert_eq!(store.epoch().as_str(), text(meta("epoch")));
    let Value::Integer(revision) = meta("revision") else { panic!("{rows:?}") };
    assert_eq!(tests::write(&store, "new").await, Revision::new(revision + 1));
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

/// The whole way up is one transaction.
#[test]
fn a_migration_that_fails_leaves_the_database_as_it_was() {
    for version in versions() {
        let data = TempDir::new().unwrap();
        let path = files::database(data.path());
        let mut connection = at_version(&path, version);
        let before = (schema(&connection), tables(&connection));
        // There is no room for what it adds.
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        let limit = |pages: i64| {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
        };
        limit(pages);
        let failed = run(&mut connection, &path, version).unwrap_err();
        assert!(matches!(failed, OpenError::Full { .. }), "{failed}");
        assert_eq!(super::version(&connection, &path).unwrap(), version);
        assert_eq!((schema(&connection), tables(&connection)), before);
        connection.pragma_update_and_check(None, "max_page_count", 1 << 30, |_| Ok(())).unwrap();
        run(&mut connection, &path, version).unwrap();
    }
}

#[test]
fn an_earlier_version_is_backed_up_as_it_is() {
    for version in versions() {
        let data = TempDir::new().unwrap();
        let before = tables(&at_version(&files::database(data.path()), version));
        let to = data.path().join("backup.db");
        backup(data.path(), &to, Existing::Keep).unwrap();
        let copy = Connection::open(&to).unwrap();
        assert_eq!(super::version(&copy, &to).unwrap(), version);
        assert_eq!(tables(&copy), before);
    }
}
