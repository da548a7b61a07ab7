//! Customers.

use rusqlite::{Row, params};

use super::{META, META_UPDATE, PLACEHOLDER, Table, read_meta, to_micros};
use crate::{
    domain::{CustomerSpec, Resource, filter::Field},
    store::{Db, StoreError, select::Column},
};

impl Table for CustomerSpec {
    const TABLE: &'static str = "customers";
    const COLUMNS: &'static str = "external_id";

    fn column(field: Field) -> Option<Column> {
        Some(match field {
            Field::ExternalId => Column::indexed("external_id"),
            Field::DisplayName => Column::plain("display_name"),
            Field::Owner => Column::plain("owner"),
            _ => return None,
        })
    }

    fn read(_connection: &Db<'_>, row: &Row<'_>) -> Result<Resource<Self>, StoreError> {
        let (name, meta) = read_meta::<Self>(row)?;
        Ok(Resource { name, meta, spec: Self { external_id: row.get(7)? }, tokens: () })
    }

    fn put(connection: &Db<'_>, resource: &Resource<Self>) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO customers (name, {META}, external_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
             ON CONFLICT (name) DO UPDATE SET {META_UPDATE}, external_id = excluded.external_id"
        );
        let meta = &resource.meta;
        connection.prepare_cached(&sql)?.execute(params![
            resource.name.to_string(),
            meta.uid.to_string(),
            meta.display_name,
            to_micros(meta.create_time),
            to_micros(meta.update_time),
            meta.revision.number(),
            meta.owner.as_str(),
            resource.spec.external_id,
        ])?;
        Ok(())
    }

    /// The row stays, so that nobody has to look for references to it.
    fn release(connection: &Db<'_>, name: &Self::Name) -> Result<(), StoreError> {
        let sql = format!("UPDATE customers SET external_id = {PLACEHOLDER} WHERE name = ?1");
        connection.prepare_cached(&sql)?.execute([name.to_string()])?;
        Ok(())
    }
}
