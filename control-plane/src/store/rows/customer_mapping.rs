//! Customer mappings.

use rusqlite::{Row, params};

use super::{META, META_UPDATE, PLACEHOLDER, Table, read_meta, to_micros};
use crate::{
    domain::{MappingSpec, Resource, filter::Field},
    store::{Db, StoreError, select::Column},
};

impl Table for MappingSpec {
    const TABLE: &'static str = "customer_mappings";
    const COLUMNS: &'static str = "source_customer_id, customer";

    fn column(field: Field) -> Option<Column> {
        Some(match field {
            Field::SourceCustomerId => Column::indexed_behind_integration("source_customer_id"),
            Field::Customer => Column::indexed("customer"),
            Field::DisplayName => Column::plain("display_name"),
            Field::Owner => Column::plain("owner"),
            _ => return None,
        })
    }

    fn read(_connection: &Db<'_>, row: &Row<'_>) -> Result<Resource<Self>, StoreError> {
        let (name, meta) = read_meta::<Self>(row)?;
        let spec = Self { source_customer_id: row.get(7)?, customer: row.get(8)? };
        Ok(Resource { name, meta, spec, tokens: () })
    }

    fn put(connection: &Db<'_>, resource: &Resource<Self>) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO customer_mappings (name, {META}, integration, source_customer_id, customer) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
             ON CONFLICT (name) DO UPDATE SET {META_UPDATE}, source_customer_id = excluded.source_customer_id, \
             customer = excluded.customer"
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
            resource.name.integration.to_string(),
            resource.spec.source_customer_id,
            resource.spec.customer,
        ])?;
        Ok(())
    }

    fn release(connection: &Db<'_>, name: &Self::Name) -> Result<(), StoreError> {
        let sql = format!("UPDATE customer_mappings SET source_customer_id = {PLACEHOLDER} WHERE name = ?1");
        connection.prepare_cached(&sql)?.execute([name.to_string()])?;
        Ok(())
    }
}
