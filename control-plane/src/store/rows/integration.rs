//! Integrations, with their flows and the tokens of their shared endpoints.

use pointsman_routing::{
    integration::{FlowSpec, IntegrationSpec},
    table::EndpointToken,
};
use rusqlite::{Connection, Row, params};

use super::{META, META_UPDATE, Table, position, read_meta, read_token, to_micros};
use crate::{
    domain::{Resource, filter::Field},
    store::{Db, StoreError, endpoint, secrets::Place, select::Column},
};

impl Table for IntegrationSpec {
    const TABLE: &'static str = "integrations";
    const COLUMNS: &'static str = "endpoint_type, endpoint";

    fn column(field: Field) -> Option<Column> {
        Some(match field {
            Field::DisplayName => Column::plain("display_name"),
            Field::Owner => Column::plain("owner"),
            Field::EndpointType => Column::plain("'ENDPOINT_TYPE_' || upper(endpoint_type)"),
            _ => return None,
        })
    }

    fn read(connection: &Db<'_>, row: &Row<'_>) -> Result<Resource<Self>, StoreError> {
        let (name, meta) = read_meta::<Self>(row)?;
        let key = name.to_string();
        let endpoint_type: String = row.get(7)?;
        let json: String = row.get(8)?;
        let damaged = |fault| StoreError::damaged(&key, fault);
        let mut spec = endpoint::from_json(&json).map_err(damaged)?;
        spec.endpoint_type = endpoint::type_from_text(&endpoint_type).map_err(damaged)?;
        if let Some(service) = &mut spec.preprocess {
            let place = Place::Metadata { integration: &key };
            service.metadata = connection.vault().open_all(place, &service.metadata)?;
        }
        spec.flows = read_flows(connection, &key)?;
        let tokens = read_tokens(connection, &key)?;
        Ok(Resource { name, meta, spec, tokens })
    }

    fn put(connection: &Db<'_>, resource: &Resource<Self>) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO integrations (name, {META}, endpoint_type, endpoint) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
             ON CONFLICT (name) DO UPDATE SET {META_UPDATE}, endpoint_type = excluded.endpoint_type, \
             endpoint = excluded.endpoint"
        );
        let name = resource.name.to_string();
        let meta = &resource.meta;
        connection.prepare_cached(&sql)?.execute(params![
            name,
            meta.uid.to_string(),
            meta.display_name,
            to_micros(meta.create_time),
            to_micros(meta.update_time),
            meta.revision.number(),
            meta.owner.as_str(),
            endpoint::type_to_text(resource.spec.endpoint_type),
            sealed_endpoint(connection, &name, &resource.spec)?,
        ])?;
        put_flows(connection, &name, &resource.spec.flows)?;
        put_tokens(connection, &name, &resource.tokens)
    }
}

/// The column of the endpoint, with its secrets sealed.
fn sealed_endpoint(db: &Db<'_>, integration: &str, spec: &IntegrationSpec) -> Result<String, StoreError> {
    let mut spec = spec.clone();
    if let Some(service) = &mut spec.preprocess {
        service.metadata = db.vault().seal_all(Place::Metadata { integration }, &service.metadata)?;
    }
    Ok(endpoint::to_json(&spec))
}

fn read_flows(connection: &Connection, integration: &str) -> Result<Vec<FlowSpec>, StoreError> {
    let sql = "SELECT key, name FROM flows WHERE integration = ?1 ORDER BY position";
    let mut statement = connection.prepare_cached(sql)?;
    let rows =
        statement.query_map([integration], |row| Ok(FlowSpec { key: row.get(0)?, name: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Flows that stay keep their rows: deployments refer to them.
fn put_flows(connection: &Connection, integration: &str, flows: &[FlowSpec]) -> Result<(), StoreError> {
    let keys: Vec<&str> = flows.iter().map(|flow| flow.key.as_str()).collect();
    let sql = "DELETE FROM flows WHERE integration = ?1 AND key NOT IN (SELECT value FROM json_each(?2))";
    connection.prepare_cached(sql)?.execute(params![integration, serde_json::json!(keys).to_string()])?;
    // Two flows of one key are refused by the time of the commit; until then the last one counts.
    let sql = "INSERT INTO flows (integration, key, position, name) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (integration, key) DO UPDATE SET position = excluded.position, name = excluded.name";
    let mut statement = connection.prepare_cached(sql)?;
    for (index, flow) in flows.iter().enumerate() {
        statement.execute(params![integration, flow.key, position(index), flow.name])?;
    }
    Ok(())
}

fn read_tokens(connection: &Connection, integration: &str) -> Result<Vec<EndpointToken>, StoreError> {
    let sql = "SELECT token FROM endpoint_tokens WHERE integration = ?1 ORDER BY position";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([integration])?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        tokens.push(read_token(integration, row.get_ref(0)?.as_str().unwrap_or_default())?);
    }
    Ok(tokens)
}

fn put_tokens(
    connection: &Connection,
    integration: &str,
    tokens: &[EndpointToken],
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM endpoint_tokens WHERE integration = ?1")?
        .execute([integration])?;
    let sql = "INSERT INTO endpoint_tokens (token, position, integration) VALUES (?1, ?2, ?3)";
    let mut statement = connection.prepare_cached(sql)?;
    for (index, token) in tokens.iter().enumerate() {
        statement.execute(params![token.expose(), position(index), integration])?;
    }
    Ok(())
}
