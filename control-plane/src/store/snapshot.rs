//! The state at one revision.

use std::{iter::Peekable, ops::ControlFlow, str::FromStr};

use pointsman_routing::{deployment::DeploymentSpec, integration::IntegrationSpec, name::ResourceName};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{Db, Selection, StoreError, Table, rows::Batches};
use crate::domain::{AnyResource, CustomerSpec, Epoch, MappingSpec, Resource, Revision};

/// Where a database stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which database.
    pub epoch: Epoch,
    /// Its latest revision.
    pub revision: Revision,
}

/// What happened to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which one.
    pub name: ResourceName,
    /// The revision of its latest change.
    pub revision: Revision,
    /// It is gone.
    pub removed: bool,
}

/// What edges get of a customer mapping, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappingRow<'r> {
    /// Its whole name.
    pub name: &'r str,
    /// The revision that last changed it.
    pub revision: Revision,
    /// The third party's id.
    pub source_customer_id: &'r str,
    /// The customer's whole name.
    pub customer: &'r str,
}

/// The state at one revision, within a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'c> {
    pub(super) connection: Db<'c>,
}

impl<'c> Snapshot<'c> {
    /// `connection` is in a transaction.
    pub(super) fn new(connection: Db<'c>) -> Self {
        Self { connection }
    }

    /// The database and the revision of this state.
    pub fn head(&self) -> Result<Head, StoreError> {
        Ok(Head::read(&self.connection)?)
    }

    /// Whether [`Self::for_each_change`] can tell what happened since a revision: not where removals since then may be
    /// forgotten, and not where this database has not come that far.
    pub fn remembers(&self, since: Revision) -> Result<bool, StoreError> {
        let sql = "SELECT ?1 BETWEEN forgotten AND revision FROM meta";
        Ok(self.connection.prepare_cached(sql)?.query_row([since.number()], |row| row.get(0))?)
    }

