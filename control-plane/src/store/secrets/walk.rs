//! All secrets of a database, place by place.

use std::{collections::BTreeMap, path::Path};

use rusqlite::{Connection, params};

use super::{Place, SealError, Vault};
use crate::store::{OpenError, endpoint};

/// Rows that are read before any of them is written.
const BATCH_ROWS: i64 = 256;
/// So many faults are told.
const FAULTS_MAX: usize = 10;

/// What hinders a walk.
#[derive(Debug, thiserror::Error)]
pub(super) enum WalkError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Secrets that cannot be opened, or rows that hold none although they should.
#[derive(Debug, Default)]
pub(super) struct Faults {
    told: Vec<String>,
    more: usize,
}

/// Hands out the secrets of each place, and puts what `change` makes of them in their place where it makes something.
/// Rows that do not read are faults.
pub(super) fn rewrite(
    connection: &Connection,
    faults: &mut Faults,
    mut change: impl FnMut(
        Place<'_>,
        &BTreeMap<String, String>,
        &mut Faults,
    ) -> Result<Option<BTreeMap<String, String>>, SealError>,
) -> Result<(), WalkError> {
    rewrite_headers(connection, faults, &mut change)?;
    rewrite_metadata(connection, faults, &mut change)
}

type Change<'c> = &'c mut dyn FnMut(
    Place<'_>,
    &BTreeMap<String, String>,
    &mut Faults,
) -> Result<Option<BTreeMap<String, String>>, SealError>;

fn rewrite_headers(
    connection: &Connection,
    faults: &mut Faults,
    change: Change<'_>,
) -> Result<(), WalkError> {
    let sql = "SELECT deployment, flow_key, headers FROM flow_endpoints \
               WHERE (deployment, flow_key) > (?1, ?2) AND headers <> '{}' ORDER BY deployment, flow_key LIMIT ?3";
    let mut after = (String::new(), String::new());
    loop {
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![after.0, after.1, BATCH_ROWS], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let batch = rows.collect::<Result<Vec<(String, String, String)>, _>>()?;
        let Some((deployment, flow, _)) = batch.last() else { return Ok(()) };
        after = (deployment.clone(), flow.clone());
        for (deployment, flow, json) in &batch {
            let place = Place::Headers { deployment, flow };
            let values = match endpoint::read_json(json) {
                Ok(values) => values,
                Err(error) => {
                    faults.add(place, "", error);
                    continue;
                }
            };
            if let Some(changed) = change(place, &values, faults)? {
                connection
                    .prepare_cached(
                        "UPDATE flow_endpoints SET headers = ?3 WHERE deployment = ?1 AND flow_key = ?2",
                    )?
                    .execute(params![deployment, flow, serde_json::json!(changed).to_string()])?;
            }
        }
    }
}

fn rewrite_metadata(
    connection: &Connection,
    faults: &mut Faults,
    change: Change<'_>,
) -> Result<(), WalkError> {
    let sql = "SELECT name, endpoint FROM integrations WHERE name > ?1 ORDER BY name LIMIT ?2";
    let mut after = String::new();
    loop {
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![after, BATCH_ROWS], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let batch = rows.collect::<Result<Vec<(String, String)>, _>>()?;
        let Some((integration, _)) = batch.last() else { return Ok(()) };
        after.clone_from(integration);
        for (integration, json) in &batch {
            let place = Place::Metadata { integration };
            let mut spec = match endpoint::from_json(json) {
                Ok(spec) => spec,
                Err(error) => {
                    faults.add(place, "", error);
                    continue;
                }
            };
            let Some(service) = spec.preprocess.as_mut().filter(|service| !service.metadata.is_empty())
            else {
                continue;
            };
            if let Some(changed) = change(place, &service.metadata, faults)? {
                service.metadata = changed;
                connection
                    .prepare_cached("UPDATE integrations SET endpoint = ?2 WHERE name = ?1")?
                    .execute(params![integration, endpoint::to_json(&spec)])?;
            }
        }
    }
}

impl Faults {
    /// Adds one, about the secret of this name.
    pub(super) fn add(&mut self, place: Place<'_>, name: &str, fault: impl std::fmt::Display) {
        if self.told.len() < FAULTS_MAX {
            self.told.push(format!("{}: {} {fault}", place.resource(), place.field(name)));
        } else {
            self.more += 1;
        }
    }

    /// Opens the secrets of a place; none where one does not open.
    pub(super) fn open(
        &mut self,
        vault: &Vault,
        place: Place<'_>,
        sealed: &BTreeMap<String, String>,
    ) -> Option<BTreeMap<String, String>> {
        let mut values = BTreeMap::new();
        for (name, sealed) in sealed {
            match vault.open(place, name, sealed) {
                Ok(value) => drop(values.insert(name.clone(), value)),
                Err(error) => self.add(place, name, error),
            }
        }
        (values.len() == sealed.len()).then_some(values)
    }

    /// `Ok` where there are none.
    pub(super) fn into_result(mut self, path: &Path) -> Result<(), OpenError> {
        if self.told.is_empty() {
            return Ok(());
        }
        if self.more > 0 {
            self.told.push(format!("and {} more", self.more));
        }
        Err(OpenError::Damaged { path: path.to_owned(), faults: self.told })
    }
}

impl WalkError {
    /// The error of the database at `path`.
    pub(super) fn at(self, path: &Path) -> OpenError {
        match self {
            Self::Sqlite(source) => OpenError::sqlite(path, source),
            Self::Seal(error) => error.into(),
        }
    }
}
