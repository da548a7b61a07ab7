//! The yardstick: the same rows into the same tables with the same indexes by bare inserts, in one transaction.

use std::time::{Duration, Instant};

use pointsman_control_plane::store::Store;
use rusqlite::{Connection, params};

use crate::rows::Rows;

/// In which order rows are inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As an import is sent them.
    File,
    /// As their names are: no order is faster. The sorting is not counted.
    Sorted,
}

/// Inserts the rows into a database of their own, and says how long it takes until they are durable. The connection is
/// set up as the control plane's is during an import.
pub(crate) fn insert(rows: &Rows, order: Order) -> Duration {
    let data = tempfile::TempDir::new().expect("a folder");
    // Lets the control plane make the tables.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async { Store::open(data.path()).expect("a database").close().await });
    let mut connection = Connection::open(data.path().join("pointsman.db")).expect("a database");
    for (pragma, value) in
        [("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "ON"), ("cache_size", "-262144")]
    {
        connection.pragma_update(None, pragma, value).expect("a pragma");
    }
    prepare(&connection, rows);

    let mut numbers: Vec<u64> = (0..rows.count).collect();
    if order == Order::Sorted {
        numbers.sort_by_key(|row| Rows::source(*row));
    }

    let started = Instant::now();
    let transaction = connection.transaction().expect("a transaction");
    let mut mapping = transaction
        .prepare(
            "INSERT INTO customer_mappings (name, uid, display_name, create_time, update_time, revision, owner, \
             integration, source_customer_id, customer) VALUES (?1, ?2, '', ?3, ?3, 1, 'default', \
             'integrations/acme-erp', ?4, ?5)",
        )
        .expect("a statement");
    let mut change = transaction
        .prepare("INSERT INTO changes (name, revision, removed) VALUES (?1, 1, 0)")
        .expect("a statement");
    for row in numbers {
        let source = Rows::source(row);
        let name = format!("integrations/acme-erp/customerMappings/{source}");
        let uid = format!("{row:08x}-0000-4000-8000-000000000000");
        let customer = Rows::customer(rows.customer_of(row));
        mapping.execute(params![name, uid, 1_700_000_000_000_000_i64, source, customer]).expect("a row");
        change.execute([&name]).expect("a row");
    }
    drop((mapping, change));
    transaction.commit().expect("a commit");
    started.elapsed()
}

fn prepare(connection: &Connection, rows: &Rows) {
    let sql = "INSERT INTO integrations (name, uid, display_name, create_time, update_time, revision, endpoint_type, endpoint) \
               VALUES ('integrations/acme-erp', '', '', 0, 0, 1, 'shared', '{}')";
    connection.execute(sql, []).expect("an integration");
    let sql = "INSERT INTO customers (name, uid, display_name, create_time, update_time, revision, external_id) \
               VALUES (?1, '', '', 0, 0, 1, ?1)";
    connection.execute_batch("BEGIN").expect("a transaction");
    let mut insert = connection.prepare(sql).expect("a statement");
    for n in 0..rows.customers {
        insert.execute([Rows::customer(n)]).expect("a customer");
    }
    connection.execute_batch("COMMIT").expect("a commit");
}