    /// Hands out what changed after `since`: each resource once, with its latest change, in the order of revisions.
    pub fn for_each_change<E: From<StoreError>>(
        &self,
        since: Revision,
        mut each: impl FnMut(Change) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let sql = "SELECT name, revision, removed FROM changes WHERE revision > ?1 ORDER BY revision, name";
        let mut statement = self.connection.prepare_cached(sql).map_err(StoreError::from)?;
        let mut rows = statement.query([since.number()]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let read =
                || -> rusqlite::Result<(String, i64, bool)> { Ok((row.get(0)?, row.get(1)?, row.get(2)?)) };
            let (name, revision, removed) = read().map_err(StoreError::from)?;
            let name = ResourceName::from_str(&name).map_err(|fault| StoreError::damaged(&name, fault))?;
            if each(Change { name, revision: Revision::new(revision), removed })?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// What changed after `since`, as [`Self::for_each_change`], where that is no more than `limit`; none where it is.
    pub fn changes_since(&self, since: Revision, limit: usize) -> Result<Option<Vec<Change>>, StoreError> {
        let mut changes = Vec::new();
        let mut complete = true;
        self.for_each_change(since, |change| {
            if changes.len() == limit {
                complete = false;
                return Ok::<_, StoreError>(ControlFlow::Break(()));
            }
            changes.push(change);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(complete.then_some(changes))
    }

    /// The resource of this name.
    pub fn resource(&self, name: &ResourceName) -> Result<Option<AnyResource>, StoreError> {
        Ok(match name {
            ResourceName::Integration(name) => self.get(name)?.map(AnyResource::Integration),
            ResourceName::Customer(name) => self.get(name)?.map(AnyResource::Customer),
            ResourceName::CustomerMapping(name) => self.get(name)?.map(AnyResource::CustomerMapping),
            ResourceName::Deployment(name) => self.get(name)?.map(AnyResource::Deployment),
        })
    }

    /// Hands out all resources behind `after`, in the order of their names' bytes.
    pub fn for_each_resource<E: From<StoreError>>(
        &self,
        after: Option<&ResourceName>,
        mut each: impl FnMut(AnyResource) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        let mut merged = Merged {
            integrations: self.batches::<IntegrationSpec>(&after),
            customers: self.batches::<CustomerSpec>(&after),
            mappings: self.batches::<MappingSpec>(&after),
            deployments: self.batches::<DeploymentSpec>(&after),
        };
        while let Some(resource) = merged.next() {
            if each(resource?)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Hands out all resources of a kind, in the order of their names' bytes.
    pub(crate) fn for_each_of<K: Table, E: From<StoreError>>(
        &self,
        each: impl FnMut(Resource<K>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        K::for_each(&self.connection, &Selection::all(""), each).map(drop)
    }

    /// Hands out what edges get of all customer mappings.
    pub(crate) fn for_each_mapping_row<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(MappingRow<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let sql = "SELECT name, revision, source_customer_id, customer FROM customer_mappings ORDER BY name";
        let mut statement = self.connection.prepare_cached(sql).map_err(StoreError::from)?;
        let mut rows = statement.query([]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            if each(MappingRow::read(row).map_err(StoreError::from)?)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The resource of this name and kind.
    pub(crate) fn get<K: Table>(&self, name: &K::Name) -> Result<Option<Resource<K>>, StoreError> {
        K::get(&self.connection, name)
    }

    /// Whether there is one.
    pub(crate) fn contains<K: Table>(&self, name: &K::Name) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM {} WHERE name = ?1", K::TABLE);
        let found = self.connection.prepare_cached(&sql)?.query_row([name.to_string()], |_| Ok(()));
        Ok(found.optional()?.is_some())
    }

    /// Hands out the resources of a kind that are selected, in the order of their names' bytes. Answers a name where it
    /// ended because it passed over as many rows as it may: everything up to that name was looked at.
    pub(crate) fn select<K: Table, E: From<StoreError>>(
        &self,
        selection: &Selection<'_>,
        each: impl FnMut(Resource<K>) -> Result<ControlFlow<()>, E>,
    ) -> Result<Option<String>, E> {
        K::for_each(&self.connection, selection, each)
    }

    fn batches<K: Table>(&self, after: &str) -> Peekable<Batches<'c, K>> {
        Batches::new(self.connection, after.to_owned()).peekable()
    }
}

impl<'r> MappingRow<'r> {
    fn read(row: &'r Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            name: row.get_ref(0)?.as_str()?,
            revision: Revision::new(row.get(1)?),
            source_customer_id: row.get_ref(2)?.as_str()?,
            customer: row.get_ref(3)?.as_str()?,
        })
    }
}

impl Head {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("SELECT epoch, revision FROM meta")?.query_row([], |row| {
            Ok(Self { epoch: Epoch::new(row.get(0)?), revision: Revision::new(row.get(1)?) })
        })
    }
}

/// All kinds, each in the order of its names, merged into one order.
struct Merged<'c> {
    integrations: Peekable<Batches<'c, IntegrationSpec>>,
    customers: Peekable<Batches<'c, CustomerSpec>>,
    mappings: Peekable<Batches<'c, MappingSpec>>,
    deployments: Peekable<Batches<'c, DeploymentSpec>>,
}

impl Merged<'_> {
    fn next(&mut self) -> Option<Result<AnyResource, StoreError>> {
        // A failure has no name and so comes first.
        fn head<K: Table>(batches: &mut Peekable<Batches<'_, K>>) -> Option<Option<String>> {
            batches.peek().map(|head| head.as_ref().ok().map(|resource| resource.name.to_string()))
        }
        let heads = [
            head(&mut self.integrations),
            head(&mut self.customers),
            head(&mut self.mappings),
            head(&mut self.deployments),
        ];
        let (first, _) = heads
            .iter()
            .enumerate()
            .filter_map(|(kind, head)| head.as_ref().map(|name| (kind, name)))
            .min_by_key(|(_, name)| *name)?;
        match first {
            0 => self.integrations.next().map(|next| next.map(AnyResource::Integration)),
            1 => self.customers.next().map(|next| next.map(AnyResource::Customer)),
            2 => self.mappings.next().map(|next| next.map(AnyResource::CustomerMapping)),
            _ => self.deployments.next().map(|next| next.map(AnyResource::Deployment)),
        }
    }
}
