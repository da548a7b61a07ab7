//! What is kept, and the only SQL.
//!
//! One SQLite database in the data folder holds integrations with their flows, customers, customer mappings,
//! deployments with their flow endpoints, the endpoint tokens of all of them, the change log, revisions of integrations,
//! access tokens, the audit, remembered requests, imports with the rows of those under way, and one row about the
//! database itself: its epoch and the latest revision.
//!
//! - One thread owns the one connection that writes ([`Store::write`]); a transaction at a time, durable before it
//!   answers, and at most one new revision each.
//! - A few connections read on blocking threads ([`Store::read`]); a read sees one [`Snapshot`], at one revision.
//! - [`Store::revisions`] tells of each commit.
//!
//! [`backup`] copies the database, beside a running control plane too; [`restore`] puts such a copy in its place.

use std::{path::Path, sync::Arc};

use tokio::sync::watch;

use crate::domain::{Epoch, Revision};

mod access_tokens;
mod audit;
mod backup;
mod changes;
mod comparison;
mod condition;
mod copy;
mod db;
mod directory;
mod endpoint;
mod error;
mod files;
mod imports;
mod index;
mod integrity;
mod migrations;
mod open;
mod page_key;
mod readers;
mod requests;
mod restore;
mod revisions;
mod rows;
mod rules;
mod secrets;
mod select;
mod snapshot;
mod transaction;
mod writer;

pub use audit::{AuditAction, AuditEntry};
pub(crate) use audit::{AuditPosition, AuditRecord};
pub use backup::{Backup, BackupError, Existing, backup};
pub use condition::Condition;
pub use copy::CopyError;
pub use directory::LookupError;
pub use error::{OpenError, StoreError};
pub use page_key::PageKey;
pub(crate) use requests::CALLS_MAX;
pub use requests::{Remembered, Room};
pub use restore::{RestoreError, Restored, restore};
pub use revisions::IntegrationRevision;
pub use secrets::{
    KeyId, KeyRing, KeySource, MalformedKey, OldKey, RotateError, Rotated, SealError, SecretKey,
    SecretKeyError, rotate_secret_key,
};
pub use select::Scope;
pub use snapshot::{Change, Head, MappingRow, Snapshot};
pub use transaction::WriteTransaction;
pub use writer::{Keep, Written};

pub(crate) use db::Db;
pub(crate) use imports::{ImportKey, ImportRecord, Inserted, MappingWriter, NewMapping, StagedRow};
pub(crate) use rows::{Table, from_micros, to_micros};
pub(crate) use select::Selection;

/// The database. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Store {
    epoch: Epoch,
    page_key: PageKey,
    revisions: watch::Receiver<Revision>,
    writer: writer::Writer,
    readers: Arc<readers::Readers>,
}

impl Store {
    /// The same as [`Self::open_with`], with the keys from the file in the folder.
    pub fn open(data: &Path) -> Result<Self, OpenError> {
        Self::open_with(data, &KeySource::in_folder(data))
    }

    /// Opens the database in the folder `data`, which is made where it is missing, brings its schema up to date, and seals
    /// its secrets under the first of `keys`. Blocks: on the disk, and for a few seconds where another process is just
    /// letting go of the database.
    pub fn open_with(data: &Path, keys: &KeySource) -> Result<Self, OpenError> {
        Self::serve(open::open(data, Some(keys))?)
    }

    /// The same for somebody who neither reads nor writes resources with secrets: without keys, and nothing is sealed.
    pub fn open_without_keys(data: &Path) -> Result<Self, OpenError> {
        Self::serve(open::open(data, None)?)
    }

    fn serve(opened: open::Opened) -> Result<Self, OpenError> {
        let vault = Arc::new(opened.vault);
        let (sender, revisions) = watch::channel(opened.head.revision);
        Ok(Self {
            epoch: opened.head.epoch,
            page_key: opened.page_key,
            revisions,
            readers: Arc::new(readers::Readers::new(opened.path, Arc::clone(&vault))),
            writer: writer::Writer::spawn(opened.connection, opened.lock, vault, sender)?,
        })
    }

    /// Names the database.
    #[must_use]
    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// The key that seals page tokens.
    #[must_use]
    pub fn page_key(&self) -> &PageKey {
        &self.page_key
    }

    /// The latest revision, told after each commit that made one.
    #[must_use]
    pub fn revisions(&self) -> watch::Receiver<Revision> {
        self.revisions.clone()
    }

    /// Reads, on a blocking thread. Everything that `read` sees is of one revision. Few can read at a time, and a long
    /// read keeps the write-ahead log from being folded in: do not wait for anything slow inside.
    pub async fn read<T, E, F>(&self, read: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
    {
        self.readers.read(read).await
    }

    /// Writes, after all writes before it. What `write` did is there as a whole once this answers, or not at all:
    /// where `write` fails, and where it is to [`Keep::Nothing`]. An error of the transaction is to be passed on: where
    /// the disk fails, SQLite has taken back what was written before it.
    pub async fn write<T, E, F>(&self, keep: Keep, write: F) -> Result<Written<T>, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut WriteTransaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.writer.write(keep, write).await
    }

    /// Whether writes are kept, told whenever that changes.
    #[must_use]
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.writer.condition()
    }

    /// Writes something that changes nothing, to find out whether writes are kept again.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.write(Keep::Changes, |transaction| transaction.probe()).await.map(|_| ())
    }

    /// Lets go of the database, after the reads and writes that are under way. Later ones fail.
    pub async fn close(&self) {
        // The connection that writes is the last one to close: it folds the write-ahead log in, which one that only
        // reads cannot.
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests;
