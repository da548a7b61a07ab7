//! Access tokens, without their secrets.

use std::time::SystemTime;

use pointsman_routing::name::{AccessTokenId, IntegrationId};
use rusqlite::{OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::{
    Snapshot, StoreError, WriteTransaction,
    rows::{from_micros, to_micros},
};
use crate::domain::{AccessToken, AccessTokenSpec, Role, SecretHash};

const COLUMNS: &str = "name, uid, display_name, create_time, update_time, version, role, integrations, edge, \
                       expire_time, revoke_time, last_used_time, prefix, hash";

impl Snapshot<'_> {
    /// Whether any access token was ever made, whatever became of it.
    pub(crate) fn was_any_access_token_made(&self) -> Result<bool, StoreError> {
        let sql = "SELECT access_tokens_made > 0 FROM meta";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// How many access tokens there are.
    pub(crate) fn access_token_count(&self) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM access_tokens";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// The access token of this name.
    pub(crate) fn access_token(&self, id: &AccessTokenId) -> Result<Option<AccessToken>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM access_tokens WHERE name = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([id.to_string()])?;
        rows.next()?.map(|row| read(row).map(|(token, _)| token)).transpose()
    }

    /// At most `limit` access tokens behind the name `after`, in the order of their names, each with the hash of its
    /// secret.
    pub(crate) fn access_tokens(
        &self,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(AccessToken, SecretHash)>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM access_tokens WHERE name > ?1 ORDER BY name LIMIT ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
        let mut tokens = Vec::new();
        while let Some(row) = rows.next()? {
            tokens.push(read(row)?);
        }
        Ok(tokens)
    }
}

impl WriteTransaction<'_> {
    /// Whether the access token of this name is there, was not revoked and has not expired.
    pub(crate) fn is_access_token_good(&self, name: &str, now: SystemTime) -> Result<bool, StoreError> {
        let sql = "SELECT revoke_time IS NULL AND (expire_time IS NULL OR expire_time > ?2) \
                   FROM access_tokens WHERE name = ?1";
        let mut statement = self.connection().prepare_cached(sql)?;
        let good = statement.query_row(params![name, to_micros(now)], |row| row.get(0)).optional()?;
        Ok(good.unwrap_or(false))
    }

    /// Puts a new access token in.
    pub(crate) fn insert_access_token(
        &mut self,
        token: &AccessToken,
        hash: &SecretHash,
    ) -> Result<(), StoreError> {
        self.touch();
        let AccessToken { id, uid, spec, create_time, update_time, version, prefix, .. } = token;
        let integrations: Vec<String> = spec.integrations.iter().map(ToString::to_string).collect();
        let integrations = serde_json::to_string(&integrations)
            .map_err(|error| StoreError::damaged("access_tokens", error))?;
        let sql = format!(
            "INSERT INTO access_tokens ({COLUMNS}) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, NULL, NULL, ?11, ?12)"
        );
        self.connection().prepare_cached(&sql)?.execute(params![
            id.to_string(),
            uid.to_string(),
            spec.display_name,
            to_micros(*create_time),
            to_micros(*update_time),
            version,
            spec.role.label(),
            integrations,
            spec.edge.as_ref().map(ToString::to_string),
            spec.expire_time.map(to_micros),
            prefix,
            hash.as_bytes(),
        ])?;
        let sql = "UPDATE meta SET access_tokens_made = access_tokens_made + 1";
        self.connection().prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Revokes an access token.
    pub(crate) fn revoke_access_token(
        &mut self,
        id: &AccessTokenId,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        self.touch();
        let sql = "UPDATE access_tokens SET revoke_time = ?2, update_time = ?2, version = version + 1 \
                   WHERE name = ?1 AND revoke_time IS NULL";
        self.connection().prepare_cached(sql)?.execute(params![id.to_string(), to_micros(now)])?;
        Ok(())
    }

    /// Removes an access token.
    pub(crate) fn delete_access_token(&mut self, id: &AccessTokenId) -> Result<(), StoreError> {
        self.touch();
        let sql = "DELETE FROM access_tokens WHERE name = ?1";
        self.connection().prepare_cached(sql)?.execute([id.to_string()])?;
        Ok(())
    }

    /// Notes when the access token of this name and uid was used. That is no change of it.
    pub(crate) fn access_token_was_used(
        &mut self,
        name: &str,
        uid: Uuid,
        time: SystemTime,
    ) -> Result<(), StoreError> {
        self.touch();
        let sql = "UPDATE access_tokens SET last_used_time = ?3 WHERE name = ?1 AND uid = ?2";
        self.connection().prepare_cached(sql)?.execute(params![name, uid.to_string(), to_micros(time)])?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> Result<(AccessToken, SecretHash), StoreError> {
    let name: String = row.get(0)?;
    let damaged = |reason: &dyn ToString| StoreError::damaged(&name, reason.to_string());
    let uid: String = row.get(1)?;
    let role: String = row.get(6)?;
    let integrations: String = row.get(7)?;
    let integrations: Vec<String> = serde_json::from_str(&integrations).map_err(|error| damaged(&error))?;
    let integrations =
        integrations.iter().map(|name| name.parse()).collect::<Result<Vec<IntegrationId>, _>>();
    let edge: Option<String> = row.get(8)?;
    let time = |index| row.get::<_, Option<i64>>(index).map(|micros| micros.map(from_micros));
    let token = AccessToken {
        id: name.parse().map_err(|error| damaged(&error))?,
        uid: uid.parse().map_err(|error| damaged(&error))?,
        spec: AccessTokenSpec {
            display_name: row.get(2)?,
            role: Role::from_label(&role).ok_or_else(|| damaged(&"an unknown role"))?,
            integrations: integrations.map_err(|error| damaged(&error))?,
            edge: edge.map(|edge| edge.parse()).transpose().map_err(|error| damaged(&error))?,
            expire_time: time(9)?,
        },
        create_time: from_micros(row.get(3)?),
        update_time: from_micros(row.get(4)?),
        version: row.get(5)?,
        revoke_time: time(10)?,
        last_used_time: time(11)?,
        prefix: row.get(12)?,
    };
    Ok((token, SecretHash::from_bytes(row.get(13)?)))
}
