//! Writing many customer mappings of one integration in one transaction, with as little work for each as can be.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use pointsman_routing::name::IntegrationId;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use uuid::Uuid;

use crate::{
    domain::{MappingSpec, Owner, Resource, Revision},
    store::{
        Db, Keep, StoreError, Table, WriteTransaction,
        rows::{META, to_micros},
        transaction::LOG,
    },
};

/// Customers that are remembered, so that each is looked up once where there are fewer.
const REMEMBERED_CUSTOMERS: usize = 100_000;
/// What the writer may keep of the database in memory meanwhile, in KiB: every row goes to five places.
const CACHE_KIB: i64 = 256 * 1024;

/// Writes mappings. What one row costs is all that this is about: statements are prepared once.
pub(crate) struct MappingWriter<'t> {
    db: Db<'t>,
    changed: &'t mut bool,
    revision: Revision,
    integration: String,
    owner: Owner,
    insert: CachedStatement<'t>,
    log: CachedStatement<'t>,
    by_source: CachedStatement<'t>,
    by_name: Customers<'t>,
    by_external_id: Customers<'t>,
}

/// A mapping that is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewMapping<'a> {
    pub(crate) name: &'a str,
    pub(crate) uid: Uuid,
    pub(crate) display_name: &'a str,
    pub(crate) time: SystemTime,
    pub(crate) source_customer_id: &'a str,
    pub(crate) customer: &'a str,
}

/// What came of an attempt to make a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Inserted {
    /// It is made.
    Made,
    /// There is one for the source customer id, which was left alone.
    Exists(Box<Resource<MappingSpec>>),
    /// There is one of the name, for another source customer id, which was left alone.
    NameTaken {
        /// That one.
        source_customer_id: String,
    },
}

impl WriteTransaction<'_> {
    /// Does `work`, which writes many mappings of `integration`. Where it says so, what it wrote is taken back, and nothing
    /// that was written before.
    pub(crate) fn write_mappings<T, E: From<StoreError>>(
        &mut self,
        integration: &IntegrationId,
        work: impl FnOnce(&mut MappingWriter<'_>) -> Result<(T, Keep), E>,
    ) -> Result<T, E> {
        let revision = self.revision();
        let (db, changed) = self.parts();
        let connection = db.connection();
        let changed_before = *changed;
        let cache = LargerCache::of(connection)?;
        connection.execute_batch("SAVEPOINT mappings").map_err(StoreError::from)?;
        let (value, keep) = work(&mut MappingWriter::new(db, changed, revision, integration)?)?;
        if keep == Keep::Nothing {
            connection.execute_batch("ROLLBACK TO mappings").map_err(StoreError::from)?;
            *changed = changed_before;
        }
        connection.execute_batch("RELEASE mappings").map_err(StoreError::from)?;
        drop(cache);
        Ok(value)
    }
}

impl<'t> MappingWriter<'t> {
    fn new(
        db: Db<'t>,
        changed: &'t mut bool,
        revision: Revision,
        integration: &IntegrationId,
    ) -> Result<Self, StoreError> {
        let connection = db.connection();
        let insert = format!(
            "INSERT INTO customer_mappings (name, {META}, integration, source_customer_id, customer) \
             VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING"
        );
        Ok(Self {
            insert: connection.prepare_cached(&insert)?,
            log: connection.prepare_cached(LOG)?,
            by_source: connection.prepare_cached(
                "SELECT name FROM customer_mappings WHERE integration = ?1 AND source_customer_id = ?2",
            )?,
            by_name: Customers::new(connection, "name")?,
            by_external_id: Customers::new(connection, "external_id")?,
            owner: Owner::default(),
            integration: integration.to_string(),
            db,
            changed,
            revision,
        })
    }

    /// The revision of what it writes.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// The name of a customer, where there is one of that name.
    pub(crate) fn customer(&mut self, name: &str) -> Result<Option<Arc<str>>, StoreError> {
        self.by_name.find(name)
    }

    /// The name of the customer with this external ID, where there is one.
    pub(crate) fn customer_with(&mut self, external_id: &str) -> Result<Option<Arc<str>>, StoreError> {
        self.by_external_id.find(external_id)
    }

    /// Makes a mapping, unless there is one of its source customer id or of its name.
    pub(crate) fn insert(&mut self, new: &NewMapping<'_>) -> Result<Inserted, StoreError> {
        let inserted = self.insert.execute(params![
            new.name,
            new.uid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) as &str,
            new.display_name,
            to_micros(new.time),
            self.revision.number(),
            self.owner.as_str(),
            self.integration,
            new.source_customer_id,
            new.customer,
        ])?;
        if inserted == 1 {
            self.log(new.name)?;
            return Ok(Inserted::Made);
        }
        let params = params![self.integration, new.source_customer_id];
        let name = self.by_source.query_row(params, |row| row.get::<_, String>(0)).optional()?;
        if let Some(name) = name {
            return Ok(Inserted::Exists(Box::new(self.mapping(&name)?)));
        }
        let holder = self.mapping(new.name)?;
        Ok(Inserted::NameTaken { source_customer_id: holder.spec.source_customer_id })
    }

    /// Puts a mapping in, in place of the one of its name. Its revision is to be [`Self::revision`].
    pub(crate) fn put(&mut self, mapping: &Resource<MappingSpec>) -> Result<(), StoreError> {
        MappingSpec::put(&self.db, mapping)?;
        self.log(&mapping.name.to_string())
    }

    fn log(&mut self, name: &str) -> Result<(), StoreError> {
        *self.changed = true;
        self.log.execute(params![name, self.revision.number(), false])?;
        Ok(())
    }

    /// The mapping of this name, which must be there.
    fn mapping(&self, name: &str) -> Result<Resource<MappingSpec>, StoreError> {
        let parsed = name.parse().map_err(|fault| StoreError::damaged(name, fault))?;
        let found = MappingSpec::get(&self.db, &parsed)?;
        found.ok_or_else(|| StoreError::damaged(name, "it is in an index and not in its table"))
    }
}

/// Looks customers up, each once where there are not too many.
struct Customers<'t> {
    find: CachedStatement<'t>,
    known: HashMap<Box<str>, Arc<str>>,
}

impl<'t> Customers<'t> {
    fn new(connection: &'t Connection, column: &str) -> Result<Self, StoreError> {
        let sql = format!("SELECT name FROM customers WHERE {column} = ?1");
        Ok(Self { find: connection.prepare_cached(&sql)?, known: HashMap::new() })
    }

    fn find(&mut self, value: &str) -> Result<Option<Arc<str>>, StoreError> {
        if let Some(known) = self.known.get(value) {
            return Ok(Some(Arc::clone(known)));
        }
        let found = self.find.query_row([value], |row| row.get::<_, Arc<str>>(0)).optional()?;
        if let Some(found) = &found
            && self.known.len() < REMEMBERED_CUSTOMERS
        {
            self.known.insert(value.into(), Arc::clone(found));
        }
        Ok(found)
    }
}

/// More of the database in memory than usual, as long as it lives.
struct LargerCache<'c> {
    connection: &'c Connection,
    usual: i64,
}

impl<'c> LargerCache<'c> {
    fn of(connection: &'c Connection) -> Result<Self, StoreError> {
        let usual = connection.pragma_query_value(None, "cache_size", |row| row.get(0))?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        Ok(Self { connection, usual })
    }
}

impl Drop for LargerCache<'_> {
    fn drop(&mut self) {
        // It only costs memory where it stays.
        let _ = self.connection.pragma_update(None, "cache_size", self.usual);
    }
}
