//! A transaction that writes.

use pointsman_routing::table::EndpointToken;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::{
    Condition, Db, Keep, Snapshot, StoreError, Table, Written, condition::Finding, secrets::Vault,
    snapshot::Head,
};
use crate::domain::{Resource, Revision};

/// Removals are remembered for this many revisions: an edge that is further behind takes a snapshot.
const REMEMBERED_REVISIONS: i64 = 100_000;

/// Notes the latest change of a name.
pub(super) const LOG: &str = "INSERT OR REPLACE INTO changes (name, revision, removed) VALUES (?1, ?2, ?3)";

/// A transaction that writes, and sees what it wrote. All that it writes is of one revision.
pub struct WriteTransaction<'c> {
    transaction: Transaction<'c>,
    vault: &'c Vault,
    head: Head,
    /// Something that edges hold has changed: there is a new revision.
    changed: bool,
    /// Something else has: there is something to commit.
    touched: bool,
}

impl<'c> WriteTransaction<'c> {
    pub(super) fn run<T, E: From<StoreError>>(
        connection: &'c mut Connection,
        vault: &'c Vault,
        keep: Keep,
        finding: &mut Finding,
        write: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<Written<T>, E> {
        let mut this = Self::begin(connection, vault).inspect_err(|error| finding.of(error))?;
        let value = match write(&mut this) {
            Ok(value) => value,
            Err(error) => {
                // SQLite takes a transaction back by itself where the disk fails in the middle of it.
                if this.transaction.is_autocommit() {
                    finding.0 = Some(Condition::Failing);
                }
                return Err(error);
            }
        };
        let revision = match keep {
            Keep::Changes => {
                let writes = this.changed || this.touched;
                let revision = this.commit().inspect_err(|error| finding.of(error))?;
                if writes {
                    finding.0 = Some(Condition::Well);
                }
                revision
            }
            // Dropping the transaction rolls it back.
            Keep::Nothing => this.head.revision,
        };
        Ok(Written { value, revision })
    }

    /// Writes something that changes nothing, to see whether it is kept.
    pub(super) fn probe(&mut self) -> Result<(), StoreError> {
        self.touch();
        self.transaction.execute("UPDATE meta SET revision = revision", [])?;
        Ok(())
    }

    fn begin(connection: &'c mut Connection, vault: &'c Vault) -> Result<Self, StoreError> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let head = Head::read(&transaction)?;
        Ok(Self { transaction, vault, head, changed: false, touched: false })
    }

    /// What it sees: the latest state, and what it wrote itself.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot::new(self.db())
    }

    /// The revision that it makes where it changes something.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.head.revision.next()
    }

    /// The revision after it: the one that it makes, or the current one where it has changed nothing so far.
    #[must_use]
    pub fn outcome(&self) -> Revision {
        if self.changed { self.revision() } else { self.head.revision }
    }

    /// The revision before it.
    #[must_use]
    pub fn head_revision(&self) -> Revision {
        self.head.revision
    }

    /// For what is kept beside resources: whoever writes such rows calls [`Self::touch`].
    pub(super) fn connection(&self) -> &Connection {
        &self.transaction
    }

    /// For whoever writes resources without [`Self::put`]: the database, and whether resources have changed.
    pub(super) fn parts(&mut self) -> (Db<'_>, &mut bool) {
        (Db::new(&self.transaction, self.vault), &mut self.changed)
    }

    /// There is something to commit, though resources may stay as they are.
    pub(super) fn touch(&mut self) {
        self.touched = true;
    }

    /// Takes away the unique values of a resource that is about to be put, so that resources can swap them.
    pub(crate) fn release<K: Table>(&mut self, name: &K::Name) -> Result<(), StoreError> {
        K::release(&self.db(), name)
    }

    /// Takes a token away from the resource that it leads to, which is about to be put without it.
    pub(crate) fn release_token(&mut self, token: &EndpointToken) -> Result<(), StoreError> {
        let sql = "DELETE FROM endpoint_tokens WHERE token = ?1";
        self.transaction.prepare_cached(sql)?.execute([token.expose()])?;
        Ok(())
    }

    /// Puts a resource in, in place of one of its name. Its revision is to be [`Self::revision`].
    pub(crate) fn put<K: Table>(&mut self, resource: &Resource<K>) -> Result<(), StoreError> {
        K::put(&self.db(), resource)?;
        self.log(&resource.name.to_string(), false)
    }

    /// Removes a resource.
    pub(crate) fn remove<K: Table>(&mut self, name: &K::Name) -> Result<(), StoreError> {
        K::remove(&self.db(), name)?;
        self.log(&name.to_string(), true)
    }

    pub(super) fn vault(&self) -> &Vault {
        self.vault
    }

    fn db(&self) -> Db<'_> {
        Db::new(&self.transaction, self.vault)
    }

    fn log(&mut self, name: &str, removed: bool) -> Result<(), StoreError> {
        self.changed = true;
        self.transaction.prepare_cached(LOG)?.execute(params![name, self.revision().number(), removed])?;
        Ok(())
    }

    fn commit(self) -> Result<Revision, StoreError> {
        if !self.changed {
            let revision = self.head.revision;
            if self.touched {
                self.transaction.commit()?;
            }
            return Ok(revision);
        }
        let revision = self.revision();
        self.transaction.prepare_cached("UPDATE meta SET revision = ?1")?.execute([revision.number()])?;
        self.forget(revision.number() - REMEMBERED_REVISIONS)?;
        self.transaction.commit()?;
        Ok(revision)
    }

    /// Drops old removals from the change log, which are all in it that could grow without bound.
    fn forget(&self, up_to: i64) -> Result<(), StoreError> {
        let forgotten = self
            .transaction
            .prepare_cached("DELETE FROM changes WHERE removed = 1 AND revision <= ?1")?
            .execute([up_to])?;
        if forgotten > 0 {
            self.transaction.prepare_cached("UPDATE meta SET forgotten = ?1")?.execute([up_to])?;
        }
        Ok(())
    }
}
