//! The connections that read.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::Connection;
use tokio::{sync::Semaphore, task, time::timeout};

use super::{Db, Snapshot, StoreError, open, secrets::Vault};

/// How many read at a time.
const READERS: u32 = 8;
/// How long closing waits for reads that are under way.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// A pool of connections that read, opened as they are needed.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    vault: Arc<Vault>,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, vault: Arc<Vault>) -> Self {
        Self { path, vault, permits: Arc::new(Semaphore::new(READERS as usize)), idle: Mutex::default() }
    }

    pub(super) async fn read<T, E, F>(self: &Arc<Self>, read: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let readers = Arc::clone(self);
        let reading = task::spawn_blocking(move || {
            let _permit = permit;
            readers.with_connection(|connection| {
                let transaction = connection.transaction().map_err(StoreError::from)?;
                read(&Snapshot::new(Db::new(&transaction, &readers.vault)))
            })
        });
        reading.await.map_err(|_| StoreError::Panicked)?
    }

    /// Closes all connections, after the reads that are under way. Later reads fail.
    pub(super) async fn close(&self) {
        // Somebody who holds all permits is the only one left. A read that outlasts this keeps its connection.
        let _all = timeout(CLOSE_PATIENCE, self.permits.acquire_many(READERS)).await;
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        // Closing touches files.
        let _ = task::spawn_blocking(move || drop(idle)).await;
    }

    /// A connection goes back to the pool also after a panic; its transaction was rolled back on the way.
    fn with_connection<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => open::readable(&self.path).map_err(StoreError::from)?,
        };
        let result = catch_unwind(AssertUnwindSafe(|| read(&mut connection)));
        self.idle().push(connection);
        result.unwrap_or_else(|_| Err(StoreError::Panicked.into()))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
