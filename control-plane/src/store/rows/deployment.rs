//! Deployments, with their flow endpoints and the tokens of both.

use std::{collections::BTreeMap, time::Duration};

use pointsman_routing::{
    deployment::{DeploymentSpec, FlowEndpointSpec},
    table::EndpointToken,
};
use rusqlite::{Connection, Row, params};

use super::{META, META_UPDATE, Table, position, read_meta, read_token, to_micros};
use crate::{
    domain::{DeploymentTokens, Resource, filter::Field},
    store::{Db, StoreError, endpoint, secrets::Place, select::Column},
};

impl Table for DeploymentSpec {
    const TABLE: &'static str = "deployments";
    const COLUMNS: &'static str = "customer, paused, \
         (SELECT endpoint_type FROM integrations WHERE integrations.name = deployments.integration)";

    fn column(field: Field) -> Option<Column> {
        Some(match field {
            Field::Customer => Column::indexed("customer"),
            Field::State => Column::plain("CASE paused WHEN 0 THEN 'STATE_ENABLED' ELSE 'STATE_PAUSED' END"),
            Field::DisplayName => Column::plain("display_name"),
            Field::Owner => Column::plain("owner"),
            _ => return None,
        })
    }

    fn read(connection: &Db<'_>, row: &Row<'_>) -> Result<Resource<Self>, StoreError> {
        let (name, meta) = read_meta::<Self>(row)?;
        let key = name.to_string();
        let spec = Self {
            customer: row.get(7)?,
            paused: row.get(8)?,
            flow_endpoints: read_flow_endpoints(connection, &key)?,
        };
        let mut tokens = read_tokens(connection, &key)?;
        if let Some(endpoint_type) = row.get::<_, Option<String>>(9)? {
            tokens.endpoint_type =
                endpoint::type_from_text(&endpoint_type).map_err(|fault| StoreError::damaged(&key, fault))?;
        }
        Ok(Resource { name, meta, spec, tokens })
    }

    fn put(connection: &Db<'_>, resource: &Resource<Self>) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO deployments (name, {META}, integration, customer, paused) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
             ON CONFLICT (name) DO UPDATE SET {META_UPDATE}, customer = excluded.customer, paused = excluded.paused"
        );
        let name = resource.name.to_string();
        let integration = resource.name.integration.to_string();
        let meta = &resource.meta;
        connection.prepare_cached(&sql)?.execute(params![
            name,
            meta.uid.to_string(),
            meta.display_name,
            to_micros(meta.create_time),
            to_micros(meta.update_time),
            meta.revision.number(),
            meta.owner.as_str(),
            integration,
            resource.spec.customer,
            resource.spec.paused,
        ])?;
        // Tokens first: they refer to the flow endpoints.
        connection.prepare_cached("DELETE FROM endpoint_tokens WHERE deployment = ?1")?.execute([&name])?;
        connection.prepare_cached("DELETE FROM flow_endpoints WHERE deployment = ?1")?.execute([&name])?;
        put_flow_endpoints(connection, &name, &integration, &resource.spec.flow_endpoints)?;
        put_tokens(connection, &name, &resource.tokens)
    }
}

fn read_flow_endpoints(
    connection: &Db<'_>,
    deployment: &str,
) -> Result<BTreeMap<String, FlowEndpointSpec>, StoreError> {
    let sql = "SELECT flow_key, url, headers, timeout_nanos, retry_on_reset FROM flow_endpoints WHERE deployment = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([deployment])?;
    let mut flow_endpoints = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let flow: String = row.get(0)?;
        let headers: String = row.get(2)?;
        let sealed = endpoint::read_json(&headers).map_err(|fault| StoreError::damaged(deployment, fault))?;
        let headers = connection.vault().open_all(Place::Headers { deployment, flow: &flow }, &sealed)?;
        let timeout = row.get::<_, Option<i64>>(3)?.map(|nanos| Duration::from_nanos(nanos.unsigned_abs()));
        let spec = FlowEndpointSpec { url: row.get(1)?, headers, timeout, retry_on_reset: row.get(4)? };
        flow_endpoints.insert(flow, spec);
    }
    Ok(flow_endpoints)
}

fn put_flow_endpoints(
    connection: &Db<'_>,
    deployment: &str,
    integration: &str,
    flow_endpoints: &BTreeMap<String, FlowEndpointSpec>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO flow_endpoints \
               (deployment, flow_key, integration, url, headers, timeout_nanos, retry_on_reset) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut statement = connection.prepare_cached(sql)?;
    for (key, endpoint) in flow_endpoints {
        let place = Place::Headers { deployment, flow: key };
        let headers = connection.vault().seal_all(place, &endpoint.headers)?;
        let timeout = endpoint.timeout.map(|timeout| i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX));
        statement.execute(params![
            deployment,
            key,
            integration,
            endpoint.url,
            serde_json::json!(headers).to_string(),
            timeout,
            endpoint.retry_on_reset,
        ])?;
    }
    Ok(())
}

fn read_tokens(connection: &Connection, deployment: &str) -> Result<DeploymentTokens, StoreError> {
    let sql = "SELECT flow_key, token FROM endpoint_tokens WHERE deployment = ?1 ORDER BY flow_key, position";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([deployment])?;
    let mut tokens = DeploymentTokens::default();
    while let Some(row) = rows.next()? {
        let token = read_token(deployment, row.get_ref(1)?.as_str().unwrap_or_default())?;
        match row.get::<_, Option<String>>(0)? {
            None => tokens.own.push(token),
            Some(flow) => tokens.flows.entry(flow).or_default().push(token),
        }
    }
    Ok(tokens)
}

fn put_tokens(
    connection: &Connection,
    deployment: &str,
    tokens: &DeploymentTokens,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO endpoint_tokens (token, position, deployment, flow_key) VALUES (?1, ?2, ?3, ?4)";
    let mut statement = connection.prepare_cached(sql)?;
    let mut put = |flow: Option<&str>, tokens: &[EndpointToken]| {
        for (index, token) in tokens.iter().enumerate() {
            statement.execute(params![token.expose(), position(index), deployment, flow])?;
        }
        Ok::<_, StoreError>(())
    };
    put(None, &tokens.own)?;
    for (flow, tokens) in &tokens.flows {
        put(Some(flow), tokens)?;
    }
    Ok(())
}
