//! How each kind of resource is laid out in tables.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use pointsman_routing::table::EndpointToken;
use rusqlite::{Row, params_from_iter};
use uuid::Uuid;

use super::{
    Db, StoreError,
    select::{Column, Query, Selection, WANTED},
};
use crate::domain::{Kind, Meta, Resource, Revision, filter::Field};

mod customer;
mod customer_mapping;
mod deployment;
mod integration;

/// A kind of resource that has a table. `name` is the first column and the key; [`META`] come next.
pub(crate) trait Table: Kind {
    /// The table.
    const TABLE: &'static str;
    /// What a row is read from, behind [`META`].
    const COLUMNS: &'static str;

    /// Reads a resource from a row of `name`, [`META`], [`Self::COLUMNS`], and from the tables below it.
    fn read(connection: &Db<'_>, row: &Row<'_>) -> Result<Resource<Self>, StoreError>;

    /// Inserts or updates the row and those below it.
    fn put(connection: &Db<'_>, resource: &Resource<Self>) -> Result<(), StoreError>;

    /// Takes away the unique values of a row that is about to be put.
    fn release(_connection: &Db<'_>, _name: &Self::Name) -> Result<(), StoreError> {
        Ok(())
    }

    /// Deletes the row and those below it.
    fn remove(connection: &Db<'_>, name: &Self::Name) -> Result<(), StoreError> {
        let sql = format!("DELETE FROM {} WHERE name = ?1", Self::TABLE);
        connection.prepare_cached(&sql)?.execute([name.to_string()])?;
        Ok(())
    }

    /// The resource of this name.
    fn get(connection: &Db<'_>, name: &Self::Name) -> Result<Option<Resource<Self>>, StoreError> {
        let sql = format!("SELECT name, {META}, {} FROM {} WHERE name = ?1", Self::COLUMNS, Self::TABLE);
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([name.to_string()])?;
        rows.next()?.map(|row| Self::read(connection, row)).transpose()
    }

    /// How a field that filters can name is kept; none for one that the kind does not have.
    fn column(field: Field) -> Option<Column>;

    /// Hands out the resources that are selected, in the order of their names' bytes, until `each` has enough. Answers a
    /// name where it ended because of [`Selection::passed_over_max`]: everything up to that name was looked at.
    fn for_each<E: From<StoreError>>(
        connection: &Db<'_>,
        selection: &Selection<'_>,
        mut each: impl FnMut(Resource<Self>) -> Result<ControlFlow<()>, E>,
    ) -> Result<Option<String>, E> {
        let Query { sql, params } = selection.query::<Self>()?;
        let mut statement = connection.prepare_cached(&sql).map_err(StoreError::from)?;
        let mut rows = statement.query(params_from_iter(params)).map_err(StoreError::from)?;
        let mut passed_over = 0;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            if row.get(WANTED).map_err(StoreError::from)? {
                if each(Self::read(connection, row)?)?.is_break() {
                    break;
                }
                continue;
            }
            passed_over += 1;
            if passed_over == selection.passed_over_max {
                return Ok(Some(row.get(0).map_err(StoreError::from)?));
            }
        }
        Ok(None)
    }
}

/// The columns that every kind has.
pub(super) const META: &str = "uid, display_name, create_time, update_time, revision, owner";

/// The columns of [`META`] as parameters ?2 to ?7 of an insert whose ?1 is the name, and as its update.
pub(super) const META_UPDATE: &str = "uid = excluded.uid, display_name = excluded.display_name, \
     create_time = excluded.create_time, update_time = excluded.update_time, revision = excluded.revision, \
     owner = excluded.owner";

/// Stands for a unique value that was released, until the row is put: unique as the name is, and with its 300 bytes
/// longer than any value that is kept.
const PLACEHOLDER: &str = "printf('%-300s', name)";

/// Reads `name` and [`META`].
fn read_meta<K: Kind>(row: &Row<'_>) -> Result<(K::Name, Meta), StoreError> {
    let text: String = row.get(0)?;
    let name = text.parse().map_err(|fault| StoreError::damaged(&text, fault))?;
    let uid: String = row.get(1)?;
    let uid = Uuid::parse_str(&uid).map_err(|fault| StoreError::damaged(&text, fault))?;
    let meta = Meta {
        uid,
        display_name: row.get(2)?,
        create_time: from_micros(row.get(3)?),
        update_time: from_micros(row.get(4)?),
        revision: Revision::new(row.get(5)?),
        owner: {
            let owner: String = row.get(6)?;
            owner.parse().map_err(|fault| StoreError::damaged(&text, fault))?
        },
    };
    Ok((name, meta))
}

/// Microseconds since 1970; a time before that is 1970.
pub(crate) fn to_micros(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The inverse of [`to_micros`].
pub(crate) fn from_micros(micros: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

/// A token of a row of `endpoint_tokens`.
fn read_token(owner: &str, text: &str) -> Result<EndpointToken, StoreError> {
    EndpointToken::parse(text).ok_or_else(|| StoreError::damaged(owner, "a token that cannot be one"))
}

/// A count in a column.
fn position(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// Reads a whole table in the order of names, a batch at a time: bounded memory, and no statement held between.
pub(super) struct Batches<'c, K: Table> {
    connection: Db<'c>,
    after: String,
    batch: VecDeque<Resource<K>>,
    ended: bool,
}

const BATCH_ROWS: usize = 64;

impl<'c, K: Table> Batches<'c, K> {
    pub(super) fn new(connection: Db<'c>, after: String) -> Self {
        Self { connection, after, batch: VecDeque::new(), ended: false }
    }

    fn refill(&mut self) -> Result<(), StoreError> {
        let batch = &mut self.batch;
        K::for_each(&self.connection, &Selection::all(&self.after), |resource| {
            batch.push_back(resource);
            let full = batch.len() == BATCH_ROWS;
            Ok::<_, StoreError>(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        self.ended = self.batch.len() < BATCH_ROWS;
        if let Some(last) = self.batch.back() {
            self.after = last.name.to_string();
        }
        Ok(())
    }
}

impl<K: Table> Iterator for Batches<'_, K> {
    type Item = Result<Resource<K>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.batch.is_empty()
            && !self.ended
            && let Err(error) = self.refill()
        {
            self.ended = true;
            return Some(Err(error));
        }
        self.batch.pop_front().map(Ok)
    }
}
